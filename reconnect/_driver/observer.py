"""The observer: each event goes to the log and to the caller's callback.

Here, and nowhere else, an event is told which session and which model it is about.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from reconnect.events import AudioDropped, Closed, Event, GaveUp, Lost, Restarted, Resumed, Stalled

__all__ = ["Observer", "new_name"]

logger = logging.getLogger("reconnect")

_numbers: Final = itertools.count(1)


def new_name() -> str:
    """Return a name for a session, such as ``12-9f3a1c``.

    The number tells the sessions of this process apart, for certain; the digits behind it tell
    those of other processes apart, whose logs end up in the same place. They are drawn for each
    session, since a process that is forked would go on with the digits of its parent.
    """
    return f"{next(_numbers)}-{secrets.token_hex(3)}"


class Observer:
    """Hands events on, in an order that makes sense to whoever sees them.

    Args:
        on_event: The caller's callback, whose failure ends nothing; None for none.
        model: The model's name.
        session: The session's name.
    """

    def __init__(
        self, on_event: Callable[[Event], object] | None, *, model: str, session: str
    ) -> None:
        self._on_event = on_event
        self._model = model
        self._session = session
        self._kept: list[Event] = []

    def keep(self, event: Event) -> None:
        """Keep what comes over a connection until the event of how the session got there."""
        self._kept.append(event)

    def catch_up(self) -> None:
        """Hand on what was kept."""
        kept, self._kept = self._kept, []
        for event in kept:
            self.tell(event)

    def log(self, level: int, text: object) -> None:
        """Log what is about the session, with its name.

        Args:
            level: The level, as `logging` has it.
            text: What is logged: an event, or a sentence about what no event tells.
        """
        logger.log(level, "session %s: %s", self._session, text)

    def tell(self, event: Event) -> None:
        """Log an event and hand it to the callback."""
        event = replace(event, model=self._model, session=self._session)
        self.log(_level(event), event)
        if self._on_event is None:
            return
        try:
            _check_told(self._on_event(event))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # A CancelledError too: it is not a cancellation of whichever task tells.
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"on_event raised an exception for {event!r}", "exception": error}
            )


def _level(event: Event) -> int:
    """Return the level: a warning is what a user may have noticed, an error the end of it all."""
    match event:
        case GaveUp():
            return logging.ERROR
        case Lost() | Stalled() | AudioDropped():
            return logging.WARNING
        case Resumed(continuity) | Restarted(continuity) if not continuity.whole:
            return logging.WARNING
        case Closed(unanswered) if unanswered:
            return logging.WARNING
    return logging.INFO


def _check_told(result: object) -> None:
    """Raise for an observer that has returned a coroutine: nobody would await it."""
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(
            f"on_event returned {result!r}, which is not awaited; start a task in it instead"
        )
