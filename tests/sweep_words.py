"""What is said in a random conversation, so that each word tells what it belongs to.

The user's turn 3 is ``turn 3.``, typed, or ``spoken 3.`` as it is transcribed; its frames bear its
number. The reply to it is ``3:0 3:1 3:2!``, of which the last word is marked. What the model says
besides, while a tool runs, is ``~3``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconnect.testing import Call

SILENCE = bytes(640)
"""A frame of 20 ms in which nothing is to be heard."""

_TURNS = re.compile(r"(?:turn|spoken) (\d+)\.")
_CONTEXTS = re.compile(r"context (\d+)\.")
_WORDS = re.compile(r"(?<![~\d:])(\d+):(\d+)(!?)")


def frame(number, place):
    """Return a frame of 20 ms whose bytes tell its turn and its place in it."""
    return (number * 100 + place + 1).to_bytes(4, "big") * 160


def frame_of(data):
    """Return the turn of a frame, and its place in it; None for silence."""
    if data == SILENCE:
        return None
    return divmod(int.from_bytes(data[:4], "big") - 1, 100)


class Transcriber:
    """Puts frames of speech into words.

    A session that is resumed in the midst of speech has the beginning of it, and takes what is
    spoken next for the rest: words of a turn that it has transcribed before are left out then.
    """

    def __init__(self):
        self._known = set()

    def __call__(self, speech):
        """Return the words of frames of speech."""
        numbers = list(dict.fromkeys(number for number, _ in map(frame_of, speech)))
        new = [number for number in numbers[:-1] if number not in self._known]
        self._known.update(numbers)
        return " ".join(f"spoken {number}." for number in [*new, *numbers[-1:]])


def typed(number):
    """Return the text of a turn."""
    return f"turn {number}."


def context(number):
    """Return the text of content that asks nothing."""
    return f"context {number}."


def instruction(number):
    """Return a system instruction."""
    return f"instruction {number}."


def asked_in(value):
    """Return the numbers of the turns in something that the user said."""
    if isinstance(value, bytes):
        found = frame_of(value)
        return [] if found is None else [found[0]]
    if isinstance(value, str):
        return [int(number) for number in _TURNS.findall(value)]
    return []


def said_in(value):
    """Return the numbers of all that is in something that the user said, context included."""
    if isinstance(value, str):
        return [*asked_in(value), *map(int, _CONTEXTS.findall(value))]
    return asked_in(value)


def words_in(text):
    """Return the words of replies in a text: the turn, the place, and whether it is the last."""
    return [(int(turn), int(place), bool(last)) for turn, place, last in _WORDS.findall(text)]


def reply_to(turn):
    """Return the whole reply to a turn."""
    last = turn.words - 1
    words = [f"{turn.number}:{place}{'!' if place == last else ''}" for place in range(turn.words)]
    return " ".join(words) + " "


def beside(number):
    """Return what the model says besides, while a tool of a turn runs."""
    return f"~{number} ~{number} "


def model_of(conversation):
    """Return the model of a conversation: it calls the tools whose results it does not know.

    Args:
        conversation: The conversation.
    """
    turns = conversation.turns

    def answer(question):
        if conversation.traits.stream != "none":
            return "~0 ~0 "
        numbers = [number for value in question.open for number in asked_in(value)]
        results = [value["function_response"] for value in question.open if _is_result(value)]
        known = [number for value in question.open for number in _answered_in(value)]
        if not numbers and not known:
            # Of a result that nobody has: the model can only ask what was meant.
            return beside(0) if results else ""
        number = numbers[-1] if numbers else max(known)[0]
        if not numbers and _is_past(turns[number], question.context):
            # The result is late: the conversation has gone on.
            return beside(number)
        return _reply(turns[number], question.context)

    return answer


def _is_past(turn, context):
    """Tell whether a turn has its reply, or has been left behind."""
    asked = [number for role, value in context if role == "user" for number in asked_in(value)]
    said = "".join(value for role, value in context if role == "model" and isinstance(value, str))
    return turn.number < max(asked) or reply_to(turn) in said


def _reply(turn, context):
    known = {key for _, value in context for key in _answered_in(value)}
    called = [key for _, value in context for key in _called_in(value)]
    number = 0
    for made in turn.rounds:
        places = range(number, number + len(made))
        number += len(made)
        missing = [
            place
            for place in places
            if (turn.number, place) not in known and (turn.number, place) not in called
        ]
        if missing:
            calls = [
                Call(turn.tools[place].name, {"turn": turn.number, "call": place})
                for place in missing
            ]
            if turn.scheduling == "SILENT":
                return [*calls, reply_to(turn)]
            return [*calls, beside(turn.number)] if turn.talks else calls
        if any((turn.number, place) not in known for place in places):
            return reply_to(turn) if turn.scheduling == "SILENT" else beside(turn.number)
    return reply_to(turn)


def _is_result(value):
    return isinstance(value, Mapping) and "function_response" in value


def _answered_in(value):
    """Return the turn and place of the call whose result something is, if it is one."""
    if not _is_result(value):
        return []
    response = value["function_response"].get("response") or {}
    return [(response["turn"], response["call"])] if "turn" in response else []


def _called_in(value):
    if not (isinstance(value, Mapping) and "function_call" in value):
        return []
    arguments = value["function_call"].get("args") or {}
    return [(arguments["turn"], arguments["call"])]
