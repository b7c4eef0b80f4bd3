"""The public types of the events: checked by mypy and pyright, not run."""

from typing import assert_never, assert_type

from reconnect import (
    AudioDropped,
    Closed,
    Connected,
    Continuity,
    Event,
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


def describe(event: Event) -> str:
    """Match an event exhaustively."""
    assert_type((event.model, event.session), tuple[str, str])
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
        case Resumed(continuity=continuity):
            assert_type(continuity, Continuity)
        case Restarted(continuity=continuity, history=history):
            assert_type((continuity, history), tuple[Continuity, int])
        case GoingAway(time_left=time_left, announced=announced):
            assert_type(time_left, float)
            assert_type(announced, str | None)
        case Stalled(waited=waited):
            assert_type(waited, float)
        case AudioDropped(seconds=seconds):
            assert_type(seconds, float)
        case GaveUp(error=error, continuity=continuity):
            assert_type(error, BaseException)
            assert_type(continuity, Continuity)
        case Closed(unanswered=unanswered):
            assert_type(unanswered, int)
        case _:
            assert_never(event)
    return type(event).__name__
