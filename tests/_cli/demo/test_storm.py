"""The faults of the demo, and how the server's records prove them."""

import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from reconnect._cli.demo.script import INTERRUPTING, QUESTIONS, wishes
from reconnect._cli.demo.storm import FAULTS, Hit, Moment, storm_of
from reconnect.testing import Connection


@pytest.mark.parametrize("seed", range(50))
def test_storm_leaves_room(seed: int) -> None:
    """Every fault comes once; the first turn, the last and those after a full reply have none."""
    storm = storm_of(random.Random(seed))
    numbers = range(1, len(QUESTIONS) + 1)
    within: list[Moment] = [1, 2, 3, "end", "call", "result", "interrupted"]
    moments = [(turn, moment) for turn in numbers for moment in within]
    struck = {(t, m): fault for t, m in moments if (fault := storm.due(t, m)) is not None}
    turns = [turn for turn, _ in struck]
    assert list(struck.values()) == storm.faults
    assert sorted(storm.faults, key=FAULTS.index) == list(FAULTS)
    assert len(set(turns)) == len(FAULTS)
    assert not {1, len(QUESTIONS)} & set(turns)
    assert all(turn + 1 not in turns for turn, moment in struck if moment == "end")
    assert INTERRUPTING - 1 not in turns
    for turn, moment in struck:
        assert bool(wishes(QUESTIONS[turn - 1])) is (moment in {"call", "result"})
        assert (turn == INTERRUPTING) is (moment == "interrupted")
    assert not any(storm.due(*moment) for moment in struck)


def dial(number: int = 1, **known: Any) -> Connection:
    """Make a record of a dial."""
    return Connection(number, **{"opened_at": 0.0, **known})


def test_fault_needs_connection() -> None:
    """A fault that finds no open connection does not happen."""
    storm = storm_of(random.Random(1))
    server: Any = SimpleNamespace(connections=[dial(1, session="s", ended_by="client"), dial(2)])
    storm.strike(server, FAULTS[0], now=0.0)
    assert storm.missed(server.connections) == [fault.name for fault in storm.faults]


ABORTED = {"ended_by": "server", "close_code": 1006}


CLOSED = {"ended_by": "server", "close_code": 1011}


PIECE = {"serverContent": {"outputTranscription": {"text": "That"}}}


DONE = {"serverContent": {"turnComplete": True}}


BROKEN = {"serverContent": {"interrupted": True}}


HANDLE = {"sessionResumptionUpdate": {"newHandle": "h"}}


CALL = {"toolCall": {"functionCalls": []}}


REJECTED = dial(2, handle="h", close_code=1008)


@pytest.mark.parametrize(
    ("name", "connection", "later", "happened"),
    [
        ("TCP abort", dial(sent=[PIECE, HANDLE], **ABORTED), [], True),
        ("TCP abort", dial(sent=[PIECE, HANDLE], **CLOSED), [], False),
        ("TCP abort", dial(sent=[PIECE, DONE], **ABORTED), [], False),
        ("TCP abort", dial(sent=["{}"], **ABORTED), [], False),
        ("1011 in a reply", dial(sent=[DONE, PIECE], **CLOSED), [], True),
        ("1011 in a reply", dial(sent=[PIECE], ended_by="client", close_code=1011), [], False),
        ("503 on the next attempt", dial(), [dial(2, status=503)], True),
        ("503 on the next attempt", dial(), [dial(2, status=101), dial(3, status=503)], False),
        ("503 on the next attempt", dial(), [], False),
        ("go_away", dial(sent=[{"goAway": {}}]), [], True),
        ("go_away", dial(sent=[PIECE]), [], False),
        ("rejected handle", dial(), [REJECTED], True),
        ("rejected handle", dial(), [dial(2, close_code=1008)], False),
        ("rejected handle", dial(), [], False),
        ("5 s outage", dial(**ABORTED), [dial(2, opened_at=15.0)], True),
        ("5 s outage", dial(**ABORTED), [dial(2, opened_at=12.0)], False),
        ("5 s outage", dial(**ABORTED), [], False),
        ("5 s outage", dial(**CLOSED), [dial(2, opened_at=15.0)], False),
        ("1011 before the handle", dial(sent=[PIECE, DONE], **CLOSED), [], True),
        ("1011 before the handle", dial(sent=[DONE, HANDLE], **CLOSED), [], False),
        ("1011 before the handle", dial(sent=[DONE, "{}"], **CLOSED), [], False),
        ("1011 before the handle", dial(sent=[DONE], **ABORTED), [], False),
        ("1011 after an interruption", dial(sent=[PIECE, BROKEN, DONE], **CLOSED), [], True),
        ("1011 after an interruption", dial(sent=[BROKEN, DONE, PIECE], **CLOSED), [], True),
        ("1011 after an interruption", dial(sent=[BROKEN, DONE, PIECE, DONE], **CLOSED), [], False),
        ("1011 after an interruption", dial(sent=[BROKEN, DONE], **ABORTED), [], False),
        ("1011 after an interruption", dial(sent=[PIECE, DONE], **CLOSED), [], False),
        ("cut in a tool call", dial(sent=[DONE, CALL, HANDLE], **ABORTED), [], True),
        ("cut in a tool call", dial(sent=[CALL, PIECE], **ABORTED), [], False),
        ("cut in a tool call", dial(sent=[CALL], **CLOSED), [], False),
        ("cut in a tool call", dial(sent=["{}"], **ABORTED), [], False),
        ("cut after a tool's result", dial(sent=[CALL], **CLOSED), [], True),
        ("cut after a tool's result", dial(sent=[CALL, PIECE], **CLOSED), [], False),
        ("cut after a tool's result", dial(sent=[CALL], ended_by="client"), [], False),
    ],
)
def test_records_prove_fault(
    name: str, connection: Connection, later: Sequence[Connection], *, happened: bool
) -> None:
    """A fault has happened if the server's records say so, and only then."""
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    assert fault.happened(Hit(10.0, connection, later)) is happened
