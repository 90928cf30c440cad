"""The site for Daphne: intake in front of Django, boards' WebSockets, pages."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import django
from channels.auth import AuthMiddlewareStack
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
django.setup(set_prefix=False)

# These need the loaded apps.
from merchant_portal.garbage import settle  # noqa: E402
from merchant_portal.handler import OneThreadHandler  # noqa: E402
from orders.intake.app import IntakeApp  # noqa: E402
from orders.routing import websocket_urlpatterns  # noqa: E402

# Made here, by one thread: Channels makes it at first use, and two threads at once would make two, of
# which the hub then subscribes through one and listens at the other.
get_channel_layer()

Asgi = Callable[..., Awaitable[None]]


class InFront:
    """Sends `/intake/` to its own application before any Django middleware runs."""

    def __init__(self, intake: Asgi, site: Asgi) -> None:
        self._intake = intake
        self._site = site

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Pass the connection on."""
        application = self._intake if scope["path"].startswith("/intake/") else self._site
        await application(scope, receive, send)


application = ProtocolTypeRouter(
    {
        "http": InFront(IntakeApp(), OneThreadHandler()),
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
settle()
