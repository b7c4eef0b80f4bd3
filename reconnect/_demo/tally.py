"""Counts what became of the turns: a pure function over the records of both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Said", "Tally", "Turn", "count"]

Said: TypeAlias = tuple[str, str]
"""What the server knows that somebody has said: "user" or "model", and the words."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn as the client saw it.

    Args:
        question: What was asked; no two turns ask the same.
        replies: The replies that were shown from beginning to end.
    """

    question: str
    replies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the turns.

    Args:
        asked: How many were asked.
        answered: How many got a complete reply.
        lost: The questions that got no complete reply, or are missing from what the server knows.
        twice: The questions that the server knows twice, or whose reply was shown twice.
    """

    asked: int
    answered: int
    lost: tuple[str, ...]
    twice: tuple[str, ...]


def count(turns: Sequence[Turn], *, known: Sequence[Said] | None) -> Tally:
    """Count the turns.

    A reply that was shown counts only if the server remembers these words: one that was torn or
    put together from two halves is none. A reply that was shown again in another turn counts as
    shown twice there where it was shown first.

    Args:
        turns: What the client saw, in order.
        known: What the server knows in the end; None where nobody can look.
    """
    shown = [reply for turn in turns for reply in turn.replies]
    answered, lost, twice = 0, [], []
    seen: set[str] = set()
    for turn in turns:
        replies = {reply for reply in turn.replies if reply} - seen
        seen |= replies
        if known is None:
            complete, forgotten, doubled = bool(replies), False, False
        else:
            complete = any(("model", reply) in known for reply in replies)
            forgotten = ("user", turn.question) not in known
            said = [("user", turn.question), *(("model", reply) for reply in replies)]
            doubled = any(known.count(words) > 1 for words in said)
        answered += complete
        if forgotten or not complete:
            lost.append(turn.question)
        if doubled or any(shown.count(reply) > 1 for reply in replies):
            twice.append(turn.question)
    return Tally(len(turns), answered, tuple(lost), tuple(twice))
