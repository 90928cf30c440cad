"""Short spans of time as people read them."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

register = template.Library()
SECONDS_UP_TO, MINUTES_UP_TO = 100, 6_000  # seconds


@register.filter
def span(seconds: int) -> str:
    """Seconds, or where they are many minutes or hours with one decimal.

    >>> span(42), span(312), span(9_000)
    ('42 s', '5.2 min', '2.5 h')
    """
    if seconds < SECONDS_UP_TO:
        return _("%(number)s s") % {"number": seconds}
    if seconds < MINUTES_UP_TO:
        return _("%(number)s min") % {"number": number_format(round(seconds / 60, 1))}
    return _("%(number)s h") % {"number": number_format(round(seconds / 3600, 1))}
