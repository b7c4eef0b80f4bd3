"""The arithmetic of a token bucket."""

import math

import pytest
from hypothesis import given, strategies as st

from reconnect.bucket import Bucket

RATES = st.floats(0.01, 1000)
BURSTS = st.integers(1, 20)


def times(bucket, arrivals):
    """Return when each of those who arrive in order may go."""
    gone, now = [], 0.0
    for arrival in arrivals:
        now = max(now, arrival)
        now += bucket.wait(now)
        bucket = bucket.taken(now)
        gone.append(now)
    return gone


def test_burst_then_rate():
    """So many go at once, the others at the rate."""
    assert times(Bucket(rate=2, burst=3), [0.0] * 6) == [0, 0, 0, 0.5, 1.0, 1.5]


def test_pause_fills():
    """After a pause as many can go at once as at the beginning, and no more."""
    assert times(Bucket(rate=2, burst=2), [0, 0, 0, 100, 100, 100]) == [0, 0, 0.5, 100, 100, 100.5]


@given(rate=RATES, burst=BURSTS, gaps=st.lists(st.floats(0, 10), min_size=1, max_size=60))
def test_never_more_than_the_rate(rate, burst, gaps):
    """In no stretch of time do more go than the burst and the rate allow."""
    arrivals = [sum(gaps[:index]) for index in range(len(gaps))]
    gone = times(Bucket(rate=rate, burst=burst), arrivals)
    for first, start in enumerate(gone):
        for last, end in enumerate(gone[first:], 1):
            assert last <= burst + (end - start) * rate + 1e-6


@given(rate=RATES, burst=BURSTS, now=st.floats(0, 1e6))
def test_nobody_waits_for_nothing(rate, burst, now):
    """Whoever comes to a bucket that has rested goes at once."""
    assert Bucket(rate=rate, burst=burst).wait(now) == 0
    assert Bucket(rate=rate, burst=burst).taken(now).wait(now + 2 / rate) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        *[{"rate": rate} for rate in (0, -1, math.nan, math.inf)],
        *[{"burst": burst} for burst in (0, -1, 1.5)],
    ],
)
def test_bad_arguments(wrong):
    """What is no rate or burst is named in the error."""
    [(name, value)] = wrong.items()
    with pytest.raises(ValueError, match=f"{name} must be .* got {value}"):
        Bucket(**{"rate": 1, "burst": 1, **wrong})
