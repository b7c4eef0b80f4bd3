"""What somebody has said since the last turn was over, and nobody has answered.

Pure. Nothing says that somebody speaks but what is heard of it: a mark, a transcription, an
interruption, or no more than audio that was written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .exchanges import Input
from .media_line import Written

__all__ = ["Speech"]

_NOTHING: Written = (0.0, 0, 0)


@dataclass(slots=True)
class Speech:
    """The speech that is yet to be an exchange.

    Args:
        progress: Returns how far writing audio to the connection has come.
        before: The number of the message before the first of a connection.
        item: What is known of it; None where nothing shows that somebody speaks, but for audio.
        covered: Seconds of its audio that a handle covers, of lost connections.
        replied: How far writing audio had come when the newest reply began.
        quiet: How far it had come when the last turn was over, or answered.
        maybe: Whether a handle came meanwhile that says not what it covers.
    """

    progress: Callable[[], Written]
    before: int
    item: Input | None = None
    covered: float = 0.0
    replied: Written = _NOTHING
    quiet: Written = _NOTHING
    maybe: bool = False

    @property
    def place(self) -> int:
        """The place of the newest audio that was written; 0 for none."""
        return self.progress()[2]

    @property
    def under_way(self) -> bool:
        """Whether somebody has spoken, as far as can be known."""
        return self.item is not None or self.covered > 0 or self.quiet != self.progress()

    @property
    def ended(self) -> bool:
        """Whether somebody has spoken and may be answered: not before the mark that ends it."""
        return self.under_way if self.item is None else self.item.since is None

    @property
    def unmarked(self) -> Input | None:
        """What is known of it where no mark has begun it; None where nothing is."""
        return self.item if self.item is None or self.item.since is None else None

    def hear(self, *, place: int, number: int) -> Input:
        """Return what is known of it: somebody speaks."""
        if self.item is None:
            _, quiet, quiet_place = self.quiet
            began = (quiet if quiet_place else self.before) + 1
            self.item = Input(None, place, index=number, began=began)
        return self.item

    def reply(self) -> bool:
        """Note the first word of a reply; return whether it may be one to audio alone."""
        audio = self.progress()
        alone = self.item is None and self.quiet != audio
        self.quiet = self.replied = audio
        return alone

    def over(self) -> None:
        """Note that it was answered: what is heard from now on is said after it."""
        self.item, self.covered, self.maybe = None, 0.0, False
        self.quiet = self.progress()
