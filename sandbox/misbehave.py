"""The HTTP side of faults: answers that are late, wrong, or none."""

from __future__ import annotations

import asyncio

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.faults import Faults


class CutReply(Response):
    """Promises a body and closes the connection instead: the caller cannot know whether the work was done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head of the reply only: the server then drops the connection (and logs one line)."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"64")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": True})


async def spoil(faults: Faults, target: str, *, path: str, order: str) -> Response | None:
    """Return a bad answer instead of doing the work, if one was asked for."""
    kinds = {"hang", "error500", "error429", "garbage", "lost_request"}
    fault = faults.take(target, kinds, path=path, order=order)
    if fault is None:
        return None
    if fault.kind == "hang":
        await asyncio.sleep(fault.seconds)
        return PlainTextResponse("", 504)
    if fault.kind == "lost_request":
        return CutReply()
    if fault.kind == "error429":
        return JSONResponse({"error": "slow down"}, 429, headers={"Retry-After": f"{fault.seconds:.0f}"})
    if fault.kind == "garbage":
        return PlainTextResponse("<html>\x00 not what you expect", 200)
    return PlainTextResponse("Internal Server Error", 500)
