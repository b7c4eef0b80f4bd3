"""The account of what the gaps of a session have cost.

Pure. What is lost is said as plainly as what was saved: a restored state is never claimed where
something is missing.
"""

from __future__ import annotations

from dataclasses import fields, replace

from reconnect.events import Continuity, Stats

__all__ = ["Account"]


class Account:
    """What the gap that is open has cost so far, and what all of them have."""

    def __init__(self) -> None:
        self.stats = Stats()
        self._turns = 0
        self._calls = 0
        self._uncovered = 0.0
        # When the gap began, and how many attempts there had been; None while there is no gap.
        self._began: tuple[float, int] | None = None

    def lost(self, now: float, *, attempts: int) -> None:
        """Note a loss: the first one begins the gap, the others are attempts that failed.

        Args:
            now: The time in seconds.
            attempts: How many attempts there have been. The count goes on from gap to gap until a
                connection proves itself, and a gap is charged with its own.
        """
        if self._began is None:
            self._began = now, attempts

    def cut(self, *, turns: int, calls: int = 0, uncovered_audio: float = 0) -> None:
        """Note what a lost connection took with it.

        Args:
            turns: How many turns cannot be asked again.
            calls: How many tool calls were cancelled.
            uncovered_audio: Seconds of audio that no session has.
        """
        self._turns += turns
        self._calls += calls
        self._uncovered += uncovered_audio

    def drop(self, seconds: float) -> float:
        """Note audio that was dropped between two gaps, and return it.

        Args:
            seconds: Seconds of it.
        """
        self.stats = replace(self.stats, lost_audio=self.stats.lost_audio + seconds)
        return seconds

    def close(
        self,
        now: float,
        *,
        attempts: int,
        lost_audio: float,
        replayed: int = 0,
        maybe_twice: int = 0,
        continued: int = 0,
        forgotten: int = 0,
    ) -> Continuity:
        """End the gap, and return what it did to the conversation.

        Args:
            now: The time in seconds.
            attempts: How many attempts there have been.
            lost_audio: Seconds of audio that were dropped.
            replayed: How many client messages were written again.
            maybe_twice: How many of these the server may have had already.
            continued: How many cut replies the model was asked to continue.
            forgotten: How many exchanges the session may not know.
        """
        # A move before a deadline is no outage, and needs no attempt.
        since, before = self._began or (now, attempts)
        continuity = Continuity(
            attempts=attempts - before,
            outage=now - since,
            replayed=replayed,
            maybe_twice=maybe_twice,
            continued=continued,
            forgotten=forgotten,
            lost_turns=self._turns,
            lost_audio=lost_audio,
            uncovered_audio=self._uncovered,
            lost_calls=self._calls,
        )
        self._turns = self._calls = 0
        self._uncovered = 0.0
        self._began = None
        sums = {
            field.name: getattr(self.stats, field.name) + getattr(continuity, field.name)
            for field in fields(continuity)
        }
        self.stats = Stats(gaps=self.stats.gaps + 1, **sums)
        return continuity
