"""Every page, as the people who may see it: strict content policy, no script error, nobody shut out."""

import re

import pytest
from django.contrib import admin
from django.template.loader import render_to_string
from django.urls import reverse

from tests.browser.inspect import barriers, policy_breaks, watch

pytestmark = pytest.mark.browser

MODELS = sorted(model._meta.label_lower for model in admin.site._registry)
ADDABLE = [
    "stores.user",
    "stores.store",
    "stores.channelaccount",
    "couriers.courieraccount",
    "couriers.rider",
]
PLACES = [
    ("", "/login/", 200),
    ("", "/admin/login/", 200),
    ("", "/nowhere/", 404),
    ("", "/api/v1/docs", 200),
    ("staff", "/", 200),
    ("staff", "/stores/<stores.store>/", 200),
    ("staff", "/stores/<stores.store>/door/", 200),
    ("staff", "/reports/", 404),
    ("staff", "/reports/channels/", 404),
    ("staff", "/reports/couriers/", 404),
    ("manager", "/", 200),
    ("manager", "/reports/", 200),
    ("manager", "/reports/?days=7", 200),
    ("manager", "/reports/?day=2020-01-01", 200),
    ("manager", "/reports/?day=soon", 400),
    ("manager", "/reports/channels/", 200),
    ("manager", "/reports/channels/?period=soon", 400),
    ("manager", "/reports/couriers/", 200),
    ("manager", "/reports/couriers/?days=7", 200),
    ("manager", "/reports/couriers/?day=2020-01-01", 200),
    ("manager", "/reports/couriers/?courier=soon", 400),
    ("manager", "/stores/<stores.store>/", 200),
    ("admin", "/", 200),
    ("admin", "/reports/", 200),
    ("admin", "/reports/channels/?period=7d", 200),
    ("admin", "/admin/", 200),
    ("admin", "/admin/stores/", 200),
    ("admin", "/admin/password_change/", 200),
    ("admin", "/admin/stores/user/<stores.user>/password/", 200),
    ("admin", "/admin/stores/store/<stores.store>/history/", 200),
    ("admin", "/admin/stores/franchise/<stores.franchise>/delete/", 200),
    ("admin", "/api/v1/docs", 200),
]


@pytest.fixture(scope="module")
def contexts(portal, sessions, browser):
    """Browser contexts by user, colours, width and language, with the errors of their scripts."""
    opened = {}

    def context_of(user, scheme, width, language):
        key = (user, scheme, width, language)
        if key not in opened:
            context = browser.new_context(
                base_url=portal.url,
                storage_state=sessions[user],
                color_scheme=scheme,
                viewport={"width": width, "height": 800},
                locale=language,
            )
            context.set_default_timeout(15_000)
            opened[key] = (context, watch(context))
        return opened[key]

    yield context_of
    for context, _ in opened.values():
        context.close()


@pytest.fixture
def visit(portal, contexts):
    """Open an address as somebody; in the end nothing may have broken the policy or raised in a script."""
    visited = []

    def open_page(user, path, *, scheme="light", width=1280, language="en"):
        context, errors = contexts(user, scheme, width, language)
        errors.clear()
        page = context.new_page()
        visited.append((page, errors))
        return page, page.goto(filled(path, portal.rows), wait_until="load")

    yield open_page
    for page, errors in visited:
        breaks = policy_breaks(page)
        page.close()
        assert (breaks, errors) == ([], [])


def filled(path, rows):
    """The path with primary keys for <app.model>."""
    return re.sub(r"<([\w.]+)>", lambda found: str(rows[found[1]]), path)


def strict(policy):
    return policy and "unsafe" not in policy and "default-src 'none'" in policy and "*" not in policy


def check(page, response, status):
    assert response.status == status
    assert strict(response.headers.get("content-security-policy", ""))
    assert barriers(page) == []


@pytest.mark.parametrize(("user", "path", "status"), PLACES)
def test_a_page_is_strict_and_open_to_everybody(visit, user, path, status):
    page, response = visit(user, path)
    check(page, response, status)


@pytest.mark.parametrize("model", MODELS)
def test_every_list_of_the_admin_is_strict_and_open_to_everybody(visit, model):
    page, response = visit("admin", reverse(f"admin:{model.replace('.', '_')}_changelist"))
    check(page, response, 200)


