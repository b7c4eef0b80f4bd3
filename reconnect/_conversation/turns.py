"""One client message, and what is known of it: the table of its states.

The rules behind the table stand in `ledger`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, Final

from .limits import size_of
from .transcript import model_turn, user_turn

__all__ = [
    "ANSWER",
    "ASK_ON",
    "CONTENT",
    "REALTIME",
    "TRANSITIONS",
    "UPDATE",
    "Call",
    "Change",
    "Entry",
    "State",
]

CONTENT: Final = "send_client_content"
UPDATE: Final = "send_context_update"
REALTIME: Final = "send_realtime_input"
ANSWER: Final = "send_tool_response"
"""The methods of the SDK's session: turns, updates of the context, realtime input, and results."""


class State(Enum):
    """What is known of one client message."""

    # The members are looked up with every message; Enum's own hash is a function in Python.
    __hash__ = object.__hash__

    HELD = "held"
    """Not written to this connection yet."""

    SENT = "sent"
    """Written; whether the server has it is not known."""

    ANSWERING = "answering"
    """Output of its reply was seen, but no handle since."""

    ANSWERED = "answered"
    """Its reply is complete, but no handle has come since."""

    KNOWN = "known"
    """A handle covers the user's part; no output of the reply was seen on this connection."""

    KNOWN_ANSWERING = "known, answering"
    """A handle covers the user's part; output was seen."""

    KNOWN_ANSWERED = "known, answered"
    """A handle covers the user's part; the reply is complete, but no handle covers it."""

    TO_ASK_ON = "to ask for"
    """The session knows the user's part, and its reply was cut: to be asked for."""

    TO_TELL = "to replay"
    """The session knows neither part, and both are complete: to be replayed."""

    TO_TELL_REPLY = "to replay the reply"
    """The session knows the user's part but not the reply, which is complete: to be replayed."""

    TOLD = "replayed"
    """Replayed; no handle is known to cover it yet."""

    TOLD_REPLY = "reply replayed"
    """The user's part is covered, the reply replayed; no handle is known to cover it yet."""

    SETTLED = "settled"
    """A handle covers it. The ledger forgets it, once all that came before it is settled too."""


class Change(Enum):
    """What happens to a client message."""

    WRITTEN = "written"
    """It was written to the connection."""

    OUTPUT = "output"
    """Output came that replies to it."""

    COMPLETED = "completed"
    """Its turn was completed."""

    COVERED = "covered"
    """A handle is known to cover it."""

    RECOGNISED = "recognised"
    """The session has shown that it knows it, by closing a tool call of its."""

    LOST = "lost"
    """The connection was lost, and what came after the newest handle with it."""

    RESPOKEN = "respoken"
    """The connection was lost, and all of its audio is going to be written again."""

    RESTARTED = "restarted"
    """The next session is a new one, which knows nothing."""

    SEEDED = "seeded"
    """The new session will be sent it with the history."""


