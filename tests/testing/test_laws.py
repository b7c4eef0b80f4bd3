"""The laws that every policy keeps, against policies that break them."""

import pickle
import random
import subprocess
import sys
from dataclasses import dataclass

import pytest
import tenacity
from hypothesis import given, settings, strategies as st

from reconnect import (
    FailureKind,
    Loss,
    Raise,
    ReconnectExhausted,
    ReconnectPolicy,
    Restart,
    Resume,
    classify,
)
from reconnect.backoff import constant, decorrelated_jitter, equal_jitter, full_jitter
from reconnect.testing import BrokenLaw, check_policy
from reconnect.testing._laws import ANSWERS, LAWS
from reconnect.testing.strategies import policies


@pytest.mark.parametrize(
    "policy",
    [
        ReconnectPolicy(),
        ReconnectPolicy(without_handle="restart", context_exhausted="restart"),
        ReconnectPolicy(base=0.1, factor=3, cap=5, throttle_delay=1),
        ReconnectPolicy(wait=equal_jitter(base=1, factor=2, cap=30) + constant(1)),
        # These by name: the repr of tenacity's objects and of functions has an address in it.
        pytest.param(
            ReconnectPolicy(
                wait=decorrelated_jitter(base=1, cap=30), stop=tenacity.stop_after_delay(60)
            ),
            id="decorrelated jitter, tenacity's stop",
        ),
        pytest.param(
            ReconnectPolicy(wait=tenacity.wait_exponential(), stop=tenacity.stop_after_attempt(5)),
            id="tenacity's wait and stop",
        ),
        pytest.param(
            ReconnectPolicy(wait=full_jitter(base=1, factor=2, cap=9) + tenacity.wait_fixed(1)),
            id="full jitter and tenacity's wait",
        ),
        pytest.param(
            ReconnectPolicy(stop=lambda attempts, elapsed: attempts >= 1_000 or elapsed >= 86_400),
            id="a function as stop",
        ),
    ],
    ids=repr,
)
def test_laws_are_kept(policy):
    """Sound policies keep every law."""
    check_policy(policy, max_examples=50)


@settings(max_examples=30)
@given(policy=policies(), data=st.data())
def test_every_policy_of_the_strategy_keeps_the_laws(policy, data):
    """Whatever the strategy for policies generates keeps every law."""
    for law in LAWS:
        assert law.check(policy, data.draw(law.inputs())) is None


class Fickle(ReconnectPolicy):
    """Decides by chance."""

    def decide(self, loss, **facts):
        """Wait for as long as it happens to come to mind."""
        decision = super().decide(loss, **facts)
        return decision if isinstance(decision, Raise) else type(decision)(random.random())


class Obstinate(ReconnectPolicy):
    """Retries what is fatal."""

    def decide(self, loss, **facts):
        """Start afresh over everything but the end of the session."""
        if classify(loss) is FailureKind.FATAL and facts["attempt"] < 10:
            return Restart(1.0)
        return super().decide(loss, **facts)


class Bold(ReconnectPolicy):
    """Resumes without a handle."""

    def decide(self, loss, **facts):
        """Resume where one would have to start afresh."""
        decision = super().decide(loss, **facts)
        return Resume(decision.delay) if isinstance(decision, Restart) else decision


@dataclass(frozen=True)
class Slow(ReconnectPolicy):
    """Waits longer than its cap."""

    longer: float = 0.001

    def decide(self, loss, **facts):
        """Wait a little longer."""
        decision = super().decide(loss, **facts)
        if isinstance(decision, Raise) or facts["attempt"] < 20:
            return decision
        return type(decision)(self.cap + self.longer)


class Hasty(ReconnectPolicy):
    """Leaves a throttling server alone for less than it should."""

    def decide(self, loss, **facts):
        """Wait for half of the time."""
        decision = super().decide(loss, **facts)
        if classify(loss) is FailureKind.THROTTLED and not isinstance(decision, Raise):
            return type(decision)(decision.delay / 2)
        return decision


class Reviving(ReconnectPolicy):
    """Gives up, and comes back to life."""

    def decide(self, loss, **facts):
        """Give up over the seventh dial alone."""
        if facts["attempt"] == 7:
            return Raise(ReconnectExhausted(attempts=6, elapsed=facts["elapsed"]))
        return super().decide(loss, **facts)


class Mute(ReconnectPolicy):
    """Has no answer for some questions."""

    def decide(self, loss, **facts):
        """Fail over a handle."""
        if loss.handle:
            raise KeyError("handle")
        return super().decide(loss, **facts)


BREAKING = {
    "same input, same decision": Fickle(),
    "never a retry of a fatal failure": Obstinate(),
    "never a resume without a handle": Bold(without_handle="restart"),
    "a delay within [0, cap]": Slow(),
    "it gives up in finite time": ReconnectPolicy(stop=tenacity.stop_never),
    # With a wait above throttle_delay: below it a hasty policy breaks the law of delays first.
    "a throttled failure never waits less than a transient one at the same attempt": Hasty(
        throttle_delay=0, wait=constant(20)
    ),
    "more budget never gives up earlier": Reviving(),
    ANSWERS: Mute(),
}


def test_every_law_is_broken_by_one():
    """There is a policy here for each law."""
    assert list(BREAKING) == [*(law.says for law in LAWS), ANSWERS]


