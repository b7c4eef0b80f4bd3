"""The tool calls of a conversation: which are awaited, which were lost, which results are known.

Pure. A call lives on its connection: a resumed session does not know it, or waits for it in vain.
So when a connection is lost its calls are lost, and the turn is asked again. What must not happen
then is that a tool runs twice, for nobody wants to be billed or booked twice: a result that was
produced for a lost call is kept, and given to the model when it makes the same call again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Calls", "HeldResult", "ToolCall"]

LOST: Final = "the connection was lost before the result arrived; make the call again if needed"
"""What a resumed session is told of a call that was lost."""

CALL_LIMIT: Final = 1000
"""Calls of one kind that are remembered; the oldest go first."""


@dataclass(slots=True)
class ToolCall:
    """A tool call.

    Args:
        id: Its id; None on Vertex, which gives calls none.
        name: The tool.
        arguments: Its arguments.
        result: The function response that was sent; None while it is awaited.
        followed: Whether output came after the result was sent.
        turn: The turn in whose reply it was made; None where nobody knows.
    """

    id: str | None
    name: str
    arguments: Mapping[str, Any]
    result: Any = None
    followed: bool = False
    turn: object = None

    @property
    def key(self) -> str:
        """What a response names it by: its id, or its name where it has none."""
        return self.id or self.name

    def same(self, other: ToolCall) -> bool:
        """Tell whether another call asks for the same."""
        return self.name == other.name and self.arguments == other.arguments


@dataclass(frozen=True, slots=True)
class HeldResult:
    """A result that is to be sent.

    Args:
        call: The call that it answers, where the caller was not shown it, since its result is known
            from a call that was lost; None for a result of the caller's.
        result: The function response; one that is known has the id of the call that was lost.
    """

    call: ToolCall | None
    result: Any


class Calls:
    """The tool calls of one conversation.

    Args:
        reuse: Whether results of lost calls are given to the model when it asks again.
    """

    def __init__(self, *, reuse: bool) -> None:
        self._reuse = reuse
        # Of this connection; a call that does not block may be answered more than once, so its
        # key stays known.
        self._asked: dict[str, ToolCall] = {}
        self._known: dict[str, ToolCall] = {}
        self._cancelled: dict[str, ToolCall] = {}
        # Of lost connections, until their turn is completed.
        self._lost: dict[str, ToolCall] = {}
        self._unclosed: dict[str, ToolCall] = {}
        # Of lost connections, for good: a late result for one of them is nobody's.
        self._gone: dict[str, ToolCall] = {}
        self._due: list[HeldResult] = []

    @property
    def awaited(self) -> tuple[str, ...]:
        """The keys of the calls whose results the model waits for."""
        return tuple(key for key, call in self._asked.items() if call.result is None)

    @property
    def open(self) -> bool:
        """Whether a handle that comes now may still wait on a call."""
        return bool(self._asked)

    def ask(self, call: ToolCall) -> bool:
        """Take over a call of the model's; return whether the caller is to run the tool.

        Args:
            call: The call.
        """
        self._asked[call.key] = call
        self._known[call.key] = call
        self._gone.pop(call.key, None)
        _bound(self._asked)
        _bound(self._known)
        for key, lost in self._lost.items():
            if lost.result is not None and lost.same(call):
                del self._lost[key]
                call.result = lost.result
                self._due.append(HeldResult(call, lost.result))
                return False
        return True

    def cancelled(self, keys: Iterable[str]) -> None:
        """Note that the server has cancelled calls: nobody waits for them on this connection.

        A session that is resumed from a handle of before may do so.

        Args:
            keys: Their ids.
        """
        for key in keys:
            if key in self._asked:
                self._cancelled[key] = self._asked.pop(key)

    def answered(self, key: str, result: Any) -> None:
        """Note a result that was sent, or that came too late and is kept.

        Args:
            key: What it names.
            result: The function response.
        """
        call = self._asked.get(key) or self._lost.get(key)
        if call is not None:
            call.result = result

    def unanswered(self, key: str) -> None:
        """Note that a result was not sent after all, since the SDK would not take it.

        Args:
            key: What it names.
        """
        self.answered(key, None)

    def answer(self, key: str, result: Any) -> bool:
        """Take over a result of the caller's; return whether it is to be sent.

        One for a call of a connection that was lost is kept, and never sent. One for a call that
        nobody has heard of is sent, as the SDK sends it.

        Args:
            key: What it names.
            result: The function response.
        """
        self.answered(key, result)
        return key in self._known or key not in self._gone

    def hold(self, result: Any) -> None:
        """Keep a result that is to be sent, and cannot be now.

        Args:
            result: The function response.
        """
        self._due.append(HeldResult(None, result))

    @property
    def waiting(self) -> bool:
        """Whether results are to be sent that were not."""
        return bool(self._due)

    def due(self) -> list[HeldResult]:
        """Take out the results that are to be sent."""
        due, self._due = self._due, []
        return due

    def followed(self) -> None:
        """Note output: the model has gone on after the results that were sent."""
        for call in self._asked.values():
            call.followed = call.result is not None

    def covered(self) -> None:
        """Note a handle: what was answered and followed by output is behind it.

        So is whatever an earlier connection has lost: a session resumed from it waits for none.
        """
        self._asked = {key: call for key, call in self._asked.items() if not call.followed}
        self._cancelled.clear()
        self._unclosed.clear()

    def completed(self, *, left: Collection[object] = ()) -> None:
        """Note the end of a turn: what was lost in it will not be asked again.

        Args:
            left: The turns that are not over yet, which may ask again for theirs.
        """
        lost = self._lost.items()
        self._lost = {key: call for key, call in lost if call.turn in left}

    def lost(self, *, known: bool = True) -> tuple[str, ...]:
        """Give up the connection; return the keys of the calls that nobody waits for any more.

        Args:
            known: Whether a session that is resumed may know the turn that made the calls.
        """
        cancelled = self.awaited
        if known:
            self._unclosed.update(self._cancelled | self._asked)
            _bound(self._unclosed)
        if self._reuse:
            self._lost.update(self._asked)
            _bound(self._lost)
        self._gone.update(self._known)
        _bound(self._gone)
        self._asked = {}
        self._cancelled.clear()
        self._known.clear()
        self._due.clear()
        return cancelled

    def closing(self) -> list[dict[str, Any]]:
        """Return the responses that close the lost calls on a session that waits for them.

        Such a session takes whatever comes first for the answer, and answers nothing else: an
        error closes the exchange cleanly. Until a new handle comes, each session that is resumed
        waits again.
        """
        return [
            {"id": call.id, "name": call.name, "response": {"error": LOST}}
            for call in self._unclosed.values()
        ]

    def restarted(self) -> None:
        """Note that the next session is a fresh one: it waits for nothing."""
        self._unclosed.clear()


def _bound(calls: dict[str, ToolCall]) -> None:
    """Drop the oldest calls beyond the limit."""
    while len(calls) > CALL_LIMIT:
        del calls[next(iter(calls))]
