"""Who carries an order, in a browser: one tap, thirty at once, which bag, nobody, and the door."""

import re
import sqlite3
import time
from contextlib import closing, contextmanager
from datetime import datetime

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.counter import PATIENCE, place, press
from tests.browser.inspect import barriers, policy_breaks, watch

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
COURIERS = ("dada", "peisong", "uber", "doordash")
MOST = 30
MANY = 20  # one of them is more than a single cup, as every second order is

GO_HOME = """async () => {
  const { board } = document.querySelector("board-app");
  const token = /csrftoken=([^;]+)/.exec(document.cookie)[1];
  const body = new URLSearchParams({ csrfmiddlewaretoken: token, put_back: "on" });
  // What one of them puts back may go to another in the moment in which that one goes home.
  for (let round = 0; round < 10; round += 1) {
    const { riders } = await board.crew.look();
    const there = riders.filter((rider) => rider.on_shift);
    if (!there.length) return true;
    for (const { id } of there) await fetch(`riders/${id}/end`, { method: "POST", body });
  }
  return false;
}"""
PRESS_ALL = """([verb, states, reason]) => {
  const { board } = document.querySelector("board-app");
  for (const card of board.cards) if (states.includes(card.state)) board.step(card, verb, reason);
}"""
OPEN_ORDER = "id => document.dispatchEvent(new CustomEvent('open-card', { detail: { id } }))"
CHOOSE = "() => document.querySelector('board-app').board.bulk.toggleChoosing()"
COUNT = "state => document.querySelector('board-app').board.cards.filter(card => card.state === state).length"
ALARMS = "() => document.querySelector('board-app').board.alarms.map(card => card.id)"
OPEN = "() => document.querySelector('board-app').board.commands.entries.length"
# Ask for the prices of every card on the shelf, of the oldest last, until it is said that this is too often,
# and for long enough to be looked at; returns that card.
ASK_TOO_OFTEN = """async () => {
  const { board } = document.querySelector("board-app");
  const ready = board.cards.filter((card) => card.state === "ready").reverse();
  for (let round = 0; round < 20; round += 1)
    for (const { id } of ready) {
      const told = await board.read(`/orders/${id}/offers`, ({ detail }) => detail);
      const wait = Number(/ ([0-9]+) s/.exec(told)?.[1] ?? 0);
      if (wait > 15) return id;
      await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    }
  return null;
}"""
CUPS = """least => document.querySelector("board-app").board.cards
  .find((card) => card.state === "ready" && card.cups >= least)?.id ?? null"""
BAGS = """([id, bags]) => document.querySelector("board-app").board.card(id)?.delivery?.bags === bags"""
UNSETTLED = "SELECT count(*) FROM couriers_handoff WHERE state NOT IN ('cancelled', 'failed', 'delivered')"
NUMBERS = "SELECT origin_id FROM couriers_handoff WHERE order_id = ? AND carrier = 'provider'"
LIVE = """SELECT bag, carrier FROM couriers_handoff
WHERE order_id = ? AND state NOT IN ('cancelled', 'failed', 'delivered') ORDER BY bag"""
GIVEN = """SELECT created_at FROM couriers_handoff
WHERE order_id = ? AND carrier = 'own' AND state = 'confirmed'"""
OPEN_PHONES = "UPDATE couriers_shift SET seen_at = datetime('now') WHERE ended_at IS NULL"
AGE = """UPDATE couriers_handoff SET created_at = datetime(created_at, '-6 minutes')
WHERE state = 'unknown' AND order_id = ?"""
LEAVE = """UPDATE orders_order SET ready_at = datetime(ready_at, '-5 minutes')
WHERE ready_at IS NOT NULL AND id = ?"""


def press_all(board, verb, states, reason=""):
    """Press the same on every card that stands in one of the states, and wait until all is sent."""
    board.evaluate(PRESS_ALL, [verb, states, reason])
    board.wait_for_function(f"() => ({OPEN})() === 0", timeout=2 * PATIENCE)


def wait_for(shop, happened):
    """Ask the portal's database until `happened(file)` is true."""
    until = time.monotonic() + 2 * PATIENCE / 1_000
    while time.monotonic() < until:
        with closing(sqlite3.connect(shop.folder / "portal.sqlite3", timeout=20)) as file, file:
            if happened(file):
                return
        time.sleep(0.2)
    raise AssertionError("it did not happen")


