"""What was said, in exchanges, and what to do about each when a connection is lost.

One *exchange* is what the user said, or several things that the model takes together, and the
model's reply with its tool calls. Two things are asked of it. What does the newest handle have of
the question: `Known`? And is the reply over? Only the newest exchange is ever asked again; all
before it are at most replayed. So this is written after a loss (`units`):

========================  ===================================  =================================
the newest handle has     the reply is over, and not in the    the reply is owed
the question              handle
========================  ===================================  =================================
no                        replay question and reply, asking    send the question again
                          nothing
maybe                     the same, perhaps twice              close the lost calls to find out,
                                                               else send the question again
yes                       replay the reply alone               ask the model to continue
========================  ===================================  =================================

And this is what a handle has, and what becomes known by it (`ends`):

================================  ==============================================================
a handle with a number            inputs up to that number: yes
a handle without one              inputs with evidence on this connection: yes; written without:
                                  maybe
evidence: output, or a call       the first input of its exchange, and all before it, unless it may
                                  answer something else; the end of the reply proves the others
a later input is yes              so are all before it
a new session                     all no; the history that it is told is its first message
================================  ==============================================================

`ENDS` says what an end does, by what the exchange that is under way has come to. It *waits* while a
tool runs, and when more was said since the newest result was given: what interrupts it then is the
user. It *has a result* that the model has not taken up, and nothing was said since: what interrupts
it then is the result (NON_BLOCKING). What is given while the model speaks is taken up after the
next end, which so ends nothing. Vertex ends the turn at a tool call: the exchange goes on, until
the reply to what was said meanwhile begins.

The turn's end that follows what is generated or interrupted belongs to the exchange before,
whatever was sent since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cached_property
from typing import Any, Final

from .limits import size_of
from .transcript import user_turn

__all__ = [
    "ANSWER",
    "CONTENT",
    "ENDS",
    "REALTIME",
    "UPDATE",
    "Call",
    "Effect",
    "End",
    "Exchange",
    "Input",
    "Kept",
    "Known",
    "Progress",
    "ToolCall",
    "exchanges_of",
]

CONTENT: Final = "send_client_content"
UPDATE: Final = "send_context_update"
REALTIME: Final = "send_realtime_input"
ANSWER: Final = "send_tool_response"
"""The methods of the SDK's session: turns, updates of the context, realtime input, and results."""


class Known(IntEnum):
    """What the newest handle has of an input."""

    NO = 0
    MAYBE = 1
    YES = 2


class Kept(IntEnum):
    """Who has a reply that is over, besides the conversation itself."""

    NOWHERE = 0
    CONNECTION = 1
    HANDLE = 2


class End(Enum):
    """What a server message says about an end."""

    GENERATED = "it is generated"
    TURN = "the turn ends"
    EMPTY = "an empty turn ends"
    INTERRUPTED = "it is interrupted"
    NEXT = "another begins"


class Progress(Enum):
    """What the exchange that is under way has come to."""

    NONE = "nothing is under way"
    ASKED = "nothing came of it yet"
    SPEAKS = "speaks"
    WAITS = "waits"
    GIVEN = "has a result"


class Effect(Enum):
    """What an end does."""

    NOTHING = "nothing"
    WHOLE = "over, whole"
    CUT = "over, cut"
    EMPTY = "was empty"
    SPEECH = "somebody speaks"


_ENDS: Final = {
    # The exchange is: none, asked, speaks, waits, given.
    End.GENERATED: (Effect.NOTHING, Effect.NOTHING, Effect.WHOLE, Effect.NOTHING, Effect.NOTHING),
    End.TURN: (Effect.NOTHING, Effect.EMPTY, Effect.WHOLE, Effect.NOTHING, Effect.NOTHING),
    End.EMPTY: (Effect.NOTHING, Effect.EMPTY, Effect.WHOLE, Effect.NOTHING, Effect.EMPTY),
    End.INTERRUPTED: (Effect.SPEECH, Effect.NOTHING, Effect.CUT, Effect.CUT, Effect.NOTHING),
    End.NEXT: (Effect.NOTHING, Effect.NOTHING, Effect.NOTHING, Effect.CUT, Effect.CUT),
}

