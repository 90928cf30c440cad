"""Calling back: the news of one errand in their order, each until it is answered as the courier wants."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import httpx

from sandbox.background import Background

TIMEOUT = 8.0  # seconds that an answer may take
AT_ONCE = 48  # calls of one courier


@dataclass(frozen=True, slots=True)
class Post:
    """One callback, ready to be sent. `forged`: somebody else's lie, sent once."""

    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    forged: bool = False


class Callbacks:
    """Sends what one courier has to tell.

    The first attempts of one errand's news are made in order. What then fails is tried again beside them,
    `attempts` times in all, so that an errand's end does not wait for a bad moment at its beginning.
    `answers` counts HTTP statuses (0: none), `forged` those of lies.
    """

    def __init__(
        self, client: httpx.AsyncClient, accepted: Callable[[httpx.Response], bool], attempts: int
    ) -> None:
        self.client, self.accepted, self.attempts = client, accepted, attempts
        self.answers: Counter[int] = Counter()
        self.forged: Counter[int] = Counter()
        self.given_up = 0
        self.background = Background()
        self._lines: dict[str, deque[list[Post]]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._dice = Random()

    def send(self, errand: str, together: list[Post]) -> None:
        """Send what belongs together after everything that was sent for this errand before.

        What has no address is nobody's.
        """
        together = [post for post in together if post.url.startswith("http")]
        if not together:
            return
        line = self._lines.get(errand)
        if line is None:
            self._lines[errand] = line = deque()
            self.background.start(self._empty(errand, line))
        line.append(together)

    async def _empty(self, errand: str, line: deque[list[Post]]) -> None:
        while line:
            posts = line.popleft()
            taken = await asyncio.gather(*map(self._attempt, posts))
            for post, done in zip(posts, taken, strict=True):
                if not (done or post.forged):
                    self.background.start(self._insist(post))
        del self._lines[errand]

    async def _insist(self, post: Post) -> None:
        for attempt in range(1, self.attempts):
            await asyncio.sleep(min(0.1 * 2**attempt, 15) * self._dice.uniform(0.7, 1.3))
            if await self._attempt(post):
                return
        self.given_up += 1

    async def _attempt(self, post: Post) -> bool:
        counter = self.forged if post.forged else self.answers
        async with self._places:
            try:
                answer = await self.client.post(
                    post.url, content=post.body, headers=post.headers, timeout=TIMEOUT
                )
            except (httpx.HTTPError, httpx.InvalidURL):
                counter[0] += 1
                return False
        counter[answer.status_code] += 1
        return self.accepted(answer)
