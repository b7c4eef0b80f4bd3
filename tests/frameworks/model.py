"""The model that the frameworks talk with: it repeats what it was asked, and what it remembers."""

import itertools
from collections.abc import Iterator, Sequence

from reconnect.testing import Known, Parrot, Question, Reply

NUDGES = (".", " ", "")
"""What a framework writes of its own where a model would not answer otherwise; no question."""

FRAME_SECONDS = 0.064
SILENCE = bytes(2048)
"""A frame of the microphone in which nobody speaks: 16 bit PCM at 16 kHz, of the sample's size."""

SPEECH_FRAMES, PAUSE_FRAMES = 2, 5
PADDING = b"\x01"


def speech(text: str) -> list[bytes]:
    """Return the frames in which a text is spoken, and the pause after it."""
    size = SPEECH_FRAMES * len(SILENCE)
    data = text.encode().ljust(size, PADDING)
    spoken = [data[start : start + len(SILENCE)] for start in range(0, size, len(SILENCE))]
    return [*spoken, *[SILENCE] * PAUSE_FRAMES]


def transcribe(frames: Sequence[bytes]) -> str:
    """Return the text that is spoken in frames."""
    return b"".join(frames).translate(None, PADDING + b"\x00").decode()


def remembered(context: Sequence[Known]) -> list[Known]:
    """Return what a model knows, with speech in its words and without what is no question."""
    found: list[Known] = []
    for (role, spoken), group in itertools.groupby(
        context, key=lambda known: (known.role, isinstance(known.value, bytes))
    ):
        values = [known.value for known in group]
        found += [Known(role, value) for value in ([transcribe(values)] if spoken else values)]
    return [known for known in found if known.value not in NUDGES]


class Rememberer(Parrot):
    """A parrot that hears nothing but questions, and minds none that is asked twice.

    So a question that is lost shows in its words, and so does one that comes out of turn.
    """

    def __call__(self, question: Question) -> Reply:
        """Answer."""
        context = tuple(_without_repeats(remembered(question.context)))
        return super().__call__(Question(context, question.setup))


def _without_repeats(context: list[Known]) -> Iterator[Known]:
    """Leave out a question that comes again later."""
    for place, known in enumerate(context):
        again = isinstance(known.value, str) and known in context[place + 1 :]
        if known.role != "user" or not again:
            yield known


def answers(questions: Sequence[str]) -> list[str]:
    """Return the replies that a conversation of these questions has, where nothing is lost."""
    found = []
    for number, asked in enumerate(questions):
        told = " lookup returned." if asked.startswith("call ") else ""
        before = ", ".join(f'"{text}"' for text in questions[:number])
        tail = f"; before it: {before}." if before else "."
        found.append(f'You said "{asked}".{told} That is turn {number + 1}{tail}')
    return found
