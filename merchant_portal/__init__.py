"""Wiring only: settings, URLs, ASGI, Celery, health and the `portal` run command."""

from merchant_portal.celery import app as celery_app

__all__ = ["celery_app"]
