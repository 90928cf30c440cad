"""Error pages say what happened, what was not lost and what to do, whatever else is broken."""

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.views.defaults import server_error

from reports.tests.rows import make_manager, make_store


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_an_error_page_needs_neither_a_request_nor_a_database(name):
    html = render_to_string(f"{name}.html")
    assert html.count("<h1>") == 1
    assert html.count("<p>") == 3
    assert "<script" not in html
    assert "style=" not in html


def test_a_broken_page_answers_with_ours(rf):
    response = server_error(rf.get("/"))
    assert response.status_code == 500
    assert b"Every order that a platform was told is stored, is stored." in response.content


@pytest.mark.django_db
def test_an_unknown_address(client):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert b"There is nothing here" in response.content


@pytest.mark.django_db
def test_a_form_without_its_token():
    client = Client(enforce_csrf_checks=True)
    response = client.post(reverse("login"), {"username": "x", "password": "y"})
    assert response.status_code == 403
    assert b"This form has expired" in response.content


@pytest.mark.django_db
def test_a_request_with_too_many_parts(client, settings):
    make_store()
    client.force_login(make_manager())
    too_many = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1
    response = client.get(reverse("reports") + "?" + "store=1&" * too_many)
    assert response.status_code == 400
    assert b"We could not read this request" in response.content


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/nowhere/", "/login/", "/admin/login/", "/api/v1/docs"])
def test_every_answer_carries_a_strict_policy(client, path):
    policy = client.get(path)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
