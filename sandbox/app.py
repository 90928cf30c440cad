"""Puts the sandbox together as one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from sandbox.brand import read_brand
from sandbox.control import Control
from sandbox.crew import Crew
from sandbox.dada import Dada
from sandbox.dada_book import Book
from sandbox.dada_riders import Riders
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.standard import Platform
from sandbox.traffic import Traffic

LIMITS = httpx.Limits(max_connections=96, max_keepalive_connections=96)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    state_dir: Path
    speed: float = 60.0
    traffic: bool = False
    crew: bool = False
    riders: bool = True
    rider_scale: float = 1.0


def create_app(options: Options, client: httpx.AsyncClient | None = None) -> Starlette:
    """Return the application; what runs in the background starts with it.

    `client` reaches the portal; by default over the network.
    """
    brand = read_brand(options.state_dir / "brand.json")
    ledger, faults = Ledger(options.state_dir), Faults()
    client = client or httpx.AsyncClient(limits=LIMITS)
    platform = Platform(brand, ledger, faults, client)
    traffic = Traffic(platform, speed=options.speed, running=options.traffic)
    book = Book(options.state_dir)
    riders = Riders(book, faults, client, automatic=options.riders, scale=options.rider_scale)
    dada = Dada(brand.dada, book, riders, ledger, faults)
    crew = Crew(brand)
    control = Control(
        ledger=ledger, faults=faults, platform=platform, traffic=traffic, riders=riders, crew=crew
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        platform.resume()
        riders.resume()
        platform.start(traffic.run())
        if options.crew:
            crew.start()
        yield
        await crew.stop()
        await platform.stop()
        await riders.stop()
        await client.aclose()
        ledger.close()
        book.close()

    return Starlette(
        routes=[
            Route("/platform/standard/{account}/calls", platform.receive_call, methods=["POST"]),
            Route("/dada/{path:path}", dada.receive, methods=["POST"]),
            Mount("/control", routes=control.routes()),
        ],
        lifespan=lifespan,
    )
