"""The observer: each event goes to the log and to the caller's callback."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable

from reconnect.events import Event, GaveUp, Lost, Stalled

__all__ = ["Observer"]

logger = logging.getLogger("reconnect")


class Observer:
    """Hands events on, in an order that makes sense to whoever sees them.

    Args:
        on_event: The caller's callback, whose failure ends nothing; None for none.
    """

    def __init__(self, on_event: Callable[[Event], object] | None) -> None:
        self._on_event = on_event
        self._kept: list[Event] = []

    def keep(self, event: Event) -> None:
        """Keep what comes over a connection until the event of how the session got there.

        Args:
            event: The event.
        """
        self._kept.append(event)

    def catch_up(self) -> None:
        """Hand on what was kept."""
        kept, self._kept = self._kept, []
        for event in kept:
            self.tell(event)

    def tell(self, event: Event) -> None:
        """Log an event and hand it to the callback.

        Args:
            event: The event.
        """
        level = logging.WARNING if isinstance(event, Lost | GaveUp | Stalled) else logging.INFO
        logger.log(level, "%s", event)
        if self._on_event is None:
            return
        try:
            _check_told(self._on_event(event))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # A CancelledError too: it is not a cancellation of whichever task tells.
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"on_event raised over {event!r}", "exception": error}
            )


def _check_told(result: object) -> None:
    """Raise for an observer that has returned a coroutine: nobody would await it."""
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(
            f"on_event returned {result!r}, and nothing waits for an observer; start a task"
        )
