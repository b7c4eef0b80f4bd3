"""Who is told of events: the log, and the caller."""

import asyncio
import logging

import pytest

from reconnect import Connected, Continuity, FailureKind, GaveUp, GoingAway, Lost, Phase, Stalled
from reconnect._driver.observer import Observer

AWAY = GoingAway(time_left=9.0, announced="9s")
LOST = Lost(OSError("gone"), FailureKind.TRANSIENT, Phase.SESSION, age=1.0)
STALLED = Stalled(waited=2.0)
ENDED = GaveUp(OSError("gone"), Continuity())


def test_what_is_kept_is_told_after():
    """Observer tells what it was to keep when it is told to catch up, once."""
    told = []
    observer = Observer(told.append)
    observer.keep(AWAY)
    observer.keep(STALLED)
    observer.tell(Connected(resumed=False))
    assert told == [Connected(resumed=False)]
    observer.catch_up()
    observer.catch_up()
    assert told == [Connected(resumed=False), AWAY, STALLED]


def test_what_is_kept_while_it_catches_up():
    """Observer keeps for the next time what its callback has it keep while it catches up."""
    told = []

    def callback(event):
        told.append(event)
        observer.keep(event)

    observer = Observer(callback)
    observer.keep(AWAY)
    observer.catch_up()
    assert told == [AWAY]
    observer.catch_up()
    assert told == [AWAY, AWAY]


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (LOST, logging.WARNING),
        (ENDED, logging.WARNING),
        (STALLED, logging.WARNING),
        (AWAY, logging.INFO),
        (Connected(resumed=False), logging.INFO),
    ],
    ids=lambda it: type(it).__name__,
)
def test_events_are_logged(event, level, caplog):
    """Observer logs each event, and warns of those that a user of the session notices."""
    with caplog.at_level(logging.INFO, logger="reconnect"):
        Observer(None).tell(event)
    assert caplog.record_tuples == [("reconnect", level, str(event))]


class Odd(BaseException):
    """What is no Exception."""


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("x"), asyncio.CancelledError(), GeneratorExit(), Odd()], ids=repr
)
async def test_failing_callback_is_reported(error):
    """Observer hands what the callback raises to the loop's exception handler, and goes on.

    It is nobody's cancellation, nor the end of the task that happens to tell.
    """

    def fail(event):
        raise error

    reported = []
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: reported.append(context))
    try:
        Observer(fail).tell(AWAY)
    finally:
        loop.set_exception_handler(handler)
    assert [context["exception"] for context in reported] == [error]
    assert "on_event raised over GoingAway" in reported[0]["message"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_end_of_the_process_passes(end):
    """Observer lets pass what ends the process."""

    def interrupted(event):
        raise end

    with pytest.raises(end):
        Observer(interrupted).tell(AWAY)
