"""The counter board in a real browser, against the whole running portal: a shift in small."""

import itertools
import re
import signal

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.counter import PATIENCE, known_cards, newest, open_board, place, press, sign_in
from tests.browser.inspect import barriers

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PLATFORMS = 3  # every store of the demo is on


@pytest.fixture
def asking(shop, staff, order):
    """Have Meituan push an order, and after it that its guest asks for something."""
    code = f"qh_{staff['stores'][0]['code'].lower().replace('-', '_')}"

    def push(kind, **facts):
        placed = order(store_code=code, fulfilment="platform_courier")["orders"][0]
        wish = {"store_code": code, "order_id": placed["order_id"], "type": kind, **facts}
        httpx.post(f"{shop.sandbox_url}/control/messages", json=wish, timeout=60).raise_for_status()

    return push


def test_a_free_order_walks_the_board_and_a_step_can_be_taken_back(board, order):
    card = place(board, order, funding="free")
    expect(card).to_have_class(re.compile(r"\bis-free\b"))
    step = card.locator("[data-step]")

    expect(step).to_have_text("Start")
    press(board, step)
    expect(step).to_have_text("Ready")
    press(board, board.locator(".toast button"))
    for label in ("Start", "Ready", "Collected"):
        expect(step).to_have_text(label)
        press(board, step)

    expect(card).to_have_count(0)


def test_a_pause_is_told_confirmed_and_taken_back(board, order):
    press(board, board.locator(".intake-button"))
    press(board, board.locator("dialog[open] .choices-large button").first)

    switch = board.locator(".intake-paused")
    expect(switch).to_contain_text("Paused")
    expect(switch.locator(".channel.is-confirmed")).to_have_count(PLATFORMS)

    press(board, switch.locator(".intake-button"))
    expect(board.locator(".intake-open .channel.is-confirmed")).to_have_count(PLATFORMS)


def test_an_order_that_leaks_into_a_pause_is_held_and_seen(board, order):
    press(board, board.locator(".intake-button"))
    press(board, board.locator("dialog[open] .choices-large button").first)
    expect(board.locator(".intake-paused .channel.is-confirmed")).to_have_count(PLATFORMS)

    card = place(board, order)

    expect(card.locator("[data-step]")).to_have_text("Accept")
    expect(board.locator(".intake-leaks")).to_contain_text("1 order leaked in")
    press(board, board.locator(".intake-paused .intake-button"))
    expect(card.locator("[data-step]")).to_have_text("Start")


@pytest.mark.parametrize("carrier", ["own rider", "courier"])
def test_a_ready_order_is_handed_off_and_the_card_follows(board, order, carrier):
    card = place(board, order, fulfilment="store_courier")
    step = card.locator("[data-step]")
    for label in ("Start", "Ready"):
        expect(step).to_have_text(label)
        press(board, step)
    press(board, card.locator(".carry-other"))
    kind = "rider" if carrier == "own rider" else "courier"
    press(board, board.locator(f"dialog[open] [data-carrier^={kind}]").first)

    if carrier == "own rider":
        expect(card).to_contain_text("Rider is coming")
        for label in ("Picked up", "Delivered"):
            expect(step).to_have_text(label)
            press(board, step)
        expect(card).to_have_count(0)
    else:
        expect(card).to_contain_text(re.compile("Looking for a rider|Calling a rider|Rider is"))
        expect(card).to_have_count(0, timeout=2 * PATIENCE)  # the pretend rider brings it to the guest


def test_steps_taken_offline_are_kept_and_sent_once_the_line_is_back(board, order):
    card = place(board, order)
    step = card.locator("[data-step]")
    expect(step).to_have_text("Start")

    board.context.set_offline(True)
    press(board, step)
    expect(card).to_have_class(re.compile(r"\bis-pending\b"))
    board.context.set_offline(False)

    expect(card).not_to_have_class(re.compile(r"\bis-pending\b"))
    expect(step).to_have_text("Ready")


def test_a_guest_who_wants_to_cancel_is_refused_with_a_reason(board, asking):
    before = known_cards(board)
    asking("order.cancel_requested", reason="点错了")
    card = newest(board, before)
    expect(card.locator(".ask")).to_contain_text("The guest wants to cancel")
    expect(card.locator(".ask-clock")).to_have_text(re.compile(r"agreed by itself in 1[45]:\d\d"))
    expect(board.locator(".bar-requests")).to_contain_text("1")

    press(board, card.get_by_role("button", name="Refuse"))
    press(board, board.get_by_role("button", name="It is made already"))

    expect(card.locator(".ask-outcome")).to_contain_text("refused")
    expect(board.locator(".bar-requests")).to_have_count(0)
    expect(card).not_to_have_class(re.compile(r"\bis-pending\b"))
    board.reload()
    expect(card.locator(".ask-outcome")).to_contain_text("refused")


def test_a_manager_moves_an_order_and_the_other_board_rings(shop, browser, order):
    manager = next(user for user in shop.credentials()["users"] if user["role"] == "manager")
    stores = {store["code"]: store for store in manager["stores"]}
    context = browser.new_context(
        base_url=shop.url,
        storage_state=sign_in(shop, manager, browser),
        viewport={"width": 1280, "height": 4_000},
    )
    here, there = (open_board(context, stores[code]) for code in ("SH-01", "SH-02"))
    card = place(here, order, fulfilment="store_courier", store_code="SH-01")

    press(here, card.locator(".card-more"))
    press(here, here.get_by_role("button", name="Other store"))
    press(here, here.locator(".choice-store", has_text="SH-02"))

    expect(card).to_have_count(0)
    expect(here.locator(".banner")).to_contain_text(["is made by SH-02"])
    expect(there.locator(".banner")).to_contain_text(["came from SH-01"])
    expect(there.locator(".call")).to_contain_text("1 new order")
    context.close()


def test_a_board_whose_site_died_says_so_and_misses_nothing(shop, board, order):
    place(board, order)
    shop.send("daphne", signal.SIGSTOP)
    try:
        expect(board.locator(".columns.is-stale")).to_have_count(1)
        expect(board.locator(".banner-warn, .banner-bad")).not_to_have_count(0)
    finally:
        shop.send("daphne", signal.SIGCONT)
    expect(board.locator(".columns.is-stale")).to_have_count(0)

    shop.send("daphne", signal.SIGKILL)
    place(board, order)

    expect(board.locator(".bar-line")).to_contain_text("0 missing")


def test_the_board_can_be_worked_without_a_pointer(board, order):
    place(board, order)
    board.keyboard.press("j")
    focused = board.locator("article:focus").get_attribute("data-card")
    step = board.locator(f'article[data-card="{focused}"]:not(.is-gone) [data-step]')
    expect(step).to_have_text("Start")

    board.wait_for_timeout(450)
    board.keyboard.press("Enter")
    expect(step).to_have_text("Ready")
    board.keyboard.press("u")
    expect(step).to_have_text("Start")


def test_the_board_shuts_nobody_out(board, order, asking):
    place(board, order, funding="free", fulfilment="store_courier")
    asking("order.cancel_requested")
    expect(board.locator(".ask")).not_to_have_count(0)
    found = {}
    for theme, width in itertools.product(["dark", "light"], [390, 1280, 1920]):
        board.set_viewport_size({"width": width, "height": 844})
        board.evaluate("theme => document.querySelector('board-app').board.setting('theme', theme)", theme)
        board.wait_for_timeout(300)
        found[theme, width] = barriers(board)
    press(board, board.locator(".bar-requests"))
    found["dialog"] = barriers(board)

    assert {key: lines for key, lines in found.items() if lines} == {}
