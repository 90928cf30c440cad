"""The rounds of the watch: one row in trouble must not keep the others from being looked after."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

logger = logging.getLogger(__name__)
Row = TypeVar("Row")


def each(rows: Iterable[Row], act: Callable[[Row], bool]) -> int:
    """Act on every row; returns for how many there was something to do. What fails is logged, and tried
    again in the next round."""
    return sum(_safely(row, act) for row in rows)


def _safely(row: Row, act: Callable[[Row], bool]) -> bool:
    try:
        return act(row)
    except Exception:
        logger.exception("%r could not be looked after", row)
        return False
