"""The floor: a bare ASGI application that group-commits the same rows, with no checks at all.

Python only joins the bodies; one statement lets PostgreSQL read them and write message, order, lines, job and
event of each. Nothing is verified, parsed, sealed, deduplicated, numbered per store, or told to anybody.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import psycopg

LARGEST_BATCH = 256

STATEMENT = """
WITH pushed AS MATERIALIZED (
  SELECT nextval('orders_order_id_seq') AS id, number, body, body->'data' AS data
  FROM json_array_elements(%s::json) WITH ORDINALITY AS given(body, number)
), message AS (
  INSERT INTO orders_incomingmessage
    (account_id, delivery_id, kind, external_id, body, body_hash, received_at)
  SELECT %s, data->>'order_id', body->>'type', data->>'order_id', body::text, '', now() FROM pushed
), placed AS (
  INSERT INTO orders_order
    (id, store_id, account_id, external_id, content_hash, daily_number, state, on_board, held_reason,
     fulfilment, currency, goods, delivery_fee, platform_subsidy, shop_subsidy, customer_paid, shop_income,
     funding, campaign_code, campaign_name, customer_name, customer_phone, phone_mask, address,
     latitude, longitude, note, cups, placed_at, promised_at, received_at, accepted_at, end_reason, ended_by)
  SELECT id, %s, %s, data->>'order_id', '', data->>'daily_number', 'accepted', true, '',
     data->>'fulfilment', amounts.*,
     'free', data#>>'{campaign,code}', data#>>'{campaign,name}', customer.name, customer.phone, '',
     customer.address, customer.latitude, customer.longitude, data->>'note',
     json_array_length(data->'items'), (data->>'placed_at')::timestamptz,
     (data->>'promised_at')::timestamptz, now(), now(), '', ''
  FROM pushed, json_to_record(data->'amounts') AS amounts(currency text, goods bigint, delivery_fee bigint,
    platform_subsidy bigint, shop_subsidy bigint, customer_paid bigint, shop_income bigint),
    json_to_record(data->'customer') AS customer(name text, phone text, address text, latitude float8,
    longitude float8)
), line AS (
  INSERT INTO orders_orderline (order_id, position, sku, name, quantity, unit_price, options, note)
  SELECT id, position, sku, name, quantity, unit_price, options, note
  FROM pushed, ROWS FROM (json_to_recordset(data->'items') AS (sku text, name text, quantity int,
    unit_price bigint, options jsonb, note text)) WITH ORDINALITY
    AS item(sku, name, quantity, unit_price, options, note, position)
), job AS (
  INSERT INTO outbox_job (kind, key, queue, payload, due_at, created_at)
  SELECT 'channel.order', id::text, 'platforms', jsonb_build_object('order', id), now(), now() FROM pushed
)
INSERT INTO orders_orderevent (store_id, seq, order_id, kind, at, actor_label, body)
SELECT %s, id, id, 'order.placed', now(), '', data::text FROM pushed
"""


class Floor:
    """The application: collects bodies while the last commit runs, then commits them together."""

    def __init__(self) -> None:
        self._connection = psycopg.connect(os.environ["DATABASE_URL"])
        place = self._connection.execute("SELECT account_id, store_id FROM stores_storechannel LIMIT 1")
        self._place = place.fetchone() or ()
        self._connection.commit()
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def __call__(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Mapping[str, Any]]],
        send: Callable[[Mapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request once its rows are committed."""
        body = b""
        more = True
        while more:
            event = await receive()
            body += event["body"]
            more = event["more_body"]
        await self._submit(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    async def _submit(self, body: bytes) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, future))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        await future

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            await asyncio.to_thread(self._commit, [body for body, _ in batch])
            for _, future in batch:
                future.set_result(None)

    def _commit(self, bodies: list[bytes]) -> None:
        document = b"[" + b",".join(bodies) + b"]"
        account_id, store_id = self._place
        self._connection.execute(STATEMENT, [document.decode(), account_id, store_id, account_id, store_id])
        self._connection.commit()


application = Floor()
