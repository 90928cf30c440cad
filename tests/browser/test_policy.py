"""The managers' page of who carries what, in a browser: by keyboard, in three languages, two at once."""

import pytest

from tests.browser.inspect import barriers, policy_breaks, watch

pytestmark = pytest.mark.browser


@pytest.fixture
def open_page(portal, sessions, browser):
    """Open the page of the store's carriers; in the end nothing may have broken the policy or raised."""
    contexts = []

    def opened(user="manager", width=1280, language="en", scripts=True):
        context = browser.new_context(
            base_url=portal.url, storage_state=sessions[user], locale=language,
            viewport={"width": width, "height": 800}, java_script_enabled=scripts,
        )  # fmt: skip
        context.set_default_timeout(15_000)
        page = context.new_page()
        contexts.append((context, page, watch(context), scripts))
        page.goto(f"/stores/{portal.rows['stores.store']}/carriers/")
        return page

    yield opened
    for context, page, errors, scripts in contexts:
        breaks = policy_breaks(page) if scripts else []
        context.close()
        assert (breaks, errors) == ([], [])


def names(page):
    return [field.input_value() for field in page.locator(".rule-name input").all()]


def test_a_manager_writes_rules_tries_them_and_saves_with_the_keyboard_alone(open_page):
    page = open_page()
    for name, cups in (("Small", "2"), ("Large", "9")):
        page.get_by_role("button", name="Add a rule").press("Enter")
        page.keyboard.type(name)
        rule = page.locator(".rule").last
        rule.get_by_role("group", name="Cups").get_by_label("from").fill(cups)
    page.locator(".rule").last.get_by_role("button", name="Move up").press("Enter")
    assert names(page) == ["Large", "Small"]
    assert page.evaluate("document.activeElement.value").startswith("up:")
    first = page.locator(".rule").first
    first.get_by_label("Choose").select_option("In shares")
    first.locator(".carrier-part").filter(has_text="Dada").get_by_role("spinbutton").fill("60")
    assert first.locator(".sum").inner_text() == "Now: 60 %"

    page.get_by_role("button", name="Try").press("Enter")
    problem = page.get_by_role("alert")
    assert "Rule 1 “Large” · Shares: The shares must sum to 100 %; they sum to 60 %." in problem.inner_text()
    assert barriers(page) == []
    first.locator(".carrier-part").filter(has_text="Own riders").get_by_role("spinbutton").fill("40")
    page.get_by_role("button", name="Try").press("Enter")
    page.locator("#trial-heading").wait_for()
    assert barriers(page) == []
    assert names(page) == ["Large", "Small"]

    page.get_by_role("button", name="Save").press("Enter")
    page.get_by_text("It holds for every order").wait_for()
    assert "Rule “Large” added: from 9 cups: Dada 60 %, Own riders 40 %." in page.locator("main").inner_text()
    page.locator(".rule").first.get_by_role("button", name="Remove this rule").press("Enter")
    assert names(page) == ["Small"]
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Rule “Large” removed.").wait_for()


def test_the_second_of_two_keeps_what_was_typed(open_page):
    first, second = open_page(), open_page("admin")
    first.get_by_label("Seconds to find a rider").fill("90")
    second.get_by_label("Seconds to find a rider").fill("240")
    second.get_by_role("button", name="Save").click()
    second.get_by_text("It holds for every order").wait_for()

    first.get_by_role("button", name="Save").click()

    told = first.get_by_role("alert")
    assert "admin saved version" in told.inner_text()
    assert "Seconds to find a rider: 120 → 240" in told.inner_text()
    assert first.get_by_label("Seconds to find a rider").input_value() == "90"
    assert barriers(first) == []
    first.get_by_role("button", name="Save").click()
    first.get_by_text("Seconds to find a rider: 240 → 90").wait_for()


def test_it_works_without_scripts(open_page):
    page = open_page(scripts=False)
    count = page.locator(".rule").count()
    page.get_by_role("button", name="Add a rule").click()
    assert page.locator(".rule").count() == count + 1
    page.get_by_label("Name of the rule").last.fill("Unsaved")
    page.locator(".rule").last.get_by_role("button", name="Remove this rule").click()
    assert page.locator(".rule").count() == count


@pytest.mark.parametrize(("width", "language"), [(390, "de"), (390, "zh-CN"), (1920, "en")])
def test_it_never_scrolls_sideways(open_page, width, language):
    page = open_page(width=width, language=language)
    page.locator("#add-rule").click()
    page.locator(".rule").last.locator("select").first.select_option("order")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("button[value=try]:visible").click()
    page.get_by_role("alert").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_board_leads_to_it_and_staff_are_not_led(portal, sessions, browser):
    links = {}
    for user in ("manager", "staff"):
        context = browser.new_context(base_url=portal.url, storage_state=sessions[user])
        page = context.new_page()
        page.goto(f"/stores/{portal.rows['stores.store']}/")
        links[user] = page.locator(f"a[href='/stores/{portal.rows['stores.store']}/carriers/']").count()
        context.close()
    assert links == {"manager": 1, "staff": 0}