@contextmanager
def couriers_that(shop, kind):
    """Every courier does so until the result is called, or the end."""
    address = f"{shop.sandbox_url}/control/faults"
    for courier in COURIERS:
        httpx.post(address, json={"target": courier, "kind": kind, "times": -1}).raise_for_status()
    yield lambda: httpx.delete(address).raise_for_status()
    httpx.delete(address).raise_for_status()


@pytest.fixture(autouse=True)
def empty_board(board, shop):
    """What other tests left is cancelled, and no courier is asked about it any more: no alarm is for it."""
    press_all(board, "cancel", ["accepted", "making", "ready"], "Sold out")
    press_all(board, "dismiss", ["cancelled"])
    wait_for(shop, lambda file: file.execute(UNSETTLED).fetchone() == (0,))


@pytest.fixture
def refusing(shop):
    """Let every courier refuse what it is asked for; the result of the call ends it."""
    with couriers_that(shop, "refuse") as end:
        yield end


@pytest.fixture
def failing(shop):
    """Let every courier fail, so that nobody knows what it has."""
    with couriers_that(shop, "error500") as end:
        yield end


@pytest.fixture
def no_riders(board, empty_board):
    """The store's own riders go home: only couriers are left."""
    assert board.evaluate(GO_HOME)


@pytest.fixture
def riders_there(shop, empty_board):
    """The phones of the store's own riders are open: they are proposed first."""
    wait_for(shop, lambda file: file.execute(OPEN_PHONES).rowcount)


@pytest.fixture
def slow_riders(shop):
    """Riders who take their time: what is at the counter stays there while a test looks at it."""
    address = f"{shop.sandbox_url}/control/riders"
    httpx.post(address, json={"scale": 100}).raise_for_status()
    yield
    httpx.post(address, json={"scale": 0.1}).raise_for_status()


def make_ready(board, count=1):
    """Press on until so many cards stand on the shelf."""
    for verb, before in (("start", "accepted"), ("ready", "making")):
        board.wait_for_function(f"([count, state]) => ({COUNT})(state) >= count", arg=[count, before])
        press_all(board, verb, [before])


def on_the_shelf(board, order):
    """One order the store delivers, ready; returns its card."""
    card = place(board, order, fulfilment="store_courier")
    make_ready(board)
    return card


@pytest.mark.usefixtures("riders_there", "slow_riders")
def test_the_suggested_carrier_is_asked_with_one_tap_and_the_code_finds_the_bag(board, order):
    card = on_the_shelf(board, order)
    suggestion = card.locator(".carry-suggestion")
    expect(suggestion).to_contain_text("Hand to")

    press(board, suggestion)
    expect(board.locator(".toast")).to_contain_text("goes to")
    board.evaluate(CHOOSE)
    bar, toast = board.locator(".bulk").bounding_box(), board.locator(".toast").bounding_box()
    assert toast["y"] + toast["height"] <= bar["y"]
    board.evaluate(CHOOSE)
    expect(card).not_to_have_class(re.compile(r"\bis-pending\b"))
    press(board, board.locator(".toast button"))
    press(board, suggestion)

    code = card.locator(".card-code, .carry-code")
    expect(code).to_have_text(re.compile(r"^\d{4}$"))
    board.keyboard.press("/")
    board.locator("dialog[open] input").fill(code.inner_text())
    expect(board.locator("dialog[open] .tag-code")).to_contain_text("Code")
    board.keyboard.press("Enter")
    expect(card).to_have_class(re.compile(r"\bis-lit\b"))
    expect(card).to_be_focused()


@pytest.mark.usefixtures("riders_there", "slow_riders")
def test_the_card_at_the_door_helps_riders_and_shuts_nobody_out(board, order, browser):
    card = on_the_shelf(board, order)
    press(board, card.locator(".carry-suggestion"))
    code = card.locator(".card-code, .carry-code").inner_text()
    number = card.locator(".card-number").inner_text()
    board.goto(f"{board.url}door/")
    assert barriers(board) == []
    address = board.locator(".door-poster a").get_attribute("href")

    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en")
    errors = watch(context)
    page = context.new_page()
    page.goto(address)
    page.fill("#code", code)
    page.get_by_role("button", name="Where is it?").click()

    expect(page.locator(".door-answer")).to_contain_text("Ready")
    expect(page.locator(".door-number b")).to_have_text(number)
    assert (barriers(page), policy_breaks(page), errors) == ([], [], [])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert context.cookies() == []
    context.close()


