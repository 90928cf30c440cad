"""CSV files: safe cells, Excel's Chinese, streaming, and nothing about guests."""

import csv
import io
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from django.urls import reverse

from reports import queries
from reports.export import amount, csv_text, safe
from reports.tests.rows import make_handoff, make_manager, make_order, make_store

DAY = {"day": "2026-02-06"}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+86", "'+86"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("茉莉奶绿", "茉莉奶绿"),
        ("", ""),
        (-5, -5),
        (None, None),
        (Decimal("-1.50"), Decimal("-1.50")),
    ],
)
def test_a_cell_can_not_become_a_formula(cell, expected):
    assert safe(cell) == expected


def test_quotes_commas_and_line_breaks_stay_inside_their_cell():
    assert csv_text([['say "hi"', "a,b", "c\nd", None, 1.5]]) == '"say ""hi""","a,b","c\nd",,1.5\r\n'


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1550, "CNY", "15.50"),
        (5, "EUR", "0.05"),
        (-5, "CNY", "-0.05"),
        (0, "CNY", "0.00"),
        (900, "JPY", "900"),
    ],
)
def test_amounts_are_decimal_numbers_of_their_currency(minor, currency, text):
    assert str(amount(minor, currency)) == text


def read(content):
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


@pytest.fixture
def store(db):
    return make_store(name="云茶 人民广场店")


@pytest.fixture
def manager(store):
    client = Client()
    client.force_login(make_manager())
    return client


def test_orders_of_the_period_in_the_order_they_were_placed(manager, store, monkeypatch):
    monkeypatch.setattr(queries, "CHUNK", 2)
    orders = [make_order(store, ready_after=5, campaign_name="=cmd|' /C calc'!A0") for _ in range(5)]
    response = manager.get(reverse("reports-orders"), DAY)
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="orders-2026-02-06-2026-02-06.csv"'
    assert "no-store" in response["Cache-Control"]
    rows = read(response.getvalue())
    assert [row["Order number at the platform"] for row in rows] == [order.external_id for order in orders]
    first = rows[0]
    assert first["Store"] == "云茶 人民广场店"
    assert first["Campaign"] == "'=cmd|' /C calc'!A0"
    assert first["Goods"] == "15.00"
    assert first["Placed (store's time)"] == "2026-02-06 12:00:00"
    assert first["Ready (store's time)"] == "2026-02-06 12:05:00"


def test_no_file_names_a_guest(manager, store):
    make_order(store)
    for page in ("reports-orders", "reports-summary"):
        content = manager.get(reverse(page), DAY).getvalue().decode()
        assert not [word for word in ("Zhang", "138", "Hidden Lane") if word in content]


def test_totals_per_store(manager, store):
    make_order(store, funding="free", ready_after=3)
    make_handoff(store, "delivered", ready_after=6)
    (row,) = read(manager.get(reverse("reports-summary"), DAY).getvalue())
    assert row == {
        "Store code": "SH-01",
        "Store": "云茶 人民广场店",
        "City": "Shanghai",
        "Orders": "2",
        "Free orders": "1",
        "Free share, %": "50.0",
        "Subsidised orders": "0",
        "Rejected or cancelled": "0",
        "Minutes paused": "0",
        "Minutes to ready, median": "3.0",
        "Minutes to ready, 90 % within": "6.0",
        "Hand-offs delivered": "1",
        "Hand-offs under way": "0",
        "Hand-offs failed": "0",
        "Hand-offs cancelled": "0",
    }


@pytest.mark.django_db(transaction=True)
async def test_under_asgi_the_file_is_streamed_without_blocking(store):
    client = AsyncClient()
    await client.aforce_login(await sync_to_async(make_manager)())
    await sync_to_async(make_order)(store)
    response = await client.get(reverse("reports-orders"), DAY)
    assert response.is_async
    assert len(read(b"".join([part async for part in response]))) == 1
