"""What gaps do to a conversation, told and summed up."""

from hypothesis import given, strategies as st

from reconnect._driver.account import Account
from reconnect.events import Continuity, Stats


def test_gap_is_told_and_summed_up():
    """Account tells what one gap did, and what all of them have done."""
    account = Account()
    assert account.stats == Stats()
    account.lost(100.0, attempts=0)
    account.cut(turns=1, calls=2, uncovered_audio=0.25)
    account.lost(100.5, attempts=1)
    account.cut(turns=0, calls=1, uncovered_audio=1.0)
    first = account.close(101.5, attempts=2, lost_audio=0.5, replayed=3, maybe_twice=1, continued=1)
    assert first == Continuity(
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
    account.lost(110.0, attempts=0)
    second = account.close(110.5, attempts=1, lost_audio=0.0)
    assert second == Continuity(attempts=1, outage=0.5)
    assert account.stats == Stats(
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
    account = Account()
    account.lost(100.0, attempts=0)
    assert account.close(101.0, attempts=1, lost_audio=0.0) == Continuity(attempts=1, outage=1.0)
    account.lost(103.0, attempts=1)
    account.lost(103.5, attempts=2)
    assert account.close(104.0, attempts=3, lost_audio=0.0) == Continuity(attempts=2, outage=1.0)
    assert (account.stats.attempts, account.stats.outage) == (3, 2.0)


def test_move_is_no_outage():
    """A connection that is left before its deadline costs no time and no attempt."""
    account = Account()
    assert account.close(101.0, attempts=3, lost_audio=0.0) == Continuity()
    assert account.stats == Stats(gaps=1)


def test_audio_that_is_dropped_between_two_gaps():
    """Account sums up what was dropped while a connection was open, and charges no gap with it."""
    account = Account()
    assert account.drop(0.5) == 0.5
    assert account.stats == Stats(lost_audio=0.5)
    account.lost(10.0, attempts=0)
    assert account.close(11.0, attempts=1, lost_audio=0.25).lost_audio == 0.25
    assert account.drop(1.0) == 1.0
    assert account.stats == Stats(gaps=1, attempts=1, outage=1.0, lost_audio=1.75)


@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([0.0, 0.5]),
)
def test_nothing_lost_is_never_claimed(turns, calls, dropped, uncovered):
    """A conversation is whole if and only if no turn and no sound is missing."""
    account = Account()
    account.cut(turns=turns, calls=calls, uncovered_audio=uncovered)
    continuity = account.close(1.0, attempts=1, lost_audio=dropped)
    assert continuity.whole == (turns == 0 and dropped == 0 and uncovered == 0)
