"""The records that ``on_event`` is given."""

import dataclasses
import typing

import pytest
from google.genai import errors
from hypothesis import given, strategies as st

from reconnect import FailureKind, Phase, events
from reconnect._driver.secrets import Secrets
from reconnect.events import Continuity

EVENTS = typing.get_args(events.Event)
EXAMPLES = [
    events.Connected(resumed=False),
    events.Lost(error=OSError("gone"), kind=FailureKind.TRANSIENT, phase=Phase.SESSION, age=12.5),
    events.Retrying(delay=0.5, attempt=1, why=FailureKind.TRANSIENT, fresh=False),
    events.Resumed(Continuity(attempts=1, outage=0.7, replayed=2, continued=1)),
    events.Restarted(Continuity(attempts=2, outage=1.5), history=4),
    events.GoingAway(time_left=9.951, announced="9.951s"),
    events.Stalled(waited=2.0),
    events.AudioDropped(seconds=0.5),
    events.GaveUp(OSError("gone"), Continuity(attempts=10, outage=300.0)),
    events.Closed(unanswered=0),
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


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_whom_it_is_about(event):
    """An event says whom it is about; one that tells the same of another session is equal."""
    told = dataclasses.replace(event, model="m", session="1-abc")
    assert (told.model, told.session) == ("m", "1-abc")
    assert (event.model, event.session) == ("", "")
    assert told == event
    assert "model='m', session='1-abc'" in repr(told)
    # Patterns by position are those of before.
    assert not {"model", "session"} & set(type(event).__match_args__)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_no_secrets(kind):
    """No event has a place for what must not get into a log: a handle, a key, a message."""
    secrets = {"handle", "key", "token", "config", "message", "text"}
    assert not secrets & {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_fields_are_documented(kind):
    """Every field stands in the docstring of its event; whom it is about, in one for all."""
    for field in dataclasses.fields(kind):
        assert f"    {field.name}: " in kind.__doc__ + events._About.__doc__


# Sentences

WHOLE = Continuity(attempts=1, outage=0.25)
COSTLY = Continuity(
    attempts=3,
    outage=21.6,
    replayed=3,
    maybe_twice=1,
    continued=2,
    forgotten=1,
    lost_turns=2,
    lost_audio=0.5,
    uncovered_audio=1.25,
    lost_calls=1,
)
COSTS = (
    "3 messages sent again, 1 perhaps twice, 2 replies to be continued, 1 exchange perhaps"
    " forgotten, 2 turns lost, 0.5 s of audio dropped, up to 1.2 s of audio lost, 1 tool call"
    " cancelled"
)
BUSY = errors.APIError(1011, "Internal error encountered.")


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (events.Connected(resumed=False), "connected"),
        (events.Connected(resumed=True), "connected, with the handle of an earlier process"),
        (
            events.Lost(BUSY, FailureKind.TRANSIENT, Phase.SESSION, age=583.2),
            "connection lost after 583 s: 1011 Internal error encountered (transient)",
        ),
        (
            events.Lost(BUSY, FailureKind.HANDLE_REJECTED, Phase.SETUP, age=0),
            "attempt failed: 1011 Internal error encountered (handle rejected)",
        ),
        (
            events.Retrying(delay=0.4123, attempt=2, why=FailureKind.TRANSIENT, fresh=False),
            "resuming in 0.41 s, attempt 2",
        ),
        (
            events.Retrying(delay=0, attempt=1, why=FailureKind.HANDLE_REJECTED, fresh=True),
            "starting a new session in 0 s, attempt 1",
        ),
        (events.Resumed(Continuity()), "moved to another connection"),
        (events.Resumed(WHOLE), "resumed after 0.25 s"),
        (events.Resumed(COSTLY), f"resumed after 22 s and 3 attempts: {COSTS}"),
        (events.Restarted(WHOLE, history=0), "new session after 0.25 s"),
        (events.Restarted(WHOLE, history=1), "new session after 0.25 s: 1 turn of history sent"),
        (
            events.Restarted(COSTLY, history=4),
            f"new session after 22 s and 3 attempts: 4 turns of history sent, {COSTS}",
        ),
        (
            events.GoingAway(time_left=9.951, announced="9.951s"),
            "the server will end the connection in 10 s",
        ),
        (events.Stalled(waited=2.0), "the server has read nothing for 2 s"),
        (events.AudioDropped(seconds=0.5), "0.5 s of audio dropped"),
        (
            events.GaveUp(BUSY, WHOLE),
            "ended for good: 1011 Internal error encountered",
        ),
        (
            events.GaveUp(BUSY, Continuity(lost_turns=1)),
            "ended for good: 1011 Internal error encountered; 1 turn lost",
        ),
        (events.Closed(unanswered=0), "closed"),
        (events.Closed(unanswered=2), "closed, and 2 turns unanswered"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_sentence(event, sentence):
    """An event reads as a sentence that a person would write, and its repr has everything."""
    assert f"{event}" == sentence
    assert repr(event).startswith(f"{type(event).__name__}(model=")


def test_costs_in_words():
    """What a gap has cost reads as a sentence does, and so do the sums of a session."""
    assert f"{COSTLY}" == COSTS
    assert f"{WHOLE}" == "nothing lost"
    assert f"{events.Stats()}" == "0 gaps of 0 s: nothing lost"
    told = f"{events.Stats(gaps=2, outage=2.5, replayed=1)}"
    assert told == "2 gaps of 2.5 s: 1 message sent again"


HANDLES = st.text("abAB01-_=", min_size=8, max_size=40)
SECONDS = st.floats(0, 1e6)
COUNTS = st.integers(0, 1000)
CONTINUITIES = st.builds(
    Continuity,
    **{
        field.name: COUNTS if field.type == "int" else SECONDS
        for field in dataclasses.fields(Continuity)
    },
)
AROUND = st.text(st.sampled_from("a .:'\"\n\r\x1b\u2028"), max_size=20)


def quoting(handle):
    """Return a strategy for errors in which a server quotes a handle."""
    texts = st.builds(lambda before, after: f"{before}{handle}{after}", AROUND, AROUND)
    api = st.builds(errors.APIError, st.sampled_from([503, 1006, 1008, 1011]), texts)
    return api | texts.map(OSError) | texts.map(ValueError)


@given(st.data())
def test_sentence_has_no_handle_and_is_one_line(data):
    """Whatever an event is about, its sentence is one line, and nothing of a handle is in it."""
    handle = data.draw(HANDLES)
    error = data.draw(quoting(handle))
    secrets = Secrets()
    secrets.add(handle)
    # As the driver does with an error, before anything is made of it.
    secrets.hide(error)
    kind, gap = data.draw(st.sampled_from(FailureKind)), data.draw(CONTINUITIES)
    seconds, count = data.draw(SECONDS), data.draw(COUNTS)
    for event in (
        events.Lost(error, kind, data.draw(st.sampled_from(Phase)), seconds),
        events.Retrying(
            data.draw(SECONDS), data.draw(COUNTS), kind, fresh=data.draw(st.booleans())
        ),
        events.Resumed(gap),
        events.Restarted(gap, history=count),
        events.GaveUp(error, gap),
    ):
        sentence = f"{event}"
        assert handle not in sentence
        assert sentence
        assert sentence.isprintable()
        assert sentence == " ".join(sentence.split())
