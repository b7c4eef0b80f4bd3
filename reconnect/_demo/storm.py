"""The storm of the demo: what goes wrong, when, and how the server's records show that it did."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from reconnect.testing import Abort, Close, Connection, GoAway, LiveServer, Refuse

from .script import QUESTIONS

__all__ = ["FAULTS", "OUTAGE", "Fault", "Hit", "Storm", "storm_of"]

OUTAGE: Final = 5.0
"""Seconds that the server is away."""

_NOTICE: Final = "3s"
_UNAVAILABLE: Final = 503
_REFUSED_HANDLE: Final = 1008
_INTERNAL_ERROR: Final = 1011
_NO_CLOSE_FRAME: Final = 1006

_PIECES: Final = (2, 3)
"""How much of a reply is shown before a fault cuts it: every reply has three pieces or more. Not
one, since the handle that says whether the server knows the turn comes after the first."""

_CLOCK: Final = 0.1
"""Seconds by which two clocks may disagree about the length of an outage."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What the server's records say about a fault.

    Args:
        at: When it was injected, in seconds of the loop's clock.
        connection: The connection that it hit.
        later: The dials since, in order.
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
        inside = bool(contents) and not contents[-1].get("turnComplete")
        return inside and self.ended_with(code)

    def cut_after_reply(self, code: int) -> bool:
        """Tell whether the server ended the connection so between a reply and its handle.

        Args:
            code: A close code; 1006 for no close frame.
        """
        last = self.connection.sent[-1]
        between = isinstance(last, dict) and last.get("serverContent", {}).get("turnComplete")
        return bool(between) and self.ended_with(code)

    def announced(self) -> bool:
        """Tell whether the server sent a go_away."""
        return bool(self._sent("goAway"))

    def refused(self, status: int) -> bool:
        """Tell whether the next dial got no further than the HTTP response.

        Args:
            status: The status of the response.
        """
        return bool(self.later) and self.later[0].status == status

    def handle_refused(self, code: int) -> bool:
        """Tell whether the next dial came with a handle and was closed for it.

        Args:
            code: The close code.
        """
        if not self.later:
            return False
        dial = self.later[0]
        return dial.handle is not None and dial.session is None and dial.close_code == code

    def away(self, seconds: float) -> bool:
        """Tell whether the server ended the connection without a word and took no dial for a while.

        Args:
            seconds: How long.
        """
        back_at = self.at + seconds - _CLOCK
        away = bool(self.later) and all(dial.opened_at >= back_at for dial in self.later)
        return away and self.ended_with(_NO_CLOSE_FRAME)

    def _sent(self, kind: str) -> list[dict[str, Any]]:
        messages = self.connection.sent
        return [message for message in messages if isinstance(message, dict) and kind in message]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong on the server's side.

    Args:
        name: What it is called.
        tells: What the server does, in one sentence without its subject.
        act: Makes it happen now.
        happened: Whether the server's records show that it did.
        after_reply: Whether it hits between a reply and its handle rather than inside the reply.
    """

    name: str
    tells: str
    act: Callable[[LiveServer], None]
    happened: Callable[[Hit], bool]
    after_reply: bool = False


def _refuse_dial(server: LiveServer) -> None:
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
        "503 on the re-dial",
        "Resets the connection; answers the next dial with HTTP 503.",
        _refuse_dial,
        partial(Hit.refused, status=_UNAVAILABLE),
    ),
    Fault(
        "go_away",
        f"Says go_away: it will hang up in {_NOTICE[:-1]} s.",
        lambda server: server.inject(GoAway(time_left=_NOTICE)),
        Hit.announced,
    ),
    Fault(
        "rejected handle",
        "Forgets every handle it gave, and closes with 1011.",
        _forget_handles,
        partial(Hit.handle_refused, code=_REFUSED_HANDLE),
    ),
    Fault(
        f"{OUTAGE:.0f} s outage",
        f"Disappears for {OUTAGE:.0f} s: every dial is refused.",
        lambda server: server.outage(OUTAGE),
        partial(Hit.away, seconds=OUTAGE),
    ),
    Fault(
        "1011 before the handle",
        "Closes with 1011 after its reply, before the next handle.",
        lambda server: server.inject(Close(_INTERNAL_ERROR)),
        partial(Hit.cut_after_reply, code=_INTERNAL_ERROR),
        after_reply=True,
    ),
)
"""The faults of the demo. None makes a turn doubtful: they strike where a handle has come that
says whether the server knows the turn."""


@dataclass(frozen=True, slots=True)
class _Planned:
    turn: int
    pieces: int | None
    fault: Fault


class Storm:
    """The faults of one run: lets each happen at its moment and looks up whether it did.

    Args:
        planned: The faults, and when each is due.
    """

    def __init__(self, planned: Sequence[_Planned]) -> None:
        self.faults = [item.fault for item in planned]
        self._due = {(item.turn, item.pieces): item.fault for item in planned}
        self._hits: dict[str, tuple[float, Connection]] = {}

    def due(self, turn: int, pieces: int | None) -> Fault | None:
        """Return the fault that is due at a moment, if one is; it is not due again.

        Args:
            turn: The turn's number, the first is 1.
            pieces: How many pieces of its reply have been shown; None once all of it was.
        """
        return self._due.pop((turn, pieces), None)

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

    def missed(self, dials: Sequence[Connection]) -> list[str]:
        """Return the names of the faults of which the server's records show nothing.

        Args:
            dials: The server's record of every dial, in order.
        """
        return [fault.name for fault in self.faults if not self._happened(fault, dials)]

    def _happened(self, fault: Fault, dials: Sequence[Connection]) -> bool:
        if fault.name not in self._hits:
            return False
        at, connection = self._hits[fault.name]
        later = [dial for dial in dials if dial.number > connection.number]
        return fault.happened(Hit(at, connection, later))


def storm_of(generator: random.Random) -> Storm:
    """Plan a storm: every fault once, each in a turn of its own, in any order.

    The first turn and the last are left in peace: there must be a conversation before it can be
    lost, and the last reply is to show all of it. So is the turn after a fault that follows a
    reply: only a complete turn proves that the session is back.

    Args:
        generator: Draws the order, the turns, and how much of a reply is shown before it is cut.
    """
    faults = generator.sample(FAULTS, len(FAULTS))
    peaceful = sum(fault.after_reply for fault in FAULTS)
    turns = sorted(generator.sample(range(2, len(QUESTIONS) - peaceful), len(FAULTS)))
    planned: list[_Planned] = []
    for turn, fault in zip(turns, faults, strict=True):
        shift = sum(item.fault.after_reply for item in planned)
        pieces = None if fault.after_reply else generator.choice(_PIECES)
        planned.append(_Planned(turn + shift, pieces, fault))
    return Storm(planned)
