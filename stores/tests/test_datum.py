"""The Chinese offset, against points that other implementations publish."""

import pytest

from stores.datum import from_gcj02, to_gcj02


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


@pytest.mark.parametrize("place", [(31.2304, 121.4737), (30.6571, 104.0776), (22.5431, 114.0579)])
def test_the_way_back_ends_where_it_began(place: tuple[float, float]) -> None:
    back = from_gcj02(*to_gcj02(*place))

    assert back == pytest.approx(place, abs=0.000002)


def test_outside_china_nothing_is_shifted_back() -> None:
    assert from_gcj02(52.52, 13.405) == (52.52, 13.405)
