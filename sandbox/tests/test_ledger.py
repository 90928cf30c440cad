"""The ledger is what a check of the whole system believes."""

import pytest

from sandbox.journal import Journal
from sandbox.ledger import Ledger, Message


def message(number):
    return Message(f"msg_{number}", "tea", "order.created", str(number), "SH-01", "now", '{"a": 1}')


@pytest.fixture
def ledger(tmp_path):
    found = Ledger(tmp_path)
    yield found
    found.close()


def test_a_message_is_acknowledged_by_a_2xx_only(ledger):
    for number, status in enumerate([200, 204, 302, 409, 503, None]):
        ledger.sent(message(number))
        ledger.answered(message(number), status)
    assert [entry.id for entry in ledger.unanswered()] == ["msg_2", "msg_3", "msg_4", "msg_5"]
    assert ledger.totals() == {"tea": {"sent": 6, "acknowledged": 2}}


def test_it_survives_the_end_of_the_process(tmp_path, ledger):
    ledger.sent(message(1))
    ledger.answered(message(1), 503)
    ledger.sent(message(2))
    ledger.answered(message(2), 200)
    ledger.called("tea", "job_1", {"type": "order.ready", "data": {}}, "now")
    again = Ledger(tmp_path)
    assert again.public() == ledger.public()
    assert [entry.body for entry in again.unanswered()] == ['{"a": 1}']
    again.close()


def test_a_torn_last_line_is_left_out(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text('{"a": 1}\n{"a": ')
    journal = Journal(path)
    journal.add({"a": 2})
    assert list(journal.read()) == [{"a": 1}, {"a": 2}]
    journal.close()
