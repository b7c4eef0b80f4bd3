"""Who answers: the built-in model, and scripts.

Pure. A model is any callable that takes a ``Question`` and returns a ``Reply``; it is asked again,
with the results in the context, after the tools it called have answered.
"""

import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from reconnect._adapters.plugins import answers_later

from ._exchange import Known

_CALL = re.compile(r"\bcall (\w+)\(([^)]*)\)")


@dataclass(frozen=True)
class Call:
    """A part of a reply that calls a function.

    Args:
        name: The function.
        args: Its arguments.
    """

    name: str
    args: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Unspoken:
    """A part of a spoken reply that is sent only as a transcription, without audio.

    Args:
        text: The words.
    """

    text: str


Reply: TypeAlias = str | Call | Unspoken | Sequence[str | Call | Unspoken | Mapping[str, Any]]
"""A text, a call, or several parts in their order.

Calls next to each other go in one message. What follows a call is left out where the model waits
for its result: then it is asked again. A mapping is a raw server message, sent as it is; where all
parts are raw, they are all that is sent (none: the model hangs), and else the turn is ended too.
"""


@dataclass(frozen=True)
class Question:
    """What the model is asked.

    Args:
        context: Everything it knows, in order; the last item is to be answered.
        setup: The client's setup, normalised to snake_case.
    """

    context: tuple[Known, ...]
    setup: Mapping[str, Any]

    @property
    def number(self) -> int:
        """How many replies came before; consecutive output and calls count as one."""
        roles = itertools.groupby(known.role for known in self.context)
        return sum(role == "model" for role, _ in roles)

    @property
    def texts(self) -> list[str]:
        """Everything the user has said as text."""
        return [value for role, value in self.context if role == "user" and isinstance(value, str)]

    @property
    def open(self) -> list[Any]:
        """The user's input since the model last said something, including tool results."""
        found: list[Any] = []
        for role, value in reversed(self.context):
            if role == "user":
                found.append(value)
            elif not isinstance(value, Mapping):
                break
        return found[::-1]


Model: TypeAlias = Callable[[Question], Reply]


class Parrot:
    """The built-in model: repeats what was said and what it remembers.

    If a turn contains ``call NAME(arg=value)``, it calls that function first. It counts audio.
    """

    def __call__(self, question: Question) -> Reply:
        """Answer."""
        parts = question.open
        results = [part["function_response"] for part in parts if _is_result(part)]
        said = [part for part in parts if isinstance(part, str)]
        if not said and not results:
            frames = sum(isinstance(part, bytes) for part in parts)
            return f"I heard {frames} frames."
        if said and not results:
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
        replies: The n-th answers the n-th turn of the conversation, also if that is asked again
            after a resume. A call and the answer after it are two items for one turn. A turn that
            was replayed without its calls counts as complete.
        otherwise: Who answers after the end; None for a ``Parrot``.

    Raises:
        TypeError: If the replies are a single text.
    """

    def __init__(self, replies: Sequence[Reply], *, otherwise: Model | None = None) -> None:
        if isinstance(replies, str):
            raise TypeError(f"a script must be a sequence of replies, not the text {replies!r}")
        self._turns: list[list[Reply | None]] = [[]]
        for reply in replies:
            self._turns[-1].append(reply)
            if not _calls(reply):
                self._turns.append([])
        # None stands for what the script does not say: after a last call, and after its end.
        self._turns[-1].append(None)
        self._turns.append([None])
        self._otherwise = otherwise or Parrot()

    def __call__(self, question: Question) -> Reply:
        """Answer."""
        # Turns are counted, and calls within one: a turn that is replayed has lost its calls.
        turn = step = 0
        for role, known in itertools.groupby(question.context, key=lambda known: known.role):
            if role != "model":
                continue
            said = [value for _, value in known]
            called = any(isinstance(value, Mapping) for value in said)
            if called and step + 1 < len(self._turns[turn]):
                step += 1
            elif not isinstance(said[-1], Mapping):
                turn, step = min(turn + 1, len(self._turns) - 1), 0
        reply = self._turns[turn][step]
        return self._otherwise(question) if reply is None else reply


def _calls(reply: Reply) -> bool:
    """Tell whether a reply calls a tool, so that the turn goes on after it."""
    parts = [reply] if isinstance(reply, str) or not isinstance(reply, Sequence) else reply
    return any(
        "toolCall" in part if isinstance(part, Mapping) else isinstance(part, Call)
        for part in parts
    )


def as_model(model: Model | Sequence[Reply] | None) -> Model:
    """Give the model a server was asked for: None is a ``Parrot``, a sequence a ``Script``.

    Raises:
        TypeError: If it is neither of them nor callable, or is async or a generator.
    """
    if model is None:
        return Parrot()
    if callable(model):
        if answers_later(model):
            raise TypeError(
                f"a model must be a plain function that returns a reply, got {model!r}, which is"
                " async or a generator"
            )
        return model
    if not isinstance(model, Sequence):
        raise TypeError(
            f"model must be None, a sequence of replies or a function of a Question, not {model!r}"
        )
    return Script(model)
