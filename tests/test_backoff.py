"""The arithmetic of delays."""

import inspect
import math
import random
import re
import sys

import pytest
from hypothesis import given, strategies as st

from reconnect import ReconnectPolicy
from reconnect.backoff import (
    check_backoff,
    constant,
    decorrelated_jitter,
    equal_jitter,
    exponential,
    full_jitter,
)

DRAWS = st.floats(0, 1, exclude_max=True)
ATTEMPTS = st.integers(1, 2**63)
POSITIVE = st.floats(0, exclude_min=True, allow_infinity=False)
GROWING = [full_jitter, equal_jitter, exponential]
CAPPED = [*GROWING, decorrelated_jitter]


def by_name(function):
    """Name a test by the function that it is about."""
    return function.__name__


@st.composite
def numbers(draw, low=0.0, high=sys.float_info.max, steepest=sys.float_info.max):
    """Generate base, factor and cap that a backoff can be computed from."""
    base = draw(st.floats(low, high, exclude_min=low == 0))
    factor = draw(st.floats(1, steepest))
    return {"base": base, "factor": factor, "cap": draw(st.floats(base, high))}


def formula(documented):
    """Find the formula of a delay in a docstring."""
    found = re.search(r"``(?:delay = )?(.*?min\(.*?\))``", documented.__doc__)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("documented", "computed"),
    [(ReconnectPolicy, full_jitter), *((it, it) for it in GROWING)],
    ids=by_name,
)
@given(
    backoff=numbers(low=1e-6, high=1e9, steepest=100.0),
    attempt=st.integers(1, 2_000),
    draw=DRAWS,
)
def test_documented_formula(documented, computed, backoff, attempt, draw):
    """The delay is what the formula in the documentation says."""
    names = {"min": min, "attempt": attempt, "draw": draw, **backoff}
    try:
        expected = eval(formula(documented), names)  # noqa: S307
    except OverflowError:
        expected = eval(formula(documented), names | {"attempt": 1, "base": backoff["cap"]})  # noqa: S307
    assert computed(**backoff)(attempt, draw) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(backoff=numbers(low=1e-6, high=1e9, steepest=100.0), draw=DRAWS)
def test_documented_first_delay_of_a_chain(backoff, draw):
    """The first decorrelated delay is what the formula in the documentation says."""
    expected = eval(  # noqa: S307
        formula(decorrelated_jitter),
        {"min": min, "draw": draw, "before": backoff["base"], **backoff},
    )
    assert decorrelated_jitter(**backoff)(1, draw) == expected


@pytest.mark.parametrize("function", CAPPED, ids=by_name)
@given(backoff=numbers(), attempt=ATTEMPTS, draw=DRAWS)
def test_delay_is_within_the_cap(function, backoff, attempt, draw):
    """A delay is a finite number from 0 to the cap, whatever the attempt."""
    assert 0 <= function(**backoff)(attempt, draw) <= backoff["cap"]


@pytest.mark.parametrize("function", CAPPED, ids=by_name)
def test_ratio_beyond_all_numbers(function):
    """No attempt overflows where no float can hold the ratio of cap to base."""
    delay = function(base=sys.float_info.min, factor=2.0, cap=sys.float_info.max)
    assert all(0 <= delay(attempt, 0.5) <= sys.float_info.max for attempt in range(1, 3_000))


@pytest.mark.parametrize("function", CAPPED, ids=by_name)
@given(backoff=numbers(), attempt=ATTEMPTS, draw=DRAWS)
def test_same_input_same_delay(function, backoff, attempt, draw):
    """Two backoffs with the same numbers give the same delay for the same attempt and draw."""
    assert function(**backoff)(attempt, draw) == function(**backoff)(attempt, draw)


@pytest.mark.parametrize("function", GROWING, ids=by_name)
@given(
    backoff=numbers(low=1e-6, high=1e9), attempt=ATTEMPTS, more=st.integers(1, 2**63), draw=DRAWS
)
def test_delays_never_shrink(function, backoff, attempt, more, draw):
    """With the same draw a later attempt never waits less."""
    delay = function(**backoff)
    assert delay(attempt + more, draw) >= delay(attempt, draw) * (1 - 1e-9)


@pytest.mark.parametrize(
    ("function", "delays"),
    [
        (full_jitter, [0.5, 1, 2, 4, 8, 15, 15, 15]),
        (equal_jitter, [0.75, 1.5, 3, 6, 12, 22.5, 22.5, 22.5]),
        (exponential, [1, 2, 4, 8, 16, 30, 30, 30]),
    ],
    ids=["full_jitter", "equal_jitter", "exponential"],
)
def test_first_attempts(function, delays):
    """The ceiling doubles from base up to the cap."""
    delay = function(base=1, factor=2, cap=30)
    assert [delay(attempt, 0.5) for attempt in range(1, 9)] == delays


@pytest.mark.parametrize("function", GROWING, ids=by_name)
def test_factor_of_one(function):
    """With a factor of 1 the ceiling stays at base."""
    delay = function(base=3, factor=1, cap=30)
    assert {delay(attempt, 0.5) for attempt in (1, 2, 100, 2**63)} == {delay(1, 0.5)}


def test_cap_precedes_the_jitter():
    """At the cap the delays still differ by their draws."""
    delay = full_jitter(base=1, factor=2, cap=30)
    assert (delay(50, 0.1), delay(50, 0.9)) == (3.0, 27.0)


