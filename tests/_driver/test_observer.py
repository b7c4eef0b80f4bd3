"""Who is told of events: the log, and the caller."""

import asyncio
import logging
import re

import pytest

from reconnect import (
    AudioDropped,
    Closed,
    Connected,
    Continuity,
    FailureKind,
    GaveUp,
    GoingAway,
    Lost,
    Phase,
    Restarted,
    Resumed,
    Retrying,
    Stalled,
)
from reconnect._driver.observer import Observer, new_name

AWAY = GoingAway(time_left=9.0, announced="9s")
LOST = Lost(OSError("gone"), FailureKind.TRANSIENT, Phase.SESSION, age=1.0)
STALLED = Stalled(waited=2.0)
ENDED = GaveUp(OSError("gone"), Continuity())
WHOLE, TORN = Continuity(attempts=1, replayed=1), Continuity(attempts=1, lost_turns=1)


def observer_of(on_event=None):
    """Return an observer of a session."""
    return Observer(on_event, model="m", session="1-abc")


def test_names():
    """A session's name is its number and what tells processes apart, and no name comes twice."""
    names = [new_name() for _ in range(100)]
    assert all(re.fullmatch(r"[1-9][0-9]*-[0-9a-f]{6}", name) for name in names)
    numbers = [int(name.split("-")[0]) for name in names]
    assert numbers == list(range(numbers[0], numbers[0] + 100))
    assert len({name.split("-")[1] for name in names}) > 1


def test_whom_an_event_is_about():
    """Observer fills in which session and which model an event is about, told or kept."""
    told = []
    observer = observer_of(told.append)
    observer.keep(AWAY)
    observer.tell(LOST)
    observer.catch_up()
    assert told == [LOST, AWAY]
    assert [(event.model, event.session) for event in told] == [("m", "1-abc")] * 2
    assert told[0].error is LOST.error


def test_what_is_kept_is_told_after():
    """Observer tells what it was to keep when it is told to catch up, once."""
    told = []
    observer = observer_of(told.append)
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

    observer = observer_of(callback)
    observer.keep(AWAY)
    observer.catch_up()
    assert told == [AWAY]
    observer.catch_up()
    assert told == [AWAY, AWAY]


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (LOST, logging.WARNING),
        (ENDED, logging.ERROR),
        (STALLED, logging.WARNING),
        (AudioDropped(1.0), logging.WARNING),
        (Retrying(0.5, 1, FailureKind.TRANSIENT, fresh=False), logging.INFO),
        (Resumed(WHOLE), logging.INFO),
        (Resumed(TORN), logging.WARNING),
        (Restarted(WHOLE, history=1), logging.INFO),
        (Restarted(TORN, history=1), logging.WARNING),
        (Closed(unanswered=1), logging.WARNING),
        (Closed(unanswered=0), logging.INFO),
        (AWAY, logging.INFO),
        (Connected(resumed=False), logging.INFO),
    ],
    ids=lambda it: type(it).__name__,
)
def test_events_are_logged(event, level, caplog):
    """Observer logs each event in a sentence, and warns of what a user may have noticed."""
    with caplog.at_level(logging.INFO, logger="reconnect"):
        observer_of().tell(event)
    assert caplog.record_tuples == [("reconnect", level, f"session 1-abc: {event}")]


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
        observer_of(fail).tell(AWAY)
    finally:
        loop.set_exception_handler(handler)
    assert [context["exception"] for context in reported] == [error]
    assert "on_event raised an exception for GoingAway" in reported[0]["message"]


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_end_of_the_process_passes(end):
    """Observer lets pass what ends the process."""

    def interrupted(event):
        raise end

    with pytest.raises(end):
        observer_of(interrupted).tell(AWAY)
