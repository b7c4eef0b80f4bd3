"""What is known of a session: what its gaps cost, told one by one and summed up."""

import random

import pytest
from hypothesis import given, strategies as st

from reconnect import (
    AudioDropped,
    Closed,
    FailureKind,
    GaveUp,
    Phase,
    ReconnectOptions,
    ReconnectPolicy,
    Restart,
    Restarted,
    Resume,
    Resumed,
    SessionClosed,
    TooManyReconnects,
)
from reconnect._conversation.conversation import Losses
from reconnect._conversation.outbox import Replay
from reconnect._driver.facts import Facts
from reconnect._driver.settings import Settings
from reconnect.events import Continuity, Stats

GONE = ConnectionError("gone")


def facts_of(handle=None, **options):
    """Return the facts of a session that has just been made."""
    made = ReconnectOptions(**options)
    return Facts(Settings(len, "m", None, (), handle, made, 1, random.random))


def lose(facts, now, *, turns=0, calls=(), uncovered=0.0):
    """Lose a connection, or an attempt, that takes something with it."""
    loss = facts.lost(GONE, now, phase=Phase.SESSION, closing=False)
    facts.outbox.lost = lambda: Losses(turns=turns, calls=calls)
    facts.media.forget_uncovered = lambda: uncovered
    facts.cut_off()
    return loss


def fail(facts, now):
    """Begin an attempt and lose it."""
    facts.outage.connecting(now, resumed=False)
    lose(facts, now)


def come_back(facts, now, *, dropped=0.0, **replay):
    """Connect and be up to date; return what is told of the gap."""
    facts.outage.connecting(now, resumed=False)
    facts.outage.connected(now)
    facts.outbox.replay = Replay(**replay)
    facts.media.dropped = dropped
    return facts.back(now)


def test_gap_is_told_and_summed_up():
    """Facts tell what one gap did, and what all of them have done."""
    facts = facts_of()
    assert facts.stats == Stats()
    lose(facts, 100.0, turns=1, calls=("1", "2"), uncovered=0.25)
    facts.outage.connecting(100.5, resumed=False)
    lose(facts, 100.5, calls=("3",), uncovered=1.0)
    first = come_back(facts, 101.5, dropped=0.5, messages=3, maybe_twice=1, continued=1, told=2)
    expected = Continuity(
        attempts=2,
        outage=1.5,
        replayed=3,
        maybe_twice=1,
        continued=1,
        lost_turns=1,
        lost_audio=0.5,
        uncovered_audio=1.25,
        lost_calls=3,
    )
    assert first == Restarted(expected, 2)
    lose(facts, 120.0)
    assert come_back(facts, 120.5).continuity == Continuity(attempts=1, outage=0.5)
    assert facts.stats == Stats(
        gaps=2,
        attempts=3,
        outage=2.0,
        replayed=3,
        maybe_twice=1,
        continued=1,
        lost_turns=1,
        lost_audio=0.5,
        uncovered_audio=1.25,
        lost_calls=3,
    )


def test_gaps_without_proof_between_them():
    """A gap is charged with its own time and attempts, though the policy counts on."""
    facts = facts_of()
    lose(facts, 100.0)
    assert come_back(facts, 101.0).continuity == Continuity(attempts=1, outage=1.0)
    lose(facts, 103.0)
    fail(facts, 103.5)
    assert facts.outage.attempt == 3
    assert come_back(facts, 104.0).continuity == Continuity(attempts=2, outage=1.0)
    assert (facts.stats.attempts, facts.stats.outage) == (3, 2.0)


def test_attempts_before_the_first_connection():
    """What fails before the first connection is no part of the first gap."""
    facts = facts_of()
    for now in (0.0, 1.0):
        fail(facts, now)
    facts.outage.connecting(2.0, resumed=False)
    facts.outage.connected(2.0)
    facts.began()
    lose(facts, 100.0)
    assert come_back(facts, 101.0).continuity == Continuity(attempts=1, outage=1.0)


