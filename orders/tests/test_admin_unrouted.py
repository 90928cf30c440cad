"""Orders that wait for a store, in the admin: which store is likely, and one press to route."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import strip_tags

from orders.intake.writer import write_batch
from orders.models import IncomingMessage, Order, UnroutedOrder
from orders.tests import admins
from orders.tests import eleme_messages as eleme
from orders.tests.admins import address, text_of
from orders.tests.factories import delivery_of
from orders.tests.messages import created
from orders.tests.stored import MEITUAN, eleme_account, meituan_account, store_message
from stores.models import StoreChannel
from stores.tests.factories import StoreChannelFactory, StoreFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:orders_unroutedorder_changelist")


@pytest.fixture
def boss():
    return admins.boss()


@pytest.fixture
def channel():
    """The account's only bound store, a kilometre from the guest."""
    return StoreChannelFactory(store__code="SH-01", store__latitude=31.24, store__longitude=121.48)


@pytest.fixture
def near(channel):
    """A store nobody bound, nearer still."""
    place = {"latitude": 31.231, "longitude": 121.48}
    return StoreFactory(franchise=channel.store.franchise, code="SH-02", name="江西路店", **place)


@pytest.fixture
def wait(channel, now):
    """Let an order wait; returns it."""

    def make(order_id="E-1", **fields):
        envelope = created(store_code="T-9", order_id=order_id, **fields)
        delivery = delivery_of(channel, envelope, delivery_id=f"msg-{order_id}")
        delivery = type(delivery)(delivery.account, None, delivery.proof, delivery.message)
        write_batch([delivery], now=now)
        return UnroutedOrder.objects.get(external_id=order_id)

    return make


def list_of(client):
    response = client.get(LIST)
    assert response.status_code == 200
    return " ".join(strip_tags(response.content.decode().replace("<", " <")).split())


def press(client, waiting, store, **how):
    """Route; returns what the next page says."""
    response = client.post(address(waiting, "route"), {"store": store.pk, **how}, follow=True)
    return (
        [str(message) for message in response.context["messages"]]
        if response.context
        else response.status_code
    )


def history(row, model="incomingmessage"):
    entries = LogEntry.objects.filter(object_id=row.pk, content_type__model=model)
    return list(entries.values_list("change_message", flat=True))


def test_the_first_page_counts_them(wait, boss):
    index = reverse("admin:index")
    assert "They wait until somebody" not in boss.get(index).content.decode()
    wait("E-1")
    wait("E-2")
    assert "Unrouted orders <strong>2</strong>" in boss.get(index).content.decode()


def test_the_list_says_which_store_is_likely(channel, near, wait, boss):
    wait()
    text = list_of(boss)
    assert f"{channel.account.slug} T-9 – E-1" in text
    assert "SH-02 江西路店 · 0.1 km" in text


def test_without_a_position_the_likest_name_counts(boss, now):
    account = eleme_account()
    for code, name in (("a", "人民广场店"), ("b", "江西路茶铺")):
        StoreFactory(franchise=account.franchise, code=code, name=name)
    store_message(account, eleme.push(10, eleme.order(deliveryGeo=None)), now=now)

    assert "江西路茶铺(测试店) 8091550120260206101" in list_of(boss)
    page = text_of(boss, UnroutedOrder.objects.get())
    assert "The platform calls it 江西路茶铺(测试店)." in page
    assert page.index("b 江西路茶铺 上海 · name 67 % alike") < page.index(
        "a 人民广场店 上海 · name 13 % alike"
    )


def test_a_page_shows_the_stores_of_the_franchise_alone_with_what_speaks_for_them(channel, near, wait, boss):
    StoreFactory(code="XX-01", latitude=31.23, longitude=121.48)
    near.intake.level = "paused"
    near.intake.save()
    page = text_of(boss, wait())

    assert "SH-02 江西路店 上海 · 0.1 km · Paused · 0 orders waiting Route to this store" in page
    assert "SH-01 南京东路店 上海 · 1.1 km · Open · 0 orders waiting · known here as “SH-01”" in page
    assert (page.count("from now on"), "XX-01" in page) == (1, False)


