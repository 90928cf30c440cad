"""A rider's phone and the counter's page of riders in a real browser, against a running portal."""

import re
import struct
import zlib

import pytest
from playwright.sync_api import expect

from reports.tests.rows import PASSWORD
from tests.browser.inspect import barriers, policy_breaks, watch
from tests.browser.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
FILL = """
import json
from django.utils import timezone
from tests.browser.riders_world import build
print(json.dumps(build(timezone.now())))
"""
STATES = """
import json
from tests.browser.riders_world import states
print(json.dumps(states({bags})))
"""
REPORTS = """
import json
from tests.browser.riders_world import reports
print(json.dumps(reports({bag})))
"""
PATIENCE = 30_000  # milliseconds; a busy machine is no fault of the page
SIZES = [(1280, 800), (390, 844), (1920, 1080)]


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """One of our own: its network goes away in the middle."""
    running = Portal(tmp_path_factory.mktemp("riders"), FILL)
    yield running
    running.stop()


@pytest.fixture
def phone(portal, browser):
    """A phone's page of a rider's link; afterwards no policy break and no script error."""
    opened = []

    def open_page(link="link", **options):
        options = {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", **options}
        context = browser.new_context(base_url=portal.url, **options)
        context.set_default_timeout(PATIENCE)
        errors = watch(context)
        page = context.new_page()
        opened.append((context, page, errors))
        page.goto(portal.rows[link])
        page.locator(".rider-stops, .rider-empty").first.wait_for()
        return page

    yield open_page
    for context, page, errors in opened:
        breaks = policy_breaks(page)
        context.close()
        assert (breaks, errors) == ([], [])


@pytest.fixture(scope="module")
def session(portal, browser):
    """The cookies of the store's manager."""
    context = browser.new_context(base_url=portal.url)
    page = context.new_page()
    page.goto("/login/")
    page.fill("[name=username]", "manager")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/login/" not in url)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def counter(portal, session, browser):
    """The counter's page at some size; afterwards no policy break and no script error."""
    opened = []

    def open_page(width=1280, height=800, **options):
        size = {"width": width, "height": height}
        context = browser.new_context(base_url=portal.url, storage_state=session, viewport=size, **options)
        context.set_default_timeout(PATIENCE)
        errors = watch(context)
        page = context.new_page()
        opened.append((context, page, errors))
        page.goto(f"/stores/{portal.rows['store']}/riders/")
        return page

    yield open_page
    for context, page, errors in opened:
        breaks = policy_breaks(page)
        context.close()
        assert (breaks, errors) == ([], [])


def stop(page, number):
    return page.locator("article", has=page.locator(".stop-number", has_text=re.compile(f"^#{number}$")))


def rows(portal, *places):
    """State and progress of hand-offs, state of their orders, who did the last step."""
    return portal.shell(STATES.format(bags=[portal.rows["bags"][place] for place in places]))


def kept_offline(page):
    """Wait until the phone can open this page without a network: the page is what is kept last.

    Evaluated, not waited for: the promise of an asynchronous condition would be taken for its truth.
    """
    page.evaluate(
        """async () => {
            const kept = async () => navigator.serviceWorker.controller
                && await (await caches.open("rider-shell")).match(location.pathname);
            while (!(await kept())) await new Promise((resolve) => setTimeout(resolve, 50));
        }"""
    )


def picture(width, height):
    """A PNG, as large as a camera's."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    lines = zlib.compress((b"\0" + bytes([200, 120, 40]) * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def photo(width, height):
    return {"name": "a.png", "mimeType": "image/png", "buffer": picture(width, height)}


def unfolded(page, number):
    """A stop with its tools to be seen: the first is open by itself."""
    found = stop(page, number)
    if not found.locator(".stop-tools").count():
        found.locator(".stop-head").click()
    found.locator(".stop-tools").wait_for()
    return found


def reports(portal, place):
    """What the rider reported of a hand-off (kind, code, key), and the kinds of their events, in order."""
    return portal.shell(REPORTS.format(bag=portal.rows["bags"][place]))


def test_without_a_network_the_rider_goes_on_and_the_portal_catches_up(portal, phone, request):
    page = phone()
    kept_offline(page)
    # The phone has its list.
    expect(stop(page, "A12").get_by_role("button", name="Picked up")).to_be_visible()
    portal.stop()
    request.addfinalizer(portal.start_again)
    stop(page, "A12").get_by_role("button", name="Picked up").click()
    expect(page.get_by_text("1 step not sent yet")).to_be_visible()
    page.reload()
    expect(page.locator(".rider-line")).to_contain_text("No network", timeout=PATIENCE)
    expect(stop(page, "A12").locator("[data-step=delivered]")).to_be_visible()
    stop(page, "A12").locator("[data-step=delivered]").click()
    expect(page.get_by_text("#A12 delivered")).to_be_visible()
    expect(stop(page, "A12")).to_have_count(0)
    page.reload()
    expect(page.get_by_text("2 steps not sent yet")).to_be_visible(timeout=PATIENCE)
    expect(stop(page, "A12")).to_have_count(0)
    portal.start()
    expect(page.get_by_text("not sent yet")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator(".rider-done")).to_contain_text("1 delivered")
    assert rows(portal, 0) == [["delivered", "delivered", "delivered", "王师傅"]]


def test_a_photo_taken_without_a_network_arrives_once_and_before_the_delivery(portal, phone, counter):
    page = phone()
    kept_offline(page)
    expect(stop(page, "A13").locator("[data-step=picked-up]")).to_be_visible()
    page.context.set_offline(True)
    stop(page, "A13").locator("[data-step=picked-up]").click()
    stop(page, "A13").locator("[data-step=delivered]").wait_for()
    unfolded(page, "A13").get_by_role("button", name="Problem").click()
    page.get_by_label("Nobody opens").check()
    page.set_input_files("[name=photo]", photo(2600, 1300))
    expect(page.get_by_text("1 photo")).to_be_visible()
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_text("Your report is on its way.")).to_be_visible()
    stop(page, "A13").locator("[data-step=delivered]").click()
    expect(page.get_by_text("3 steps not sent yet")).to_be_visible()
    page.reload()
    expect(page.locator(".rider-line")).to_contain_text("No network", timeout=PATIENCE)
    expect(page.get_by_text("3 steps not sent yet")).to_be_visible(timeout=PATIENCE)
    expect(stop(page, "A13")).to_have_count(0)
    page.context.set_offline(False)
    expect(page.get_by_text("not sent yet")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator(".rider-notice")).to_have_count(0)
    told = reports(portal, 1)
    assert told["steps"] == ["order.collected", "order.delivery", "order.delivered"]
    assert [report[:2] for report in told["reports"]] == [["problem", "absent"]]
    seen = counter()
    answer = seen.request.get(f"/stores/{portal.rows['store']}/riders/reports/{told['reports'][0][2]}/photo")
    body = answer.body()
    assert (answer.headers["content-type"], body[:2], body[-2:]) == ("image/jpeg", b"\xff\xd8", b"\xff\xd9")


def test_a_photo_at_the_door_holds_up_no_delivery(portal, phone, counter):
    page = phone()
    stop(page, "A17").locator("[data-step=picked-up]").click()
    unfolded(page, "A17").locator("[name=proof]").set_input_files(photo(900, 1600))
    stop(page, "A17").locator("[data-step=delivered]").click()
    expect(page.get_by_text("not sent yet")).to_have_count(0, timeout=PATIENCE)
    told = reports(portal, 5)
    assert [report[:2] for report in told["reports"]] == [["proof", ""]]
    assert told["steps"].count("order.delivered") == 1
    seen = counter()
    door = seen.locator(".proof-list li", has_text="A17")
    door.scroll_into_view_if_needed()
    expect(door.locator("img")).to_be_visible()


def test_a_photo_keeps_its_mark_and_the_counter_finds_it(portal, phone, counter):
    page = phone()
    unfolded(page, "A15").locator("[name=proof]").set_input_files(photo(900, 1600))
    expect(page.get_by_text("1 photo")).to_be_visible()
    expect(page.get_by_text("not sent yet")).to_have_count(0, timeout=PATIENCE)
    page.reload()
    expect(unfolded(page, "A15").get_by_text("1 photo")).to_be_visible()
    seen = counter()
    for number, found in (("A15", 1), ("A99", 0)):
        seen.get_by_label("Reports and photos of an order").fill(number)
        seen.get_by_role("button", name="Search").click()
        expect(seen.locator(".proof-list li")).to_have_count(found)
    expect(seen.get_by_text("Nothing was reported about #A99")).to_be_visible()
    assert barriers(seen) == []


def test_a_tap_is_taken_back(portal, phone):
    page = phone()
    stop(page, "A16").get_by_role("button", name="Picked up").click()
    expect(stop(page, "A16").locator("[data-step=delivered]")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(stop(page, "A16").locator("[data-step=picked-up]")).to_be_visible()
    stop(page, "A15").locator("[data-step=delivered]").click()
    expect(stop(page, "A15")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(stop(page, "A15")).to_be_visible()
    expect(page.get_by_text("not sent yet")).to_have_count(0, timeout=PATIENCE)
    ready = ["confirmed", "assigned", "ready", "王师傅"]
    assert rows(portal, 4, 3) == [["confirmed", "picked_up", "collected", "王师傅"], ready]


def test_a_problem_goes_out_with_a_small_photo_and_the_counter_sees_it(portal, phone, counter):
    page = phone()
    stop(page, "A15").get_by_role("button", name="Problem").click()
    page.get_by_label("The address is wrong").check()
    page.get_by_label("A few words, if you like").fill("<i>There is no number 465</i>")
    page.set_input_files("[name=photo]", photo(2600, 1300))
    expect(page.get_by_text("1 photo")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_text("The rider says: the address is wrong.")).to_be_visible()
    seen = counter()
    expect(seen.get_by_text("<i>There is no number 465</i>")).to_be_visible()
    image = seen.locator(".report-photo img").first
    image.scroll_into_view_if_needed()
    seen.wait_for_function("document.querySelector('.report-photo img').naturalWidth > 0")
    assert image.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [1280, 640]


def test_a_guest_is_called_and_found_with_the_phones_own_apps(phone):
    page = phone()
    found = stop(page, "A15")
    place = found.get_by_role("link", name="Map").get_attribute("href")
    assert place.startswith("geo:31.234,121.476?q=31.234,121.476(")
    found.get_by_role("button", name="Call").click()
    call = found.get_by_role("link", name="Call")
    expect(call).to_have_attribute("href", "tel:13800000000")


@pytest.mark.parametrize(("language", "scheme"), [("de-DE", "light"), ("zh-CN", "dark")])
def test_the_phones_page_is_open_to_everybody(phone, language, scheme):
    page = phone(locale=language, color_scheme=scheme)
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate("document.documentElement.lang") == {"zh-CN": "zh-hans"}.get(language, language[:2])
    touch = page.locator(".stop-next").first.bounding_box()["height"]
    assert touch >= 56


def test_a_phone_with_nothing_to_do_says_so(phone):
    page = phone("other")
    expect(page.get_by_text("Nothing to bring right now.")).to_be_visible()
    assert barriers(page) == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_counters_page_is_open_to_everybody(counter, width, height):
    page = counter(width, height)
    assert barriers(page) == []
    page.get_by_role("link", name="Show the code").first.click()
    expect(page.locator("dialog .qr")).to_be_visible()
    assert barriers(page) == []
    square = page.locator("dialog .qr").bounding_box()
    assert min(square["width"], square["height"]) >= 280
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.get_by_role("link", name="Done").click()
    expect(page.locator(".qr")).to_have_count(0)


def test_a_run_is_given_with_one_tap_and_is_on_the_phone(phone, counter):
    page = phone("other")
    seen = counter()
    seen.get_by_role("button", name=re.compile(r"^Give \d bags? to Ann$")).click()
    expect(seen.get_by_text(re.compile(r"^\s*Ann takes \d bags? along\.\s*$"))).to_be_visible()
    page.reload()
    expect(page.locator(".stop").first).to_be_visible()


def test_one_tap_tells_the_counter_that_the_rider_is_here(portal, phone, counter):
    page = phone("other")
    page.get_by_role("button", name="I am at the store").click()
    expect(page.get_by_text("The counter knows since")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("not sent yet")).to_have_count(0, timeout=PATIENCE)
    assert barriers(page) == []
    seen = counter()
    member = seen.locator(".member", has=seen.get_by_role("heading", name="Ann"))
    expect(member.get_by_text("here since")).to_be_visible()
    assert barriers(seen) == []
    seen.goto(f"/stores/{portal.rows['store']}/")
    expect(seen.locator(".carry-here").first).to_contain_text("Ann")


def test_whoever_cannot_take_an_order_leaves_it_to_the_next(portal, phone):
    page = phone("other")
    page.get_by_role("button", name="Decline").first.click()
    expect(page.get_by_text("given back")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("not sent yet")).to_have_count(0)
    expect(page.get_by_role("button", name="Decline").first).to_be_visible()


def test_a_new_link_ends_the_old_one_and_what_was_tapped_goes_out_with_the_new(portal, phone, counter):
    page = phone()
    kept_offline(page)
    seen = counter()
    member = seen.locator(".member", has=seen.get_by_role("heading", name="王师傅"))
    member.get_by_role("button", name="New link").click()
    expect(seen.get_by_text("the old one is worthless")).to_be_visible()
    stop(page, "A14").get_by_role("button", name="Picked up").click()
    expect(page.get_by_role("heading", name="This link is no longer valid.")).to_be_visible()
    expect(page.get_by_text("1 step not sent yet")).to_be_visible()
    link = portal.shell(f"""
import json
from couriers.models import Shift
from couriers.riders.links import token_of
print(json.dumps("/r/" + token_of(Shift.objects.get(rider={portal.rows["riders"][0]}, ended_at=None)) + "/"))
""")
    page.goto(link)
    expect(stop(page, "A14").locator("[data-step=delivered]")).to_be_visible()
    expect(page.get_by_text("not sent yet")).to_have_count(0, timeout=PATIENCE)
    assert rows(portal, 2) == [["confirmed", "picked_up", "collected", "王师傅"]]
