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
        part: What was shown of a reply that the next question interrupted.
    """

    question: str
    replies: tuple[str, ...]
    part: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the turns.

    Args:
        asked: How many were asked.
        answered: How many got a complete reply.
        lost: The questions that got no complete reply, and were not interrupted, or are missing
            from what the server knows.
        twice: The questions that the server knows twice, or whose reply was shown twice.
        interrupted: The questions whose reply the next question interrupted.
        again: Those of them that the server was asked again, though nobody waits for the reply.
    """

    asked: int
    answered: int
    lost: tuple[str, ...]
    twice: tuple[str, ...]
    interrupted: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


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


def count(
    turns: Sequence[Turn], *, known: Sequence[Said] | None, asked: Sequence[str] = ()
) -> Tally:
    """Count the turns.

    A reply that was shown counts only if the server remembers these words: one that was torn or
    put together from two halves is none. A reply that was shown again in another turn counts as
    shown twice there where it was shown first. A reply that was interrupted is as the client saw it
    if the server remembers the part that was shown, and no more.

    Args:
        turns: What the client saw, in order.
        known: What the server knows in the end; None where nobody can look.
        asked: What the server was asked to reply to, on all connections.
    """
    shown = [reply for turn in turns for reply in turn.replies]
    answered, lost, twice, interrupted = 0, [], [], []
    seen: set[str] = set()
    for turn in turns:
        replies = {reply for reply in (*turn.replies, turn.part) if reply} - seen
        seen |= replies
        if known is None:
            complete, forgotten, doubled = bool(replies), False, False
        else:
            complete = any(("model", reply) in known for reply in replies)
            forgotten = ("user", turn.question) not in known
            said = [("user", turn.question), *(("model", reply) for reply in replies)]
            doubled = any(known.count(words) > 1 for words in said)
        if turn.part and not turn.replies:
            interrupted += [turn.question]
        else:
            answered += complete
        if forgotten or not complete:
            lost.append(turn.question)
        if doubled or any(shown.count(reply) > 1 for reply in replies):
            twice.append(turn.question)
    again = tuple(question for question in interrupted if asked.count(question) > 1)
    return Tally(len(turns), answered, tuple(lost), tuple(twice), tuple(interrupted), again)
