"""Connecting a courier: the page says what each needs, and an account that lacks something is refused."""

import json
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from couriers.models import CourierAccount
from couriers.providers import PROVIDERS, Courier
from couriers.tests.factories import make_store

TEXT = (Path(__file__).resolve().parents[2] / "docs/couriers.md").read_text()


def account(provider: str, credentials: str) -> CourierAccount:
    franchise = make_store().franchise
    made = CourierAccount(franchise=franchise, provider=provider, label="It", credentials=credentials)
    made.base_url = "https://courier.example/api"
    return made


def test_every_courier_has_a_module() -> None:
    assert set(PROVIDERS) == set(Courier.values)


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_page_names_every_courier_and_its_credentials(name: str) -> None:
    provider = PROVIDERS[name]
    assert provider.label in TEXT
    assert [needed for needed in provider.needs if f"`{needed}`" not in TEXT] == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", PROVIDERS)
def test_an_account_that_lacks_a_credential_is_refused(name: str) -> None:
    whole = dict.fromkeys(PROVIDERS[name].needs, "x")
    account(name, json.dumps(whole)).full_clean()
    for needed in whole:
        with pytest.raises(ValidationError, match=f"The credentials lack: {needed}"):
            account(name, json.dumps({**whole, needed: ""})).full_clean()


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "no JSON", "[]", '"text"', '{"app_key": 1}'])
def test_credentials_that_are_no_object_of_texts_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        account("dada", text).full_clean()
