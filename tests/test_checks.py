"""What is checked of a policy that somebody else has written."""

import asyncio
import datetime as dt
import decimal
import fractions
import gc
import math

import pytest
from failures import losses
from hypothesis import given, strategies as st

from reconnect import Loss, Policy, Raise, ReconnectExhausted, ReconnectPolicy, Restart, Resume
from reconnect._checks import checked_decision, checked_policy

LOSS = Loss(ConnectionResetError("gone"))
ASKED = {"attempt": 1, "elapsed": 0.0, "draw": 0.5}


class Own:
    """A policy of one's own."""

    def decide(self, loss, *, attempt, elapsed, draw):
        """Resume."""
        return Resume(1.0)


class Loose:
    """A policy that takes its facts in another way."""

    def decide(self, loss, **facts):
        """Resume."""
        return Resume(1.0)


class Later:
    """A policy that wants to be awaited."""

    async def decide(self, loss, *, attempt, elapsed, draw):
        """Resume."""
        return Resume(1.0)


class Several:
    """A policy that yields."""

    def decide(self, loss, *, attempt, elapsed, draw):
        """Resume."""
        yield Resume(1.0)


class Positional:
    """A policy that takes too little."""

    def decide(self, loss):
        """Resume."""
        return Resume(1.0)


class Stored:
    """A policy whose decide is no method."""

    decide = 5


@pytest.mark.parametrize(
    "policy",
    [ReconnectPolicy(), Own(), Loose()],
    ids=lambda policy: type(policy).__name__,
)
def test_policy(policy):
    """Whatever can decide is a policy."""
    assert checked_policy(policy) is policy
    assert isinstance(policy, Policy)


def test_policy_that_does_not_say_what_it_takes():
    """A decide without a signature, as of what is written in C, is taken as it is."""

    class Native:
        decide = min

    assert isinstance(checked_policy(Native()), Native)


@pytest.mark.parametrize("kind", [ReconnectPolicy, Own, int])
def test_class_for_a_policy(kind):
    """A class in place of an object is named, with what to write."""
    with pytest.raises(
        TypeError, match=rf"the class {kind.__name__}; write policy={kind.__name__}"
    ):
        checked_policy(kind)


@pytest.mark.parametrize("wrong", [None, 30, "default", Stored(), lambda loss: Resume(1.0)])
def test_no_policy(wrong):
    """What cannot decide is named, with what a policy has."""
    with pytest.raises(TypeError, match=r"policy must have a method decide\(self, loss") as raised:
        checked_policy(wrong)
    assert repr(wrong) in str(raised.value)
    assert not isinstance(wrong, Policy) or isinstance(wrong, Stored)


@pytest.mark.parametrize(
    "policy",
    [Later(), Several()],
    ids=lambda policy: type(policy).__name__,
)
def test_policy_that_answers_later(policy):
    """A policy that has to be awaited, or that yields, is named when it is given."""
    with pytest.raises(TypeError, match=r"is async or a generator.* write def decide\(self, loss"):
        checked_policy(policy)


def test_policy_that_takes_too_little():
    """A policy that cannot be asked with the facts is named when it is given."""
    with pytest.raises(TypeError, match=r"cannot be called with a loss, attempt=, .* write def"):
        checked_policy(Positional())


@given(loss=losses(), draw=st.floats(0, 1, exclude_max=True))
def test_decisions_of_ours(loss, draw):
    """Whatever a `ReconnectPolicy` decides over an ordinary error passes as it is."""
    policy = ReconnectPolicy(without_handle="restart", context_exhausted="restart")
    decision = policy.decide(loss, attempt=1, elapsed=0.0, draw=draw)
    if isinstance(decision, Raise) and not isinstance(decision.error, Exception):
        return
    assert checked_decision(decision, policy) is decision


@pytest.mark.parametrize("kind", [Resume, Restart])
@pytest.mark.parametrize("delay", [0, 0.0, 1e-9, 5, 1e300, fractions.Fraction(1, 2)])
def test_delay(kind, delay):
    """Any finite number of seconds from 0 up is a delay."""
    assert checked_decision(kind(delay), Own()) == kind(delay)


@pytest.mark.parametrize("kind", [Resume, Restart])
@pytest.mark.parametrize("delay", [-0.001, -1, math.nan, math.inf, -math.inf])
def test_no_time(kind, delay):
    """A number that is no time to wait is named, with the policy and its decision."""
    with pytest.raises(
        ValueError, match=r"a delay must be a finite number of seconds, 0 or more"
    ) as raised:
        checked_decision(kind(delay), Own())
    assert "test_checks.Own object" in str(raised.value)
    assert repr(kind(delay)) in str(raised.value)


@pytest.mark.parametrize("kind", [Resume, Restart])
@pytest.mark.parametrize(
    "delay",
    [None, "1", 1j, dt.timedelta(1), decimal.Decimal(1), Resume(1.0)],
    ids=repr,
)
def test_no_number(kind, delay):
    """A delay that is no number is named, with the policy and its decision."""
    with pytest.raises(
        TypeError, match=r"returned Re.*; a delay must be a number of seconds"
    ) as raised:
        checked_decision(kind(delay), Own())
    assert repr(delay) in str(raised.value)


@pytest.mark.parametrize(
    "wrong",
    [None, 1.0, True, "resume", Resume, LOSS, [Resume(1.0)]],
    ids=repr,
)
def test_no_decision(wrong):
    """What is no decision is named, with the policy and what it may return."""
    with pytest.raises(
        TypeError, match=r"must return Resume\(delay\), Restart\(delay\) or Raise"
    ) as raised:
        checked_decision(wrong, Own())
    assert repr(wrong) in str(raised.value)
    assert "test_checks.Own object" in str(raised.value)


def test_coroutine_for_a_decision():
    """A coroutine is named and closed, so that nothing complains that nobody has awaited it."""
    with pytest.raises(TypeError, match=r"returned <coroutine object .*; it must return"):
        checked_decision(Later().decide(LOSS, **ASKED), Own())
    gc.collect()


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        ReconnectExhausted(attempts=1, elapsed=1.0),
        ExceptionGroup("x", [OSError()]),
    ],
)
def test_raise(error):
    """A decision to raise an exception passes as it is."""
    decision = Raise(error)
    assert checked_decision(decision, Own()) is decision


@pytest.mark.parametrize("wrong", [None, "gone", ValueError, 5])
def test_raise_of_nothing(wrong):
    """A decision to raise what is no exception is named, with what to return."""
    said = r"is not an exception; return Raise\(loss\.error\)"
    with pytest.raises(TypeError, match=said) as raised:
        checked_decision(Raise(wrong), Own())
    assert repr(wrong) in str(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt("stop"),
        SystemExit(1),
        GeneratorExit(),
        asyncio.CancelledError("who?"),
        BaseExceptionGroup("x", [KeyboardInterrupt()]),
    ],
    ids=repr,
)
def test_raise_of_what_is_no_error(error):
    """Whoever waits is raised an error in place of an interrupt or a cancellation."""
    decision = checked_decision(Raise(error), Own())
    assert isinstance(decision, Raise)
    assert type(decision.error) is RuntimeError
    assert decision.error.__cause__ is error
    assert repr(error) in str(decision.error)
    assert "return a Raise with an Exception" in str(decision.error)
