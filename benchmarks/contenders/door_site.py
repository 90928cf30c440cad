"""The whole site as Daphne serves it, which also says how many queries each answer took (`X-Queries`).

`/bench/anew/<card>/` is the card at the door without its cache.
"""

from __future__ import annotations

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup(set_prefix=False)

# These need the loaded apps.
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

from couriers.door.reading import forget  # noqa: E402
from couriers.door.views import card  # noqa: E402
from merchant_portal.garbage import settle  # noqa: E402
from merchant_portal.handler import OneThreadHandler  # noqa: E402
from merchant_portal.urls import urlpatterns as site  # noqa: E402


def anew(request: HttpRequest, token: str) -> HttpResponse:
    """The card, read from the database each time."""
    forget(token)
    return card(request, token)


urlpatterns = [path("bench/anew/<str:token>/", anew), *site]


class Counting(OneThreadHandler):
    """The site's handler, with these addresses."""

    def get_response(self, request: HttpRequest) -> Any:
        """Answer, and say what it took."""
        request.urlconf = __name__
        queries = 0

        def count(execute: Any, *asked: Any) -> Any:
            nonlocal queries
            queries += 1
            return execute(*asked)

        with connection.execute_wrapper(count):
            response = super().get_response(request)
        response["X-Queries"] = str(queries)
        return response


application = Counting()
settle()
