"""The script of the demo: what is said, and who answers.

The conversation is a list for a trip. Every reply has to name all that was said before it, in
order, so a turn that is lost is seen to be missing from the list, and one that is asked twice is in
it twice. Some things are to be booked or rented: for these the model calls tools. One question is
asked in the midst of a reply, which it interrupts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from reconnect.testing import Call, Question

from .tools import DONE, NUMBER, WHAT

__all__ = ["INSTRUCTION", "INTERRUPTING", "QUESTIONS", "keep_list", "wishes"]

QUESTIONS: Final = (
    "We go camping. Book the campsite.",
    "Pack the tent.",
    "Then the stove.",
    "Book the ferry and rent the canoe.",
    "It gets dark early: the lamp.",
    "Do not forget the rope.",
    "We need the map.",
    "Book the sauna, too.",
    "Add the soap, please.",
    "Wait, the towels as well!",
    "Somebody asked for the mug.",
    "I will not leave without the teapot.",
    "The nights are cold: the blanket.",
    "And last the chessboard. What do we have?",
)

INTERRUPTING: Final = 10
"""The number of the question that interrupts the reply to the one before it; the first is 1.

No fault of another turn reaches as far as these two: a call of a tool takes time before them.
"""

INSTRUCTION: Final = (
    "You keep the list of a camping trip. Every message names what to pack, to book or to rent. For"
    f" a thing to {' or '.join(DONE)}, and for no other, first call that function once, with its"
    " name alone; where a message names two of them, call both at once. Answer each message with"
    ' one short sentence and nothing else, in the form "That makes 3: campsite, tent, stove.": how'
    " many things are on the list, then all of them in the order in which they were named."
)
"""What a real model is told to be; the emulator's is `keep_list`."""

_THING: Final = re.compile(r"\bthe (\w+)")
_WISH: Final = re.compile(rf"\b({'|'.join(DONE)}) the (\w+)", re.IGNORECASE)


def wishes(text: str) -> list[Call]:
    """Return the calls that a message asks for.

    Args:
        text: The message.
    """
    return [Call(name.lower(), {WHAT: what}) for name, what in _WISH.findall(text)]


def keep_list(question: Question) -> str | Sequence[Call]:
    """Answer as the emulator's model: get what is to be got, then name all that it was told.

    Args:
        question: What it is asked, with all that it knows.
    """
    results = [part["function_response"] for part in question.open if isinstance(part, Mapping)]
    calls = wishes(question.texts[-1])
    if calls and not results:
        return calls
    things = [thing for text in question.texts for thing in _THING.findall(text)]
    got = [
        f" {DONE[result['name']].capitalize()}, number {result['response'][NUMBER]}."
        for result in results
    ]
    return f"That makes {len(things)}: {', '.join(things)}.{''.join(got)}"
