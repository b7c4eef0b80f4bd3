"""Draws random conversations: what the user says, what the tools do, and what goes wrong.

All of a conversation follows from its seed. What is drawn is what the profile takes: client content
or realtime text, tools that block or not, marks of activity or none, transparent resumption.
"""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass, field, replace

from reconnect.testing import (
    PROFILES,
    Abort,
    Close,
    GoAway,
    Profile,
    Refuse,
    RejectHandle,
    Silence,
    Stall,
)

MODELS = {
    "3.1": "gemini-3.1-flash-live-preview",
    "translate": "gemini-live-translate",
    "transcribe": "gemini-transcribe-live",
}
"""The names by which the library knows a model that differs."""

_BROKEN = "The service is currently unavailable."
"""An internal error over the first turn, before there is a handle, is fatal by the error table."""

TOOLS = ("book", "find", "play")


@dataclass(frozen=True)
class Tool:
    """A tool call of a turn.

    Args:
        name: The tool.
        seconds: How long it takes.
    """

    name: str
    seconds: float


@dataclass(frozen=True)
class Turn:
    """What the user says to the model, and what comes of it.

    Args:
        number: Its number among the steps.
        then: What the user waits for before the next step: "nothing", the reply "begun", all words
            of it ("whole"), its turn "over", "settled", when its handle has come too, or a "pause".
        frames: How many frames of speech it has; 0 for a typed turn.
        words: How many words the reply has.
        rounds: The tools that are called, those of a round at once.
        talks: Whether the model talks on after a call that it does not wait for.
        scheduling: That of the results; None for no word about it.
        pause: Seconds of a pause.
    """

    number: int
    then: str
    frames: int = 0
    words: int = 4
    rounds: tuple[tuple[Tool, ...], ...] = ()
    talks: bool = False
    scheduling: str | None = None
    pause: float = 0.0

    @property
    def tools(self):
        """All tools that are called, in order."""
        return [tool for made in self.rounds for tool in made]


@dataclass(frozen=True)
class Context:
    """Content without a reply."""

    number: int


@dataclass(frozen=True)
class Update:
    """Another system instruction."""

    number: int


@dataclass(frozen=True)
class Stream:
    """Speech to a model that ends no turn: frames, and a pause after them."""

    number: int
    frames: int
    silence: int


@dataclass(frozen=True)
class Trouble:
    """What goes wrong when a step begins.

    Args:
        step: The number of the step.
        fault: What the connection that is open dies of, or is announced; None for nothing.
        dials: What goes wrong with the attempts that follow.
        outage: Seconds for which the server cannot be reached; 0 for none.
        rejects: Whether it forgets every handle.
    """

    step: int
    fault: object = None
    dials: tuple[object, ...] = ()
    outage: float = 0.0
    rejects: bool = False


@dataclass(frozen=True)
class Conversation:
    """A conversation, its server and its faults.

    Args:
        seed: What it was drawn from.
        profile: The name of the server's.
        spoken: Whether the replies are audio with a transcription, or else text.
        heard: Whether what the user speaks is transcribed.
        marks: Whether the user marks activity, or else the server detects speech.
        transparent: What the caller says of transparent resumption; None for nothing.
        behaviors: What is declared of each tool.
        together: Whether the results of a message go in one response.
        latency: Seconds that a message of the server's is on its way.
        often: Whether a handle also comes after the first output of a reply, as it may where none
            is withheld.
        steps: What the user does.
        troubles: What goes wrong.
    """

    seed: int
    profile: str
    spoken: bool
    heard: bool
    marks: bool
    transparent: bool | None
    behaviors: dict = field(default_factory=dict)
    together: bool = True
    latency: float = 0.0
    often: bool = False
    steps: tuple = ()
    troubles: tuple = ()

    @functools.cached_property
    def traits(self) -> Profile:
        """The profile."""
        profile = PROFILES[self.profile]
        updates = profile.updates | ({"output"} if self.often else set())
        return replace(profile, updates=updates)

    @property
    def model(self) -> str:
        """The model's name."""
        return MODELS.get(self.profile, "gemini-live")

    @property
    def by_number(self) -> bool:
        """Whether resumption is transparent, so that a handle says what it covers."""
        return self.traits.backend == "vertex" and self.transparent is not False

    @property
    def content(self) -> bool:
        """Whether the model takes client content at any time."""
        return self.traits.client_content == "always"

    @property
    def turns(self) -> dict[int, Turn]:
        """The turns by their numbers."""
        return {step.number: step for step in self.steps if isinstance(step, Turn)}

    def __str__(self):
        names = ("profile", "spoken", "heard", "marks", "transparent", "behaviors")
        names += ("together", "latency", "often")
        lines = [", ".join(f"{name}={getattr(self, name)!r}" for name in names)]
        for step in self.steps:
            lines += [f"  ! {trouble}" for trouble in self.troubles if trouble.step == step.number]
            lines.append(f"  {step}")
        return "\n".join(lines)


