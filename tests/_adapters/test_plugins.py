"""What a user plugs into the policy: tenacity's objects, and plain callables."""

import datetime as dt
import math
import random
import subprocess
import sys

import pytest
import tenacity
from hypothesis import given, strategies as st

from reconnect import Loss
from reconnect._adapters.plugins import stop_rule, wait_rule
from reconnect.backoff import constant, full_jitter

LOSS = Loss(ConnectionResetError("gone"))


def wait(plugged, attempt=1, elapsed=0.0, draw=0.5, cap=30.0):
    """Ask a plugged-in wait for a delay."""
    return wait_rule(plugged, cap=cap)(LOSS, attempt, elapsed, draw)


def stop(plugged, attempts=0, elapsed=0.0, delay=0.0):
    """Ask a plugged-in stop whether to give up."""
    return stop_rule(plugged)(LOSS, attempts, elapsed, delay)


class Linear:
    """A wait of one's own."""

    def __call__(self, attempt, draw):
        """Return a delay that grows with the attempt."""
        return attempt + draw


@pytest.mark.parametrize(
    "plugged",
    [lambda attempt, draw: attempt + draw, lambda *given: sum(given), Linear()],
    ids=["function", "variadic", "object"],
)
def test_wait_of_attempt_and_draw(plugged):
    """A function of two arguments is given the attempt and the draw."""
    assert wait(plugged, attempt=3, draw=0.25) == 3.25


def test_draw_by_default():
    """An argument with a default counts: it is given too."""
    assert wait(lambda attempt, draw=0.0: attempt * draw, attempt=4, draw=0.5) == 2


@pytest.mark.parametrize(
    ("plugged", "delays"),
    [
        (tenacity.wait_fixed(2), [2, 2, 2, 2]),
        (tenacity.wait_none(), [0, 0, 0, 0]),
        (tenacity.wait_exponential(multiplier=1, exp_base=3), [1, 3, 9, 27]),
        (tenacity.wait_incrementing(1, 10), [1, 11, 21, 30]),
        (tenacity.wait_chain(tenacity.wait_fixed(1), tenacity.wait_fixed(5)), [1, 5, 5, 5]),
        (tenacity.wait_fixed(1) + tenacity.wait_incrementing(0, 3), [1, 4, 7, 10]),
        (tenacity.wait_fixed(100), [30, 30, 30, 30]),
    ],
    ids=["fixed", "none", "exponential", "incrementing", "chain", "sum", "over the cap"],
)
def test_tenacity_waits(plugged, delays):
    """Tenacity's wait objects count the attempts as they do for tenacity, up to the cap."""
    assert [wait(plugged, attempt) for attempt in (1, 2, 3, 4)] == delays


@given(attempt=st.integers(1, 10_000), cap=st.floats(0.1, 1e3))
def test_tenacity_draws(attempt, cap):
    """Tenacity's random objects draw for themselves, and the cap holds for them too."""
    plugged = tenacity.wait_random_exponential(multiplier=1, max=60)
    assert 0 <= wait(plugged, attempt, cap=cap) <= min(cap, 60)


def test_wait_sees_the_outage():
    """A function of tenacity's state finds in it the attempt, the time and the error."""
    seen = []
    wait(lambda state: seen.append(state) or 0, attempt=4, elapsed=12.5)
    trial, state = seen
    assert (trial.attempt_number, trial.seconds_since_start) == (1, 0)
    assert isinstance(trial.outcome.exception(), ConnectionError)
    assert (state.attempt_number, state.seconds_since_start) == (4, 12.5)
    assert state.outcome.exception() is LOSS.error
    assert state.outcome.failed


@pytest.mark.skipif(not hasattr(tenacity, "wait_exception"), reason="a newer tenacity has it")
def test_wait_by_exception():
    """Tenacity's wait for an exception finds the exception."""
    plugged = tenacity.wait_exception(lambda error: 7.0 if error is LOSS.error else 0.0)
    assert wait(plugged) == 7


@pytest.mark.parametrize("wrong", [-0.001, math.nan, -math.inf])
def test_no_delay(wrong):
    """A result that is no delay is named, with what returned it and when."""

    def broken(attempt, draw):
        return wrong if attempt > 1 else 0.0

    with pytest.raises(ValueError, match=rf"broken.* returned {wrong} for attempt 9"):
        wait(broken, attempt=9)


@pytest.mark.parametrize("wrong", [None, "soon", math.nan, -1, True, dt.timedelta(1)])
def test_wait_is_tried(wrong):
    """A function that returns no delay at the first attempt is named when it is plugged in."""
    with pytest.raises(ValueError, match=r"wait=.* returned .* for attempt 1;"):
        wait_rule(lambda attempt, draw: wrong, cap=30)