def test_no_draw_no_delay():
    """A draw of 0 is an attempt at once."""
    assert full_jitter(base=1, factor=2, cap=30)(7, 0.0) == 0


@given(attempt=ATTEMPTS, draw=DRAWS)
def test_half_is_certain(attempt, draw):
    """Equal jitter never waits less than half of what it may wait at most."""
    highest = exponential(base=1, factor=2, cap=30)(attempt, 0.0)
    assert highest / 2 <= equal_jitter(base=1, factor=2, cap=30)(attempt, draw) <= highest


@given(attempt=ATTEMPTS, draw=DRAWS)
def test_chain_starts_at_base(attempt, draw):
    """A decorrelated delay is never shorter than base, and is base where nothing is drawn."""
    delay = decorrelated_jitter(base=1, cap=30)
    assert 1 <= delay(attempt, draw) <= 30
    assert delay(attempt, 0.0) == 1


def kolmogorov_smirnov(one, two):
    """Return the largest distance between the distributions of two equally large samples."""
    both = sorted([(value, 1) for value in one] + [(value, -1) for value in two])
    ahead, largest = 0, 0
    for place, (value, step) in enumerate(both, start=1):
        ahead += step
        # Not in the middle of values that both have, such as the cap.
        if place == len(both) or both[place][0] != value:
            largest = max(largest, abs(ahead))
    return largest / len(one)


@pytest.mark.parametrize("attempt", [1, 2, 3, 5, 8, 20, 64, 200])
def test_chain_is_distributed_as_one_that_remembers(attempt):
    """Over many clients a decorrelated delay is distributed as in a chain that remembers."""

    def remembered():
        before = 1.0
        for _ in range(attempt):
            before = min(30.0, draws.uniform(1.0, before * 3))
        return before

    draws, computed = random.Random(attempt), decorrelated_jitter(base=1, cap=30)
    clients = 4_000
    distance = kolmogorov_smirnov(
        [remembered() for _ in range(clients)],
        [computed(attempt, draws.random()) for _ in range(clients)],
    )
    # The distance that two samples of one distribution exceed once in a thousand times.
    assert distance < 1.95 * math.sqrt(2 / clients)


def test_chain_is_cut():
    """From the documented step on a decorrelated delay does not depend on the attempt."""
    found = re.search(r"ends after (\d+) steps", decorrelated_jitter.__doc__)
    last = int(found[1])
    delay = decorrelated_jitter(base=1, cap=30)
    drawn = [number / 10 for number in range(10)]
    before, at, after, late = (
        [delay(attempt, draw) for draw in drawn] for attempt in (last - 1, last, last + 1, 2**63)
    )
    assert before != at == after == late


def test_chain_of_the_source():
    """The chain multiplies by three, as its source does."""
    assert inspect.signature(decorrelated_jitter).parameters["factor"].default == 3
    assert decorrelated_jitter(base=1, cap=30)(1, 0.5) == 2


@given(seconds=st.floats(0, 1e300), attempt=ATTEMPTS, draw=DRAWS)
def test_constant(seconds, attempt, draw):
    """A constant delay is the same whatever the attempt and the draw."""
    assert constant(seconds)(attempt, draw) == seconds


@pytest.mark.parametrize("wrong", [-1, math.nan, math.inf, "3", None])
def test_bad_constant(wrong):
    """A constant that is no delay is named in the error."""
    with pytest.raises(ValueError, match=f"seconds must be .* got {wrong!r}"):
        constant(wrong)


@pytest.mark.parametrize(
    "backoff",
    [
        *(function(base=1, factor=2.5, cap=30) for function in CAPPED),
        constant(4),
    ],
    ids=repr,
)
def test_shown_as_it_is_made(backoff):
    """A backoff is shown as the call that makes it."""
    names = {function.__name__: function for function in (*CAPPED, constant)}
    assert repr(eval(repr(backoff), names)) == repr(backoff)  # noqa: S307


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base": 0}, "base must be .* got 0"),
        ({"base": -1.5}, "base must be .* got -1.5"),
        ({"base": math.nan}, "base must be .* got nan"),
        ({"base": math.inf}, "base must be .* got inf"),
        ({"base": "1"}, "base must be .* got '1'"),
        ({"factor": None}, "factor must be .* got None"),
        ({"cap": "30"}, "cap must be .* got '30'"),
        ({"factor": 0.99}, "factor must be .* got 0.99"),
        ({"factor": math.nan}, "factor must be .* got nan"),
        ({"factor": math.inf}, "factor must be .* got inf"),
        ({"cap": 0.5}, r"cap must be .* base \(1 s\), got 0.5"),
        ({"cap": math.nan}, "cap must be .* got nan"),
        ({"cap": math.inf}, "cap must be .* got inf"),
    ],
    ids=str,
)
@pytest.mark.parametrize("function", [check_backoff, *CAPPED], ids=by_name)
def test_bad_numbers(function, wrong, message):
    """Numbers from which no backoff can be computed are named in the error."""
    with pytest.raises(ValueError, match=message):
        function(**{"base": 1, "factor": 2, "cap": 30} | wrong)


@given(base=POSITIVE, factor=st.floats(1, allow_infinity=False), cap=POSITIVE)
def test_good_numbers(base, factor, cap):
    """Every other combination is taken."""
    check_backoff(base=min(base, cap), factor=factor, cap=max(base, cap))
