"""`python -m sandbox --port 8001 --state var/sandbox`: pretend platforms, couriers and staff."""

from argparse import ArgumentParser, BooleanOptionalAction
from pathlib import Path

import uvicorn

from sandbox.app import Options, create_app


def main() -> None:
    """Serve until a signal."""
    parser = ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--state", type=Path, default=Path("var/sandbox"), help="ledger and brand.json")
    parser.add_argument("--speed", type=float, default=60.0, help="day-seconds per second")
    parser.add_argument("--traffic", action=BooleanOptionalAction, default=False, help="play 6 February")
    parser.add_argument("--crew", action=BooleanOptionalAction, default=False, help="pretend staff at work")
    parser.add_argument(
        "--riders", action=BooleanOptionalAction, default=True, help="riders move by themselves"
    )
    parser.add_argument("--rider-scale", type=float, default=1.0, help="1: a delivery takes about a minute")
    parser.add_argument("--request-speed", type=float, default=1.0, help="1: stores have real minutes")
    wish = parser.parse_args()
    options = Options(
        wish.state, wish.speed, wish.traffic, wish.crew, wish.riders, wish.rider_scale, wish.request_speed
    )
    uvicorn.run(
        create_app(options),
        host="127.0.0.1",
        port=wish.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
