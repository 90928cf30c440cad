"""Channel `eleme`: missed messages, orders that wait, the whole day, one order, tokens."""

import json
from datetime import UTC, date, datetime

import pytest

from orders.channels.calling import Pulled, Token
from orders.channels.eleme import pulls, push
from orders.channels.incoming import Placed
from orders.tests.eleme_messages import KEYS, ORDER_ID, SHOP, encoded, envelope, order, pushed, status_change
from orders.tests.eleme_platform import Pages, running_eleme
from outbox.calling import Refused, Uncertain

NOW = datetime(2026, 2, 6, 2, 0, 0, 250000, tzinfo=UTC)
DAY = date(2026, 2, 6)
GET_ORDER = ("eleme.order.getOrder", {"orderId": ORDER_ID})


@pytest.fixture
def eleme():
    with running_eleme() as platform:
        yield platform


def pages(eleme, *, known=frozenset(), whole=False, start=""):
    place = {"store_code": str(SHOP), "day": DAY, "known": known}
    return pulls.orders(access=eleme.access, whole=whole, start=start, now=NOW, **place)


def listed(eleme, **options):
    found = [pulled for page in pages(eleme, **options) for pulled in page.orders]
    return [(pulled.kind, push.parse(kind=pulled.kind, raw=pulled.raw).external_id) for pulled in found]


def test_missed_messages_come_as_they_would_have_been_pushed(eleme):
    placed, accepted = envelope(10, order()), envelope("12", status_change("valid"), requestId="r2")
    eleme.results = {
        "eleme.msgNew.getPushFailMsg": [placed],
        "eleme.message.getNonReachedOMessages": [accepted],
    }
    found = pulls.missed(access=eleme.access, now=NOW)
    assert eleme.calls == [
        ("eleme.msgNew.getPushFailMsg", {"msgQueryRequest": {"appId": 78194582}}),
        ("eleme.message.getNonReachedOMessages", {"appId": 78194582}),
    ]
    assert [(pulled.kind, pulled.ref) for pulled in found] == [("10", placed["requestId"]), ("12", "r2")]
    for pulled, sent in zip(found, (placed, accepted), strict=True):
        proof = push.verify(keys=KEYS, request=pushed(pulled.raw.encode()))
        as_pushed = push.verify(keys=KEYS, request=pushed(encoded(sent)))
        assert (proof.delivery_id, proof.digest) == (as_pushed.delivery_id, as_pushed.digest)
        assert push.parse(kind=pulled.kind, raw=pulled.raw) == push.parse(kind=proof.kind, raw=as_pushed.raw)


@pytest.mark.parametrize("result", [None, [], {}, "", "?", {"list": []}, [None], [{}], [{"type": "order"}]])
def test_missed_messages_of_another_form_are_none(eleme, result):
    eleme.results["eleme.msgNew.getPushFailMsg"] = result
    assert pulls.missed(access=eleme.access, now=NOW) == []


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "ACCESS_DENIED", "METHOD_NOT_ALLOWED"])
def test_an_application_without_the_right_to_other_messages_gets_the_ones_about_orders(eleme, code):
    eleme.results["eleme.msgNew.getPushFailMsg"] = [envelope(12, status_change("valid"))]
    eleme.errors["eleme.message.getNonReachedOMessages"] = code
    assert len(pulls.missed(access=eleme.access, now=NOW)) == 1


def test_an_expired_token_is_said(eleme):
    eleme.errors["eleme.message.getNonReachedOMessages"] = "UNAUTHORIZED"
    with pytest.raises(Refused) as refused:
        pulls.missed(access=eleme.access, now=NOW)
    assert refused.value.code == "UNAUTHORIZED"


def test_taken_messages_are_confirmed(eleme):
    pulls.confirm(access=eleme.access, refs=["r1", "r2"], now=NOW)
    pulls.confirm(access=eleme.access, refs=[], now=NOW)
    request = {"msgConfirmRequest": {"appId": 78194582, "requestIds": ["r1", "r2"]}}
    assert eleme.calls == [("eleme.msgNew.confirmPullMsg", request)]


def test_orders_that_wait_are_fetched_unless_they_are_known(eleme):
    eleme.results = {
        "eleme.order.getUnprocessOrders": ["known", ORDER_ID, 9007199254740993],
        "eleme.order.getOrder": Pages([order(), None]),
    }
    assert listed(eleme, known=frozenset({"known"})) == [("order", ORDER_ID)]
    assert eleme.calls == [
        ("eleme.order.getUnprocessOrders", {"shopId": SHOP}),
        GET_ORDER,
        ("eleme.order.getOrder", {"orderId": "9007199254740993"}),
    ]


def test_orders_that_wait_may_come_whole(eleme):
    eleme.results["eleme.order.getUnprocessOrders"] = [order(), None]
    assert listed(eleme) == [("order", ORDER_ID)]
    eleme.results["eleme.order.getUnprocessOrders"] = "?"
    assert listed(eleme) == []


def test_the_whole_day_comes_in_pages_known_orders_too(eleme):
    day = [order(orderId=str(number), status="settled") for number in range(53)]
    eleme.results = {
        "eleme.order.getUnprocessOrders": None,
        "eleme.order.getAllOrders": Pages([{"total": 53, "list": day[:50]}, {"total": 53, "list": day[50:]}]),
    }
    found = listed(eleme, known=frozenset({"0"}), whole=True)
    assert found == [("order", str(number)) for number in range(53)]
    pages = [{"shopId": SHOP, "pageNo": page, "pageSize": 50, "date": "2026-02-06"} for page in (1, 2)]
    assert eleme.calls[1:] == [("eleme.order.getAllOrders", page) for page in pages]


