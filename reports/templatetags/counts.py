"""Numbers as people and the browser's `Intl.NumberFormat` write them."""

from decimal import Decimal

from django import template
from django.utils.formats import get_format
from django.utils.numberformat import format as write_number

register = template.Library()


@register.filter
def count(number: int | Decimal) -> str:
    """Groups of three in every language, decimals as they are; Django would not group Chinese numbers at all.

    >>> count(1573)
    '1,573'
    >>> count(Decimal("8450.50"))
    '8,450.50'
    """
    return write_number(
        number,
        decimal_sep=get_format("DECIMAL_SEPARATOR"),
        grouping=3,
        thousand_sep=get_format("THOUSAND_SEPARATOR") or ",",
        force_grouping=True,
    )
