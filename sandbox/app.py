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


@dataclass(frozen=True, slots=True)
class Parts:
    """What the sandbox is made of; `clients` reach the portal, for platforms and for couriers."""

    world: World
    platforms: Platforms
    couriers: Couriers
    crew: Crew
    traffic: Traffic
    background: Background
    clients: tuple[httpx.AsyncClient, httpx.AsyncClient]


def create_app(options: Options, client: httpx.AsyncClient | None = None) -> Starlette:
    """Return the application; what runs in the background starts with it.

    `client` reaches the portal; by default over the network, and couriers do not wait for platforms' pushes.
    """
    parts = _assemble(options, client)
    control = Control(
        ledger=parts.world.ledger,
        faults=parts.world.faults,
        platforms=parts.platforms,
        traffic=parts.traffic,
        travel=parts.world.travel,
        crew=parts.crew,
        couriers=parts.couriers,
    )
    routes = [*parts.platforms.routes(), *parts.couriers.routes(), Mount("/control", routes=control.routes())]
    return Starlette(routes=routes, lifespan=lambda app: _living(parts, crew=options.crew))


def _assemble(options: Options, client: httpx.AsyncClient | None) -> Parts:
    brand, faults = read_brand(options.state_dir / "brand.json"), Faults()
    travel = Travel(options.riders, options.rider_scale)
    for_platforms, for_couriers = (client or httpx.AsyncClient(limits=LIMITS) for _ in range(2))
    world = World(
        brand=brand,
        ledger=Ledger(options.state_dir),
        book=OrderBook(options.state_dir),
        faults=faults,
        client=for_platforms,
        pace=Pace(options.speed),
        patience=Pace(options.request_speed),
        travel=travel,
    )
    platforms = Platforms(world)
    return Parts(
        world=world,
        platforms=platforms,
        couriers=Couriers(brand, Street(options.state_dir, faults, for_couriers, travel)),
        crew=Crew(brand),
        traffic=Traffic(platforms, world.pace, running=options.traffic),
        background=Background(),
        clients=(for_platforms, for_couriers),
    )


@asynccontextmanager
async def _living(parts: Parts, *, crew: bool) -> AsyncIterator[None]:
    """From the first request to the last."""
    parts.platforms.resume()
    parts.couriers.resume()
    parts.background.start(parts.traffic.run())
    if crew:
        parts.crew.start()
    yield
    for part in (parts.crew, parts.background, parts.platforms, parts.couriers):
        await part.stop()
    for client in parts.clients:
        await client.aclose()
    for journal in (parts.world.ledger, parts.world.book):
        journal.close()
