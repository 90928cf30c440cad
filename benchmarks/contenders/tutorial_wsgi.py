"""The same tutorial view for a WSGI server."""

from django.core.wsgi import get_wsgi_application

from benchmarks.contenders import tutorial_view

__all__ = ["application", "tutorial_view"]
application = get_wsgi_application()
