"""The script of the demo: what is said, and who answers.

The conversation is a list for a trip. Every reply has to name all that was said before it, in
order, so a turn that is lost is seen to be missing from the list, and one that is asked twice is in
it twice. Some things are to be booked: for these the model calls a tool.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reconnect.testing import Call, Question

from .tools import BOOK, NUMBER, WHAT

__all__ = ["INSTRUCTION", "QUESTIONS", "keep_list", "to_book"]

QUESTIONS: Final = (
    "We go camping. Book the campsite.",
    "Pack the tent.",
    "Then the stove.",
    "And the lamp, it gets dark early.",
    "Book the canoe.",
    "Do not forget the rope.",
    "We need the map.",
    "Somebody asked for the mug.",
    "Add the soap, please.",
    "Book the sauna, too.",
    "I will not leave without the teapot.",
    "The nights are cold: the blanket.",
    "And last the chessboard. What do we have?",
)

INSTRUCTION: Final = (
    "You keep the list of a camping trip. Every message names one thing to pack or to book. For a"
    f" thing to book, and for no other, first call {BOOK} once, with its name alone. Answer each"
    ' message with one short sentence and nothing else, in the form "That makes 3: campsite, tent,'
    ' stove.": how many things are on the list, then all of them in the order in which they were'
    " named."
)
"""What a real model is told to be; the emulator's is `keep_list`."""

_THING: Final = re.compile(r"\bthe (\w+)")
_TO_BOOK: Final = re.compile(rf"\b{BOOK} the (\w+)", re.IGNORECASE)


def to_book(text: str) -> str | None:
    """Return what a message asks to book; None if it asks for nothing of the kind.

    Args:
        text: The message.
    """
    found = _TO_BOOK.search(text)
    return found and found[1]


def keep_list(question: Question) -> str | Call:
    """Answer as the emulator's model: book what is to be booked, then name all that it was told.

    Args:
        question: What it is asked, with all that it knows.
    """
    results = [
        part["function_response"]["response"] for part in question.open if isinstance(part, Mapping)
    ]
    wish = to_book(question.texts[-1])
    if wish is not None and not results:
        return Call(BOOK, {WHAT: wish})
    things = [found[1] for text in question.texts if (found := _THING.search(text))]
    booked = [f" Booked, number {result[NUMBER]}." for result in results]
    return f"That makes {len(things)}: {', '.join(things)}.{''.join(booked)}"
