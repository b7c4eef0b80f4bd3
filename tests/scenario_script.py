"""What is said in a scenario, and what the model says to it."""

from __future__ import annotations

from dataclasses import dataclass

from reconnect.testing import Abort, Call, Close

CUTS = {
    "abort": Abort,
    "1011": lambda **when: Close(1011, "Internal error encountered.", **when),
    "1000": lambda **when: Close(1000, "", **when),
    "1008": lambda **when: Close(1008, "The operation was aborted.", **when),
}
"""The four ways in which a connection dies."""

MODELS = ["2.5", "3.8"]
"""The profiles that the scenarios are played on, in both dialects."""

VERTEX = "2.5-vertex"
"""The one that is played in its own dialect alone: a call ends its turn, and calls have no ids."""

SERVERS = [
    *((profile, vertexai) for profile in MODELS for vertexai in (False, True)),
    (VERTEX, True),
]
"""Each profile that they are played on, and whether the client speaks the dialect of Vertex."""

FRAME = 0.02
"""Seconds of sound in a frame."""

PATIENCE = 5.0
"""Seconds that a caller waits for a reply to what it has spoken."""

LONGEST = 120.0
"""Seconds that a conversation may take before it counts as hanging."""

HEARD = "I heard you."

SILENCE = bytes(640)
"""A frame of 20 ms in which nothing is to be heard."""

PAUSE = 7
"""Frames of silence after what is spoken without marks: five end it, and two come after."""


def frame(number):
    """Return a frame of 20 ms whose bytes tell its number, and are not silence."""
    return (number + 1).to_bytes(4, "big") * 160


def numbers(values):
    """Return the numbers of the frames among values, without those of silence."""
    return [
        int.from_bytes(value[:4], "big") - 1
        for value in values
        if isinstance(value, bytes) and value != SILENCE
    ]


def words_of(speech):
    """Return what the emulator understands of frames of speech."""
    return " ".join(["heard", *map(str, numbers(speech))])


# The script


@dataclass(frozen=True)
class Tell:
    """Context, without a reply."""

    text: str


@dataclass(frozen=True)
class Ask:
    """A typed turn; `calls` tools are called one after the other, before the reply."""

    text: str
    calls: int = 0

    @property
    def reply(self):
        """What the model says to it."""
        return answer_to(self.text)


@dataclass(frozen=True)
class Say:
    """A spoken turn: frames between two marks of activity."""

    first: int
    frames: int


@dataclass(frozen=True)
class Speak:
    """A spoken turn without marks: frames, and as much silence as ends it."""

    first: int
    frames: int


@dataclass(frozen=True)
class Hum:
    """Frames without marks and without a reply."""

    first: int
    frames: int


@dataclass(frozen=True)
class Wait:
    """Nothing for some seconds: the handle that covers what was said comes."""

    seconds: float = 1.0


def answer_to(text):
    """Return what the model says to a text."""
    return f"Answer to {text}."


def model(question):
    """Answer what was said last; to "book 2" two tables are booked first, one after the other."""
    since = question.open
    said = [value for value in since if not isinstance(value, dict) and value != SILENCE]
    text = said[-1]
    if isinstance(text, bytes) or text.startswith("heard"):
        return HEARD
    results = [value for value in since if isinstance(value, dict)]
    if text.startswith("book"):
        wanted = int(text.split()[1])
        if len(results) < wanted:
            return Call("book", {"for": text, "table": len(results)})
    return answer_to(text)