@pytest.mark.parametrize("model", [model for model in MODELS if not model.startswith("axes.")])
def test_every_row_of_the_admin_is_strict_and_open_to_everybody(visit, portal, model):
    page, response = visit(
        "admin", reverse(f"admin:{model.replace('.', '_')}_change", args=[portal.rows[model]])
    )
    check(page, response, 200)


@pytest.mark.parametrize("model", ADDABLE)
def test_forms_of_the_admin_are_strict_and_open_to_everybody(visit, model):
    page, response = visit("admin", reverse(f"admin:{model.replace('.', '_')}_add"))
    check(page, response, 200)


@pytest.mark.parametrize(
    ("user", "path"),
    [
        ("admin", "/admin/"),
        ("admin", "/admin/outbox/job/"),
        ("admin", "/admin/stores/membership/<stores.membership>/delete/"),
        ("admin", "/admin/stores/store/<stores.store>/change/"),
        ("admin", "/admin/orders/order/<orders.order>/change/"),
    ],
)
def test_the_admin_is_open_to_everybody_in_the_dark_too(visit, user, path):
    page, response = visit(user, path, scheme="dark")
    check(page, response, 200)


@pytest.mark.parametrize(
    "path", ["/login/", "/reports/", "/reports/?days=28", "/reports/couriers/", "/api/v1/docs"]
)
@pytest.mark.parametrize(("width", "language"), [(390, "en"), (390, "de"), (390, "zh-CN"), (1920, "en")])
def test_a_page_never_scrolls_sideways(visit, path, width, language):
    page, _ = visit("" if path == "/login/" else "manager", path, width=width, language=language)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_entry_of_the_bar_is_cut_off_on_a_phone(visit, language):
    page, _ = visit("admin", "/stores/<stores.store>/riders/", width=390, language=language)
    ends = page.eval_on_selector_all(".topnav a", "all => all.map(a => a.getBoundingClientRect().right)")
    assert len(ends) == 5
    assert max(ends) <= 390


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_error_pages_are_open_to_everybody(visit, portal, name):
    page, _ = visit("", "/login/")
    page.route(
        "**/broken",
        lambda route: route.fulfill(body=render_to_string(f"{name}.html"), content_type="text/html"),
    )
    page.goto("/broken")
    assert page.locator("h1").count() == 1
    assert barriers(page) == []


def test_the_report_draws_its_chart_and_names_the_bar_under_the_pointer(visit):
    page, _ = visit("manager", "/reports/")
    chart = page.locator("#chart canvas")
    chart.wait_for()
    box = chart.bounding_box()
    before = page.locator("#chart-heading").inner_text()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function(
        "text => document.getElementById('chart-heading').textContent !== text", arg=before
    )
    assert page.locator("#chart-heading").inner_text().startswith(f"{before} · ")


def test_the_report_is_filtered_by_its_form_and_the_address_keeps_it(visit, portal):
    page, _ = visit("manager", "/reports/")
    page.select_option("[name=days]", "7")
    page.locator(".report-stores > summary").click()
    page.get_by_label("SH-01").check()
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(f"**days=7&store={portal.rows['stores.store']}")
    assert page.locator("[name=days]").input_value() == "7"


def test_the_orders_come_as_a_file(visit):
    page, _ = visit("manager", "/reports/")
    with page.expect_download() as download:
        page.get_by_role("link", name="All orders (CSV)").click()
    with open(download.value.path(), encoding="utf-8-sig") as file:
        lines = file.read().splitlines()
    assert lines[0].startswith("Store code,Store,Order number")
    assert len(lines) == 3


def test_an_admin_retries_a_dead_letter_with_one_click(visit):
    page, _ = visit("admin", "/admin/outbox/job/<outbox.job>/change/")
    page.get_by_role("button", name="Retry").click()
    page.get_by_text("1 job is due again.").wait_for()
    assert page.get_by_role("button", name="Retry").count() == 0


def test_a_new_secret_can_be_set_and_is_never_shown(visit):
    page, _ = visit("admin", "/admin/stores/channelaccount/<stores.channelaccount>/change/")
    assert "whsec_" not in page.content()
    page.fill("[name=secrets]", "whsec_YW5vdGhlciBvbmUsIGxvbmcgZW5vdWdoIHRvIGJlIHRha2Vu")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_text("was changed successfully").wait_for()
    assert "whsec_" not in page.content()
