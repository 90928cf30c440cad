"""Pretend phones of riders, against a server that answers as told."""

import asyncio

from sandbox import phones
from sandbox.tests.conftest import eventually


async def test_each_page_is_asked_again_until_its_link_is_over(monkeypatch):
    monkeypatch.setattr(phones, "EVERY", 0.01)
    asked = []

    async def answer(reader, writer):
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        asked.append(path)
        status = {"/r/over/stops": "410 Gone", "/r/busy/stops": "503 Busy"}.get(path, "200 OK")
        if path == "/r/gone/stops":  # and the server has no answer at all
            status = ""
        if status:
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())
    pages = ["/r/good/", "/r/over/", "/r/busy/", "/r/gone/"]
    task = asyncio.create_task(phones.keep_open(url, pages))
    try:
        await eventually(lambda: asked.count("/r/gone/stops") >= 3 <= asked.count("/r/busy/stops"))
    finally:
        task.cancel()
        server.close()
    assert [asked.count(f"{page}stops") >= 3 for page in pages] == [True, False, True, True]
    assert asked.count("/r/over/stops") == 1


async def test_without_phones_there_is_nothing_to_do():
    await asyncio.wait_for(phones.keep_open("http://127.0.0.1:9", []), 1)
