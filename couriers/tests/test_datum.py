"""The Chinese offset, against points that other implementations publish."""

import pytest

from couriers.providers.datum import to_gcj02


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        ((39.915, 116.404), (39.916404, 116.410244)),
        ((30.6107779, 121.0917077), (30.608604, 121.096269)),
    ],
)
def test_positions_in_china_are_shifted(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert to_gcj02(*wgs84) == gcj02


def test_positions_elsewhere_stay() -> None:
    assert to_gcj02(52.52, 13.405) == (52.52, 13.405)
