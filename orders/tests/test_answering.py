"""Answers to guests: given once, told to the platform, seen on every board."""

from datetime import timedelta

import pytest

from orders import services
from orders.answering import answer_request, answer_urge, postpone
from orders.channels.incoming import Asked, Standing, Urged
from orders.errors import NotPossible, Stale
from orders.events import append
from orders.following import FOLLOWED, follow
from orders.models import Order, OrderEvent
from orders.tests.boards import watched
from orders.tests.factories import place_order
from orders.tests.people import at_once, pressing
from orders.tests.platform import running_platform
from outbox.models import Job
from outbox.runner import run
from outbox.services import claim
from stores.actors import Actor
from stores.tests.factories import StoreChannelFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LIN, WEI = Actor("Lin"), Actor("Wei")


def on_platform(channel, name):
    """The same account at a platform with other ears."""
    channel.account.channel = name
    channel.account.save()
    return channel


@pytest.fixture
def channel():
    return StoreChannelFactory()


@pytest.fixture
def order(channel, now):
    order = place_order(channel, now=now)
    on_platform(channel, "eleme")
    return order


def hear(order, change, now):
    """The platform says something of the order."""
    columns = Order.objects.values(*FOLLOWED).get(pk=order.pk)
    changed, kind = follow(columns, change, now=now)
    Order.objects.filter(pk=order.pk).update(**changed)
    append([services.event_for(order.pk, kind=kind, actor=Actor("platform"))], at=now)


def asked(now, about="cancel", step="applied", **more):
    return Asked(about, step, now, reason="等太久了", ref="r-7", **more)


def job():
    told = Job.objects.get()
    return told.payload["call"], told.payload["data"]


@pytest.mark.parametrize(
    ("answer", "reason", "call"),
    [("agree", "", "request.agreed"), ("refuse", "已经做好了", "request.refused")],
)
def test_a_request_is_answered_told_and_seen(order, now, answer, reason, call):
    hear(order, asked(now), now)
    later = now + timedelta(minutes=2)

    with watched(order.store, now=later) as events:
        answer_request(order_id=order.pk, answer=answer, reason=reason, actor=LIN, now=later)

    assert [(e["kind"], e["actor"], e["card"]["state"]) for e in events] == [
        ("order.answered", "Lin", "placed")
    ]
    assert events[0]["card"]["request"] == {
        "about": "cancel", "step": "applied", "at": "2026-02-06T02:00:00.000Z", "reason": "等太久了",
        "whole": True, "amount": None, "ref": "r-7", "answer_by": "2026-02-06T02:15:00.000Z",
        "answered": {"answer": answer, "by": "Lin", "at": "2026-02-06T02:02:00.000Z"},
    }  # fmt: skip
    assert job() == (call, {"about": "cancel", "ref": "r-7", "whole": True, "reason": reason})


def test_who_answered_is_still_known_once_the_platform_took_it(order, now):
    hear(order, asked(now), now)
    answer_request(order_id=order.pk, answer="agree", actor=LIN, now=now)
    hear(order, asked(now + timedelta(seconds=3), step="agreed"), now)

    request = Order.objects.get(pk=order.pk).request
    assert (request["step"], request["answered"]["by"]) == ("agreed", "Lin")


def test_a_guest_who_appeals_waits_for_an_answer_again(order, now):
    hear(order, asked(now), now)
    answer_request(order_id=order.pk, answer="refuse", reason="已经做好了", actor=LIN, now=now)
    hear(order, asked(now + timedelta(seconds=30), step="appealed"), now)
    answer_request(order_id=order.pk, answer="agree", actor=WEI, now=now)

    assert list(Job.objects.order_by("pk").values_list("payload__call", flat=True)) == [
        "request.refused",
        "request.agreed",
    ]


