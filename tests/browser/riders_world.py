"""A store with riders, orders on the shelf and on the road, for the tests of riders in a browser."""

from datetime import datetime, timedelta
from typing import Any

from couriers.models import HandOff, Rider, RiderReport
from couriers.riders.links import token_of
from couriers.riders.shifts import start_shift
from couriers.riders.steps import pick_up, report_problem
from couriers.services import hand_to_rider
from couriers.tests.factories import make_order, make_store
from couriers.tests.riders import PHOTO
from orders.models import Order
from reports.tests.rows import make_admin, make_manager, make_staff
from stores.actors import Actor
from stores.models import Store

MEI = Actor("Mei")
PLACES = [
    ("A12", "黄浦区南京东路 300 号 恒基名人购物中心 5 楼", 31.2360, 121.4790, "", 22),
    (
        "A13",
        "8 Lotus Road, rear building, 3rd floor",
        31.2320,
        121.4810,
        "Ring twice, the bell is broken",
        14,
    ),
    ("A14", "Wohnanlage am Volksplatz, Haus 17 b, 200003", 31.2290, 121.4700, "", 35),
    ("A15", "福州路 465 号 上海书城", 31.2340, 121.4760, "放门口，谢谢", 3),
    ("A16", "1 Bund Lane", 31.2380, 121.4900, "", 40),
    ("A17", "中山东一路 12 号", 31.2375, 121.4895, "", 45),
]
MORE = [
    ("B1", "汉口路 515 号", 31.2350, 121.4770, "", 25),
    ("B2", "汉口路 520 号", 31.2351, 121.4772, "", 25),
    ("B3", "Park 9", 31.2250, 121.4650, "", 25),
]


def build(now: datetime) -> dict[str, Any]:
    """Make the rows; returns what the tests need to know of them."""
    store = make_store()
    Store.objects.filter(pk=store.pk).update(name="云茶 人民广场店")
    make_staff(store, "staff")
    make_manager("manager", store.franchise)
    make_admin("admin")
    riders = [
        Rider.objects.create(store=store, name=name, phone="1") for name in ("王师傅", "Ann", "Bo", "Chris")
    ]
    shifts = [start_shift(rider=rider, actor=MEI, now=now - timedelta(minutes=50)) for rider in riders[:3]]
    bags = [_given(store, riders[0], place, now) for place in PLACES]
    _step(pick_up, bags[3], riders[0], now, "first")
    report_problem(
        **_facts(bags[3], riders[0], now, "second"), code="absent", note="<b>Gate</b> locked", photo=PHOTO
    )
    for place in MORE:
        _order(store, place, now)
    return {
        "store": store.pk,
        "riders": [rider.pk for rider in riders],
        "bags": [bag.pk for bag in bags],
        "link": f"/r/{token_of(shifts[0])}/",
        "other": f"/r/{token_of(shifts[1])}/",
    }


def states(bags: list[int]) -> list[list[str]]:
    """State and progress of hand-offs, state of their orders, and who did the last step."""
    rows = HandOff.objects.filter(pk__in=bags).select_related("order").order_by("pk")
    return [[row.state, row.progress, row.order.state, _last(row)] for row in rows]


def reports(bag: int) -> dict[str, Any]:
    """What the rider reported of a hand-off, and the kinds of their events about its order, in order."""
    handoff = HandOff.objects.select_related("order").get(pk=bag)
    told = RiderReport.objects.filter(handoff=handoff, at__gte=handoff.created_at).order_by("pk")
    events = handoff.order.events.filter(actor_label=handoff.rider_name).order_by("seq")
    return {
        "reports": [[report.kind, report.code, report.pk] for report in told],
        "steps": list(events.values_list("kind", flat=True)),
    }


def _last(row: HandOff) -> str:
    last = row.order.events.order_by("-seq").first()
    return last.actor_label if last else ""


def _given(store: Store, rider: Rider, place: tuple[Any, ...], now: datetime) -> HandOff:
    order = _order(store, place, now)
    hand_to_rider(order_id=order.pk, rider=rider, actor=MEI, now=now)
    return HandOff.objects.get(order=order)


def _order(store: Store, place: tuple[Any, ...], now: datetime) -> Order:
    names = ("daily_number", "address", "latitude", "longitude", "note")
    early = dict.fromkeys(("placed_at", "received_at", "accepted_at", "ready_at"), now - timedelta(minutes=9))
    due = now + timedelta(minutes=place[5])
    return make_order(store, promised_at=due, **dict(zip(names, place, strict=False)), **early)


def _facts(bag: HandOff, rider: Rider, now: datetime, command: str) -> dict[str, Any]:
    names = {"handoff_id": bag.pk, "order_id": bag.order_id, "command": command}
    return {**names, "actor": Actor(rider.name), "at": now, "now": now}


def _step(verb: Any, bag: HandOff, rider: Rider, now: datetime, command: str) -> None:
    verb(**_facts(bag, rider, now, command))
