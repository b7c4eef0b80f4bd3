"""The storm of the demo: what goes wrong, when, and how the server's records show that it did."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from reconnect.testing import Abort, Close, Connection, GoAway, LiveServer, Refuse

from .script import INTERRUPTING, QUESTIONS, wishes

__all__ = ["FAULTS", "OUTAGE", "Fault", "Hit", "Moment", "Storm", "storm_of"]

Moment: TypeAlias = int | Literal["end", "call", "result", "interrupted"]
"""A moment of a turn: so many pieces of its reply have been shown, or all of it; the model has
called tools, or the first result has been sent; the turn has interrupted the one before it."""

OUTAGE: Final = 5.0
"""Seconds that the server is away."""

_NOTICE: Final = "3s"
_UNAVAILABLE: Final = 503
_REFUSED_HANDLE: Final = 1008
_INTERNAL_ERROR: Final = 1011
_NO_CLOSE_FRAME: Final = 1006

_INSIDE: Final = 2
"""How many pieces of a reply are shown before a fault cuts it: each has three or more."""

_CLOCK: Final = 0.1
"""Seconds by which two clocks may disagree about the length of an outage."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What the server's records say about a fault.

    Args:
        at: When it was injected, in seconds of the loop's clock.
        connection: The connection that it hit.
        later: The attempts since, in order.
    """

    at: float
    connection: Connection
    later: Sequence[Connection]

    def ended_with(self, code: int) -> bool:
        """Tell whether the server ended the connection so.

        Args:
            code: A close code; 1006 for no close frame.
        """
        ended = self.connection
        return ended.ended_by == "server" and ended.close_code == code

    def cut(self, code: int) -> bool:
        """Tell whether the server ended the connection so inside a reply.

        Args:
            code: A close code; 1006 for no close frame.
        """
        contents = [message["serverContent"] for message in self._sent("serverContent")]
        inside = bool(contents) and not _ends(contents[-1])
        return inside and self.ended_with(code)

    def cut_after_reply(self, code: int) -> bool:
        """Tell whether the server ended the connection so between a reply and its handle.

        Args:
            code: A close code; 1006 for no close frame.
        """
        last = self.connection.sent[-1]
        between = isinstance(last, dict) and _ends(last.get("serverContent", {}))
        return between and self.ended_with(code)

    def cut_in_call(self, code: int) -> bool:
        """Tell whether the server ended the connection so while the model waited for a result.

        Args:
            code: A close code; 1006 for no close frame.
        """
        said = self._sent("serverContent", "toolCall")
        return bool(said) and "toolCall" in said[-1] and self.ended_with(code)

    def cut_after_interruption(self, code: int) -> bool:
        """Tell whether the server ended the connection so after it had broken off a reply.

        The reply to what interrupted was not complete then.

        Args:
            code: A close code; 1006 for no close frame.
        """
        contents = [message["serverContent"] for message in self._sent("serverContent")]
        found = [at for at, content in enumerate(contents) if content.get("interrupted")]
        ends = [content for content in contents[max(found, default=0) :] if _ends(content)]
        return bool(found) and len(ends) == 1 and self.ended_with(code)

    def announced(self) -> bool:
        """Tell whether the server sent a go_away."""
        return bool(self._sent("goAway"))

    def refused(self, status: int) -> bool:
        """Tell whether the next attempt got no further than the HTTP response.

        Args:
            status: The status of the response.
        """
        return bool(self.later) and self.later[0].status == status

    def handle_refused(self, code: int) -> bool:
        """Tell whether the next attempt came with a handle and was closed for it.

        Args:
            code: The close code.
        """
        if not self.later:
            return False
        attempt = self.later[0]
        return attempt.handle is not None and attempt.session is None and attempt.close_code == code

    def away(self, seconds: float) -> bool:
        """Tell whether the server ended the connection silently and took no other for a while.

        Args:
            seconds: How long.
        """
        back_at = self.at + seconds - _CLOCK
        away = bool(self.later) and all(other.opened_at >= back_at for other in self.later)
        return away and self.ended_with(_NO_CLOSE_FRAME)

    def _sent(self, *kinds: str) -> list[dict[str, Any]]:
        messages = [message for message in self.connection.sent if isinstance(message, dict)]
        return [message for message in messages if not message.keys().isdisjoint(kinds)]


def _ends(content: Mapping[str, Any]) -> bool:
    return bool(content.get("turnComplete"))


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong on the server's side.

    Args:
        name: What it is called.
        tells: What the server does, in one sentence without its subject.
        act: Makes it happen now.
        happened: Whether the server's records show that it did.
        moment: When in a turn it hits: inside the reply, between the reply and its handle, in a
            call of a tool, or when the turn has interrupted the one before.
    """

    name: str
    tells: str
    act: Callable[[LiveServer], None]
    happened: Callable[[Hit], bool]
    moment: Moment = _INSIDE


def _refuse_once(server: LiveServer) -> None:
    server.plan(Refuse(_UNAVAILABLE))
    server.inject(Abort())


def _forget_handles(server: LiveServer) -> None:
    server.reject_handles()
    server.inject(Close(_INTERNAL_ERROR))