def test_the_second_to_answer_is_told_who_was_first(order, now):
    hear(order, asked(now), now)
    answer_request(order_id=order.pk, answer="refuse", reason="已经做好了", actor=LIN, now=now)

    with pytest.raises(Stale) as refusal:
        answer_request(order_id=order.pk, answer="agree", actor=WEI, now=now + timedelta(seconds=1))

    assert (refusal.value.by, refusal.value.at) == ("Lin", now)
    assert Order.objects.get(pk=order.pk).request["answered"]["answer"] == "refuse"
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    "said",
    [
        [],
        [asked],
        [asked, lambda now: asked(now, step="withdrawn")],
        [asked, lambda now: Standing("cancelled", now)],
    ],
    ids=["nothing", "answered already", "withdrawn", "cancelled"],
)
def test_what_nobody_waits_for_cannot_be_answered(order, now, said):
    for change in said:
        hear(order, change(now), now)
    if said == [asked]:
        answer_request(order_id=order.pk, answer="agree", actor=LIN, now=now)
    before = OrderEvent.objects.count(), Job.objects.count()

    with pytest.raises(Stale):
        answer_request(order_id=order.pk, answer="agree", actor=WEI, now=now)
    assert (OrderEvent.objects.count(), Job.objects.count()) == before


def test_an_answer_sent_twice_is_given_once(channel, order, now):
    hear(order, asked(now), now)
    with watched(channel.store, now=now) as events:
        outcomes = [
            answer_request(order_id=order.pk, answer="agree", actor=LIN, now=now, command="c-1")
            for _ in range(2)
        ]

    assert outcomes == [outcomes[0]] * 2
    assert (len(events), Job.objects.count()) == (1, 1)


def test_a_platform_without_ears_for_answers_is_given_none(channel, order, now):
    hear(order, asked(now), now)
    hear(order, Urged("u-1", now), now)
    on_platform(channel, "standard")

    for answer in (
        lambda: answer_request(order_id=order.pk, answer="agree", actor=LIN, now=now),
        lambda: answer_urge(order_id=order.pk, answer="making", actor=LIN, now=now),
    ):
        with pytest.raises(NotPossible, match="own app"):
            answer()
    order.refresh_from_db()
    assert (order.request["answered"], order.urge_answered_at, Job.objects.count()) == (None, None, 0)


def test_a_card_comes_back_for_a_refund_and_leaves_with_the_answer(channel, order, now):
    for verb in ("accept", "start", "ready", "collect", "deliver"):
        services.step(order_id=order.pk, verb=verb, actor=LIN, now=now, tell=False)

    with watched(channel.store, now=now) as events:
        hear(order, asked(now, "refund", amount=1200), now)
        answer_request(order_id=order.pk, answer="agree", actor=LIN, now=now)

    assert [(e["kind"], e["card"]["state"], e["card"]["on_board"]) for e in events] == [
        ("order.asked", "delivered", True),
        ("order.answered", "delivered", False),
    ]


def test_a_step_does_not_take_a_card_away_whose_guest_waits(channel, order, now):
    Order.objects.filter(pk=order.pk).update(fulfilment="pickup", state="ready")
    hear(order, asked(now), now)

    with watched(channel.store, now=now) as events:
        services.step(order_id=order.pk, verb="collect", actor=LIN, now=now)

    assert [(e["card"]["state"], e["card"]["on_board"]) for e in events] == [("collected", True)]


def test_an_urging_guest_is_answered_once(channel, order, now):
    hear(order, Urged("u-1", now), now)

    with watched(channel.store, now=now) as events:
        answer_urge(order_id=order.pk, answer="custom", text="两分钟就好", actor=LIN, now=now)

    assert [(e["kind"], e["card"]["urge_answered_at"]) for e in events] == [
        ("order.answered", "2026-02-06T02:00:00.000Z")
    ]
    assert job() == ("urge.answered", {"ref": "u-1", "answer": "custom", "text": "两分钟就好"})
    with pytest.raises(Stale):
        answer_urge(order_id=order.pk, answer="making", actor=WEI, now=now)


