"""The admin: every page answers an admin and nobody else, logs cannot be written, secrets cannot be read."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from couriers.models import (
    BulkHandOff,
    BulkItem,
    CarrierPolicy,
    CarrierPolicyChange,
    CarrierSearch,
    CourierAccount,
    CourierMessage,
    CourierRest,
    Fee,
    HandOff,
    Rider,
    RiderReport,
    Shift,
)
from orders.models import (
    Conflict,
    IncomingMessage,
    Order,
    OrderEvent,
    OrderLine,
    Reconciliation,
    RefusedMessage,
    StoreSequence,
    Tally,
    UnroutedOrder,
)
from outbox.models import Job
from reports.tests.rows import PASSWORD
from reports.tests.world import build, make_unrouted
from stores.models import ChannelAccount, IntakeChange, IntakeState, Membership, Store, User

pytestmark = pytest.mark.django_db

OURS = [model for model in admin.site._registry if model._meta.app_label != "axes"]
LOGS = [
    Order,
    OrderLine,
    OrderEvent,
    StoreSequence,
    IncomingMessage,
    UnroutedOrder,
    Conflict,
    RefusedMessage,
    Tally,
    Reconciliation,
    IntakeState,
    IntakeChange,
    HandOff,
    CarrierSearch,
    Fee,
    CourierRest,
    Shift,
    RiderReport,
    BulkHandOff,
    BulkItem,
    CarrierPolicy,
    CarrierPolicyChange,
    CourierMessage,
    Job,
]


def names(model):
    return model._meta.label_lower


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def rows():
    return build(timezone.now())


@pytest.fixture
def signed_in(rows):
    def client(name):
        session = Client()
        session.force_login(User.objects.get(username=name))
        return session

    return client


@pytest.fixture
def boss(signed_in):
    return signed_in("admin")


@pytest.fixture
def dead(rows):
    return Job.objects.get(pk=rows["outbox.job"])


def test_every_model_is_in_the_admin():
    ours = {"stores", "outbox", "orders", "couriers"}
    models = {model for model in apps.get_models() if model._meta.app_label in ours}
    assert models - set(admin.site._registry) == set()


def pages_of(model, pk):
    return [address(model, "changelist"), address(model, "change", pk), address(model, "history", pk)]


def test_every_page_of_every_model_answers_an_admin(boss, rows):
    pages = [page for model in OURS for page in pages_of(model, rows[names(model)])]
    pages += [address(model, "add") for model in OURS if model not in LOGS]
    assert {page: status for page in pages if (status := boss.get(page).status_code) != 200} == {}


def test_a_search_for_anything_answers(boss):
    lists = [address(model, "changelist") for model in OURS if admin.site._registry[model].search_fields]
    answers = {page: boss.get(page, {"q": "SH-01 茶 '%"}).status_code for page in lists}
    assert set(answers.values()) == {200}


@pytest.mark.parametrize("name", ["staff", "manager", ""])
def test_nobody_else_gets_in(signed_in, rows, name):
    session = signed_in(name) if name else Client()
    pages = [page for model in OURS for page in pages_of(model, rows[names(model)])]
    answers = {page: session.get(page) for page in [reverse("admin:index"), *pages]}
    login = reverse("admin:login")
    assert {
        page: answer for page, answer in answers.items() if answer["Location"].split("?")[0] != login
    } == {}


BUTTONS = [
    (IncomingMessage, "raw"),
    (IncomingMessage, "replay"),
    (UnroutedOrder, "raw"),
    (UnroutedOrder, "route"),
    (Conflict, "raw"),
    (RefusedMessage, "raw"),
    (Job, "retry"),
]


@pytest.mark.parametrize("name", ["staff", "manager", ""])
def test_nobody_else_presses_a_button(signed_in, rows, name):
    session = signed_in(name) if name else Client()
    pages = [address(model, page, rows[names(model)]) for model, page in BUTTONS]
    answers = {page: session.post(page) for page in pages}
    assert {answer["Location"].split("?")[0] for answer in answers.values()} == {reverse("admin:login")}
    assert UnroutedOrder.objects.filter(outcome="unrouted").exists()


def test_who_may_sign_in_but_see_nothing_sees_nothing(signed_in, rows):
    User.objects.create(username="guest", is_staff=True)
    session = signed_in("guest")
    pages = [page for model in OURS for page in pages_of(model, rows[names(model)])]
    assert {page: status for page in pages if (status := session.get(page).status_code) != 403} == {}
    pages = [address(model, page, rows[names(model)]) for model, page in BUTTONS]
    assert {page: status for page in pages if (status := session.post(page).status_code) != 403} == {}


def test_logs_can_only_be_read(boss, rows):
    for model in LOGS:
        pk = rows[names(model)]
        before = model.objects.filter(pk=pk).values().get()
        delete = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
        boss.post(address(model, "changelist"), delete)
        tried = [
            boss.get(address(model, "add")),
            boss.post(address(model, "change", pk), {"state": "cancelled"}),
            boss.post(address(model, "delete", pk), {"post": "yes"}),
        ]
        assert [answer.status_code for answer in tried] == [403, 403, 403], model
        assert model.objects.filter(pk=pk).values().get() == before


def test_a_store_is_never_deleted(boss, rows):
    pk = rows["stores.store"]
    assert boss.post(address(Store, "delete", pk), {"post": "yes"}).status_code == 403
    assert Store.objects.filter(pk=pk).exists()


def new_store(franchise, **changes):
    return {
        "franchise": franchise,
        "code": "HZ-09",
        "name": "West Lake",
        "city": "Hangzhou",
        "latitude": "30.2",
        "longitude": "120.1",
        "timezone": "Asia/Shanghai",
        "cups_per_hour": "120",
        "opens_at": "09:00",
        "shift_ends_at": "15:00",
        "closes_at": "22:00",
        "channels-TOTAL_FORMS": "0",
        "channels-INITIAL_FORMS": "0",
        **changes,
    }


def test_a_new_store_takes_orders_at_once(boss, rows):
    response = boss.post(address(Store, "add"), new_store(rows["stores.franchise"]))
    assert response.status_code == 302
    assert Store.objects.get(code="HZ-09").intake.level == "open"


def test_saving_a_store_again_keeps_its_intake(boss, rows):
    boss.post(address(Store, "add"), new_store(rows["stores.franchise"]))
    store = Store.objects.get(code="HZ-09")
    IntakeState.objects.filter(store=store).update(level="paused", version=4)
    data = new_store(rows["stores.franchise"], name="West Lake 2")
    assert boss.post(address(Store, "change", store.pk), data).status_code == 302
    store.refresh_from_db()
    assert (store.name, store.intake.level, store.intake.version) == ("West Lake 2", "paused", 4)


def test_a_time_zone_no_clock_knows_is_refused(boss, rows):
    response = boss.post(address(Store, "add"), new_store(rows["stores.franchise"], timezone="Mars/Olympus"))
    assert "timezone" in response.context["adminform"].form.errors
    assert not Store.objects.filter(code="HZ-09").exists()


def test_routine_jobs_do_not_flood_the_list(boss, dead, now):
    for state in ("done", "dead"):
        Job.objects.create(
            kind="handoff.query", key=f"{state}-1", state=state, queue="couriers", due_at=now, created_at=now
        )
    Job.objects.create(
        kind="handoff.create", key="made-1", state="done", queue="couriers", due_at=now, created_at=now
    )

    def shown(**query):
        return {job.key for job in boss.get(address(Job, "changelist"), query).context["cl"].result_list}

    assert shown() == {"dead-1", "made-1", dead.key}
    assert shown(routine="shown") == {"dead-1", "done-1", "made-1", dead.key}
    assert shown(kind__exact="handoff.query") == {"dead-1", "done-1"}
    assert shown(state__exact="done") == {"done-1", "made-1"}
    assert shown(q="done-1") == {"done-1"}


def test_a_dead_letter_is_retried_from_the_list(boss, dead):
    data = {"action": "retry_dead_letters", "_selected_action": [dead.pk]}
    response = boss.post(address(Job, "changelist"), data, follow=True)
    dead.refresh_from_db()
    assert (dead.state, dead.attempts) == ("due", 0)
    assert "1 job is due again." in response.content.decode()


def test_a_dead_letter_is_retried_from_its_page_once(boss, dead):
    page = address(Job, "retry", dead.pk)
    assert "1 job is due again." in boss.post(page, follow=True).content.decode()
    dead.refresh_from_db()
    assert (dead.state, dead.attempts) == ("due", 0)
    assert "Nothing to retry" in boss.post(page, follow=True).content.decode()
    assert boss.get(page).status_code == 405


@pytest.mark.parametrize("name", ["staff", "manager"])
def test_nobody_else_retries(signed_in, dead, name):
    signed_in(name).post(address(Job, "retry", dead.pk))
    dead.refresh_from_db()
    assert dead.state == "dead"


def test_an_admin_helper_who_may_only_look_can_not_retry(signed_in, dead, rows):
    helper = User.objects.create_user("helper", password=PASSWORD, is_staff=True)
    helper.user_permissions.add(Permission.objects.get(codename="view_job"))
    session = signed_in("helper")
    assert session.get(address(Job, "change", dead.pk)).status_code == 200
    assert session.post(address(Job, "retry", dead.pk)).status_code == 403
    data = {"action": "retry_dead_letters", "_selected_action": [dead.pk]}
    session.post(address(Job, "changelist"), data)
    dead.refresh_from_db()
    assert dead.state == "dead"


NEW_SECRET = "whsec_bmV3LXNlY3JldC1uZXctc2VjcmV0LW5ldw=="
SECRETS = ["whsec_", "must-not-leak", "13800138000", "13900001111", "13812345678"]


def test_no_page_shows_a_secret_or_a_phone(boss, rows):
    Rider.objects.update(phone="13900001111")
    IncomingMessage.objects.filter(outcome="stored").update(body='{"phone": "13800138000"}')
    Conflict.objects.update(body='{"phone": "13800138000"}')
    RefusedMessage.objects.update(body='{"phone": "13800138000"}')
    make_unrouted(ChannelAccount.objects.get(), timezone.now(), number="X10")
    HandOff.objects.update(rider_phone="13900001111")
    CourierMessage.objects.update(body='{"phone": "13900001111"}')
    RiderReport.objects.update(note="must-not-leak", photo=b"must-not-leak")
    Shift.objects.update(key="must-not-leak")
    for model in OURS:
        text = "".join(boss.get(page).content.decode() for page in pages_of(model, rows[names(model)]))
        assert [secret for secret in SECRETS if secret in text] == [], model


def account_form(account, **changes):
    plain = {
        "franchise": account.franchise_id,
        "channel": account.channel,
        "slug": account.slug,
        "active": "on",
    }
    no_token = {"token-TOTAL_FORMS": "0", "token-INITIAL_FORMS": "0"}
    return {**plain, **no_token, "callback_url": "", "secrets": "", **changes}


def test_a_secret_that_is_left_empty_is_kept(boss, rows):
    account = ChannelAccount.objects.get(pk=rows["stores.channelaccount"])
    before = account.secrets
    page = address(ChannelAccount, "change", account.pk)
    assert boss.post(page, account_form(account)).status_code == 302
    account.refresh_from_db()
    assert account.secrets == before != ""


def test_a_new_secret_replaces_the_old_one_and_history_does_not_quote_it(boss, rows):
    account = ChannelAccount.objects.get(pk=rows["stores.channelaccount"])
    page = address(ChannelAccount, "change", account.pk)
    response = boss.post(page, account_form(account, secrets=NEW_SECRET), follow=True)
    account.refresh_from_db()
    assert account.secret_list == [NEW_SECRET]
    history = boss.get(address(ChannelAccount, "history", account.pk))
    assert "whsec_" not in response.content.decode() + history.content.decode()


def test_a_form_that_is_refused_does_not_send_the_secret_back(boss, rows):
    account = ChannelAccount.objects.get(pk=rows["stores.channelaccount"])
    data = account_form(account, secrets=NEW_SECRET, slug="")
    response = boss.post(address(ChannelAccount, "change", account.pk), data)
    assert response.status_code == 200
    assert "whsec_" not in response.content.decode()


def test_a_new_account_needs_a_secret(boss, rows):
    account = ChannelAccount.objects.get(pk=rows["stores.channelaccount"])
    response = boss.post(address(ChannelAccount, "add"), account_form(account, slug="second"))
    assert list(response.context["adminform"].form.errors) == ["secrets"]


def test_credentials_of_a_courier_are_checked_and_kept(boss, rows):
    account = CourierAccount.objects.get(pk=rows["couriers.courieraccount"])
    before = account.credentials
    data = {
        "franchise": account.franchise_id,
        "provider": account.provider,
        "label": "Dada 2",
        "base_url": account.base_url,
        "active": "on",
        "credentials": "not json",
        "shops-TOTAL_FORMS": "0",
        "shops-INITIAL_FORMS": "0",
    }
    page = address(CourierAccount, "change", account.pk)
    assert list(boss.post(page, data).context["adminform"].form.errors) == ["credentials"]
    assert boss.post(page, {**data, "credentials": ""}).status_code == 302
    account.refresh_from_db()
    assert (account.label, account.credentials) == ("Dada 2", before)


def test_the_address_a_courier_calls_is_shown_where_one_is_to_be_entered(boss, rows, settings):
    account = CourierAccount.objects.get(pk=rows["couriers.courieraccount"])
    page = address(CourierAccount, "change", account.pk)
    assert "Nothing is to be entered" in boss.get(page).content.decode()
    CourierAccount.objects.update(provider="uber")
    url = f"{settings.PUBLIC_URL}/couriers/uber/account/{account.callback_token}/"
    assert url in boss.get(page).content.decode()
    assert "Save it first" in boss.get(address(CourierAccount, "add")).content.decode()


def test_a_manager_is_made_with_a_membership(boss, rows):
    data = {
        "username": "wu",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-role": "manager",
        "memberships-0-franchise": rows["stores.franchise"],
    }
    assert boss.post(address(User, "add"), data).status_code == 302
    user = User.objects.get(username="wu")
    assert user.check_password(PASSWORD)
    assert list(Store.objects.managed_by(user)) == list(Store.objects.filter(pk=rows["stores.store"]))


def test_staff_without_a_store_are_refused_in_words(boss, rows):
    user = User.objects.get(username="staff")
    data = {"user": user.pk, "role": "staff", "franchise": rows["stores.franchise"]}
    response = boss.post(address(Membership, "add"), data)
    assert response.status_code == 200
    assert response.context["adminform"].form.errors


def test_lists_do_not_ask_more_for_more_rows(boss, rows, django_assert_max_num_queries):
    for model in [*LOGS, ChannelAccount, Store, User]:
        with django_assert_max_num_queries(14):
            boss.get(address(model, "changelist"))