@pytest.mark.parametrize(
    ("rule", "asked"), [(wait_rule, r"\(1, 0.0\)"), (stop_rule, r"\(0, 0.0\)")]
)
def test_failure_when_tried(rule, asked):
    """A function that fails over the first question is named with the question and the reason."""

    def broken(count, number):
        return 1 / number

    cap = {"cap": 30.0} if rule is wait_rule else {}
    message = rf"=<function .*broken.* failed when it was tried with {asked}: ZeroDivisionError"
    with pytest.raises(ValueError, match=message) as raised:
        rule(broken, **cap)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_tenacity_is_not_tried():
    """A random object of tenacity's is left alone until an outage, and so is a sum with it."""
    state = random.getstate()
    wait_rule(tenacity.wait_random(0, 1), cap=30)
    wait_rule(tenacity.wait_random(0, 1) + constant(1), cap=30)
    assert random.getstate() == state


class Retrying:
    """Waits and stops of one's own that take what tenacity gives."""

    def wait(self, retry_state):
        """Return the number of the attempt."""
        return retry_state.attempt_number

    def stop(self, retry_state):
        """Give up after two attempts."""
        return retry_state.attempt_number >= 2


def test_functions_of_a_state():
    """A function of tenacity's state is tried with one, and then asked with one."""
    assert wait(Retrying().wait, attempt=7) == 7
    assert [stop(Retrying().stop, attempts) for attempts in (1, 2)] == [False, True]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda attempt: 2 * attempt,
        lambda n: min(30, n),
        lambda n: [1, 2, 4][n],
        lambda n: n,
        lambda n: None,
        lambda n: True,
        lambda n: -1.0,
        lambda attempt: 5.0,
        lambda draw: 5.0,
        lambda state: state.no_such_attribute,
    ],
    ids=range(10),
)
def test_wait_of_the_attempt_alone(wrong):
    """A function of the attempt's number is named when it is plugged in, with what to write."""
    with pytest.raises(TypeError, match=r"wait=<function .*RetryCallState.*of \(attempt, draw\)"):
        wait_rule(wrong, cap=30)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda attempts: attempts >= 3,
        lambda n: n > 3,
        lambda attempts: attempts == 3,
        lambda n: n,
        lambda elapsed: False,
    ],
    ids=range(5),
)
def test_stop_of_the_attempts_alone(wrong):
    """A function of the attempts made is named when it is plugged in, with what to write."""
    message = r"stop=<function .*RetryCallState.*of \(attempts, elapsed\).*state.attempt_number"
    with pytest.raises(TypeError, match=message):
        stop_rule(wrong)


def test_why_a_function_of_one_argument_failed():
    """The error over a function of one argument names what it failed with."""
    with pytest.raises(TypeError, match=r"failed over one: TypeError\(.unsupported op") as raised:
        wait_rule(lambda n: 2 * n, cap=30)
    assert isinstance(raised.value.__cause__, TypeError)


def test_endless_number():
    """A whole number that no float can hold is cut to the cap."""
    assert wait(lambda attempt, draw: 10**400) == 30


def test_endless_delay():
    """A delay without end is cut to the cap."""
    assert wait(lambda attempt, draw: math.inf) == 30


@pytest.mark.parametrize(
    ("plugged", "attempts", "elapsed", "given_up"),
    [
        (tenacity.stop_after_attempt(10), 9, 1e9, False),
        (tenacity.stop_after_attempt(10), 10, 0, True),
        (tenacity.stop_after_delay(300), 1_000, 299.9, False),
        (tenacity.stop_after_delay(300), 0, 300, True),
        (tenacity.stop_after_attempt(10) | tenacity.stop_after_delay(300), 2, 301, True),
        (tenacity.stop_after_attempt(10) & tenacity.stop_after_delay(300), 2, 301, False),
        (tenacity.stop_never, 10_000, 1e9, False),
        (lambda attempts, elapsed: attempts >= 3, 3, 0, True),
        (lambda attempts, elapsed: elapsed >= 60, 99, 59, False),
        (lambda state: state.attempt_number >= 3, 2, 0, False),
    ],
)
def test_stops(plugged, attempts, elapsed, given_up):
    """A stop is asked about the attempts made and the seconds since the outage began."""
    assert stop(plugged, attempts, elapsed) is given_up


