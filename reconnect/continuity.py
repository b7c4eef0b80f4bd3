"""What gaps do to a conversation: told of each, and summed up over a session.

Pure. What is lost is said as plainly as what was saved: a restored state is never claimed where
something is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Account", "Continuity", "Stats"]


@dataclass(frozen=True, kw_only=True)
class Continuity:
    """How whole the conversation is after a gap.

    Args:
        attempts: How many dials it took; 0 for a move before a go-away's deadline.
        outage: Seconds from the loss until the session was back, or was given up.
        replayed: How many client messages were written again.
        maybe_twice: How many of these the server may have had already.
        asked_on: How many cut replies were asked for without sending their turn again.
        lost_turns: How many turns are lost: spoken ones of which nobody wrote down the words, and
            all that are open when the session is given up.
        lost_audio: Seconds of sound that were dropped.
        uncovered_audio: Seconds of sound that were sent after the newest handle had come, and are
            not sent again: where resumption is not transparent, nobody can tell how much of it
            was speech.
        lost_calls: How many tool calls were cancelled.
    """

    attempts: int = 0
    outage: float = 0
    replayed: int = 0
    maybe_twice: int = 0
    asked_on: int = 0
    lost_turns: int = 0
    lost_audio: float = 0
    uncovered_audio: float = 0
    lost_calls: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing of what was said is lost; a cancelled call is asked anew."""
        return not (self.lost_turns or self.lost_audio or self.uncovered_audio)


@dataclass(frozen=True, kw_only=True)
class Stats(Continuity):
    """The sums of a session since its start.

    Args:
        gaps: How many times the session came to another connection, or was given up.
    """

    gaps: int = 0


class Account:
    """What the gap that is open has cost so far, and what all of them have."""

    def __init__(self) -> None:
        self.stats = Stats()
        self._turns = 0
        self._calls = 0
        self._uncovered = 0.0

    def cut(self, *, turns: int, calls: int = 0, uncovered_audio: float = 0) -> None:
        """Note what a lost connection took with it.

        Args:
            turns: How many turns cannot be asked again.
            calls: How many tool calls were cancelled.
            uncovered_audio: Seconds of sound that no session has.
        """
        self._turns += turns
        self._calls += calls
        self._uncovered += uncovered_audio

    def close(
        self,
        *,
        attempts: int,
        outage: float,
        lost_audio: float,
        replayed: int = 0,
        maybe_twice: int = 0,
        asked_on: int = 0,
    ) -> Continuity:
        """End the gap, and return what it did to the conversation.

        Args:
            attempts: How many dials it took.
            outage: Its length in seconds.
            lost_audio: Seconds of sound that were dropped.
            replayed: How many client messages were written again.
            maybe_twice: How many of these the server may have had already.
            asked_on: How many cut replies were asked for.
        """
        continuity = Continuity(
            attempts=attempts,
            outage=outage,
            replayed=replayed,
            maybe_twice=maybe_twice,
            asked_on=asked_on,
            lost_turns=self._turns,
            lost_audio=lost_audio,
            uncovered_audio=self._uncovered,
            lost_calls=self._calls,
        )
        self._turns = self._calls = 0
        self._uncovered = 0.0
        sums = {
            field.name: getattr(self.stats, field.name) + getattr(continuity, field.name)
            for field in fields(continuity)
        }
        self.stats = Stats(gaps=self.stats.gaps + 1, **sums)
        return continuity
