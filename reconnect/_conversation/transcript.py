"""The turns that a fresh session is told: in the form of the API, bounded, without tool calls.

Turns come as the SDK takes them, contents or dicts, and are read by either form.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from .limits import size_of

__all__ = ["as_turns", "model_turn", "newest", "size_of_turn", "tellable", "user_turn", "words_of"]

_CONTENT: Final = ("parts", "role")
_TOOL_PARTS: Final = ("function_call", "function_response")


def as_turns(turns: Any) -> list[Any]:
    """Return what ``send_client_content`` takes as a list of turns.

    It takes a content, a dict, a text, a list of these, or None.
    """
    if turns is None:
        return []
    if isinstance(turns, (list, tuple)):
        return [turn for item in turns for turn in as_turns(item)]
    # An empty dict is a content of which nothing is set.
    is_content = isinstance(turns, dict) and (not turns or not turns.keys().isdisjoint(_CONTENT))
    if is_content or hasattr(turns, "parts"):
        return [turns]
    return [user_turn(turns) if isinstance(turns, str) else {"role": "user", "parts": [turns]}]


def model_turn(reply: Iterable[str]) -> dict[str, Any]:
    """Return a reply as a turn of the model's."""
    return {"role": "model", "parts": [{"text": "".join(reply)}]}


def user_turn(text: str) -> dict[str, Any]:
    """Return a text as a turn of the user's."""
    return {"role": "user", "parts": [{"text": text}]}


def words_of(turns: Iterable[Any]) -> str:
    """Return the text of turns, without what is none."""
    parts = [part for turn in turns for part in _parts(turn)]
    texts = [part if isinstance(part, str) else _get(part, "text") for part in parts]
    return "\n".join(text for text in texts if text)


def tellable(turns: Iterable[Any]) -> list[Any]:
    """Return the turns without parts of tool calls, which the server refuses in a history (1007).

    A turn of which nothing is left is left out.
    """
    kept = []
    for turn in turns:
        parts = [part for part in _parts(turn) if not any(_get(part, name) for name in _TOOL_PARTS)]
        if parts:
            kept.append({"role": _get(turn, "role"), "parts": parts})
    return kept


def newest(turns: list[Any], *, limit: int, halvings: int) -> list[Any]:
    """Return the newest turns, as many as there is room for; at least the last."""
    room = min(limit, sum(map(size_of_turn, turns))) / 2**halvings
    first = len(turns)
    while first and (first == len(turns) or size_of_turn(turns[first - 1]) <= room):
        first -= 1
        room -= size_of_turn(turns[first])
    return turns[first:]


def _get(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, dict) else getattr(thing, name, None)


def _parts(turn: Any) -> list[Any]:
    parts = _get(turn, "parts")
    if parts is None:
        return []
    return list(parts) if isinstance(parts, (list, tuple)) else [parts]


def size_of_turn(turn: Any) -> int:
    """Return the characters of a turn, at least one: nothing is kept for nothing.

    A byte of media counts as a character.
    """
    return max(1, size_of(_get(turn, "parts")))
