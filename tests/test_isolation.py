"""Nobody reaches a store that is not theirs: every address × role, generated from the site itself."""

import json
import re
from datetime import timedelta
from itertools import product

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from couriers.models import BulkHandOff, HandOff, Rider, RiderReport, Shift
from orders.models import Order, OrderEvent
from orders.tests.factories import place_order
from stores.models import IntakeState
from stores.tests.factories import (
    ManagerFactory,
    StaffFactory,
    StoreChannelFactory,
    StoreFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

OPEN_TO_ALL = {
    "login/", "logout/", "i18n/setlang/", "jsi18n/", "livez", "readyz", "metrics",
    "couriers/<slug:provider>/callback/<slug:token>/",  # the token is the secret; tested in couriers
    "couriers/<slug:provider>/account/<slug:token>/",  # likewise
    "door/<str:token>/",  # the token is the secret; tested in couriers/door
    # The token is a rider's; tested in couriers/tests/test_riders_*.py.
    "r/worker.js", "r/<token>/", "r/<token>/stops", "r/<token>/handoffs/<int:handoff_id>/<verb>",
    "r/<token>/handoffs/<int:handoff_id>/problem", "r/<token>/handoffs/<int:handoff_id>/proof",
    "r/<token>/handoffs/<int:handoff_id>/call",
    "api/v1/openapi.json", "api/v1/docs", "api/v1/",
}  # fmt: skip
OWN_ONLY = {
    "",
    "reports/",
    "reports/orders.csv",
    "reports/summary.csv",
    "reports/channels/",
    "reports/channels.csv",
    "reports/couriers/",
    "reports/couriers.csv",
    "api/v1/stores/",
}  # shows what is yours
VERBS = {
    "orders/<int:order_id>/<verb>": [
        "accept",
        "start",
        "ready",
        "collect",
        "deliver",
        "reject",
        "cancel",
        "recall",
    ],
    "handoff/<verb>": ["cancel", "picked-up", "delivered"],
    "riders/<int:rider_id>/<verb>": ["start", "end", "new-link", "rename", "let-go"],
}
# What an operation takes that needs more than its address.
BODY_OF = {
    "handoff": {"rider": 1},
    "request": {"answer": "agree"},
    "urge": {"answer": "making"},
    "postpone": {"minutes": 5},
    "move": {"store": 1},
    "settle": {"has": True},
    "handoffs": {"orders": [1], "target": "rider:1"},
}
# Names of something that is a store's; a pick-up code is none, it is a question.
OF_A_STORE = re.compile("<int:(order|rider|bulk|report)_id>")
FORM = "application/x-www-form-urlencoded"
BODIES = [{}, {"level": "paused", "reason": "x"}]


def bodies_for(path):
    """What a person might send there."""
    own = BODY_OF.get(path.rsplit("/", 1)[-1])
    return [json.dumps(body).encode() for body in [*BODIES, *([own] if own else [])]]


def addresses(resolver=None, prefix=""):
    """Every route of the site but the admin's (which has a test of its own), as Django writes it."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if not route.startswith("admin/"):
                yield from addresses(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route


STORE_ROUTES = sorted({route for route in addresses() if route not in OPEN_TO_ALL | OWN_ONLY})


def rows_of(order):
    """One row of everything that an address may name, all of the order's store."""
    now = timezone.now()
    rider = Rider.objects.create(store=order.store, name="Old Wang", phone="13900000000")
    Shift.objects.create(rider=rider, started_at=now, ends_at=now + timedelta(hours=8))
    handoff = HandOff.objects.create(
        order=order, store=order.store, carrier="own", rider=rider, state="confirmed", progress="assigned",
        pickup_code="0427", created_at=now, changed_at=now, heard_at=now,
    )  # fmt: skip
    bulk = BulkHandOff.objects.create(store=order.store, target="auto", command="c", at=now)
    report = RiderReport.objects.create(
        handoff=handoff, rider=rider, command="c", kind="problem", code="other", photo=b"x", at=now
    )
    return {
        "<int:order_id>": order.pk,
        "<int:rider_id>": rider.pk,
        "<int:bulk_id>": bulk.pk,
        "<int:report_id>": report.pk,
        "<code>": handoff.pickup_code,
    }


def everything():
    """What a stranger might change."""
    changeable = [Order, IntakeState, HandOff, Rider, Shift, BulkHandOff, RiderReport]
    rows = [list(model.objects.order_by("pk").values()) for model in changeable]
    return [*rows, OrderEvent.objects.count()]


def fill(route, store_id, rows):
    """Real paths of a route for one store and the rows of `rows_of`."""
    path = "/" + route.replace("<int:store_id>", str(store_id))
    for name, value in rows.items():
        path = path.replace(name, str(value))
    for ending, verbs in VERBS.items():
        if route.endswith(ending):
            return [path.replace("<verb>", verb) for verb in verbs]
    assert "<" not in path, f"teach this test how to fill {route}"
    return [path]


def client_of(user):
    client = Client()
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def order():
    return place_order(StoreChannelFactory(), now=timezone.now())


@pytest.fixture(params=["nobody", "no membership", "staff elsewhere", "manager elsewhere", "inactive staff"])
def stranger(request, order):
    elsewhere = StoreChannelFactory().store
    return {
        "nobody": lambda: None,
        "no membership": UserFactory,
        "staff elsewhere": lambda: StaffFactory(store=elsewhere),
        "manager elsewhere": lambda: ManagerFactory(franchise=elsewhere.franchise),
        "inactive staff": lambda: StaffFactory(store=order.store, is_active=False),
    }[request.param]()


def test_every_store_address_names_its_store():
    """What is neither open nor the person's own must carry the store, so that it can be scoped."""
    assert [route for route in STORE_ROUTES if "<int:store_id>" not in route] == []
    assert len(STORE_ROUTES) >= 10


@pytest.mark.parametrize("route", STORE_ROUTES)
def test_strangers_learn_nothing_and_change_nothing(order, stranger, route):
    rows = rows_of(order)
    before = everything()
    signed_out = stranger is None or not stranger.is_active
    client = client_of(stranger)
    for path in fill(route, order.store_id, rows):
        for method, body in product(["GET", "POST", "PUT", "DELETE"], bodies_for(path)):
            answer = client.generic(method, path, body, "application/json")
            assert answer.status_code in ({302, 401, 405} if signed_out else {404, 405, 422}), path
            assert order.store.name not in answer.content.decode(), path
            assert order.external_id not in answer.content.decode(), path
    assert everything() == before


@pytest.mark.parametrize("route", sorted(OWN_ONLY))
def test_lists_show_strangers_nothing_of_the_store(order, stranger, route):
    answer = client_of(stranger).get("/" + route, {"store": order.store_id}, follow=True)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content

    assert order.store.code not in re.findall(r"SH-\d+", content.decode())
    assert order.external_id not in content.decode()


@pytest.mark.parametrize("route", [route for route in STORE_ROUTES if OF_A_STORE.search(route)])
def test_what_is_of_another_store_is_not_reachable_through_ones_own(order, route):
    """An order's, a rider's, a photo's number with one's own store's address is as foreign as the store."""
    own = StoreChannelFactory().store
    client = client_of(ManagerFactory(franchise=own.franchise))
    sibling = StoreFactory(franchise=own.franchise)
    rider = Rider.objects.create(store=own, name="Bo", phone="1")
    bodies = {**BODY_OF, "handoff": {"rider": rider.pk}, "move": {"store": sibling.pk}}
    rows = rows_of(order)
    before = everything()
    for path in fill(route, own.pk, rows):
        body = json.dumps(bodies.get(path.rsplit("/", 1)[-1], {}))
        answers = [client.get(path), client.post(path, body, content_type="application/json")]
        assert {answer.status_code for answer in answers} <= {404, 405}, path
        assert 404 in {answer.status_code for answer in answers}, path
    assert everything() == before


def test_a_manager_moves_no_order_to_a_store_of_others(order):
    """Not even one of their own: the other franchise's store is not there for them."""
    manager = ManagerFactory(franchise=order.store.franchise)
    path = f"/api/v1/stores/{order.store_id}/orders/{order.pk}/move"

    answer = client_of(manager).post(
        path, {"store": StoreChannelFactory().store_id}, content_type="application/json"
    )

    assert (answer.status_code, Order.objects.get(pk=order.pk).store) == (404, order.store)


def test_what_is_foreign_there_is_reachable_through_its_own_store(order):
    """So that the refusals above mean something."""
    rows = rows_of(order)
    client = client_of(StaffFactory(store=order.store))
    endings = ("/link", "/photo", "handoffs/<int:bulk_id>")
    routes = [route for route in STORE_ROUTES if route.endswith(endings)]
    paths = [path for route in routes for path in fill(route, order.store_id, rows)]
    assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)
    assert len(paths) == 3


