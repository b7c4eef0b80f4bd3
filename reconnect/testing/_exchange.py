"""What passes between a client and the model, and what a handle stands for.

Pure values, save ``Exchange``, the turn that is being answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ._hearing import Ear
from ._wire import InputKind


class Known(NamedTuple):
    """One item of the conversation that a model knows; equal to the plain pair.

    Args:
        role: Who said it, "user" or "model".
        value: A text; bytes (audio, video); a list of parts; or a mapping with the one key
            "function_call" (model) or "function_response" (user).
    """

    role: str
    value: Any


@dataclass(frozen=True)
class Heard:
    """One item that the model received.

    Args:
        connection: The number of the connection on which it arrived; the first is 1.
        index: The number of the client message that contained it; the first after the setup is 1.
        kind: What it was.
        value: As in ``Known``, a function response as a plain mapping; None for a bare signal.
    """

    connection: int
    index: int
    kind: InputKind
    value: Any


@dataclass(frozen=True)
class OpenCall:
    """A tool call that has no result yet.

    Args:
        call: What the client was sent: an id if it has one, a name and the arguments.
        blocking: Whether the model waits for the result.
    """

    call: Mapping[str, Any]
    blocking: bool = True


@dataclass(eq=False)
class Exchange:
    """One turn being answered.

    Args:
        said: The part of the reply that was sent and is not in the context yet.
        begun: Whether anything of the reply was sent.
        talking: Whether any of it came after the newest call and the newest result.
        whole: Whether the model has said that the reply is complete.
        idle: Whether nothing more comes of itself: it waits for a result.
        shown: How many tool calls the client was sent.
        made: How many were made, though they may not have been sent yet.
        calls: The tool calls that the client was sent.
    """

    said: str = ""
    begun: bool = False
    talking: bool = False
    whole: bool = False
    idle: bool = False
    shown: int = 0
    made: int = 0
    calls: list[OpenCall] = field(default_factory=list[OpenCall])


@dataclass(frozen=True)
class Snapshot:
    """What a handle stands for.

    Args:
        context: What the model knew.
        exchange: The exchange that was open; None between turns.
        shown: How many tool calls of that one the client had been sent.
        ear: What the model had heard of speech that had not ended.
        waiting: Whether it waited for results of calls that a lost connection took along.
    """

    context: tuple[Known, ...] = ()
    exchange: Exchange | None = None
    shown: int = 0
    ear: Ear = field(default_factory=Ear)
    waiting: bool = False

    @property
    def waits(self) -> bool:
        """Whether calls of a lost connection are without a result in a session resumed from it."""
        made = self.exchange is not None and self.exchange.made > self.shown
        return self.waiting or made


@dataclass(frozen=True)
class Reaction:
    """What the server does about an input.

    Args:
        then: "answer" it, "end" the turn that waited for it, end an "empty" turn, go on with the
            "stream", or "nothing".
        cut: How far a reply had come that is cut off before: nothing of it was sent, "unbegun", or
            something, "begun", or all, "whole"; None where there was none.
        cancelled: Ids of the tool calls that were called off before.
        speech: The frames of speech that has ended, which are to be transcribed; in a stream, those
            of speech that may go on.
        activity: Whether speech begins or ends with it.
        over: Whether a part of a stream ends with it.
    """

    then: Literal["answer", "end", "empty", "stream", "nothing"] = "nothing"
    cut: Literal["unbegun", "begun", "whole"] | None = None
    cancelled: tuple[str, ...] = ()
    speech: tuple[bytes, ...] = ()
    activity: Literal["START", "END"] | None = None
    over: bool = False