def draw(seed: int, *, faults: bool = True) -> Conversation:
    """Draw a conversation.

    Args:
        seed: What it follows from.
        faults: Whether anything goes wrong.
    """
    dice = random.Random(seed)
    name = dice.choice([*PROFILES, "2.5", "2.5-vertex", "3.1", "3.8"])
    profile = PROFILES[name]
    streams = profile.stream != "none"
    spoken = streams or dice.random() < 0.7
    behaviors = {tool: _behavior(dice, profile) for tool in TOOLS}
    conversation = Conversation(
        seed,
        name,
        spoken,
        heard=streams or dice.random() < 0.75,
        marks=not streams and dice.random() < 0.5,
        transparent=dice.choice([None, None, False]) if profile.backend == "vertex" else None,
        behaviors=behaviors,
        together=dice.random() < 0.5,
        latency=dice.choice([0.0, 0.0, 0.03]),
        often=not (streams or profile.withholds) and dice.random() < 0.3,
    )
    count = dice.randint(3, 8)
    if streams:
        steps = [Stream(n, dice.randint(2, 14), dice.choice([0, 3, 8])) for n in range(count)]
    else:
        steps = [_step(dice, number, conversation) for number in range(count)]
        steps[-1] = _turn(dice, count - 1, conversation, then="settled")
    troubles = [_trouble(dice, count) for _ in range(dice.randint(1, 3))]
    troubles.sort(key=lambda trouble: trouble.step)
    return replace(conversation, steps=tuple(steps), troubles=tuple(troubles if faults else ()))


def _behavior(dice, profile):
    if profile.backend == "vertex":
        return None
    match profile.non_blocking:
        case "declared":
            return dice.choice([None, None, "NON_BLOCKING"])
        case "default":
            return dice.choice([None, "BLOCKING"])
        case _:
            return None


def _blocks(conversation, tool):
    match conversation.traits.non_blocking:
        case "declared":
            return conversation.behaviors[tool] != "NON_BLOCKING"
        case "default":
            return conversation.behaviors[tool] == "BLOCKING"
        case _:
            return True


def _step(dice, number, conversation):
    kind = dice.random()
    if kind < 0.12 and conversation.content:
        return Context(number)
    if kind < 0.18:
        return Update(number)
    return _turn(dice, number, conversation)


def _turn(dice, number, conversation, *, then=None):
    if then is None:
        then = dice.choice(
            ["nothing", "begun", "begun", "whole", "over", "over", "settled", "pause"]
        )
    turn = {
        "number": number,
        "then": then,
        "words": dice.randint(2, 8),
        "pause": round(dice.uniform(0, 2), 2),
    }
    kind = dice.random()
    if kind < 0.25:
        return Turn(**turn, frames=dice.randint(1, 8))
    if kind < 0.6:
        return Turn(**turn)
    # All of a turn are alike in this: nobody knows what a model does that waits for some of them.
    blocks = _blocks(conversation, dice.choice(TOOLS))
    alike = [tool for tool in TOOLS if _blocks(conversation, tool) is blocks]
    names = [dice.choice(alike) for _ in range(dice.randint(1, 3))]
    seconds = [dice.choice([0.0, 0.02, 0.08, 0.3, 1.0, 3.0]) for _ in names]
    talks = not blocks and dice.random() < 0.4
    if talks or not (blocks or conversation.together):
        # A result that comes before the first word of what the model says after a call, or about
        # another result, nobody can tell from one that was answered by it.
        seconds = dice.sample([0.3, 1.5, 3.0], len(names))
    tools = [Tool(name, takes) for name, takes in zip(names, seconds, strict=True)]
    one_by_one = len(tools) > 1 and dice.random() < 0.25
    rounds = [(tool,) for tool in tools] if one_by_one else [tuple(tools)]
    scheduling = None
    if not blocks and conversation.traits.backend == "gemini":
        scheduling = dice.choice([None, "INTERRUPT", "WHEN_IDLE", "SILENT"])
    silent = scheduling == "SILENT"
    return Turn(
        **turn,
        rounds=tuple(rounds[:1] if silent else rounds),
        talks=silent or talks,
        scheduling=scheduling,
    )


def _trouble(dice, count):
    step = dice.randrange(count)
    moment = dice.choice(
        [
            {"after_sent": dice.randint(0, 14)},
            {"after_sent": dice.randint(0, 14)},
            {"after_received": dice.randint(1, 4), "processed": dice.random() < 0.5},
        ]
    )
    rejects = dice.random() < 0.2
    kind = dice.random()
    if kind < 0.12:
        left = dice.choice(["0.500s", "3s", "10s"])
        silent = dice.random() < 0.3
        return Trouble(step, GoAway(left, silent=silent, **moment), rejects=rejects)
    if kind < 0.22:
        return Trouble(step, outage=dice.choice([0.05, 1.0, 4.0]), rejects=rejects)
    loss = dice.choice(
        [
            Abort(**moment),
            Abort(**moment),
            Close(1011, _BROKEN, **moment),
            Close(1000, "", **moment),
            Close(1008, "The operation was aborted.", **moment),
            Close(1001, "", **moment),
            Close(1012, "", **moment),
            Stall(pongs=False, **moment),
        ]
    )
    dials = dice.choice(
        [
            (),
            (),
            (),
            (Refuse(503),),
            (Refuse(),),
            (Refuse(), Refuse(503)),
            (Abort(during_setup=True),),
            (Close(1011, _BROKEN, during_setup=True),),
            (Silence(),),
            (RejectHandle(),),
            (RejectHandle(after_setup=True),),
            (Abort(after_sent=dice.randint(0, 6)),),
            (Abort(after_received=dice.randint(1, 3), processed=dice.random() < 0.5),),
        ]
    )
    return Trouble(step, loss, dials, rejects=rejects)
