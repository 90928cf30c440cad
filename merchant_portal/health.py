"""For machines that watch: /livez, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from orders.models import Order, StoreSequence
from outbox.models import Job

REDIS_SECONDS = 1.0  # a frozen Redis must not freeze who asks


@require_safe
@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 while orders can be taken, 503 otherwise.

    {"status": "ready" | "degraded" | "unready", "parts": {"database": "ok" | why not, "redis": …}}
    Without Redis boards poll and jobs wait for the sweeper, so that is degraded; without the
    database nothing can be stored, so that is 503.
    """
    parts = {"database": _database(), "redis": _redis()}
    ready = parts["database"] == "ok"
    status = "unready" if not ready else "ready" if parts["redis"] == "ok" else "degraded"
    return JsonResponse({"status": status, "parts": parts}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


@cache
def _redis_client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)


def _redis() -> str:
    try:
        _redis_client(settings.REDIS_URL).ping()
    except redis.RedisError:
        return "unreachable"
    return "ok"


class PortalCollector(Collector):
    """What the database knows, counted when it is asked for."""

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily(
            "portal_outbox_jobs", "Jobs that are due, now or later, or dead.", labels=["state", "queue"]
        )
        # Named, so that their partial indexes serve: done jobs are many.
        open_jobs = Job.objects.filter(state__in=[Job.State.DUE, Job.State.DEAD])
        waiting = open_jobs.order_by("state", "queue").values_list("state", "queue")
        for state, queue, number in waiting.annotate(Count("pk")):
            jobs.add_metric([state, queue], number)
        yield jobs
        orders = GaugeMetricFamily("portal_open_orders", "Orders on the boards.", labels=["state"])
        open_orders = Order.objects.filter(on_board=True).order_by("state").values_list("state")
        for state, number in open_orders.annotate(Count("pk")):
            orders.add_metric([state], number)
        yield orders
        events = StoreSequence.objects.aggregate(all=Sum("last_seq"))["all"] or 0
        yield CounterMetricFamily(
            "portal_events", "Events of all stores since they were set up.", value=events
        )


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for this machine alone or, if PORTAL_METRICS_TOKEN is set, for its bearer alone."""
    if not _may_read_metrics(request):
        return HttpResponse("Metrics are not for this address.\n", status=403, content_type="text/plain")
    portal = CollectorRegistry(auto_describe=False)
    portal.register(PortalCollector())
    return HttpResponse(generate_latest(REGISTRY) + generate_latest(portal), content_type=CONTENT_TYPE_LATEST)


def _may_read_metrics(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}")
    # Behind a proxy on this machine everybody comes from here: a forwarded request is not local.
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR") or "").is_loopback
    except ValueError:
        return False
