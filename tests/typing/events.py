"""The public types of the events: checked by mypy and pyright, not run."""

from typing import assert_never, assert_type

from reconnect import (
    Connected,
    Event,
    FailureKind,
    GaveUp,
    GoingAway,
    Lost,
    Phase,
    Restarted,
    Resumed,
    Retrying,
)


def describe(event: Event) -> str:
    """Match an event exhaustively."""
    match event:
        case Connected(resumed=resumed):
            assert_type(resumed, bool)
        case Lost(error=error, kind=kind, phase=phase, age=age):
            assert_type(error, BaseException)
            assert_type(kind, FailureKind)
            assert_type(phase, Phase)
            assert_type(age, float)
        case Retrying(delay=delay, attempt=attempt, why=why, fresh=fresh):
            assert_type(delay, float)
            assert_type(attempt, int)
            assert_type(why, FailureKind)
            assert_type(fresh, bool)
        case Resumed(attempts=attempts, outage=outage, replayed=replayed, asked_on=asked_on):
            assert_type((attempts, outage), tuple[int, float])
            assert_type((replayed, asked_on), tuple[int, bool])
        case Restarted(attempts=attempts, outage=outage, replayed=replayed, told=told):
            assert_type((attempts, outage), tuple[int, float])
            assert_type((replayed, told), tuple[int, int])
        case GoingAway(time_left=time_left, announced=announced):
            assert_type(time_left, float)
            assert_type(announced, str | None)
        case GaveUp(error=error, attempts=attempts, outage=outage):
            assert_type(error, BaseException)
            assert_type((attempts, outage), tuple[int, float])
        case _:
            assert_never(event)
    return type(event).__name__