def test_a_guest_who_asks_again_can_be_answered_again(order, now):
    for number in (1, 2):
        at = now + timedelta(minutes=number)
        hear(order, Urged("", at), at)
        answer_urge(order_id=order.pk, answer="making", actor=LIN, now=at)

    assert Job.objects.filter(payload__call="urge.answered").count() == 2


@pytest.mark.parametrize("urged", [False, True])
def test_nobody_urges_or_it_is_over(order, now, urged):
    if urged:
        hear(order, Urged("u-1", now), now)
        Order.objects.filter(pk=order.pk).update(state="delivered")

    with pytest.raises(Stale):
        answer_urge(order_id=order.pk, answer="making", actor=LIN, now=now)


@pytest.mark.parametrize("platform", ["eleme", "meituan"])
def test_a_delay_is_on_the_board_and_told_where_it_is_heard(channel, order, now, platform):
    on_platform(channel, platform)
    with watched(channel.store, now=now) as events:
        postpone(order_id=order.pk, minutes=15, actor=LIN, now=now)

    assert [(e["kind"], e["card"]["expected_at"]) for e in events] == [
        ("order.postponed", "2026-02-06T02:15:00.000Z")
    ]
    told = [(job.payload["call"], job.payload["data"]) for job in Job.objects.all()]
    heard = [("order.delayed", {"ready_at": "2026-02-06T02:15:00.000Z"})]
    assert told == (heard if platform == "eleme" else [])


@pytest.mark.parametrize("state", ["ready", "collected", "delivered", "cancelled", "rejected"])
def test_what_is_ready_is_not_late_any_more(order, now, state):
    Order.objects.filter(pk=order.pk).update(state=state)

    with pytest.raises(Stale):
        postpone(order_id=order.pk, minutes=5, actor=LIN, now=now)
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_those_who_answer_at_once_one_does(order, now):
    hear(order, asked(now), now)

    def press(name):
        answer = "agree" if name in {"p0", "p2"} else "refuse"
        return answer_request(order_id=order.pk, answer=answer, reason="x", actor=Actor(name), now=now)

    outcomes = at_once(*(pressing(press, f"p{n}") for n in range(4)))

    winner = OrderEvent.objects.get(kind="order.answered").actor_label
    assert sorted(outcomes) == sorted(["done", *[winner] * 3])
    assert Job.objects.count() == 1


@pytest.fixture
def platform(channel):
    with running_platform() as platform:
        channel.account.callback_url = platform.url
        channel.account.save()
        yield platform


def run_due(now):
    """Run every job that is due at `now` once; returns the states of all."""
    while job := claim(queue="platforms", now=now):
        run(job)
    return list(Job.objects.order_by("pk").values_list("payload__call", "state", "attempts"))


def test_a_delay_waits_until_the_platform_knows_the_acceptance(channel, order, now, platform):
    on_platform(channel, "standard")
    postpone(order_id=order.pk, minutes=15, actor=LIN, now=now)
    before = run_due(now)
    services.step(order_id=order.pk, verb="accept", actor=LIN, now=now - timedelta(minutes=1))
    services.note_heard(order_id=order.pk, platform_state="accepted")
    Job.objects.update(due_at=now)

    assert before == [("order.delayed", "due", 0)]
    assert run_due(now) == [("order.delayed", "done", 1), ("order.accepted", "done", 1)]
    assert [message["type"] for message in platform.messages] == ["order.delayed", "order.accepted"]


@pytest.mark.parametrize("happened", ["ready", "later still"])
def test_a_delay_that_is_no_news_is_not_told(channel, order, now, platform, happened):
    on_platform(channel, "standard")
    Order.objects.filter(pk=order.pk).update(platform_state="accepted")
    postpone(order_id=order.pk, minutes=10, actor=LIN, now=now)
    if happened == "ready":
        Order.objects.filter(pk=order.pk).update(state="ready")
    else:
        postpone(order_id=order.pk, minutes=20, actor=LIN, now=now)
    run_due(now)

    told = [] if happened == "ready" else ["2026-02-06T02:20:00.000Z"]
    assert [message["data"]["ready_at"] for message in platform.messages] == told
