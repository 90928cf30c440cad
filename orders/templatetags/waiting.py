"""What waits for an admin, to be shown on the first page."""

from django import template

from orders.models import IncomingMessage, UnroutedOrder

register = template.Library()
MOST = 1_000  # more is not counted, only said


@register.simple_tag
def unrouted_orders() -> str:
    """How many orders wait for a store: "", "7" … or "1000+"."""
    waiting = UnroutedOrder.objects.filter(outcome=IncomingMessage.Outcome.UNROUTED).order_by()
    count = waiting[: MOST + 1].count()
    return f"{MOST}+" if count > MOST else str(count or "")
