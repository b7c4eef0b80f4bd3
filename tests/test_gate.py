"""Attempts of many sessions through one gate."""

import asyncio
import math

import pytest
from conftest import run
from hypothesis import given, strategies as st

from reconnect import ReconnectGate
from reconnect.gate import _Bucket


async def through(gate, names, *, lasting=0.0):
    """Let attempts through a gate, and return when each began."""
    clock = asyncio.get_running_loop().time
    began = clock()
    times = {}

    async def connect(name):
        async with gate:
            times[name] = round(clock() - began, 1)
            await asyncio.sleep(lasting)

    await asyncio.gather(*(connect(name) for name in names))
    return times


async def test_rate():
    """Attempts are spaced, after a burst."""
    times = await through(ReconnectGate(rate=2, burst=2), "abcde")
    assert times == {"a": 0, "b": 0, "c": 0.5, "d": 1.0, "e": 1.5}


async def test_concurrent():
    """Only so many attempts are under way at a time."""
    gate = ReconnectGate(rate=1000, burst=1000, concurrent=2)
    times = await through(gate, "abcde", lasting=3)
    assert times == {"a": 0, "b": 0, "c": 3, "d": 3, "e": 6}


async def test_fair():
    """Whoever came first goes first."""
    gate = ReconnectGate(rate=10, concurrent=1)
    assert [*await through(gate, "abcdefgh")] == [*"abcdefgh"]


@pytest.mark.parametrize("concurrent", [None, 1])
async def test_cancelled(concurrent):
    """An attempt that is cancelled while it waits takes nothing with it."""
    gate, gone = ReconnectGate(rate=1, concurrent=concurrent), []
    clock = asyncio.get_running_loop().time
    began = clock()

    async def connect(name):
        async with gate:
            gone.append((name, round(clock() - began)))

    tasks = [asyncio.create_task(connect(name)) for name in "abcd"]
    await asyncio.sleep(0.5)
    tasks[1].cancel()  # it is its turn
    tasks[2].cancel()  # it is in the queue
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in done] == [0, 1, 1, 0]
    assert gone == [("a", 0), ("d", 1)]


async def test_cancelled_while_all_places_are_taken():
    """An attempt that is cancelled while it waits for a place leaves all places as they are."""
    gate = ReconnectGate(rate=1000, burst=1000, concurrent=1)
    async with gate:
        waiting = asyncio.create_task(through(gate, "a"))
        await asyncio.sleep(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await through(gate, "bc", lasting=1) == {"b": 0, "c": 1}


async def test_failed_attempt_leaves():
    """An attempt that fails gives its place back."""
    gate = ReconnectGate(rate=1000, burst=1000, concurrent=1)
    with pytest.raises(ConnectionRefusedError):
        async with gate:
            raise ConnectionRefusedError
    assert await through(gate, "a") == {"a": 0}


def test_repr():
    """A gate shows what it was made with."""
    gate = ReconnectGate(rate=2.5, burst=3, concurrent=4)
    assert repr(gate) == "ReconnectGate(rate=2.5, burst=3, concurrent=4)"


@pytest.mark.parametrize(
    "wrong",
    [
        *[{"rate": rate} for rate in (0, -1, math.nan, "5", None)],
        *[{"burst": burst} for burst in (0, 1.5)],
        *[{"concurrent": count} for count in (0, -1, 1.5)],
    ],
)
def test_bad_arguments(wrong):
    """What is no rate, burst or number is named in the error."""
    [(name, value)] = wrong.items()
    with pytest.raises(ValueError, match=f"{name} must be .* got {value!r}"):
        ReconnectGate(**{"rate": 1, **wrong})


# The token bucket

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
    assert times(_Bucket(rate=2, burst=3), [0.0] * 6) == [0, 0, 0, 0.5, 1.0, 1.5]


def test_pause_fills():
    """After a pause as many can go at once as at the beginning, and no more."""
    assert times(_Bucket(rate=2, burst=2), [0, 0, 0, 100, 100, 100]) == [0, 0, 0.5, 100, 100, 100.5]


@given(rate=RATES, burst=BURSTS, gaps=st.lists(st.floats(0, 10), min_size=1, max_size=60))
def test_never_more_than_the_rate(rate, burst, gaps):
    """In no stretch of time do more go than the burst and the rate allow."""
    arrivals = [sum(gaps[:index]) for index in range(len(gaps))]
    gone = times(_Bucket(rate=rate, burst=burst), arrivals)
    for first, start in enumerate(gone):
        for last, end in enumerate(gone[first:], 1):
            assert last <= burst + (end - start) * rate + 1e-6


@given(rate=RATES, burst=BURSTS, now=st.floats(0, 1e6))
def test_nobody_waits_for_nothing(rate, burst, now):
    """Whoever comes to a bucket that has rested goes at once."""
    assert _Bucket(rate=rate, burst=burst).wait(now) == 0
    assert _Bucket(rate=rate, burst=burst).taken(now).wait(now + 2 / rate) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        *[{"rate": rate} for rate in (0, -1, math.nan, math.inf, "5", None)],
        *[{"burst": burst} for burst in (0, -1, 1.5)],
    ],
)
def test_bad_bucket(wrong):
    """What is no rate or burst is named in the error."""
    [(name, value)] = wrong.items()
    with pytest.raises(ValueError, match=f"{name} must be .* got {value!r}"):
        _Bucket(**{"rate": 1, "burst": 1, **wrong})


@pytest.mark.parametrize("concurrent", [None, 1])
def test_second_loop(concurrent):
    """A gate that is used from a second event loop says so at once, whether or not one waits."""
    gate = ReconnectGate(rate=5, burst=2, concurrent=concurrent)
    assert [*run(through(gate, "ab"))] == ["a", "b"]
    with pytest.raises(RuntimeError, match=r"ReconnectGate\(rate=5.* create one gate per loop"):
        run(through(gate, "a"))


def test_second_loop_while_one_waits():
    """A gate at which somebody waits on another event loop says the same."""
    gate = ReconnectGate(rate=1, concurrent=1)

    def elsewhere():
        with pytest.raises(RuntimeError, match="belongs to the event loop"):
            run(through(gate, "a"))

    async def here():
        async with gate:
            waiting = asyncio.create_task(through(gate, "b"))
            await asyncio.to_thread(elsewhere)
        await waiting

    run(here())
