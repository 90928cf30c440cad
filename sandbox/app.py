"""Puts the sandbox together as one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.background import Background
from sandbox.brand import read_brand
from sandbox.control import Control
from sandbox.courier import Street
from sandbox.couriers import Couriers
from sandbox.crew import Crew
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.order_book import OrderBook
from sandbox.pace import Pace, Travel
from sandbox.platform import World
from sandbox.platforms import Platforms
from sandbox.traffic import Traffic

LIMITS = httpx.Limits(
    max_connections=128, max_keepalive_connections=128
)  # of all platforms, or of all couriers


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    state_dir: Path
    speed: float = 60.0
    traffic: bool = False
    crew: bool = False
    riders: bool = True
    rider_scale: float = 1.0
    request_speed: float = 1.0


def create_app(options: Options, client: httpx.AsyncClient | None = None) -> Starlette:
    """Return the application; what runs in the background starts with it.

    `client` reaches the portal; by default over the network, and couriers do not wait for platforms' pushes.
    """
    brand = read_brand(options.state_dir / "brand.json")
    ledger, faults = Ledger(options.state_dir), Faults()
    for_couriers = client or httpx.AsyncClient(limits=LIMITS)
    client = client or httpx.AsyncClient(limits=LIMITS)
    travel = Travel(options.riders, options.rider_scale)
    world = World(
        brand=brand,
        ledger=ledger,
        book=OrderBook(options.state_dir),
        faults=faults,
        client=client,
        pace=Pace(options.speed),
        patience=Pace(options.request_speed),
        travel=travel,
    )
    platforms, background = Platforms(world), Background()
    traffic = Traffic(platforms, world.pace, running=options.traffic)
    couriers = Couriers(brand, Street(options.state_dir, faults, for_couriers, travel))
    crew = Crew(brand)
    control = Control(
        ledger=ledger,
        faults=faults,
        platforms=platforms,
        traffic=traffic,
        travel=travel,
        crew=crew,
        couriers=couriers,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        platforms.resume()
        couriers.resume()
        background.start(traffic.run())
        if options.crew:
            crew.start()
        yield
        await crew.stop()
        await background.stop()
        await platforms.stop()
        await couriers.stop()
        await client.aclose()
        await for_couriers.aclose()
        for journal in (ledger, world.book):
            journal.close()

    return Starlette(
        routes=[
            *platforms.routes(),
            *couriers.routes(),
            Mount("/control", routes=control.routes()),
        ],
        lifespan=lifespan,
    )
