"""The arithmetic of delays."""

import math
import re
import sys

import pytest
from hypothesis import given, strategies as st

from reconnect import ReconnectPolicy
from reconnect.backoff import check_backoff, full_jitter

DRAWS = st.floats(0, 1, exclude_max=True)
ATTEMPTS = st.integers(1, 2**63)
POSITIVE = st.floats(0, exclude_min=True, allow_infinity=False)


@st.composite
def numbers(draw, low=0.0, high=sys.float_info.max, steepest=sys.float_info.max):
    """Generate base, factor and cap that a backoff can be computed from."""
    base = draw(st.floats(low, high, exclude_min=low == 0))
    factor = draw(st.floats(1, steepest))
    return {"base": base, "factor": factor, "cap": draw(st.floats(base, high))}


def formula(docstring):
    """Find the formula of full jitter in a docstring."""
    found = re.search(r"``(?:delay = )?(draw \* min\(.*?\))``", docstring)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("documented", [full_jitter, ReconnectPolicy], ids=lambda it: it.__name__)
@given(
    backoff=numbers(low=1e-6, high=1e9, steepest=100.0),
    attempt=st.integers(1, 2_000),
    draw=DRAWS,
)
def test_documented_formula(documented, backoff, attempt, draw):
    """The delay is what the formula in the documentation says."""
    try:
        names = {"min": min, "attempt": attempt, "draw": draw, **backoff}
        expected = eval(formula(documented.__doc__), names)  # noqa: S307
    except OverflowError:
        expected = draw * backoff["cap"]
    assert full_jitter(**backoff)(attempt, draw) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(backoff=numbers(), attempt=ATTEMPTS, draw=DRAWS)
def test_delay_is_within_the_cap(backoff, attempt, draw):
    """A delay is a finite number from 0 to the cap, whatever the attempt."""
    assert 0 <= full_jitter(**backoff)(attempt, draw) <= backoff["cap"]


@given(
    backoff=numbers(low=1e-6, high=1e9), attempt=ATTEMPTS, more=st.integers(1, 2**63), draw=DRAWS
)
def test_delays_never_shrink(backoff, attempt, more, draw):
    """With the same draw a later attempt never waits less."""
    delay = full_jitter(**backoff)
    assert delay(attempt + more, draw) >= delay(attempt, draw) * (1 - 1e-9)


def test_first_attempts():
    """The ceiling doubles from base up to the cap."""
    delay = full_jitter(base=1, factor=2, cap=30)
    assert [delay(attempt, 0.5) for attempt in range(1, 9)] == [0.5, 1, 2, 4, 8, 15, 15, 15]


def test_factor_of_one():
    """With a factor of 1 the ceiling stays at base."""
    delay = full_jitter(base=3, factor=1, cap=30)
    assert {delay(attempt, 0.5) for attempt in (1, 2, 100, 2**63)} == {1.5}


def test_cap_precedes_the_jitter():
    """At the cap the delays still differ by their draws."""
    delay = full_jitter(base=1, factor=2, cap=30)
    assert (delay(50, 0.1), delay(50, 0.9)) == (3.0, 27.0)


def test_no_draw_no_delay():
    """A draw of 0 is a dial at once."""
    assert full_jitter(base=1, factor=2, cap=30)(7, 0.0) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base": 0}, "base must be .* got 0"),
        ({"base": -1.5}, "base must be .* got -1.5"),
        ({"base": math.nan}, "base must be .* got nan"),
        ({"base": math.inf}, "base must be .* got inf"),
        ({"factor": 0.99}, "factor must be .* got 0.99"),
        ({"factor": math.nan}, "factor must be .* got nan"),
        ({"factor": math.inf}, "factor must be .* got inf"),
        ({"cap": 0.5}, r"cap must be .* base \(1 s\), got 0.5"),
        ({"cap": math.nan}, "cap must be .* got nan"),
        ({"cap": math.inf}, "cap must be .* got inf"),
    ],
    ids=str,
)
@pytest.mark.parametrize("function", [check_backoff, full_jitter])
def test_bad_numbers(function, wrong, message):
    """Numbers from which no backoff can be computed are named in the error."""
    with pytest.raises(ValueError, match=message):
        function(**{"base": 1, "factor": 2, "cap": 30} | wrong)


@given(base=POSITIVE, factor=st.floats(1, allow_infinity=False), cap=POSITIVE)
def test_good_numbers(base, factor, cap):
    """Every other combination is taken."""
    check_backoff(base=min(base, cap), factor=factor, cap=max(base, cap))
