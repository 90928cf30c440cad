"""What tests of the board do: open it, place orders, press like a person."""

from playwright.sync_api import expect

PATIENCE = 30_000  # milliseconds; a busy machine is no fault of the board
expect.set_options(timeout=PATIENCE)


def sign_in(shop, user, browser):
    """Go through the form; returns the cookies."""
    context = browser.new_context(base_url=shop.url)
    page = context.new_page()
    page.goto("/login/")
    page.fill("[name=username]", user["name"])
    page.fill("[name=password]", user["password"])
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/login/" not in url, wait_until="commit", timeout=PATIENCE)
    state = context.storage_state()
    context.close()
    return state


def open_board(context, store):
    """A page with a store's board, once it is live."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"/stores/{store['id']}/")
    expect(page.locator(".bar-line")).to_contain_text("live")
    expect(page.locator(".bar-line")).not_to_contain_text("not live")
    return page


def newest(page, known):
    """Wait for a card that was not there before and return it."""
    page.wait_for_function(
        """known => [...document.querySelectorAll("article[data-card]")]
            .some(({ dataset }) => !known.includes(dataset.card))""",
        arg=known,
        timeout=PATIENCE,
    )
    now = page.eval_on_selector_all("article[data-card]", "all => all.map(c => c.dataset.card)")
    # A card that moved on leaves its place empty for a moment, so that nothing reflows under a finger.
    return page.locator(
        f'article[data-card="{next(card for card in now if card not in known)}"]:not(.is-gone)'
    )


def known_cards(page):
    return page.eval_on_selector_all("article[data-card]", "all => all.map(c => c.dataset.card)")


def place(page, order, **wanted):
    """Push one order and return its card."""
    before = known_cards(page)
    order(**wanted)
    return newest(page, before)


def press(page, locator):
    """Press like a person: not within the moment in which a moved card ignores fingers."""
    page.wait_for_timeout(450)
    locator.click()
