"""A round of the watch goes on behind a row that fails."""

import pytest

from couriers.looking_after import each


def test_one_row_in_trouble_keeps_no_other_from_being_looked_after(caplog: pytest.LogCaptureFixture) -> None:
    seen = []

    def act(row: int) -> bool:
        seen.append(row)
        return 6 // row > 2

    assert each([3, 0, 1, 2], act) == 2
    assert seen == [3, 0, 1, 2]
    assert "0 could not be looked after" in caplog.text
