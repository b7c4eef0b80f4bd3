"""The past of a conversation: what the newest handle has, and what a new session is told.

Pure. It is bounded: the oldest turns go first.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from .exchanges import UPDATE, Exchange
from .transcript import model_turn, newest, size_of_turn, tellable

__all__ = ["HISTORY_LIMIT", "Past"]

HISTORY_LIMIT: Final = 200_000
"""Characters of conversation that a new session is told at most; the oldest turns go first."""


class Past:
    """What was said, and is over.

    Args:
        limit: How many characters are kept; the oldest turns go first.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        # The turns, and their size; and whether older ones were dropped: then nothing that came
        # before them is worth telling.
        self._turns: deque[Any] = deque()
        self._size = 0
        self._truncated = False
        # The place up to which it goes, among all that the caller sent.
        self.until = 0
        self._updates: dict[str, Any] = {}
        # How many exchanges were let go of that no handle has, so that a session which is resumed
        # may not know them, since this was last taken.
        self.forgotten = 0

    @property
    def turns(self) -> list[Any]:
        """What a new session is told besides the history."""
        return list(self._turns)

    def add(self, exchange: Exchange) -> None:
        """Add an exchange that is over."""
        last = exchange.inputs[-1]
        self.until = max(last.place, last.until)
        turns = [turn for item in exchange.inputs for turn in item.turns]
        if exchange.reply:
            turns.append(model_turn(exchange.reply))
        self._turns += turns
        self._size += sum(map(size_of_turn, turns))
        while self._size > self._limit:
            self._truncated = True
            self._size -= size_of_turn(self._turns.popleft())
        for item in exchange.inputs:
            if item.call is not None and item.call.method == UPDATE:
                news = item.call.arguments.items()
                self._updates |= {name: value for name, value in news if value is not None}

    def let_go(self, exchange: Exchange) -> None:
        """Add an exchange for which there is no room, though no handle has it."""
        self.forgotten += not exchange.done
        self.add(exchange)

    def take_forgotten(self) -> int:
        """Return how many exchanges a session that is resumed may not know, each once."""
        forgotten, self.forgotten = self.forgotten, 0
        return forgotten

    def take_updates(self) -> dict[str, Any]:
        """Take out the newest changes of the context: a new session begins without them."""
        updates, self._updates = self._updates, {}
        return updates

    def seed(self, history: list[Any], *, halvings: int) -> list[Any]:
        """Return what a new session is told: the newest turns that there is room for.

        Of these the history from before is the oldest. The room is halved as often as the server
        found the whole too long.
        """
        turns = self.turns if self._truncated else [*history, *self.turns]
        return newest(tellable(turns), limit=self._limit, halvings=halvings)
