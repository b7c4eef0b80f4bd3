"""The script of the demo: what is said, and who answers.

The conversation is a packing list. Every reply has to name all that was said before it, in order,
so a turn that is lost is seen to be missing from the list, and one that is asked twice is in it
twice.
"""

from __future__ import annotations

import re
from typing import Final

from reconnect.testing import Question

__all__ = ["INSTRUCTION", "QUESTIONS", "keep_list"]

QUESTIONS: Final = (
    "We go camping. Pack the tent.",
    "Then the stove.",
    "And the lamp, it gets dark early.",
    "Do not forget the rope.",
    "We need the map.",
    "Somebody asked for the mug.",
    "Add the soap, please.",
    "Take the knife.",
    "I will not leave without the teapot.",
    "The nights are cold: the blanket.",
    "Let us take the radio.",
    "And last the chessboard. What do we have?",
)

INSTRUCTION: Final = (
    "You keep a packing list. Every message names one thing to pack. Answer each with one short"
    ' sentence and nothing else, in the form "That makes 3: tent, stove, lamp.": how many things'
    " are on the list, then all of them in the order in which they were named."
)
"""What a real model is told to be; the emulator's is `keep_list`."""

_THING: Final = re.compile(r"\bthe (\w+)")


def keep_list(question: Question) -> str:
    """Answer as the emulator's model: with everything that it was told to pack.

    Args:
        question: What it is asked, with all that it knows.
    """
    things = [found[1] for text in question.texts if (found := _THING.search(text))]
    return f"That makes {len(things)}: {', '.join(things)}."
