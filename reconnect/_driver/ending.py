"""The end of a session: what has ended it, to be raised to whoever uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Ending"]


class Ending:
    """What has ended a session; nothing so far."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._traceback: TracebackType | None = None

    def come(self, error: BaseException) -> None:
        """Note the end.

        Args:
            error: What to raise from now on.
        """
        self.error = error
        self._traceback = error.__traceback__

    def check(self) -> None:
        """Raise what has ended the session, if it has ended."""
        if self.error is not None:
            # Raised again and again, it would collect a traceback without end.
            raise self.error.with_traceback(self._traceback)
