"""Who answers: the built-in model, scripts, and how a reply becomes server messages.

Pure. A model is any callable that takes a ``Question`` and returns a ``Reply``; it is asked again,
with the results in the context, after the tools it called have answered.
"""

import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, cast

from ._conversation import Known
from ._wire import (
    Message,
    generation_complete,
    model_audio,
    model_text,
    tool_call,
    turn_complete,
)

MIN_CHUNKS = 3
MAX_CHUNKS = 6
WORDS_PER_CHUNK = 3
SILENCE = bytes(960)
"""What a spoken chunk sounds like: 20 ms of 16 bit PCM at 24 kHz."""

USAGE_EVERY = 2
"""One turn in so many carries usage metadata in its turnComplete."""

_CALL = re.compile(r"\bcall (\w+)\(([^)]*)\)")


@dataclass(frozen=True)
class Call:
    """A reply that calls a function before it answers.

    Args:
        name: The function.
        args: Its arguments.
    """

    name: str
    args: Mapping[str, Any] = field(default_factory=dict[str, Any])


Reply: TypeAlias = str | Call | Sequence[Call] | Sequence[Mapping[str, Any]]
"""A text, calls, or raw server messages that are sent as they are (none: the model hangs)."""


@dataclass(frozen=True)
class Question:
    """What a model is asked.

    Args:
        context: All it knows, in order; the last thing is what is to be answered.
        setup: The client's setup, normalised to snake_case.
    """

    context: tuple[Known, ...]
    setup: Mapping[str, Any]

    @property
    def number(self) -> int:
        """How many turns came before: the model's words and calls in the context, counted."""
        return sum(known.role == "model" for known in self.context)

    @property
    def texts(self) -> list[str]:
        """All the user has said in words."""
        return [value for role, value in self.context if role == "user" and isinstance(value, str)]

    @property
    def open(self) -> list[Any]:
        """What the user has put in, tool results included, since the model last said something."""
        found: list[Any] = []
        for role, value in reversed(self.context):
            if role == "user":
                found.append(value)
            elif not isinstance(value, Mapping):
                break
        return found[::-1]


Model: TypeAlias = Callable[[Question], Reply]


class Parrot:
    """The built-in model: repeats what was said, and what it remembers from before.

    A turn that contains ``call NAME(arg=value)`` makes it call that function first. Audio is
    counted.
    """

    def __call__(self, question: Question) -> Reply:
        """Answer."""
        parts = question.open
        results = [part["function_response"] for part in parts if _is_result(part)]
        said = [part for part in parts if isinstance(part, str)]
        if not said:
            frames = sum(isinstance(part, bytes) for part in parts)
            return f"I heard {frames} frames."
        if not results:
            calls = [Call(name, _arguments(args)) for name, args in _CALL.findall(said[-1])]
            if calls:
                return calls
        told = "".join(
            f" {result['name']} returned {json.dumps(result.get('response'))}."
            for result in results
        )
        *before, last = question.texts
        remembered = ", ".join(f'"{text}"' for text in before)
        tail = f"; before it: {remembered}." if before else "."
        return f'You said "{last}".{told} That is turn {len(before) + 1}{tail}'


def _is_result(part: object) -> bool:
    return isinstance(part, Mapping) and "function_response" in part


def _arguments(text: str) -> dict[str, Any]:
    """Read ``a=1, b=two``: values are JSON where they can be, else words."""
    found: dict[str, Any] = {}
    for pair in filter(None, (item.strip() for item in text.split(","))):
        name, _, value = pair.partition("=")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value.strip()
    return found


class Script:
    """A model that answers from a list.

    Args:
        replies: The n-th answers the n-th turn of the conversation, also when it is asked again
            after a resume; a call and the answer after it count as two.
        otherwise: Who answers after the end; None stands for a ``Parrot``.

    Raises:
        TypeError: When the replies are a single text.
    """

    def __init__(self, replies: Sequence[Reply], *, otherwise: Model | None = None) -> None:
        if isinstance(replies, str):
            raise TypeError(f"a script is a sequence of replies, not the text {replies!r}")
        self._replies = tuple(replies)
        self._otherwise = otherwise or Parrot()

    def __call__(self, question: Question) -> Reply:
        """Answer."""
        if question.number < len(self._replies):
            return self._replies[question.number]
        return self._otherwise(question)


def as_model(model: Model | Sequence[Reply] | None) -> Model:
    """Give the model a server was asked for: None is a ``Parrot``, a sequence a ``Script``.

    Raises:
        TypeError: When it is neither of them nor callable.
    """
    if model is None:
        return Parrot()
    if callable(model):
        return model
    if not isinstance(model, Sequence):
        raise TypeError(f"not a model: {model!r}")
    return Script(model)


class Step(NamedTuple):
    """One message of a reply.

    Args:
        message: What is sent.
        said: What it adds to the words of the reply.
    """

    message: Message
    said: str = ""


def chunks(text: str) -> list[str]:
    """Cut a text into three to six pieces, or one per word if it has fewer words."""
    words = re.findall(r"\s*\S+\s*", text)
    pieces = min(max(MIN_CHUNKS, len(words) // WORDS_PER_CHUNK), MAX_CHUNKS, len(words))
    cuts = [len(words) * piece // pieces for piece in range(pieces + 1)] if pieces else []
    return ["".join(words[start:end]) for start, end in itertools.pairwise(cuts)]


def steps(reply: Reply, question: Question, *, new_id: Callable[[], str]) -> list[Step]:
    """Turn a reply into the messages that carry it.

    Args:
        reply: What the model returned.
        question: What it was asked.
        new_id: Gives a fresh id for a tool call.

    Raises:
        TypeError: When the model returned something else.
    """
    if isinstance(reply, str):
        spoken = [Step(_chunk(piece, question.setup), piece) for piece in chunks(reply)]
        usage = len(reply) if question.number % USAGE_EVERY else None
        return [*spoken, Step(generation_complete()), Step(turn_complete(usage))]
    items = [reply] if isinstance(reply, Call) else list(reply)
    calls = [(new_id(), item.name, item.args) for item in items if isinstance(item, Call)]
    if calls and len(calls) == len(items):
        return [Step(tool_call(calls))]
    if not all(isinstance(item, dict) for item in items):
        raise TypeError(f"not a reply: {reply!r}")
    messages = cast("list[Message]", items)
    return [Step(message, _words(message)) for message in messages]


def _chunk(text: str, setup: Mapping[str, Any]) -> Message:
    generation: Mapping[str, Any] = setup.get("generation_config") or {}
    if "AUDIO" not in (generation.get("response_modalities") or ()):
        return model_text(text)
    transcribed = setup.get("output_audio_transcription") is not None
    return model_audio(SILENCE, text if transcribed else None)


def _words(message: Message) -> str:
    """Give the words a raw message says."""
    content: Message = message.get("serverContent") or {}
    parts: list[Message] = (content.get("modelTurn") or {}).get("parts") or []
    transcription: Message = content.get("outputTranscription") or {}
    return "".join(str(part.get("text", "")) for part in [*parts, transcription])