@pytest.mark.parametrize("role", ["staff", "manager"])
def test_those_who_belong_there_get_in(order, role):
    store = order.store
    user = StaffFactory(store=store) if role == "staff" else ManagerFactory(franchise=store.franchise)
    client = client_of(user)

    assert client.get(f"/stores/{store.pk}/").status_code == 200
    path = f"/api/v1/stores/{store.pk}/orders/{order.pk}/accept"
    assert client.post(path, content_type="application/json").status_code == 200


@pytest.mark.parametrize(("role", "status"), [("staff", 404), ("manager", 200), ("admin", 200)])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_carries_what_is_for_those_who_manage_the_store(order, role, status, method):
    store = order.store
    user = {
        "staff": lambda: StaffFactory(store=store),
        "manager": lambda: ManagerFactory(franchise=store.franchise),
        "admin": lambda: UserFactory(is_superuser=True),
    }[role]()
    answer = client_of(user).generic(method, f"/stores/{store.pk}/carriers/", b"do=add", FORM)
    assert answer.status_code == status


@pytest.mark.parametrize("role", ["staff", "manager", "nobody"])
def test_the_admin_is_closed_to_everybody_else(order, role):
    user = {
        "staff": lambda: StaffFactory(store=order.store),
        "manager": lambda: ManagerFactory(franchise=order.store.franchise),
        "nobody": lambda: None,
    }[role]()
    client = client_of(user)
    models = [model._meta for model in admin.site._registry]
    assert len(models) >= 15
    for model in models:
        base = f"/admin/{model.app_label}/{model.model_name}/"
        for path in (base, f"{base}add/", f"{base}{order.pk}/change/", f"{base}{order.pk}/delete/"):
            for method in ("GET", "POST"):
                assert client.generic(method, path).status_code == 302, path
