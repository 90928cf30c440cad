"""Numbers are written the same way by the server and by the browser."""

from decimal import Decimal

import pytest
from django.utils.translation import override

from reports.templatetags.counts import count


@pytest.mark.parametrize(
    ("language", "expected"), [("en", "1,234,567"), ("de", "1.234.567"), ("zh-hans", "1,234,567")]
)
def test_whole_numbers_are_grouped_by_three(language, expected):
    with override(language):
        assert count(1_234_567) == expected
        assert count(123) == "123"


@pytest.mark.parametrize(
    ("language", "expected"), [("en", "8,450.50"), ("de", "8.450,50"), ("zh-hans", "8,450.50")]
)
def test_amounts_keep_their_decimals(language, expected):
    with override(language):
        assert count(Decimal("8450.50")) == expected
