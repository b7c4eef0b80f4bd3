"""The state of one conversation: its exchanges, and where the connection that there is has come to.

Here is what both sides ask of it, and how speech becomes an exchange; `server` is what the server
does to it, and `conversation` what the caller and the connection do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .calls import Calls
from .exchanges import Exchange, Input, Kept, Known, Progress, exchanges_of
from .limits import CONVERSATION, Limit
from .media_line import Written
from .past import HISTORY_LIMIT, Past
from .speech import Speech
from .units import Unit, Wording

__all__ = ["Line", "State", "Turn"]


@dataclass(slots=True)
class Turn:
    """A turn of the server, and what it answers; the next begins with another.

    Args:
        number: Its number on the connection.
        came: The number of the newest message when something of it first came; None while nothing
            has.
        late: The exchange that is over, and whose late result it answers.
        unsure: The exchange whose reply may be another: to a late result, or to audio since the
            last turn, of which nobody has a word.
        doubtful: Whether it answers what closed lost calls, though nobody knows whether the session
            has the question.
        ending: The exchange that it is of, and that is over, though its end is still to come.
    """

    number: int = 0
    came: int | None = None
    late: Exchange | None = None
    unsure: Exchange | None = None
    doubtful: bool = False
    ending: Exchange | None = None


@dataclass(slots=True)
class Line:
    """Where one connection has come to; the next begins with another.

    Args:
        index: The number of the newest message that was written to it.
        resumed: Whether its session is a resumed one.
        told: Whether the newest handle has the history that its session is told, if there is any.
        announced: Whether its session still waits for the history that the caller has announced.
        evident: The place up to which there is evidence that it has what was said; -1 for none.
        answered: The number of the newest message when the newest result was given; -1 for none.
        consumed: The number of the message up to which the newest handle says that it covers.
        issued: Whether a handle came that may cover any message.
        closed: Whether it was told that lost calls are closed, if there are any.
        closing: Whether the empty end that this causes is awaited.
        turn: The turn of the server that has not ended.
        showing: The exchange of which the caller was shown a part in the turn that has not ended.
    """

    index: int
    resumed: bool = False
    told: bool = True
    announced: bool = False
    evident: int = -1
    answered: int = -1
    consumed: int | None = None
    issued: bool = False
    closed: bool = True
    closing: bool = False
    turn: Turn = field(default_factory=Turn)
    showing: Exchange | None = None


class State:
    """The state of one conversation, over all its connections.

    Args:
        handle: A handle of an earlier process; None for a conversation that begins.
        reuse_tool_results: Whether a result is given for a lost call that is made again.
        index_base: The number of the first message after the setup, in transparent resumption.
        announced: Whether the caller's first content, up to its end, is a history and no question;
            see ``history_config``.
        turns: Whether the turns of the model ever end; else no reply is owed after a loss.
        content: Whether the model takes client content in the midst of a session.
        continue_with: The text that asks the model to continue; None for what it takes by itself.
        limit: How much is kept that no handle covers; ``full`` is "wait" or "raise".
        history_limit: How many characters are kept for a new session; the oldest turns go first.
        audio: Returns how far writing audio to the connection has come.
    """

    def __init__(
        self,
        *,
        handle: str | None = None,
        reuse_tool_results: bool = True,
        index_base: int = 1,
        announced: bool = False,
        turns: bool = True,
        content: bool = True,
        continue_with: str | None = None,
        limit: Limit = CONVERSATION,
        history_limit: int = HISTORY_LIMIT,
        audio: Callable[[], Written] = lambda: (0.0, 0, 0),
    ) -> None:
        self.handle = handle
        self.announced = announced and handle is None
        self.calls = Calls(reuse=reuse_tool_results)
        self.exchanges: list[Exchange] = []
        self.past = Past(limit=history_limit)
        self.line = Line(index_base - 1)
        # Whether a handle has ever said by number what it covers.
        self.numbered = False
        # Whether the reply comes as audio, so that one more piece of it changes nothing.
        self.sounding = False
        self._limit = limit
        self._wording = Wording(content=content, continue_with=continue_with)
        self._turns = turns
        # The place of the newest thing that the caller has sent.
        self.placed = 0
        self._index_base = index_base
        self.speech = Speech(audio, before=index_base - 1)
        # Whether a part of a reply was shown that will be given anew.
        self._back = False
        # Ids that the caller is to be told to leave.
        self._left: tuple[str, ...] = ()

    # What is asked

    @property
    def current(self) -> Exchange | None:
        """The exchange that is under way: the oldest that is written and not over."""
        found = None
        for exchange in reversed(self.exchanges):
            if not exchange.over:
                found = exchange if exchange.written else found
            elif exchange.asks:
                break
        return found

    @property
    def newest(self) -> Exchange | None:
        """The newest exchange that asks something: only it is ever asked again."""
        # Asked for several times a turn: a generator costs as much again.
        for exchange in reversed(self.exchanges):
            if exchange.asks:
                return exchange
        return None

    @property
    def quiet(self) -> bool:
        """Whether nothing is open: no reply, no call, nothing that the handle does not cover."""
        done = all(exchange.done for exchange in self.exchanges)
        return done and not self.calls.awaited and self.speech.item is None

    @property
    def owed(self) -> int:
        """How many exchanges have no reply, or were never written."""
        return sum(not exchange.over for exchange in self.exchanges)

    @property
    def due(self) -> bool:
        """Whether something is to be written to a connection that is up to date."""
        newest = self.newest
        again = newest is not None and not newest.over and newest.again
        return self.calls.waiting or (again and bool(self.unwritten()))

    def unwritten(self) -> list[Unit]:
        """Return what this connection has not been sent, in order."""
        return self._wording.unwritten(self.exchanges)

    def place(self) -> int:
        """Return the place of the next thing that the caller sends."""
        self.placed += 1
        return self.placed

    def number(self) -> int:
        """Return the number of the message that is written next: every one of them counts."""
        self.line.index += 1
        return self.line.index

    def unnumber(self) -> int:
        """Take the last number back, and return it: its message was not written after all."""
        self.line.index -= 1
        return self.line.index + 1

    def _progress(self, exchange: Exchange | None) -> Progress:
        """Return what an exchange has come to, or that there is none."""
        if exchange is None:
            return Progress.NONE
        spoke = exchange.speaks and not self.line.turn.doubtful
        calls = exchange.live_calls
        if not calls:
            return Progress.SPEAKS if spoke else Progress.ASKED
        given = any(call.untaken for call in calls)
        if given and not self._said_since(self.line.answered):
            return Progress.GIVEN
        # A call that the server has cancelled is one that the user has interrupted.
        if given or calls[-1].cancelled or exchange.runs:
            return Progress.WAITS
        return Progress.SPEAKS if spoke or calls[-1].scheduling == "SILENT" else Progress.ASKED

    def _said_since(self, number: int | None) -> bool:
        """Tell whether anything was said after a message, as far as can be known."""
        said = max((exchange.last_number for exchange in self.exchanges), default=-1)
        return self.speech.item is not None or number is None or said > number

    # What is kept

    def _let_go(self, size: int) -> tuple[int, int]:
        """Make room, as far as what this connection has, and is over, makes any.

        Return how many messages there are then with one more of this size, and their bytes.
        """
        messages = 1 + sum([len(exchange.inputs) for exchange in self.exchanges])
        held = size + sum([exchange.size for exchange in self.exchanges])
        while self.exchanges and self.exchanges[0].kept:
            if self._limit.fits(messages=messages, bytes=held):
                break
            gone = self.exchanges.pop(0)
            messages -= len(gone.inputs)
            held -= gone.size
            self.past.let_go(gone)
        return messages, held

    def newest_open(self) -> Exchange | None:
        """Return the newest exchange, if what is said now joins it.

        So it does until the first word of the reply, and again between a result and the first word
        that follows it.
        """
        newest = self.newest
        if newest is None or newest.over:
            return None
        if newest.begun is None:
            return newest
        given = any(call.untaken for call in newest.calls) and not newest.runs
        return newest if given and not newest.speaks else None

    def _join(self, item: Input) -> Exchange:
        """Add an input to the newest exchange, if it joins that, or else open one.

        An update joins none: it says nothing.
        """
        exchange = self.newest_open() if item.asks or item.turns else None
        if exchange is None:
            self.exchanges += exchanges_of([item])
            return self.exchanges[-1]
        exchange.inputs.append(item)
        # Context between the first and the last of it is of it as well.
        places = [it.place for it in exchange.inputs]
        for between in [it for it in self.exchanges if min(places) < it.place < max(places)]:
            if not between.asks and all(it.turns for it in between.inputs):
                self.exchanges.remove(between)
                exchange.inputs += between.inputs
        exchange.inputs.sort(key=lambda it: it.place)
        return exchange

    # Speech

    def _listen(self) -> Input:
        """Return the speech that is being heard: somebody speaks."""
        return self.speech.hear(place=self._speech_place(), number=self.line.index)

    def _take_speech(self, *, place: int | None = None) -> Exchange:
        """Make an exchange of what somebody has said, or add it to the one that has not begun."""
        item = self._listen()
        if place is not None or not item.words:
            item.index = self.line.index
        if place is None:
            item.until = max(item.place, self.speech.place)
        else:
            item.place = item.until = place
        self._judge(item)
        self.speech.over()
        self._let_go(0)
        return self._join(item)

    def _speech_place(self) -> int:
        """Return the place of speech that has no mark: it is before what waits to be written."""
        # What the session is said to have is not written, though it may never have been.
        waiting = [item for it in self.exchanges if not it.kept for item in it.inputs]
        for item in waiting:
            if item.index is None and item.known is not Known.YES:
                return item.place - 1
        return self.speech.place or self.placed

    # What the handle has

    def _judge(self, item: Input) -> None:
        """Note what the newest handle has of speech."""
        if self.line.consumed is not None:
            self._cover(item, self.line.consumed)
        elif self.speech.maybe or self.speech.covered:
            item.known = Known.MAYBE

    def _cover(self, item: Input, consumed: int) -> None:
        """Note that a handle covers the messages up to a number."""
        if item.index is not None and item.index <= consumed:
            item.known = Known.YES
        elif item.call is None and item.began <= consumed:
            # It has the beginning of speech.
            item.known = max(item.known, Known.MAYBE)

    def _have(self, place: int) -> None:
        """Note that the session has all that was said up to a place."""
        for exchange in self.exchanges:
            for item in exchange.inputs:
                if item.place <= place:
                    item.known = Known.YES
            if exchange.place < place and exchange.over:
                exchange.kept = Kept.HANDLE

    def _forget(self) -> None:
        """Let what the handle has become past, in order, but for what more output opens again."""
        newest = self.newest
        while self.exchanges and self.exchanges[0].done and self.exchanges[0] is not newest:
            self.past.add(self.exchanges.pop(0))
