"""Who waits for the committer: a queue per store, emptied in turns, and fair parts in a crowd (pure)."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

Key = tuple[int, str]  # the account, and the platform's code of the store ("" if a message names none)
Guest = TypeVar("Guest")

# Up to these parts of the room anybody gets in; beyond, only who holds less than a fair part of the whole.
# Stores are held back before accounts are, so that one store's flood does not shut its account's others out.
STORES_CROWD = 3 / 4
ACCOUNTS_CROWD = 7 / 8
# An account that was turned away for what it holds is turned away until there is this much less in the room:
# refused at the door a message costs next to nothing, refused for its store it has been read and verified.
EASED = 13 / 16


class WaitingRoom(Generic[Guest]):
    """At most `most` guests. Within a queue they keep their order; whose turn is next does not depend on how
    many others of a store wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._queues: OrderedDict[Key, deque[Guest]] = OrderedDict()  # the first one's turn is next
        self._held: Counter[int] = Counter()  # guests by account, only accounts that have some
        self._shut_out: set[int] = set()  # accounts that hold too much in a crowd

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[Key, Guest]]:
        return iter([(key, guest) for key, queue in self._queues.items() for guest in queue])

    def admits(self, account_id: int, *, coming: int = 0) -> bool:
        """Whether a message of this account may come in, as far as can be told before its store is known.

        `coming` others are on their way in. Remembers whom it turned away for holding too much.
        """
        if self._count + coming < EASED * self._most:
            self._shut_out.clear()
        if account_id in self._shut_out:
            return False
        if self._has_room(self._held.get(account_id, 0), len(self._held), ACCOUNTS_CROWD, coming):
            return True
        if self._count + coming < self._most:
            self._shut_out.add(account_id)
        return False

    def admits_to(self, key: Key, *, coming: int = 0) -> bool:
        """Whether a message for this store may come in; `coming` as in `admits`."""
        held = len(self._queues.get(key, ()))
        return self.admits(key[0], coming=coming) and self._has_room(
            held, len(self._queues), STORES_CROWD, coming
        )

    def enter(self, key: Key, guest: Guest) -> None:
        """Queue up. Ask `admits_to` first."""
        self._queues.setdefault(key, deque()).append(guest)
        self._held[key[0]] += 1
        self._count += 1

    def leave(self, key: Key, guest: Guest) -> None:
        """Give up; nothing happens if its turn has come already."""
        queue = self._queues.get(key, deque())
        if guest in queue:
            queue.remove(guest)
            self._gone(key)
            if not queue:
                del self._queues[key]

    def take(self, most: int) -> list[Guest]:
        """The next `most` guests, one of each queue in turn; the next call goes on where this one ended."""
        taken: list[Guest] = []
        while self._queues and len(taken) < most:
            key, queue = self._queues.popitem(last=False)
            taken.append(queue.popleft())
            self._gone(key)
            if queue:
                self._queues[key] = queue
        return taken

    def _has_room(self, held: int, holders: int, crowd: float, coming: int = 0) -> bool:
        """A fair part leaves room for one holder more than there are."""
        count = self._count + coming
        if count < crowd * self._most:
            return True
        return count < self._most and held * (holders + 1) < self._most

    def _gone(self, key: Key) -> None:
        self._count -= 1
        self._held[key[0]] -= 1
        if not self._held[key[0]]:
            del self._held[key[0]]
