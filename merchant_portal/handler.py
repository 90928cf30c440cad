"""Django behind ASGI: a request goes through its middlewares and its view in one thread.

Django's own handler asks each middleware in the event loop, and each goes to a thread and back twice: for a
short request that is most of the work. Nothing here awaits anything, so there is nothing to gain by it.
"""

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class OneThreadHandler(ASGIHandler):
    """`get_asgi_application`'s, with the chain of middlewares that WSGI has."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Build the chain; it is never an asynchronous one."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer from the thread of this request."""
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)