def test_no_more_pages_are_asked_for_than_there_can_be(eleme):
    page = {"list": [{"orderId": "1"}] * 50}
    eleme.results["eleme.order.getAllOrders"] = page
    assert [page.rest for page in pages(eleme, whole=True)] == [str(number) for number in range(2, 102)]


def test_a_list_goes_on_with_the_page_where_it_was_left(eleme):
    eleme.results["eleme.order.getAllOrders"] = {"list": [order()]}
    found = [(len(page.orders), page.rest) for page in pages(eleme, whole=True, start="3")]
    assert found == [(1, "4")]
    assert [(action, params["pageNo"]) for action, params in eleme.calls] == [("eleme.order.getAllOrders", 3)]


def test_an_order_or_a_page_nobody_can_read_holds_up_no_other(eleme):
    eleme.results = {
        "eleme.order.getUnprocessOrders": ["7", ORDER_ID],
        "eleme.order.getOrder": Pages(["?", order()]),
    }
    found = [(len(page.orders), type(page.fault)) for page in pages(eleme)]
    assert found == [(0, Uncertain), (1, type(None))]
    eleme.replies["eleme.order.getAllOrders"] = (200, b"?")
    page = next(pages(eleme, whole=True, start="1"))
    assert (page.rest, type(page.fault)) == ("2", Uncertain)


def test_one_order_as_it_stands_there(eleme):
    eleme.results["eleme.order.getOrder"] = order(status="valid", totalPrice=12.5, description="谢谢\ud83d")
    found = pulls.order(access=eleme.access, external_id=ORDER_ID, now=NOW)
    content = push.parse(kind=found.kind, raw=found.raw).content
    assert isinstance(content, Placed)
    assert (content.amounts["customer_paid"], content.standing.state) == (1250, "accepted")
    assert found.raw.isascii()
    assert isinstance(found, Pulled)


@pytest.mark.parametrize("code", ["ORDER_NOT_FOUND", "BIZ_ORDER_NOT_EXIST", "ORDER_NOT_EXISTS"])
def test_an_order_the_platform_does_not_know_is_none(eleme, code):
    eleme.errors["eleme.order.getOrder"] = code
    assert pulls.order(access=eleme.access, external_id="1", now=NOW) is None


@pytest.mark.parametrize(
    "code", ["UNAUTHORIZED", "ORDER_SERVICE_BUSY", "SHOP_NOT_FOUND", "ORDER_NOT_FOUND_YET"]
)
def test_any_other_refusal_says_nothing_of_the_order(eleme, code):
    eleme.errors["eleme.order.getOrder"] = code
    with pytest.raises(Refused) as refused:
        pulls.order(access=eleme.access, external_id="1", now=NOW)
    assert refused.value.code == code


def test_messages_for_another_application_are_left_to_it(eleme):
    foreign = envelope(10, order(), appId=4711, requestId="r2")
    eleme.results["eleme.msgNew.getPushFailMsg"] = [foreign, {**envelope(10, order()), "appId": None}]
    assert [pulled.ref for pulled in pulls.missed(access=eleme.access, now=NOW)] == ["200000014063440520"]


@pytest.mark.parametrize(("is_open", "level"), [(1, "open"), (0, "paused")])
def test_whether_a_shop_takes_orders_there(eleme, is_open, level):
    eleme.results["eleme.shop.mgetShopStatus"] = {str(SHOP): {"id": SHOP, "isOpen": is_open}}
    assert pulls.level(access=eleme.access, store_code=str(SHOP), now=NOW) == level
    assert eleme.calls == [("eleme.shop.mgetShopStatus", {"shopIds": [SHOP]})]


def test_a_token_is_renewed_with_the_last_ones(eleme):
    answer = {"access_token": "a2", "refresh_token": "r2", "token_type": "bearer", "expires_in": 2592000}
    eleme.replies["token"] = (200, json.dumps(answer).encode())
    assert pulls.renew(access=eleme.access, refresh="r 1/", now=NOW) == Token("a2", "r2", 2592000)
    assert eleme.forms == [{"grant_type": "refresh_token", "refresh_token": "r 1/", "scope": "all"}]


def test_an_application_of_the_merchants_own_gets_a_token_for_itself(eleme):
    eleme.replies["token"] = (200, b'{"access_token":"a1","expires_in":86400}')
    assert pulls.renew(access=eleme.access, refresh="", now=NOW) == Token("a1", "", 86400)
    assert eleme.forms == [{"grant_type": "client_credentials"}]


@pytest.mark.parametrize(
    ("status", "reply", "failure"),
    [
        (200, b'{"error":"invalid_grant","error_description":"stale"}', Refused),
        (200, b"{}", Uncertain),
        (200, b'{"access_token":"a","expires_in":"soon"}', Uncertain),
        (200, b"?", Uncertain),
        (401, b"{}", Refused),
        (503, b"", Uncertain),
    ],
)
def test_a_token_that_is_not_given(eleme, status, reply, failure):
    eleme.replies["token"] = (status, reply)
    with pytest.raises(failure):
        pulls.renew(access=eleme.access, refresh="r1", now=NOW)
