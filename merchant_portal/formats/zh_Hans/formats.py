"""Thousands as shops and browsers in China write them: 12,345. Django's own format does not group them."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