TRANSITIONS: Final[Mapping[tuple[State, Change], State]] = {
    (State.HELD, Change.WRITTEN): State.SENT,
    (State.HELD, Change.RECOGNISED): State.TO_ASK_ON,
    (State.HELD, Change.LOST): State.HELD,
    (State.HELD, Change.RESTARTED): State.HELD,
    (State.SENT, Change.OUTPUT): State.ANSWERING,
    (State.SENT, Change.COMPLETED): State.ANSWERED,
    (State.SENT, Change.COVERED): State.KNOWN,
    (State.SENT, Change.LOST): State.HELD,
    (State.SENT, Change.RESPOKEN): State.HELD,
    (State.ANSWERING, Change.COVERED): State.KNOWN_ANSWERING,
    (State.ANSWERING, Change.COMPLETED): State.ANSWERED,
    (State.ANSWERING, Change.LOST): State.HELD,
    (State.ANSWERING, Change.RESPOKEN): State.HELD,
    (State.ANSWERED, Change.COVERED): State.SETTLED,
    (State.ANSWERED, Change.LOST): State.TO_TELL,
    (State.ANSWERED, Change.RESPOKEN): State.HELD,
    (State.KNOWN, Change.OUTPUT): State.KNOWN_ANSWERING,
    (State.KNOWN, Change.COMPLETED): State.KNOWN_ANSWERED,
    (State.KNOWN, Change.COVERED): State.KNOWN,
    (State.KNOWN, Change.LOST): State.TO_ASK_ON,
    (State.KNOWN_ANSWERING, Change.COVERED): State.KNOWN_ANSWERING,
    (State.KNOWN_ANSWERING, Change.COMPLETED): State.KNOWN_ANSWERED,
    (State.KNOWN_ANSWERING, Change.LOST): State.TO_ASK_ON,
    (State.KNOWN_ANSWERED, Change.COVERED): State.SETTLED,
    (State.KNOWN_ANSWERED, Change.LOST): State.TO_TELL_REPLY,
    (State.TO_ASK_ON, Change.WRITTEN): State.KNOWN,
    (State.TO_ASK_ON, Change.RECOGNISED): State.TO_ASK_ON,
    (State.TO_ASK_ON, Change.LOST): State.TO_ASK_ON,
    (State.TO_ASK_ON, Change.RESTARTED): State.HELD,
    (State.TO_TELL, Change.WRITTEN): State.TOLD,
    (State.TO_TELL, Change.COVERED): State.SETTLED,
    (State.TO_TELL, Change.RECOGNISED): State.TO_TELL_REPLY,
    (State.TO_TELL, Change.LOST): State.TO_TELL,
    (State.TO_TELL, Change.RESTARTED): State.TO_TELL,
    (State.TO_TELL, Change.SEEDED): State.SETTLED,
    (State.TOLD, Change.COVERED): State.SETTLED,
    (State.TOLD, Change.LOST): State.TO_TELL,
    (State.TO_TELL_REPLY, Change.WRITTEN): State.TOLD_REPLY,
    (State.TO_TELL_REPLY, Change.COVERED): State.SETTLED,
    (State.TO_TELL_REPLY, Change.RECOGNISED): State.TO_TELL_REPLY,
    (State.TO_TELL_REPLY, Change.LOST): State.TO_TELL_REPLY,
    (State.TO_TELL_REPLY, Change.RESTARTED): State.TO_TELL,
    (State.TOLD_REPLY, Change.COVERED): State.SETTLED,
    (State.TOLD_REPLY, Change.LOST): State.TO_TELL_REPLY,
    (State.SETTLED, Change.COVERED): State.SETTLED,
    (State.SETTLED, Change.LOST): State.SETTLED,
    (State.SETTLED, Change.RESTARTED): State.TO_TELL,
}
"""Every transition there is; the diagram in the documentation is generated from it."""

_TO_WRITE: Final = {State.HELD, State.TO_ASK_ON, State.TO_TELL, State.TO_TELL_REPLY}
_ASKED: Final = {State.HELD, State.TO_ASK_ON}
_OPEN: Final = {State.SENT, State.ANSWERING, State.KNOWN, State.KNOWN_ANSWERING}
_REPLYING: Final = {State.ANSWERING, State.KNOWN_ANSWERING}
_COMPLETE: Final = {
    *(State.ANSWERED, State.KNOWN_ANSWERED, State.TO_TELL, State.TOLD),
    *(State.TO_TELL_REPLY, State.TOLD_REPLY, State.SETTLED),
}
_PROOF: Final = _REPLYING | {State.ANSWERED, State.KNOWN_ANSWERED}


@dataclass(frozen=True)
class Call:
    """A client message: a method of the SDK's session, and its arguments.

    Args:
        method: The method's name.
        arguments: Its keyword arguments.
    """

    method: str
    arguments: Mapping[str, Any]

    @cached_property
    def size(self) -> int:
        """The bytes of text and media in it, measured once."""
        return size_of(self.arguments)


ASK_ON: Final = Call(CONTENT, {"turn_complete": True})
"""What asks a model to reply to what it knows."""