@pytest.mark.parametrize("law", BREAKING)
def test_broken_law(law):
    """A policy that breaks a law fails with the law, the policy and the input in the message."""
    policy = BREAKING[law]
    with pytest.raises(BrokenLaw) as raised:
        check_policy(policy)
    assert raised.value.law == law
    assert repr(law) in str(raised.value)
    assert repr(policy) in str(raised.value)
    assert "decide(Loss(error=" in str(raised.value)
    assert not hasattr(raised.value, "__notes__")


def test_simplest_input():
    """The input that is named is the simplest: where nothing matters, everything is zero."""
    with pytest.raises(BrokenLaw) as raised:
        check_policy(Slow())
    assert "attempt=20, elapsed=0.0, draw=0.0)\n  returned Resume(delay=30.001)" in str(
        raised.value
    )


def test_negative_delay():
    """A delay below zero breaks the law of delays."""
    with pytest.raises(BrokenLaw, match=r"returned Resume\(delay=-1.0\), not from ") as raised:
        check_policy(Slow(longer=-31.0))
    assert raised.value.law == "a delay within [0, cap]"


def test_too_early_for_a_throttling_server():
    """A throttled failure that waits less than throttle_delay breaks the law of delays."""
    with pytest.raises(BrokenLaw, match=r"not from 30.0 to 60.0 s") as raised:
        check_policy(Hasty())
    assert raised.value.law == "a delay within [0, cap]"


def test_waits_that_draw_for_themselves():
    """A random wait of tenacity's breaks the first law: it does not depend on the draw alone."""
    with pytest.raises(BrokenLaw) as raised:
        check_policy(ReconnectPolicy(wait=tenacity.wait_random(0, 1)))
    assert raised.value.law == LAWS[0].says


def test_failure_is_named():
    """What a policy raised in place of an answer is the cause of the error."""
    with pytest.raises(BrokenLaw, match=r"raised KeyError\('handle'\)") as raised:
        check_policy(BREAKING[ANSWERS])
    assert isinstance(raised.value.__cause__, KeyError)


def test_waits_that_overflow():
    """A wait that fails at late attempts is found, though it was fine when the policy was built."""
    policy = ReconnectPolicy(
        wait=lambda attempt, draw: draw * 2**attempt, stop=lambda attempts, elapsed: elapsed > 1e6
    )
    with pytest.raises(BrokenLaw, match="OverflowError"):
        check_policy(policy)


class Forgetful(ReconnectPolicy):
    """Breaks a law once, and never again."""

    def decide(self, loss, **facts):
        """Answer otherwise at the hundredth question."""
        asked.append(loss)
        return Restart(0.0) if len(asked) == 100 else super().decide(loss, **facts)


asked: list[Loss] = []


def test_broken_once():
    """A decision that cannot be had again breaks the first law too."""
    asked.clear()
    with pytest.raises(BrokenLaw) as raised:
        check_policy(Forgetful())
    assert raised.value.law == LAWS[0].says


def test_same_search():
    """The search finds the same input every time."""
    found = []
    for _ in range(2):
        with pytest.raises(BrokenLaw) as raised:
            check_policy(BREAKING["never a retry of a fatal failure"])
        found.append(str(raised.value))
    assert found[0] == found[1]


@pytest.mark.parametrize("wrong", [None, ReconnectPolicy, "full_jitter"])
def test_no_policy(wrong):
    """What is no policy is named in the error."""
    with pytest.raises(TypeError, match="policy must "):
        check_policy(wrong)


class Own:
    """A policy of one's own, which shares nothing with ours."""

    def __init__(self, seconds):
        self.seconds = seconds

    def decide(self, loss, *, attempt, elapsed, draw):
        """Resume ten times what passes, after a while."""
        passes = classify(loss) in {FailureKind.TRANSIENT, FailureKind.THROTTLED}
        if not passes or not loss.handle or attempt > 10:
            return Raise(loss.error)
        return Resume(self.seconds)


def test_policy_of_ones_own():
    """Whatever has decide can be checked; one without a cap may wait for as long as it likes."""
    check_policy(Own(1e6), max_examples=50)


def test_policy_of_ones_own_that_breaks_a_law():
    """A delay below zero breaks the law of delays in anybody's policy."""
    with pytest.raises(BrokenLaw, match=r"not from 0.0 to inf s") as raised:
        check_policy(Own(-1.0))
    assert raised.value.law == "a delay within [0, cap]"


def test_hypothesis_is_needed(monkeypatch):
    """Without Hypothesis the error says what to install."""
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install \"\.\[testing\]\"") as raised:
        check_policy(ReconnectPolicy())
    assert raised.value.name == "hypothesis"


def test_emulator_needs_no_hypothesis():
    """The emulator is imported without Hypothesis."""
    code = "import sys, reconnect.testing; print('hypothesis' in sys.modules)"
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True).strip() == "False"  # noqa: S603


@given(st.text(), st.text())
def test_broken_law_is_pickled(law, how):
    """The error passes to another process, as that of a parallel test run has to."""
    again = pickle.loads(pickle.dumps(BrokenLaw(law, how)))  # noqa: S301
    assert (again.law, again.how) == (law, how)