@pytest.mark.usefixtures("no_riders", "slow_riders")
def test_nobody_carries_it_is_an_alarm_until_somebody_searches_again(board, order, refusing):
    card = on_the_shelf(board, order)
    press(board, board.locator(".column-choose"))
    press(board, card.locator(".card-choose"))
    press(board, board.locator(".bulk-go"))
    expect(card).to_have_class(re.compile(r"\bis-nobody\b"), timeout=2 * PATIENCE)
    press(board, board.locator(".bar-alarms"))
    # What a rider who went home put back may stand there longer than this one.
    longest, number = board.evaluate(ALARMS)[0], int(card.get_attribute("data-card"))
    expect(board.locator(f'article[data-card="{longest}"]:not(.is-gone)')).to_be_focused()
    assert number in board.evaluate(ALARMS)
    board.locator(".bulk").get_by_role("button", name="Done").click()
    assert barriers(board) == []

    refusing()
    press(board, card.get_by_role("button", name="Search again"))

    expect(card).to_contain_text(re.compile("Asking|Looking for a rider|Rider is"), timeout=2 * PATIENCE)
    assert number not in board.evaluate(ALARMS)


@pytest.mark.usefixtures("slow_riders")
def test_an_order_nobody_is_asked_to_carry_draws_attention_until_somebody_is(board, order, shop):
    card = on_the_shelf(board, order)
    reminder, bar = card.locator(".carry-left"), board.locator(".bar-alarms.is-left")
    expect(card.locator(".carry-suggestion")).to_be_visible()
    assert (reminder.count(), bar.count()) == (0, 0)

    wait_for(shop, lambda file: file.execute(LEAVE, [card.get_attribute("data-card")]).rowcount)
    board.reload()

    expect(reminder).to_have_text("Nobody is asked yet")
    expect(bar).to_have_attribute("title", "1 order is on the shelf and nobody is asked to carry it")
    press(board, bar)
    expect(card).to_be_focused()
    assert barriers(board) == []
    press(board, card.locator(".carry-suggestion"))
    expect(reminder).to_have_count(0)
    expect(bar).to_have_count(0)


@pytest.mark.usefixtures("no_riders", "slow_riders")
def test_thirty_orders_go_with_one_tap_and_each_has_its_result(board, order):
    order(fulfilment="store_courier", count=MOST)
    make_ready(board, MOST)
    press(board, board.locator(".column-choose"))
    press(board, board.locator(".bulk .choice-button"))
    expect(board.locator(".bulk-count")).to_have_text(re.compile(r"^[34]\d chosen$"))
    count = board.locator(".bulk-count").inner_text().split()[0]

    press(board, board.locator(".bulk-go"))

    told = f"{count} of {count} handed off"
    expect(board.locator(".bulk-progress")).to_contain_text(told, timeout=2 * PATIENCE)
    expect(board.locator(".bulk-done")).to_be_visible()
    press(board, board.locator(".bulk").get_by_role("button", name="Done"))
    expect(board.locator(".bulk")).to_have_count(0)


@pytest.mark.usefixtures("slow_riders")
def test_who_asks_for_prices_too_often_is_told_and_can_hand_off_all_the_same(board, order):
    order(fulfilment="store_courier", count=MOST + 1)
    make_ready(board, MOST + 1)
    asked = board.evaluate(ASK_TOO_OFTEN)
    card = board.locator(f'article[data-card="{asked}"]:not(.is-gone)')

    press(board, card.locator(".carry-other"))

    dialog = board.locator("handoff-dialog dialog[open]")
    expect(dialog.get_by_role("status")).to_contain_text("they were asked for too often")
    assert barriers(board) == []
    priced = dialog.locator('[data-carrier^="courier:"]', has_text="¥")
    expect(priced).to_have_count(0)
    # Once they may be asked again, they are, and nobody has to press anything.
    expect(priced.first).to_be_visible(timeout=3 * PATIENCE)
    press(board, priced.first)
    expect(board.locator(".toast")).to_contain_text("goes to")