@dataclass(slots=True, eq=False)
class Entry:
    """One client message that the server is not yet known to have, or one spoken turn.

    Args:
        call: The message; for a spoken turn that which asks the model on.
        state: What is known of it.
        place: Its place among all that the caller sent; what is lower comes first.
        size: The bytes of text and media in it.
        spoken: Whether it was spoken rather than typed: its audio is not here.
        heard: What the server has understood of a spoken turn; empty where it did not say.
        reply: The text of its reply, as far as it was seen.
        shown: Whether a part of its reply was shown that is not taken back.
        index: Its number among the messages of its connection; None where it was not written.
        doubtful: Whether a handle has come since it was written that may or may not cover it.
        called: Whether a tool was called in its reply.
        respoken: Whether its audio is written again, so that it need not be put into words.
        given: Whether the caller had all of its reply on an earlier connection: the second one,
            to audio that is written again, is not shown.
    """

    call: Call
    state: State
    place: int = 0
    size: int = 0
    spoken: bool = False
    heard: str = ""
    reply: list[str] = field(default_factory=list)
    shown: bool = False
    index: int | None = None
    doubtful: bool = False
    called: bool = False
    respoken: bool = False
    given: bool = False

    @property
    def open(self) -> bool:
        """Whether the server has it and owes a reply."""
        return self.state in _OPEN

    @property
    def asks_on(self) -> bool:
        """Whether its reply is asked for without sending it again."""
        return self.state is State.TO_ASK_ON

    @property
    def unanswered(self) -> bool:
        """Whether it is to be asked for, again or for the first time."""
        return self.state in _ASKED

    @property
    def complete(self) -> bool:
        """Whether its reply is complete, or it wants none."""
        return self.state in _COMPLETE

    @property
    def replying(self) -> bool:
        """Whether a part of its reply was seen, and not the end."""
        return self.state in _REPLYING

    @property
    def proof(self) -> bool:
        """Whether output of its reply was seen on this connection."""
        return self.state in _PROOF

    @property
    def unspeakable(self) -> bool:
        """Whether it is to be asked again, and cannot: no word of it is known, nor its audio."""
        lost = self.spoken and not self.heard and not self.respoken
        return lost and self.state is State.HELD

    @property
    def turns(self) -> list[Any]:
        """The content that it carries; none for an update, or for speech that nobody wrote down."""
        if self.spoken:
            return [user_turn(self.heard)] if self.heard else []
        if self.call.method == REALTIME:
            return [user_turn(self.call.arguments["text"])]
        turns: list[Any] = self.call.arguments.get("turns", [])
        return turns

    @property
    def to_write(self) -> bool:
        """Whether this connection has not been sent it."""
        return self.state in _TO_WRITE

    @property
    def over(self) -> bool:
        """Whether nothing is left to do for it: it is settled, or there is nothing to write.

        An empty message would be refused by the server, and end the session.
        """
        match self.state:
            case State.SETTLED:
                return True
            case State.HELD:
                return self.unspeakable
            case State.TO_TELL:
                return self.spoken and not self.heard and not self.reply
            case State.TO_TELL_REPLY:
                return not self.reply
            case _:
                return False

    def note(self, change: Change) -> None:
        """Move to the next state.

        Args:
            change: What has happened.

        Raises:
            KeyError: If that cannot happen in this state; the state is unchanged.
        """
        self.state = TRANSITIONS[self.state, change]

    def wording(self) -> Call:
        """Return what is to be written for the message in its state."""
        match self.state:
            case State.TO_ASK_ON:
                return ASK_ON
            case State.HELD if self.spoken:
                return Call(CONTENT, {"turns": self.turns, "turn_complete": True})
            case State.TO_TELL if self.reply:
                return _told([*self.turns, model_turn(self.reply)])
            case State.TO_TELL if self.turns:
                return _told(self.turns)
            case State.TO_TELL_REPLY:
                return _told([model_turn(self.reply)])
            case _:
                return self.call


def _told(turns: Iterable[Any]) -> Call:
    return Call(CONTENT, {"turns": list(turns), "turn_complete": False})
