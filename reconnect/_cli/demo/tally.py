"""Counts what became of the turns and of the tool calls, from the records of both sides: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Said", "Tally", "ToolTally", "Turn", "count", "count_tools"]

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


@dataclass(frozen=True, slots=True)
class ToolTally:
    """What became of the tool calls.

    Args:
        called: How many times the model called the tool.
        again: How many of these calls repeated one before.
        run: How many times the tool ran.
        lost: What the model called the tool for, and it never ran for.
        twice: What it ran for more than once.
    """

    called: int
    again: int
    run: int
    lost: tuple[str, ...]
    twice: tuple[str, ...]


def count_tools(called: Sequence[str], run: Sequence[str]) -> ToolTally:
    """Count the tool calls.

    The model may call for the same thing again, after it has lost a connection: it is then the
    same call, and the tool is to run once.

    Args:
        called: What the model called the tool for, once for each call.
        run: What the tool ran for, once for each run.
    """
    lost = dict.fromkeys(what for what in called if what not in run)
    twice = dict.fromkeys(what for what in run if run.count(what) > 1)
    again = len(called) - len(set(called))
    return ToolTally(len(called), again, len(run), tuple(lost), tuple(twice))


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