@pytest.mark.usefixtures("no_riders", "slow_riders", "failing")
def test_a_no_to_the_question_whether_a_courier_has_it_takes_two_taps(board, order, shop):
    card = on_the_shelf(board, order)
    press(board, card.locator(".carry-suggestion"))
    # What it has in doubt has been so for six minutes, as soon as it is.
    wait_for(shop, lambda file: file.execute(AGE, [card.get_attribute("data-card")]).rowcount)
    question = card.locator(".carry-question")
    expect(question).to_contain_text("order number", timeout=2 * PATIENCE)
    surely = question.get_by_role("button", name="Surely not")
    expect(surely).to_be_hidden()
    assert barriers(board) == []

    press(board, question.get_by_text("It does not", exact=True))
    expect(question).to_be_visible()
    press(board, surely)

    expect(question).to_have_count(0)


def ledger_of(shop, order):
    """The couriers' own lines of an order's errands: (courier, created, ended)."""
    with closing(sqlite3.connect(shop.folder / "portal.sqlite3", timeout=20)) as file:
        numbers = {number for (number,) in file.execute(NUMBERS, [order])}
    page = httpx.get(f"{shop.sandbox_url}/control/ledger", params={"couriers": "1"}).raise_for_status().json()
    rows = (dict(zip(page["columns"], row, strict=True)) for row in page["errands"])
    return [
        (row["courier"], row["created_at"], row["ended_at"]) for row in rows if row["origin_id"] in numbers
    ]


@pytest.mark.usefixtures("no_riders", "slow_riders")
def test_somebody_else_has_it_with_one_tap_once_the_courier_is_called_off(board, order, shop):
    card = on_the_shelf(board, order)
    number = card.get_attribute("data-card")
    dialog = board.locator("handoff-dialog dialog[open]")
    press(board, card.locator(".carry-other, [data-step]").last)
    press(board, dialog.locator(".offer", has_text="Dada"))
    expect(card).to_contain_text(re.compile("Dada"))
    wait_for(shop, lambda _file: ledger_of(shop, number))

    board.evaluate(OPEN_ORDER, int(number))
    press(board, board.get_by_role("button", name="Give it to somebody else"))
    expect(dialog.locator("h2")).to_contain_text("instead of Dada")
    expect(dialog).to_contain_text("may cost a fee")
    expect(dialog.locator(".offer", has_text="Dada")).to_have_count(0)
    assert barriers(board) == []
    rider = dialog.locator(".offer[data-carrier^=rider]").first
    name = rider.locator("b").inner_text()
    press(board, rider)

    expect(card).to_contain_text(name)
    wait_for(shop, lambda file: file.execute(GIVEN, [number]).fetchone())
    expect(card).not_to_contain_text("Calling")
    [(courier, created, ended)] = ledger_of(shop, number)
    with closing(sqlite3.connect(shop.folder / "portal.sqlite3", timeout=20)) as file:
        (given,) = file.execute(GIVEN, [number]).fetchone()
    assert courier == "dada"
    assert created < ended <= datetime.fromisoformat(f"{given}+00:00").timestamp()


@pytest.mark.usefixtures("no_riders", "slow_riders")
def test_of_two_bags_the_one_in_question_goes_to_somebody_else_and_its_price_is_asked(board, order, shop):
    order(fulfilment="store_courier", count=MANY)
    make_ready(board, MANY)
    number = board.wait_for_function(CUPS, arg=2).json_value()
    card = board.locator(f'article[data-card="{number}"]:not(.is-gone)')
    dialog = board.locator("handoff-dialog dialog[open]")
    press(board, card.locator(".carry-other, [data-step]").last)
    press(board, dialog.locator(".choices-bags button", has_text="2"))
    press(board, dialog.locator(".offer", has_text="Dada"))
    both = [(1, "provider"), (2, "provider")]
    wait_for(shop, lambda file: file.execute(LIVE, [number]).fetchall() == both)
    wait_for(shop, lambda _file: len(ledger_of(shop, number)) == len(both))
    board.wait_for_function(BAGS, arg=[number, len(both)])

    with board.expect_request("**/offers?bag=*") as asked:
        board.evaluate(OPEN_ORDER, number)
        press(board, board.get_by_role("button", name="Give it to somebody else"))
    bag = int(asked.value.url.rpartition("=")[2])
    expect(dialog.locator("h2")).to_contain_text(f"Who brings bag {bag} of #")
    press(board, dialog.locator(".offer[data-carrier^=rider]").first)

    now = [(one, "own" if one == bag else carrier) for one, carrier in both]
    wait_for(shop, lambda file: file.execute(LIVE, [number]).fetchall() == now)
    assert sorted(ended is not None for _, _, ended in ledger_of(shop, number)) == [False, True]
