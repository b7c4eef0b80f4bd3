"""Waits that can be added, and that tenacity can ask as well."""

import random
import subprocess
import sys

import pytest
import tenacity

from reconnect.backoff import Backoff, constant, equal_jitter, full_jitter

JITTER = full_jitter(base=1, factor=2, cap=30)
HALF = equal_jitter(base=1, factor=2, cap=30)


def state(attempt):
    """Return what tenacity knows of an attempt."""
    found = tenacity.RetryCallState(retry_object=None, fn=None, args=(), kwargs={})
    found.attempt_number = attempt
    return found


def test_sum_of_two():
    """A sum adds the delays of both for the same attempt and draw."""
    added = JITTER + HALF
    assert added(3, 0.5) == JITTER(3, 0.5) + HALF(3, 0.5) == 2 + 3
    assert repr(added) == f"{JITTER!r} + {HALF!r}"


def test_sum_of_many():
    """The built-in sum adds waits."""
    assert sum([JITTER, constant(1), constant(2)])(1, 0.5) == 3.5


def test_own_formula():
    """A function of one's own becomes something that can be added."""
    own = Backoff(lambda attempt, draw: attempt + draw, name="own")
    assert (own + constant(1))(2, 0.5) == 3.5
    assert repr(own) == "own"
    assert "<lambda>" in repr(Backoff(lambda attempt, draw: 0.0))


@pytest.mark.parametrize("formula", [3, None, lambda attempt: 1.0, lambda a, b, c: 1.0, int])
def test_a_formula_takes_two_arguments(formula):
    """What cannot be asked with an attempt and a draw is named when it is made a backoff."""
    with pytest.raises(TypeError, match=r"formula must be a function of \(attempt, draw\), got"):
        Backoff(formula)


@pytest.mark.parametrize(
    "other", [1, 0.5, "1", pytest.param(lambda attempt, draw: 1.0, id="a function")], ids=str
)
def test_what_cannot_be_added(other):
    """Neither numbers nor bare functions can be added, from either side."""
    with pytest.raises(TypeError):
        JITTER + other
    with pytest.raises(TypeError):
        other + JITTER


def test_tenacity_asks(monkeypatch):
    """Tenacity asks with its own state, by position and by name, and a draw is made."""
    monkeypatch.setattr(random, "random", lambda: 0.25)
    assert JITTER(state(4)) == JITTER(retry_state=state(4)) == 2


@pytest.mark.parametrize(
    "added", [JITTER + tenacity.wait_fixed(1), tenacity.wait_fixed(1) + JITTER]
)
def test_tenacity_waits(monkeypatch, added):
    """Tenacity retries with a sum of its waits and ours, in either order."""
    monkeypatch.setattr(random, "random", lambda: 0.5)
    waited = []
    retrying = tenacity.Retrying(
        wait=added, stop=tenacity.stop_after_attempt(4), sleep=waited.append, reraise=True
    )
    with pytest.raises(ConnectionResetError):
        retrying(broken)
    assert waited == [1.5, 2, 3]


def test_tenacity_waits_for_one(monkeypatch):
    """Tenacity retries with a wait of ours alone."""
    monkeypatch.setattr(random, "random", lambda: 0.5)
    waited = []
    retrying = tenacity.Retrying(
        wait=JITTER, stop=tenacity.stop_after_attempt(3), sleep=waited.append, reraise=True
    )
    with pytest.raises(ConnectionResetError):
        retrying(broken)
    assert waited == [0.5, 1]


def broken():
    """Fail."""
    raise ConnectionResetError("gone")


def test_the_draw_is_needed():
    """A number of an attempt without a draw is named in the error."""
    with pytest.raises(TypeError, match="attempt 3 needs a draw"):
        JITTER(3)


def test_sums_need_no_tenacity():
    """Adding waits of ours imports nothing, and adding a number fails as without tenacity."""
    code = """
import sys
from reconnect.backoff import constant
try:
    constant(1) + 1
except TypeError:
    print((constant(1) + constant(2))(1, 0.5), "tenacity" in sys.modules)
"""
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True).strip() == "3 False"  # noqa: S603
