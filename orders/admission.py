"""The limiter's verdict on one new order (pure); taken inside the intake transaction."""

from dataclasses import dataclass

from orders.states import OrderState
from stores.levels import IntakeLevel


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a new order starts, and why it is held if it is. `leaked`: the platform should have stopped."""

    state: OrderState
    held_reason: str = ""
    leaked: bool = False


HELD_BY_PAUSE = Verdict(OrderState.HELD, held_reason="paused", leaked=True)


def admit(*, level: str, auto_accept: bool) -> Verdict:
    """Decide by the store's intake level and whether the store accepts this channel's orders by itself."""
    if level == IntakeLevel.PAUSED:
        return HELD_BY_PAUSE
    return Verdict(OrderState.ACCEPTED if auto_accept else OrderState.PLACED)