ENDS: Final[Mapping[tuple[End, Progress], Effect]] = {
    (end, progress): effect
    for end, effects in _ENDS.items()
    for progress, effect in zip(Progress, effects, strict=True)
}
"""By what the server says of an end, and what the exchange under way has come to."""


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

    @cached_property
    def asks(self) -> bool:
        """Whether the model is to reply to it."""
        return self.method == REALTIME or bool(self.arguments.get("turn_complete", False))

    @property
    def turns(self) -> list[Any]:
        """The content that it carries; none for an update."""
        if self.method == REALTIME:
            return [user_turn(self.arguments["text"])]
        turns: list[Any] = self.arguments.get("turns", [])
        return turns


@dataclass(slots=True, eq=False)
class Input:
    """One thing that the user said: a client message, or speech.

    Args:
        call: The message; None for speech, whose audio is not here.
        place: Its place among all that the caller sent; what is lower comes first.
        words: What was understood of speech.
        index: Its number among the messages of this connection; None while it is not written to it.
        known: What the newest handle has of it.
        audio: Whether it is speech whose audio is written again, so that it needs no words.
        began: The number of the first message of speech, as far as it is known.
        since: The place of the mark that began speech; None for speech without marks.
        until: The place of the last audio of speech, as far as it is known.
        asks: Whether the model is to reply to it; to speech it is.
    """

    call: Call | None
    place: int
    words: list[str] = field(default_factory=list)
    index: int | None = None
    known: Known = Known.NO
    audio: bool = False
    began: int = 1
    since: int | None = None
    until: int = 0
    asks: bool = field(init=False)  # once, since it is asked for with every message

    def __post_init__(self) -> None:
        self.asks = self.call is None or self.call.asks

    @property
    def turns(self) -> list[Any]:
        """The content of it; none for an update, or for speech that nobody wrote down."""
        if self.call is not None:
            return self.call.turns
        return [user_turn("".join(self.words))] if self.words else []


@dataclass(slots=True, eq=False)
class ToolCall:
    """A tool call.

    Args:
        id: Its id; None on Vertex, which gives calls none.
        name: The tool.
        arguments: Its arguments.
        exchange: The exchange in whose reply it was made.
        turn: The number of the turn of this connection in which it was made.
        result: The function response; None while it is awaited.
        live: Whether it was made on the connection that there is.
        shown: Whether the caller was shown it, and not one before it that is the same.
        heir: The call that was made again, and is given this one's result; None for none.
        taken: Whether the model has taken up its result: output followed, or none need follow.
        known: What the newest handle has of its result: all once output had followed.
        closed: Whether no session that is resumed waits for it: it was closed before the newest
            handle came, or made in a session before this one.
        cancelled: Whether the server, or the session, has told the caller that nobody waits.
        order: How many results were given up to its own.
        passed: Whether the model has gone on without its result, or has not taken it up at once.
    """

    id: str | None
    name: str
    arguments: Mapping[str, Any]
    exchange: Exchange
    turn: int = 0
    result: Any = None
    live: bool = True
    shown: bool = True
    heir: ToolCall | None = None
    taken: bool = False
    known: Known = Known.NO
    closed: bool = False
    cancelled: bool = False
    order: int = 0
    passed: bool = False

    @property
    def key(self) -> str:
        """What a response names it by: its id, or its name where it has none."""
        return self.id or self.name

    @property
    def open(self) -> bool:
        """Whether the model waits for its result on the connection that there is."""
        return self.live and self.result is None and not self.cancelled

    @property
    def untaken(self) -> bool:
        """Whether its result was given on the connection that there is, and is to be taken up."""
        return self.live and self.result is not None and not (self.taken or self.cancelled)

    @property
    def free(self) -> bool:
        """Whether it is lost, and its result is there or to come, for one that is the same."""
        lost = not self.live and self.shown and self.heir is None
        # The handle does not have its result, and whoever was told to leave it will give none.
        comes = self.result is not None or not self.cancelled
        return lost and comes and self.known is not Known.YES

    @property
    def scheduling(self) -> Any:
        """When the model is to take up its result; None where that does not say."""
        scheduling = getattr(self.result, "scheduling", None)
        return getattr(scheduling, "value", scheduling)

    @property
    def waits(self) -> bool:
        """Whether its result waits until the model has nothing else to do.

        Where the server cancels calls that the model waits for, it waits for none that is over.
        """
        goes_on = self.id is not None and (self.passed or self.exchange.over)
        return self.scheduling == "WHEN_IDLE" or (self.scheduling is None and goes_on)

    def same(self, name: str | None, arguments: Mapping[str, Any]) -> bool:
        """Tell whether another call asks for the same, by its tool and its arguments."""
        return self.name == name and self.arguments == arguments


