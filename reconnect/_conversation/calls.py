"""The tool calls of a conversation: who waits for a result, and which results are known.

A call is what the caller was shown: not its id, which may come again on another connection, and not
its name. When a connection is lost the resumed session does not know the call, or waits for it in
vain, and the model may well make it again. What must not happen then is that a tool runs twice:
nobody wants to be billed or booked twice. So a lost call stands until its exchange is over. If the
model makes the same again, that one is not shown, and is given the result of the first, which may
still be to come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from .exchanges import Exchange, Known, ToolCall

__all__ = ["Calls"]

LOST: Final = "the connection was lost before the result arrived; make the call again if needed"
"""What a resumed session is told of a call that was lost and has no result."""

CALL_LIMIT: Final = 1000
"""Calls that are remembered; the oldest go first."""


class Calls:
    """The tool calls of one conversation, until their exchanges are over.

    Args:
        reuse: Whether a result is given to the model when it makes a call again that was lost.
    """

    def __init__(self, *, reuse: bool) -> None:
        self._reuse = reuse
        self._calls: list[ToolCall] = []
        # Results that are to be sent, those of the calls themselves: a result is known again by
        # what it is, and not by what is in it.
        self._due: list[Any] = []
        self._given = 0

    @property
    def awaited(self) -> tuple[str, ...]:
        """The keys of the calls whose results the model waits for."""
        return tuple(call.key for call in self._calls if call.open)

    @property
    def waiting(self) -> bool:
        """Whether results are to be sent that were not."""
        return bool(self._due) and any(self._may_go(result) for result in self._due)

    def late(self, *, idle: bool = True, begins: bool = True) -> Exchange | None:
        """Return the exchange that is over, and whose result the model takes up next.

        It takes them up in the order in which they were given, but for what is to wait until it
        has nothing else to do. On Vertex, where calls have no ids, a turn begins with one.
        """
        untaken = (
            call
            for call in self._calls
            if call.untaken
            if idle or call.scheduling != "WHEN_IDLE"
            if begins or call.id is not None
        )
        first = min(untaken, key=lambda call: (call.waits, call.order), default=None)
        return None if first is None or not first.exchange.over else first.exchange

    def repeated(self, calls: Sequence[Any]) -> Exchange | None:
        """Return the exchange that is over, and whose lost calls the model makes again.

        None if it makes none again, or one of what is not over.
        """
        lost = [
            call
            for call in self._calls
            if call.free and any(call.same(again.name, again.args or {}) for again in calls)
        ]
        if not self._reuse or not all(call.exchange.over for call in lost):
            return None
        return lost[-1].exchange if lost else None

    def take_up(self, exchange: Exchange, *, turn: int, passing: bool = False) -> None:
        """Note output after results were given in an exchange: the model has taken them up.

        On Vertex, where calls have no ids, it takes none up before the turn of the call has ended.
        It is passing where it goes on without the results that it has not been given.
        """
        for call in exchange.calls:
            call.passed |= passing and call.open
            given = call.untaken and not self._is_due(call)
            call.taken |= given and (call.id is not None or call.turn < turn)

    def outrun(self, exchange: Exchange, *, turn: int) -> None:
        """Note output to what was said after results were given in an exchange that is over.

        They are taken up with it, but for one that waits until the model has nothing else to do:
        it is taken up before the next question.
        """
        made = exchange.calls
        waits = [it for it in made if it.untaken and it.scheduling == "WHEN_IDLE" and not it.passed]
        self.take_up(exchange, turn=turn)
        for call in waits:
            call.taken, call.passed = False, True

    def leave_newest(self) -> Exchange | None:
        """Note that the newest result is still to be taken up; return its exchange.

        None where it cannot have interrupted the model: it waits, is silent, or has been answered.
        """
        given = [call for call in self._calls if call.result is not None]
        newest = max(given, key=lambda call: call.order, default=None)
        if newest is None or newest.scheduling == "SILENT":
            return None
        if not self.awaited and newest.scheduling != "INTERRUPT":
            return None
        newest.taken = False
        return newest.exchange

    def made(self, call: ToolCall) -> bool:
        """Take over a call of the model's; return whether the caller is shown it."""
        self._calls.append(call)
        call.exchange.calls.append(call)
        self._forget(self._calls[:-CALL_LIMIT])
        if not self._reuse:
            return True
        for lost in self._calls:
            stands = lost.exchange is call.exchange or not lost.exchange.over
            if stands and lost.free and lost.same(call.name, call.arguments):
                lost.heir, call.shown = call, False
                if lost.result is not None:
                    self._hand_on(call, lost.result)
                return False
        return True

    def cancel(self, keys: Iterable[str]) -> None:
        """Note that the server has cancelled calls: nobody waits for them on this connection."""
        for key in keys:
            # A result that was sent a moment ago has crossed it, and is not taken.
            meant = [call for call in self._calls if call.key == key and call.open]
            crossed = [call for call in self._calls if call.key == key and call.untaken]
            for call in meant[:1] or crossed[-1:]:
                call.cancelled = True
                # Nor is a result that is still to be sent: it would answer the next of that id.
                self._due = [result for result in self._due if result is not call.result]

    def answer(self, result: Any) -> bool:
        """Take over a result of the caller's; return whether it is to be sent as it is.

        It answers the oldest call that the caller was shown, and that it can mean; one that the
        caller was told to leave only where it can mean no other. One for a call of a connection
        that was lost is kept, and given to the call that was made again. One for a call that nobody
        has heard of is sent, as the SDK sends it.
        """
        key = result.id or result.name or ""
        nameless = any(call.id is None and call.name == result.name for call in self._calls)
        if nameless and all(call.key != key for call in self._calls):
            # google-adk makes an id up for a call that came without.
            key = result.name
        meant = [
            call
            for call in self._calls
            if call.shown and call.key == key and result.name in (None, call.name)
        ]
        if not meant:
            return True
        unanswered = [call for call in meant if call.result is None]
        expected = [call for call in unanswered if not call.cancelled]
        call = (expected or unanswered or meant[-1:])[0]
        self._give(call, result)
        heir = call.heir
        if heir is not None and heir.open:
            self._hand_on(heir, result)
        return call.live

    def _hand_on(self, call: ToolCall, result: Any) -> None:
        """Give a call that was made again the result of the first, by its own id."""
        own = result.model_copy(update={"id": call.id})
        self._give(call, own)
        self._due.append(own)

    def _give(self, call: ToolCall, result: Any) -> None:
        """Note a result; one that is silent needs no taking up."""
        self._given += 1
        call.result, call.order = result, self._given
        call.taken = call.scheduling == "SILENT"

    def unanswered(self, result: Any) -> None:
        """Note that a result was not sent after all, since the SDK would not take it."""
        for call in self._calls:
            if call.live and call.result is result:
                call.result = None

    def hold(self, results: Iterable[Any]) -> None:
        """Keep results that are to be sent, and cannot be now."""
        self._due += results

    def due(self) -> list[Any]:
        """Take out the results that are to be sent now."""
        due = [result for result in self._due if self._may_go(result)]
        self._due = [result for result in self._due if not self._may_go(result)]
        # Calls without ids are told apart by their order, whoever gives their results.
        order = {id(call.result): at for at, call in enumerate(self._calls) if call.id is None}
        return sorted(due, key=lambda result: order.get(id(result), 0))

    def _is_due(self, call: ToolCall) -> bool:
        return bool(self._due) and any(result is call.result for result in self._due)

    def _may_go(self, result: Any) -> bool:
        """Tell whether a result may be sent: calls without ids are told apart by their order.

        What the caller gives is sent as he orders it; only what is handed on waits for its turn.
        """
        for place, call in enumerate(self._calls):
            if call.result is result and call.id is None and not call.shown:
                before = self._calls[:place]
                return not any(it.open and it.name == call.name for it in before)
        return True

    def covered(self, *, closed: bool) -> None:
        """Note a handle: what was answered and followed by output is in it.

        Args:
            closed: Whether the calls of lost connections were closed on this one, so that a
                session resumed from the handle waits for none of them.
        """
        for call in self._calls:
            if call.live and call.result is not None:
                call.known = Known.YES if call.taken else max(call.known, Known.MAYBE)
            call.closed |= call.known is Known.YES or (closed and not call.live)

    def lost(self) -> tuple[str, ...]:
        """Give up the connection; return the ids of the calls that the caller is told to leave."""
        # Nobody will ask for the result of an exchange that is over.
        left = _leave(
            call
            for call in self._calls
            if call.open and call.shown and (call.exchange.over or not self._reuse)
        )
        for call in self._calls:
            call.live, call.heir = False, None
        self._due.clear()
        return left

    def closing(self, exchange: Exchange) -> list[dict[str, Any]]:
        """Return the responses that close the lost calls on a session that waits for them.

        Such a session takes whatever comes first for the answer, and answers nothing else: an
        error closes the exchange cleanly. One that may have had the result is given it again.
        Until a new handle comes, each session that is resumed waits again.
        """
        return [
            {
                "id": call.id,
                "name": call.name,
                "response": call.result.response if call.known is not Known.NO else {"error": LOST},
            }
            for call in exchange.calls
            if not (call.live or call.closed)
        ]

    def restarted(self) -> None:
        """Note that the next session is a new one: it has the result of no call."""
        for call in self._calls:
            call.known, call.closed = Known.NO, True

    def over(self, exchange: Exchange) -> tuple[str, ...]:
        """Note that an exchange is over: its calls are.

        Return the ids of those that the caller may still work on, and nobody waits for: never that
        of a call that the model waits for.
        """
        if not self._calls:
            return ()
        awaited = self.awaited
        left = _leave(
            call
            for call in exchange.calls
            if call.shown and not (call.live or call.cancelled)
            if call.result is None and call.key not in awaited
        )
        # Those that are not answered stay: a late result for one of a lost connection is nobody's.
        # So do those of the newest exchange, which more output opens again, those for which a
        # resumed session may wait, and which it may make again, and those whose results still wait
        # for their turn.
        self._forget(
            [
                call
                for call in self._calls
                if call.closed and call.exchange.over and call.exchange is not exchange
                if call.result is not None and not self._is_due(call)
            ]
        )
        return left

    def _forget(self, calls: list[ToolCall]) -> None:
        for call in calls:
            self._calls.remove(call)
            call.exchange.calls.remove(call)


def _leave(calls: Iterable[ToolCall]) -> tuple[str, ...]:
    """Note that the caller is told to leave calls; return their keys."""
    left = list(calls)
    for call in left:
        call.cancelled = True
    return tuple(call.key for call in left)
