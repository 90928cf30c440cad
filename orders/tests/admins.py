"""People in the admin, and its pages as they read them."""

from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from stores.tests.factories import UserFactory


def boss() -> Client:
    """A superuser, signed in."""
    client = Client()
    client.force_login(UserFactory(username="boss", is_staff=True, is_superuser=True))
    return client


def helper() -> Client:
    """Somebody who may look at everything, and do nothing."""
    user = UserFactory(username="helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client


def address(row: Model, page: str = "change") -> str:
    """Where a page of a row is."""
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=[row.pk])


def text_of(client: Client, row: Model) -> str:
    """What a row's page says, without its markup."""
    response = client.get(address(row))
    assert response.status_code == 200
    return " ".join(strip_tags(response.content.decode()).split())
