"""A row of everything, so that every page has something to show."""

from datetime import timedelta

from couriers.models import (
    BulkHandOff,
    BulkItem,
    CarrierPolicy,
    CarrierPolicyChange,
    CarrierSearch,
    CourierMessage,
    CourierRest,
    CourierStore,
    Fee,
    HandOff,
    RiderDoor,
    RiderReport,
    Shift,
)
from orders.models import (
    Conflict,
    IncomingMessage,
    OrderEvent,
    OrderLine,
    Reconciliation,
    RefusedMessage,
    StoreSequence,
    Tally,
    UnroutedOrder,
)
from orders.tests.messages import created, encoded
from outbox.models import Job
from reports.tests import rows
from stores.models import ChannelToken, StoreChannel
from stores.services import open_store


def build(now):
    """Make the rows; returns {"app.model": pk}."""
    franchise = rows.make_franchise()
    store = rows.make_store("SH-01", franchise=franchise, name="云茶 人民广场店")
    account = rows.make_account(franchise, slug=f"standard-{franchise.slug}")
    admin, staff = rows.make_admin("admin"), rows.make_staff(store, "staff")
    rows.make_manager("manager", franchise)
    order = rows.make_order(
        store, placed_at=now - timedelta(minutes=30), ready_after=7, state="delivered", on_board=False
    )
    handoff = rows.make_handoff(
        store, "delivered", at=now - timedelta(minutes=20), ready_after=3, on_board=False
    )
    courier = rows.make_courier_account(franchise)
    message = {
        "account": account,
        "delivery_id": "msg_1",
        "external_id": "X1",
        "body": "{}",
        "received_at": now,
    }
    job = {"kind": "channel.order", "queue": "platforms", "due_at": now, "created_at": now}
    made = [
        franchise,
        store,
        account,
        admin,
        staff.memberships.get(),
        open_store(store=store, now=now),
        rows.make_change(store, "paused", now - timedelta(hours=1), "The floor is full"),
        StoreChannel.objects.create(store=store, account=account, external_code="SH-01"),
        order,
        OrderLine.objects.create(
            order=order, position=1, sku="T1", name="茉莉奶绿", quantity=2, unit_price=750
        ),
        StoreSequence.objects.create(store=store, epoch="a", last_seq=1),
        OrderEvent.objects.create(store=store, seq=1, order=order, kind="order.placed", at=now, body="{}"),
        IncomingMessage.objects.create(kind="order.created", body_hash="0", **message),
        Conflict.objects.create(body_hash="1", **message),
        make_unrouted(account, now),
        RefusedMessage.objects.create(
            account=account,
            at=now,
            status=401,
            reason="The signature does not match.",
            head="POST /",
            body="{}",
        ),
        Tally.objects.create(account=account, hour=now, what="stored", count=7),
        Reconciliation.objects.create(account=account, started_at=now),
        ChannelToken.objects.create(account=account, access="must-not-leak", expires_at=now),
        Job.objects.create(key="1", state="dead", attempts=8, last_error="ConnectTimeout", **job),
        handoff.rider,
        courier,
        CourierStore.objects.create(account=courier, store=store, shop_no="11047059"),
        handoff,
        CourierMessage.objects.create(handoff=handoff, key="k", body="{}", outcome="taken", received_at=now),
        *make_carriage(order, handoff, courier, now),
    ]
    return {row._meta.label_lower: row.pk for row in made}


def make_carriage(order, handoff, courier, now):
    """What else there is around hand-offs: a courier in doubt, its fee and its rest, a rider at work."""
    store, rider = order.store, handoff.rider
    stamps = {"created_at": now, "changed_at": now, "heard_at": now, "human_asked_at": now}
    search = CarrierSearch.objects.create(
        order=order, store=store, state="nobody", started_at=now, changed_at=now
    )
    doubted = HandOff.objects.create(
        order=order, store=store, search=search, carrier="provider", account=courier, state="unknown",
        fence=2, asks=1, confirmed_at=now, created_label="test", **stamps,
    )  # fmt: skip
    bulk = BulkHandOff.objects.create(store=store, target="auto", command="b1", actor_label="test", at=now)
    saved = {"store": store, "version": 1, "document": {}}
    return [
        search,
        Fee.objects.create(
            handoff=doubted, account=courier, store=store, kind="delivery", key="create", amount=850,
            currency="CNY", at=now,
        ),
        CourierRest.objects.create(
            account=courier, began_at=now, until=now + timedelta(minutes=30), faults=5, reason="HTTP 503"
        ),
        Shift.objects.create(rider=rider, started_at=now, ends_at=now + timedelta(hours=8)),
        RiderDoor.objects.create(store=store, instructions="Wait at the side door"),
        RiderReport.objects.create(handoff=handoff, rider=rider, command="r1", kind="problem", at=now),
        bulk,
        BulkItem.objects.create(bulk=bulk, order=order),
        CarrierPolicy.objects.create(changed_at=now, **saved),
        CarrierPolicyChange.objects.create(actor_label="test", at=now, **saved),
    ]  # fmt: skip


def make_unrouted(account, now, number="X9"):
    """An order for a store nobody bound."""
    body = encoded(created(store_code="T-9", order_id=number)).decode()
    return UnroutedOrder.objects.create(
        account=account,
        delivery_id=f"msg_{number}",
        kind="order.created",
        external_id=number,
        store_code="T-9",
        body=body,
        body_hash="2",
        received_at=now - timedelta(minutes=12),
        outcome="unrouted",
    )