def test_the_stores_of_a_large_franchise_are_a_click_away(channel, wait, boss):
    for _ in range(11):
        StoreFactory(franchise=channel.store.franchise)
    waiting = wait()
    assert "2 more stores" in text_of(boss, waiting)
    everything = boss.get(address(waiting), {"all": ""}).content.decode()
    assert ("more store" in everything, everything.count("Route to this store")) == (False, 12)


def test_a_press_routes_and_is_written_down(near, wait, boss):
    waiting = wait()

    [said] = press(boss, waiting, near)

    order = Order.objects.get()
    assert (order.store, order.state) == (near, "placed")
    assert strip_tags(said) == f"Order {order} is at {near} now."
    assert history(waiting) == [f"Routed to {near}."]
    assert boss.get(LIST).context["cl"].result_count == 0


def test_who_comes_second_is_told(channel, near, wait, boss):
    waiting = wait()
    press(boss, waiting, near)

    assert press(boss, waiting, channel.store) == [
        "Somebody else was faster: this order does not wait any more."
    ]
    assert ([order.store for order in Order.objects.all()], len(history(waiting))) == ([near], 1)


def test_a_press_binds_the_code_and_routes_all_of_it(channel, near, wait, boss):
    waiting = [wait(f"E-{number}") for number in range(3)]

    said = press(boss, waiting[1], near, bind="yes")

    assert said == [f"“T-9” means {near} from now on; 3 orders that waited are routed."]
    assert {order.store for order in Order.objects.all()} == {near}
    bound = StoreChannel.objects.get(external_code="T-9")
    assert bound.store == near
    assert history(waiting[1]) == history(bound, "storechannel") == [f"Bound “T-9” to {near}."]


def test_what_is_bound_otherwise_is_said_and_nothing_is_routed(channel, near, wait, boss):
    waiting = wait()
    StoreChannel.objects.create(account=channel.account, store=near, external_code="T-9")

    assert "known here as “T-9”" in text_of(boss, waiting)
    assert "The code means SH-02 江西路店 by now" in text_of(boss, waiting)
    [said] = press(boss, waiting, channel.store, bind="yes")
    assert said.startswith("“T-9” and SH-01 南京东路店 cannot be bound")
    assert not Order.objects.exists()


def test_a_foreign_store_and_a_helper_get_nowhere(near, wait, boss):
    waiting, helper = wait(), admins.helper()
    assert boss.post(address(waiting, "route"), {"store": StoreFactory().pk}).status_code == 404
    assert boss.post(address(waiting, "route"), {"store": "²"}).status_code == 404
    assert boss.get(address(waiting, "route")).status_code == 405
    assert helper.post(address(waiting, "route"), {"store": near.pk}).status_code == 403
    assert "Route to this store" not in text_of(helper, waiting)
    assert not Order.objects.exists()


def test_one_that_cannot_be_read_is_listed_and_says_so(near, wait, boss):
    waiting = wait()
    wait("E-2")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_incomingmessage SET body = 'gAAAAA' WHERE external_id = 'E-1'")

    assert "E-1" in list_of(boss)
    assert "It cannot be read" in text_of(boss, waiting)
    [said] = press(boss, waiting, near)
    assert said.startswith("It cannot be read")


def test_meituans_orders_are_routed_like_any_other(boss, now, settings):
    settings.PUBLIC_URL = "https://portal.example"
    account = meituan_account()
    store = StoreFactory(franchise=account.franchise)
    waiting = UnroutedOrder.objects.get(pk=store_message(account, MEITUAN["placed"], now=now).pk)

    press(boss, waiting, store, bind="yes")

    assert [(order.store, order.platform_store_code) for order in Order.objects.all()] == [
        (store, waiting.store_code)
    ]


def test_a_list_asks_as_much_for_many_as_for_one(channel, near, wait, boss):
    def asked(waiting):
        with CaptureQueriesContext(connection) as queries:
            boss.get(LIST)
            boss.get(address(waiting))
        return len(queries)

    waiting = wait()
    asked(waiting)
    before = asked(waiting)
    for number in range(2, 9):
        wait(f"E-{number}")
        StoreFactory(franchise=channel.store.franchise)
    assert asked(waiting) == before
    assert IncomingMessage.objects.filter(outcome="unrouted").count() == 8
