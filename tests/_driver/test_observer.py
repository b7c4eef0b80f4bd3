"""Who tells of events: to the log, and to the caller."""

import asyncio
import logging

from reconnect._driver.telling import Teller

from reconnect import Connected, FailureKind, GoingAway, Lost, Phase

AWAY = GoingAway(time_left=9.0, announced="9s")
LOST = Lost(OSError("secret-handle is gone"), FailureKind.TRANSIENT, Phase.SESSION, age=1.0)


def test_what_is_kept_is_told_after(caplog):
    """Teller tells what it was to keep when it is told to catch up, once."""
    told = []
    teller = Teller(told.append, secret=lambda: None)
    teller.keep(AWAY)
    teller.tell(Connected(resumed=False))
    assert told == [Connected(resumed=False)]
    teller.catch_up()
    teller.catch_up()
    assert told == [Connected(resumed=False), AWAY]


def test_no_handle_is_logged(caplog):
    """Teller leaves the handle out of the log, where a server has quoted it."""
    with caplog.at_level(logging.INFO, logger="reconnect"):
        Teller(None, secret=lambda: "secret-handle").tell(LOST)
        Teller(None, secret=lambda: None).tell(AWAY)
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.INFO]
    assert "secret-handle" not in caplog.text
    assert "<handle> is gone" in caplog.text


async def test_failing_callback_is_reported():
    """Teller hands what the callback raises to the loop's exception handler, and goes on."""
    reported = []
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: reported.append(context))
    try:
        Teller(lambda _event: 1 / 0, secret=lambda: None).tell(AWAY)
    finally:
        loop.set_exception_handler(handler)
    assert [type(context["exception"]) for context in reported] == [ZeroDivisionError]
    assert "on_event raised over GoingAway" in reported[0]["message"]
