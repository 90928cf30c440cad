"""Short spans of time as people read them."""

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

register = template.Library()
SECONDS_UP_TO = 100


@register.filter
def span(seconds: int) -> str:
    """Seconds, or minutes with one decimal where they are many.

    >>> span(42), span(312)
    ('42 s', '5.2 min')
    """
    if seconds < SECONDS_UP_TO:
        return _("%(number)s s") % {"number": seconds}
    return _("%(number)s min") % {"number": number_format(round(seconds / 60, 1))}