@pytest.mark.skipif(not hasattr(tenacity, "stop_before_delay"), reason="a newer tenacity has it")
def test_stop_before_the_delay():
    """A stop that looks ahead sees the delay that would come next."""
    plugged = tenacity.stop_before_delay(60)
    assert stop(plugged, elapsed=50, delay=9) is False
    assert stop(plugged, elapsed=50, delay=10) is True


def test_stop_is_true_or_false():
    """Whatever a stop returns is taken for true or false."""
    assert stop(lambda attempts, elapsed: attempts, attempts=2) is True
    assert stop(lambda attempts, elapsed: None) is False


async def later(one, two):
    """Answer too late."""


def some(one, two):
    """Answer more than once."""
    yield 1


class Later:
    """A wait or stop whose call is asynchronous."""

    async def __call__(self, one):
        """Answer too late."""


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(30, id="number"),
        pytest.param("forever", id="text"),
        pytest.param(lambda: 1, id="no argument"),
        pytest.param(lambda a, b, c: 1, id="three"),
        pytest.param(max, id="builtin"),
        pytest.param(tenacity.wait_none, id="tenacity's class"),
        pytest.param(float, id="type"),
        pytest.param(later, id="coroutine function"),
        pytest.param(Later(), id="asynchronous object"),
        pytest.param(some, id="generator function"),
        pytest.param(tenacity.retry_if_result(bool), id="tenacity's condition"),
    ],
)
@pytest.mark.parametrize(("rule", "name"), [(stop_rule, "stop"), (wait_rule, "wait")])
def test_what_cannot_be_plugged_in(rule, name, wrong):
    """What cannot be called as described is named, before any connection is lost."""
    cap = {"cap": 30.0} if rule is wait_rule else {}
    with pytest.raises(TypeError, match=f"{name} must be a tenacity {name} object") as raised:
        rule(wrong, **cap)
    assert repr(wrong) in str(raised.value)


def test_wait_and_stop_swapped():
    """A stop of tenacity's is no wait, though it can be called like one, and the reverse."""
    with pytest.raises(TypeError, match=r"wait must be a tenacity wait object .* got <.*stop_"):
        wait_rule(tenacity.stop_after_attempt(3), cap=30)
    with pytest.raises(TypeError, match=r"stop must be a tenacity stop object .* got <.*wait_"):
        stop_rule(tenacity.wait_fixed(3))


@pytest.mark.parametrize(
    ("plugged", "part"),
    [
        (tenacity.wait_fixed(1) + 30, "30"),
        (tenacity.wait_chain(tenacity.wait_fixed(1), tenacity.stop_never), "<.*stop_never"),
        (tenacity.wait_chain(tenacity.wait_none(), tenacity.wait_none() + later), "<.*later"),
    ],
    ids=["number", "stop", "deep"],
)
def test_part_of_a_wait(plugged, part):
    """A sum or chain of tenacity's is looked into: the part that is no wait is named."""
    with pytest.raises(TypeError, match=f"wait must be made of .* its parts is {part}"):
        wait_rule(plugged, cap=30)


@pytest.mark.parametrize("combine", [tenacity.stop_any, tenacity.stop_all])
def test_part_of_a_stop(combine):
    """An "and" or "or" of tenacity's is looked into as well."""
    with pytest.raises(TypeError, match=r"stop must be made of .* its parts is 10"):
        stop_rule(combine(tenacity.stop_after_delay(300), 10))


@pytest.mark.parametrize(
    "sum_",
    [
        full_jitter(base=8, factor=2, cap=100) + tenacity.wait_fixed(1),
        tenacity.wait_fixed(1) + full_jitter(base=8, factor=2, cap=100),
        tenacity.wait_chain(full_jitter(base=8, factor=2, cap=100) + constant(1)),
    ],
    ids=["ours first", "tenacity's first", "chain"],
)
@given(attempt=st.integers(1, 10), draw=st.floats(0, 1, exclude_max=True))
def test_sums_keep_the_draw(sum_, attempt, draw):
    """A backoff of ours inside of an object of tenacity's is given the policy's draw."""
    assert wait(sum_, attempt, draw=draw) == min(30, 1 + draw * min(100, 8 * 2 ** (attempt - 1)))


def test_tenacity_is_not_needed():
    """A policy of plain functions decides without tenacity being imported."""
    code = """
import sys
from reconnect import Loss, ReconnectPolicy
policy = ReconnectPolicy(wait=lambda attempt, draw: 1, stop=lambda attempts, elapsed: False)
policy.decide(Loss(OSError(), handle=True), attempt=1, elapsed=0, draw=0)
print("tenacity" in sys.modules)
"""
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True).strip() == "False"  # noqa: S603