@dataclass(slots=True, eq=False)
class Exchange:
    """What the user said, and the model's reply.

    Args:
        inputs: What the user said, in order; one for what asks nothing.
        over: Whether the reply is over: whole, or cut. What asks nothing is over.
        reply: The words of the reply, as far as they came.
        shown: Whether the caller was shown a part of the reply that was not taken back.
        kept: Who has the reply that is over.
        begun: The number of the newest message when the reply began on this connection; None while
            it has not.
        speaks: Whether output came since the last tool call, and the last end.
        continued: Whether this connection was asked to continue it, or was asked again.
        again: Whether it was asked again since an end was empty.
        calls: The tool calls that the model has made in its reply, while they are known.
    """

    inputs: list[Input]
    over: bool = False
    reply: list[str] = field(default_factory=list)
    shown: bool = False
    kept: Kept = Kept.NOWHERE
    begun: int | None = None
    speaks: bool = False
    continued: bool = False
    again: bool = False
    calls: list[ToolCall] = field(default_factory=list)

    @property
    def asks(self) -> bool:
        """Whether the model is to reply."""
        # Asked for with every message: a generator costs as much again.
        for item in self.inputs:  # noqa: SIM110
            if item.asks:
                return True
        return False

    @property
    def written(self) -> bool:
        """Whether this connection was asked for the reply."""
        if self.continued:
            return True
        for item in self.inputs:  # noqa: SIM110 (as in `asks`)
            if item.index is not None:
                return True
        return False

    @property
    def runs(self) -> bool:
        """Whether the model waits for a tool that it has called."""
        return any(call.open for call in self.calls)

    @property
    def live_calls(self) -> list[ToolCall]:
        """The tool calls in it that were made on the connection that there is."""
        return [call for call in self.calls if call.live]

    @property
    def first_number(self) -> int:
        """The number of the first message of it on this connection; -1 for none."""
        return min((it.index for it in self.inputs if it.index is not None), default=-1)

    @property
    def last_number(self) -> int:
        """The number of the last message of it on this connection; -1 for none.

        An update is none: it says nothing, and interrupts nothing.
        """
        said = (it.index for it in self.inputs if it.call is None or it.call.method != UPDATE)
        return max((number for number in said if number is not None), default=-1)

    @property
    def place(self) -> int:
        """The place of the last thing that was said in it."""
        return self.inputs[-1].place

    @property
    def size(self) -> int:
        """The bytes of text and media that were said in it."""
        return sum([item.call.size for item in self.inputs if item.call is not None])

    @property
    def known(self) -> Known:
        """What the newest handle has of the question: as much as of what it has least of."""
        return min([item.known for item in self.inputs])

    def reopen(self) -> None:
        """Note that the reply is not over after all: nobody has it."""
        self.over, self.kept = False, Kept.NOWHERE

    def take_back(self) -> None:
        """Forget the reply so far: it will be given anew."""
        self.reply.clear()
        self.shown = False

    @property
    def done(self) -> bool:
        """Whether the newest handle has all of it."""
        told = self.kept is Kept.HANDLE or not self.reply
        return self.over and self.known is Known.YES and told


def exchanges_of(items: list[Input]) -> list[Exchange]:
    """Return the exchanges that inputs make: one, or one for each where they ask nothing."""
    if any(item.asks for item in items):
        return [Exchange(items)]
    return [Exchange([item], over=True) for item in items]