FAULTS: Final = (
    Fault(
        "TCP abort",
        "Resets the TCP connection in the middle of its reply.",
        lambda server: server.inject(Abort()),
        partial(Hit.cut, code=_NO_CLOSE_FRAME),
    ),
    Fault(
        "1011 in a reply",
        "Closes with 1011 in the middle of its reply.",
        lambda server: server.inject(Close(_INTERNAL_ERROR)),
        partial(Hit.cut, code=_INTERNAL_ERROR),
    ),
    Fault(
        "503 on the next attempt",
        "Resets the connection, and refuses the next with HTTP 503.",
        _refuse_once,
        partial(Hit.refused, status=_UNAVAILABLE),
    ),
    Fault(
        "go_away",
        f"Sends go_away: it will hang up in {_NOTICE[:-1]} s.",
        lambda server: server.inject(GoAway(time_left=_NOTICE)),
        Hit.announced,
    ),
    Fault(
        "rejected handle",
        "Forgets every handle it issued, and closes with 1011.",
        _forget_handles,
        partial(Hit.handle_refused, code=_REFUSED_HANDLE),
    ),
    Fault(
        f"{OUTAGE:.0f} s outage",
        f"Goes down for {OUTAGE:.0f} s: every attempt is refused.",
        lambda server: server.outage(OUTAGE),
        partial(Hit.away, seconds=OUTAGE),
    ),
    Fault(
        "1011 before the handle",
        "Closes with 1011 after its reply, before the next handle.",
        lambda server: server.inject(Close(_INTERNAL_ERROR)),
        partial(Hit.cut_after_reply, code=_INTERNAL_ERROR),
        moment="end",
    ),
    Fault(
        "1011 after an interruption",
        "Closes with 1011 just after interrupting its reply.",
        lambda server: server.inject(Close(_INTERNAL_ERROR)),
        partial(Hit.cut_after_interruption, code=_INTERNAL_ERROR),
        moment="interrupted",
    ),
    Fault(
        "cut in a tool call",
        "Resets the TCP connection while a tool is running.",
        lambda server: server.inject(Abort()),
        partial(Hit.cut_in_call, code=_NO_CLOSE_FRAME),
        moment="call",
    ),
    Fault(
        "cut after a tool's result",
        "Closes with 1011 while a result is on its way.",
        lambda server: server.inject(Close(_INTERNAL_ERROR)),
        partial(Hit.cut_in_call, code=_INTERNAL_ERROR),
        moment="result",
    ),
)
"""The faults of the demo. None makes a turn doubtful: 2.5 issues no handle while a turn is open,
and says so when it takes one up, so the newest handle is always from before the turn."""


class Storm:
    """The faults of one run: lets each happen at its moment and looks up whether it did.

    Args:
        planned: The faults by the number of the turn that each hits; the first is 1.
    """

    def __init__(self, planned: Mapping[int, Fault]) -> None:
        self.faults = [planned[turn] for turn in sorted(planned)]
        self._due = {(turn, fault.moment): fault for turn, fault in planned.items()}
        self._hits: dict[str, tuple[float, Connection]] = {}

    def due(self, turn: int, moment: Moment) -> Fault | None:
        """Return the fault that is due at a moment, if one is; it is not due again.

        Args:
            turn: The turn's number, the first is 1.
            moment: The moment of the turn.
        """
        return self._due.pop((turn, moment), None)

    def strike(self, server: LiveServer, fault: Fault, *, now: float) -> None:
        """Let a fault happen, if there is a connection that it can happen to.

        Args:
            server: The server.
            fault: The fault.
            now: The time in seconds of the loop's clock.
        """
        for connection in reversed(server.connections):
            if connection.session is not None and connection.ended_by is None:
                self._hits[fault.name] = now, connection
                fault.act(server)
                return

    def missed(self, connections: Sequence[Connection]) -> list[str]:
        """Return the names of the faults of which the server's records show nothing.

        Args:
            connections: The server's record of every attempt, in order.
        """
        return [fault.name for fault in self.faults if not self._happened(fault, connections)]

    def _happened(self, fault: Fault, connections: Sequence[Connection]) -> bool:
        if fault.name not in self._hits:
            return False
        at, connection = self._hits[fault.name]
        later = [other for other in connections if other.number > connection.number]
        return fault.happened(Hit(at, connection, later))


def storm_of(generator: random.Random) -> Storm:
    """Plan a storm: every fault once, each in a turn of its own, in any order.

    The first turn and the last are left in peace: there must be a conversation before it can be
    lost, and the last reply is to show all of it. So is the turn after a fault that follows a
    reply: only a complete turn proves that the session is back. The turn that interrupts another
    has a fault of its own.

    Args:
        generator: Draws which turn each fault hits.
    """
    middle = set(range(2, len(QUESTIONS))) - {INTERRUPTING - 1, INTERRUPTING}
    booking = [turn for turn in middle if wishes(QUESTIONS[turn - 1])]
    plain = [turn for turn in middle if turn not in booking]
    planned: dict[int, Fault] = {}
    for fault in FAULTS:
        if fault.moment == "end":
            turn = generator.choice([turn for turn in plain if turn + 1 in plain])
            plain.remove(turn)
            plain.remove(turn + 1)
            planned[turn] = fault
        elif fault.moment == "interrupted":
            planned[INTERRUPTING] = fault
    for turns, moments in ((booking, ("call", "result")), (plain, (_INSIDE,))):
        faults = [fault for fault in FAULTS if fault.moment in moments]
        planned.update(zip(generator.sample(turns, len(faults)), faults, strict=True))
    return Storm(planned)
