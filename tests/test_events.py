"""The records that ``on_event`` is given."""

import dataclasses
import typing

import pytest

from reconnect import FailureKind, Phase, events
from reconnect.events import Continuity

EVENTS = typing.get_args(events.Event)
EXAMPLES = [
    events.Connected(resumed=False),
    events.Lost(error=OSError("gone"), kind=FailureKind.TRANSIENT, phase=Phase.SESSION, age=12.5),
    events.Retrying(delay=0.5, attempt=1, why=FailureKind.TRANSIENT, fresh=False),
    events.Resumed(Continuity(attempts=1, outage=0.7, replayed=2, continued=1)),
    events.Restarted(Continuity(attempts=2, outage=1.5), told=4),
    events.GoingAway(time_left=9.951, announced="9.951s"),
    events.Stalled(waited=2.0),
    events.AudioDropped(seconds=0.5),
    events.GaveUp(OSError("gone"), Continuity(attempts=10, outage=300.0)),
]


def test_union_is_complete():
    """``Event`` is the union of all the records of the module."""
    others = {"Continuity", "Event", "Stats"}
    assert {kind.__name__ for kind in EVENTS} | others == set(events.__all__)
    assert {type(event) for event in EXAMPLES} == set(EVENTS)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_frozen(event):
    """An event is a small value: it cannot be changed, and is equal to its copy."""
    assert dataclasses.replace(event) == event
    assert not hasattr(event, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(event, dataclasses.fields(event)[0].name, None)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_no_secrets(kind):
    """No event has a place for what must not get into a log: a handle, a key, a message."""
    secrets = {"handle", "key", "token", "config", "message", "text"}
    assert not secrets & {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_fields_are_documented(kind):
    """Every field stands in the docstring of its event."""
    for field in dataclasses.fields(kind):
        assert f"        {field.name}: " in kind.__doc__