def test_move_is_no_outage():
    """A connection that is left before its deadline costs no time and no attempt."""
    facts = facts_of(handle="h")
    facts.outbox.connected([], asks=False, transparent=False)
    assert facts.back(101.0) == Resumed(Continuity())
    assert facts.stats == Stats(gaps=1)


def test_audio_that_is_dropped_between_two_gaps():
    """Facts sum up what was dropped while a connection was open, and charge no gap with it."""
    facts = facts_of()
    assert facts.dropped() is None
    facts.media.dropped = 0.5
    assert facts.stats == Stats(lost_audio=0.5)
    assert facts.dropped() == AudioDropped(0.5)
    assert facts.stats == Stats(lost_audio=0.5)
    lose(facts, 10.0)
    assert come_back(facts, 11.0, dropped=0.25).continuity.lost_audio == 0.25
    facts.media.dropped = 1.0
    assert facts.dropped() == AudioDropped(1.0)
    assert facts.stats == Stats(gaps=1, attempts=1, outage=1.0, lost_audio=1.75)


@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([0.0, 0.5]),
)
def test_nothing_lost_is_never_claimed(turns, calls, dropped, uncovered):
    """A conversation is whole if and only if no turn and no sound is missing."""
    facts = facts_of()
    lose(facts, 0.0, turns=turns, calls=("1",) * calls, uncovered=uncovered)
    continuity = come_back(facts, 1.0, dropped=dropped).continuity
    assert continuity.whole == (turns == 0 and dropped == 0 and uncovered == 0)


@pytest.mark.parametrize("handle", [None, "h"])
def test_loss_has_what_is_known(handle):
    """A loss says whether there is a handle, and whether a go_away had come."""
    facts = facts_of(handle=handle)
    facts.outage.connecting(0.0, resumed=handle is not None)
    facts.outage.connected(0.0)
    facts.departure.announced(1.0, "50s", draw=0.5)
    loss = facts.lost(GONE, 2.0, phase=Phase.SESSION, closing=True)
    assert (loss.handle, loss.resumed) == (handle is not None, handle is not None)
    assert (loss.error, loss.age, loss.go_away, loss.closing) == (GONE, 2.0, True, True)


@pytest.mark.parametrize(
    ("decision", "kind", "handle", "halvings"),
    [
        (Resume(0.0), FailureKind.TRANSIENT, "h", 0),
        (Restart(0.0), FailureKind.TRANSIENT, None, 0),
        (Restart(0.0), FailureKind.CONTEXT_EXHAUSTED, None, 1),
    ],
)
def test_decision_is_noted(decision, kind, handle, halvings):
    """A restart drops the handle, and a history that was too long is shortened."""
    facts = facts_of(handle="h")
    facts.decided(decision, kind)
    assert (facts.conversation.handle, facts.halvings) == (handle, halvings)


def test_end_by_the_owner():
    """A session that its owner has closed tells what it still owed, and no gap."""
    facts = facts_of()
    lose(facts, 10.0)
    assert facts.ended(SessionClosed("closed"), 11.0) == Closed(0)
    assert facts.stats == Stats()


def test_end_in_a_gap():
    """A session that gives up tells what its last gap has cost, and of no audio twice."""
    facts = facts_of()
    lose(facts, 10.0, turns=1)
    fail(facts, 12.0)
    facts.media.dropped = 0.5
    cost = Continuity(attempts=1, outage=5.0, lost_turns=1, lost_audio=0.5)
    assert facts.ended(GONE, 15.0) == GaveUp(GONE, cost)
    assert facts.stats == Stats(gaps=1, attempts=1, outage=5.0, lost_turns=1, lost_audio=0.5)


def test_reconnects_are_limited_by_the_policy():
    """The limit of reconnects is that of the policy, if it has one."""
    facts = facts_of(policy=ReconnectPolicy(max_reconnects_per_hour=1))
    lose(facts, 0.0)
    come_back(facts, 0.0)
    lose(facts, 1.0)
    come_back(facts, 2.0)
    lose(facts, 3.0)
    with pytest.raises(TooManyReconnects):
        come_back(facts, 4.0)
