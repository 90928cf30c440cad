"""The API's documentation shows every operation of the schema and runs no script."""

from django.urls import reverse

from merchant_portal.api import api
from merchant_portal.docs_page import grouped


def test_every_operation_of_the_schema_is_shown_once(db, client):
    schema = api.get_openapi_schema()
    operations = [(verb.upper(), path) for path, verbs in schema["paths"].items() for verb in verbs]
    shown = [one for group in grouped(schema).values() for one in group]
    assert sorted((one.method, one.path) for one in shown) == sorted(operations)
    assert len({one.anchor for one in shown}) == len(shown)
    html = client.get(reverse("api-1:openapi-view")).content.decode()
    assert [one.anchor for one in shown if f'id="{one.anchor}"' not in html] == []
    assert "<script" not in html


def test_a_body_and_answers_are_shown_as_json_schema():
    schema = {
        "paths": {
            "/x/{id}": {
                "post": {
                    "tags": ["things"],
                    "summary": "Do",
                    "description": "It does.",
                    "parameters": [{"name": "id", "in": "path"}],
                    "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                    "responses": {200: {"description": "OK"}},
                }
            }
        }
    }
    (operation,) = grouped(schema)["things"]
    assert (operation.method, operation.path, operation.anchor) == ("POST", "/x/{id}", "POST-x-id")
    assert operation.body == '{\n  "type": "object"\n}'
    assert operation.answers == [("200", "OK", "")]
