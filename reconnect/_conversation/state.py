"""The state of one conversation: its exchanges, and where the connection that there is has come to.

Here is what both sides ask of it, and how speech becomes an exchange; `reading` is what the server
does to it, and `conversation` what the caller and the connection do.
"""

from __future__ import annotations

from collections.abc import Callable

from .calls import Calls
from .exchanges import (
    Exchange,
    Input,
    Known,
)
from .limits import CONVERSATION, Limit
from .past import HISTORY_LIMIT, Past
from .units import Unit, Wording, newest_of

__all__ = ["State"]


class State:
    """The state of one conversation, over all its connections.

    Args:
        handle: A handle of an earlier process; None for a conversation that begins.
        reuse_tool_results: Whether a result is given for a lost call that is made again.
        index_base: The number of the first message after the setup, in transparent resumption.
        turns: Whether the turns of the model ever end; else no reply is owed after a loss.
        content: Whether the model takes client content in the midst of a session.
        continue_with: The text that asks the model to continue; None for what it takes by itself.
        limit: How much is kept that no handle covers; ``full`` is "wait" or "raise".
        history_limit: How many characters are kept for a new session; the oldest turns go first.
        audio: Returns something that differs whenever audio was written in between.
    """

    def __init__(
        self,
        *,
        handle: str | None = None,
        reuse_tool_results: bool = True,
        index_base: int = 1,
        turns: bool = True,
        content: bool = True,
        continue_with: str | None = None,
        limit: Limit = CONVERSATION,
        history_limit: int = HISTORY_LIMIT,
        audio: Callable[[], object] = lambda: None,
    ) -> None:
        self.handle = handle
        self.calls = Calls(reuse=reuse_tool_results)
        self.exchanges: list[Exchange] = []
        self.past = Past(limit=history_limit)
        self._limit = limit
        self._bytes = 0
        self._wording = Wording(content=content, continue_with=continue_with)
        self._turns = turns
        self._audio = audio
        self._place = 0
        self._index_base = index_base
        # Whether a handle has ever said by number what it covers; what the newest says.
        self.numbered = False
        self.consumed: int | None = None
        # Of this connection: the number of the newest message; the place up to which there is
        # evidence of what was said; whether it is a resumed session, and whether a handle came.
        self._index = index_base - 1
        self._evident = 0
        self._resumed = False
        self.issued = False
        # Whether lost calls were closed on it, and their empty end is awaited.
        self.closing = False
        self._closed = False
        # The exchange whose turn's end is still to come, though it is over.
        self._ending: Exchange | None = None
        # Whether something of a reply came in this turn, and how many turns ended.
        self._came = False
        self._ends = 0
        # The exchange of which the caller was shown a part in the turn that has not ended for it.
        self._showing: Exchange | None = None
        # Whether the reply comes as audio, so that one more piece of it changes nothing.
        self.sounding = False
        # Speech that is yet to be an exchange: its words, the number of the message at which they
        # came, whether somebody has interrupted the model, and whether a handle may have it.
        self._words: list[str] = []
        self._words_at = 0
        self._spoke = False
        self._spoke_since = audio()
        self._maybe_covered = False
        self._seed: Input | None = None
        # Ids that the caller is to be told to leave.
        self._left: list[str] = []

    # What is asked

    @property
    def current(self) -> Exchange | None:
        """The exchange that is under way: the oldest that is written and not over."""
        found = None
        for exchange in reversed(self.exchanges):
            if exchange.over is None:
                if exchange.continued is not None or exchange.inputs[0].index is not None:
                    found = exchange
            elif exchange.asks:
                break
        return found

    @property
    def newest(self) -> Exchange | None:
        """The newest exchange that asks something."""
        return newest_of(self.exchanges)

    @property
    def quiet(self) -> bool:
        """Whether nothing is open: no reply, no call, nothing that the handle does not cover."""
        return not (self.exchanges or self.calls.awaited or self._words)

    @property
    def owed(self) -> int:
        """How many exchanges have no reply, or were never written."""
        return sum(exchange.over is None for exchange in self.exchanges)

    @property
    def due(self) -> bool:
        """Whether something is to be written to a connection that is up to date."""
        newest = self.newest
        again = newest is not None and newest.over is None and newest.retries > 0
        return self.calls.waiting or (again and bool(self.unwritten()))

    def unwritten(self) -> list[Unit]:
        """Return what this connection has not been sent, in order."""
        return self._wording.unwritten(self.exchanges)

    def place(self) -> int:
        """Return the place of the next thing that the caller sends."""
        self._place += 1
        return self._place

    def number(self) -> int:
        """Return the number of the message that is written next: every one of them counts."""
        self._index += 1
        return self._index

    def unnumber(self) -> int:
        """Take the last number back, and return it: its message was not written after all."""
        self._index -= 1
        return self._index + 1

    # What is kept

    def _let_go(self, size: int) -> None:
        """Make room, as far as what this connection has, and is over, makes any."""
        while not self._fits(size) and self.exchanges and self.exchanges[0].ended:
            gone = self.exchanges.pop(0)
            self._bytes -= gone.size
            self.past.let_go(gone)

    def _fits(self, size: int) -> bool:
        return self._limit.fits(messages=len(self.exchanges) + 1, bytes=self._bytes + size)

    def _measure(self) -> None:
        self._bytes = sum(exchange.size for exchange in self.exchanges)

    def newest_open(self) -> Exchange | None:
        """Return the newest exchange, if its reply has not begun: what is said now joins it."""
        newest = self.newest
        return newest if newest and newest.over is None and not newest.begun else None

    def _ask(self, item: Input) -> Exchange:
        exchange = self.newest_open()
        if exchange is None:
            exchange = Exchange([item])
            self.exchanges.append(exchange)
        elif item.place < exchange.inputs[0].place:
            place, exchange = self.exchanges.index(exchange), Exchange([item])
            self.exchanges.insert(place, exchange)
        else:
            exchange.inputs.append(item)
        return exchange

    def _speech(self, *, place: int | None = None) -> Exchange:
        """Make an exchange of what somebody has said, or add it to the one that has not begun."""
        item = Input(None, self._unmarked() if place is None else place)
        item.words, self._words = self._words, []
        item.index = self._words_at if item.words and place is None else self._index
        if self._maybe_covered:
            item.known = Known.MAYBE
        if self.consumed is not None and self.consumed >= item.index:
            item.known = Known.YES
        self._heard_out()
        self._let_go(0)
        return self._ask(item)

    def _unmarked(self) -> int:
        """Return the place of speech that has no mark: it is before what waits to be written."""
        waiting = self.newest_open()
        if waiting is None or any(item.index is not None for item in waiting.inputs):
            return self._place
        return waiting.inputs[0].place - 1

    def _heard_out(self) -> None:
        self._spoke = self._maybe_covered = False
        self._spoke_since = self._audio()

    @property
    def _speaking(self) -> bool:
        """Whether somebody has spoken since the last turn, as far as can be known."""
        return bool(self._words) or self._spoke or self._spoke_since != self._audio()

    def _have(self, place: int) -> None:
        """Note that the session has all that was said up to a place."""
        for exchange in self.exchanges:
            for item in exchange.inputs:
                if item.place <= place:
                    item.known = Known.YES
            if exchange.place < place and exchange.over is not None:
                exchange.settled = True

    def _forget(self) -> None:
        """Let what the handle has become past, in order."""
        while self.exchanges and self.exchanges[0].done:
            self.past.add(self.exchanges.pop(0))
        self._measure()
