"""Forgetting: personal data, raw messages and events older than `RETENTION_DAYS`."""

from datetime import datetime, timedelta

from django.conf import settings

from orders.models import Conflict, IncomingMessage, Order, OrderEvent

FORGOTTEN = {
    **dict.fromkeys(("customer_name", "customer_phone", "phone_mask", "address"), ""),
    **dict.fromkeys(("latitude", "longitude")),
}


def purge(*, now: datetime) -> dict[str, int]:
    """Blank guests' data on old orders that left the board, drop old messages and events.

    Numbers, amounts and times stay for the reports. Returns rows touched by kind.
    """
    before = now - timedelta(days=settings.RETENTION_DAYS)
    old_orders = Order.objects.filter(received_at__lt=before, on_board=False).exclude(
        customer_name="", phone_mask="", address=""
    )
    return {
        "orders": old_orders.update(**FORGOTTEN),
        "messages": IncomingMessage.objects.filter(received_at__lt=before).delete()[0],
        "conflicts": Conflict.objects.filter(received_at__lt=before, settled_at__isnull=False).delete()[0],
        "events": OrderEvent.objects.filter(at__lt=before).delete()[0],
    }
