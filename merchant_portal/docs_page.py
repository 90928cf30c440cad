"""The API's documentation: one page drawn on the server from the OpenAPI schema, without a script."""

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb of one address."""

    method: str
    path: str
    summary: str
    description: str
    parameters: list[dict[str, Any]]
    body: str
    answers: list[tuple[str, str, str]]  # status, description, schema as JSON

    @property
    def anchor(self) -> str:
        return f"{self.method} {self.path}".replace("/", "-").translate(str.maketrans("", "", "{} "))


class DocsPage(DocsBase):
    """Made for ninja's `docs=`; the schema itself stays at openapi.json for tools."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        schema = api.get_openapi_schema(path_params=kwargs)
        context = {
            "title": schema["info"]["title"],
            "version": schema["info"]["version"],
            "groups": grouped(schema),
            "schemas": {name: _pretty(one) for name, one in _schemas(schema).items()},
            "openapi_url": self.get_openapi_url(api, kwargs),
        }
        return render(request, "api_docs.html", context)


def grouped(schema: dict[str, Any]) -> dict[str, list[Operation]]:
    """Operations by their first tag, in the order of the schema."""
    groups: dict[str, list[Operation]] = defaultdict(list)
    for path, verbs in schema["paths"].items():
        for method, operation in verbs.items():
            tag = (operation.get("tags") or [""])[0]
            groups[tag].append(_operation(method, path, operation))
    return dict(groups)


def _operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    answers = [
        (str(status), answer.get("description", ""), _content(answer))
        for status, answer in operation.get("responses", {}).items()
    ]
    return Operation(
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        parameters=operation.get("parameters", []),
        body=_content(operation.get("requestBody", {})),
        answers=answers,
    )


def _content(part: dict[str, Any]) -> str:
    """The JSON schema of a body, "" if it has none."""
    schema = part.get("content", {}).get("application/json", {}).get("schema")
    return _pretty(schema) if schema else ""


def _schemas(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema.get("components", {}).get("schemas", {})
    return found


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
