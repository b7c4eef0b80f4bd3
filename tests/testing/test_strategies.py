"""The strategies for what a policy is asked about."""

import pytest
from google.genai.errors import APIError
from hypothesis import given, strategies as st
from hypothesis.errors import InvalidArgument
from websockets.exceptions import ConnectionClosed

from reconnect import FailureKind, Phase, classify
from reconnect._failures.loss import Family, read
from reconnect.testing import strategies
from reconnect.testing.strategies import (
    api_errors,
    close_codes,
    closed_errors,
    losses,
    outages,
    policies,
    transport_errors,
)


def found(strategy, condition):
    """Tell whether a strategy generates something that meets a condition."""
    import hypothesis  # noqa: PLC0415

    # It need not be the simplest: to look for that takes most of the time.
    generate = [hypothesis.Phase.generate]
    once = hypothesis.settings(max_examples=2_000, database=None, phases=generate)
    hypothesis.find(strategy, condition, settings=once)
    return True


@given(code=close_codes(), few=close_codes(min_value=4000, max_value=4002))
def test_close_codes(code, few):
    """Close codes are those that there are, within the bounds that are given."""
    assert 1000 <= code <= 4999
    assert few in {4000, 4001, 4002}


@given(error=closed_errors(), known=closed_errors(codes=st.just(1011), reasons=st.just("x")))
def test_closed_errors(error, known):
    """Closed errors are what websockets raises."""
    assert isinstance(error, ConnectionClosed)
    assert read(error).family is Family.CLOSE
    assert (read(known).code, read(known).text) == (1011, "x")


def test_closed_without_a_frame():
    """1006 stands for a close without a frame."""
    assert found(closed_errors(codes=st.just(1006)), lambda error: error.rcvd is None)


@given(error=api_errors(), known=api_errors(codes=st.just(429), texts=st.just("x")))
def test_api_errors(error, known):
    """API errors are what the SDK raises, over a close and over a status."""
    assert isinstance(error, APIError)
    assert read(error).family in {Family.CLOSE, Family.STATUS}
    assert (read(known).code, read(known).text) == (429, "x")


@given(error=transport_errors())
def test_transport_errors(error):
    """Transport errors come from below the API, and each is one of a connection."""
    assert read(error).family in {Family.TRANSPORT, Family.HANDSHAKE, Family.STATUS}


@pytest.mark.parametrize("kind", FailureKind)
def test_losses_are_of_every_kind(kind):
    """Among the losses are some of every kind."""
    assert found(losses(), lambda loss: classify(loss) is kind)


@given(
    loss=losses(
        errors=closed_errors(),
        phases=st.just(Phase.SETUP),
        resumed=True,
        handle=False,
        go_away=False,
        closing=True,
    )
)
def test_fixed_facts(loss):
    """What is said about a loss holds for all that are generated."""
    assert isinstance(loss.error, ConnectionClosed)
    assert loss.phase is Phase.SETUP
    assert (loss.resumed, loss.handle, loss.go_away, loss.closing) == (True, False, False, True)


@given(loss=losses())
def test_losses(loss):
    """Each loss is judged."""
    assert classify(loss) in FailureKind


@given(outage=outages(losses=losses(handle=True), max_attempts=3))
def test_outages(outage):
    """An outage is a few failed dials, each of which takes time."""
    assert 1 <= len(outage) <= 3
    for dial in outage:
        assert dial.loss.handle
        assert dial.lasted > 0
        assert 0 <= dial.draw < 1


@given(outage=outages())
def test_outages_by_default(outage):
    """By default an outage has at most twenty dials, with losses of every kind."""
    assert 1 <= len(outage) <= 20


@given(policy=policies())
def test_policies(policy):
    """Policies are valid, and say what they are."""
    assert policy.replace() == policy
    assert "ReconnectPolicy(base=" in repr(policy)


@pytest.mark.parametrize(
    ("function", "wrong", "message"),
    [
        (close_codes, {"min_value": 999}, "got min_value=999"),
        (close_codes, {"max_value": 5000}, "max_value=5000"),
        (close_codes, {"min_value": 2, "max_value": 1}, "min_value=2 and max_value=1"),
        (closed_errors, {"codes": 1011}, "codes must be a strategy, got 1011"),
        (closed_errors, {"reasons": ""}, "reasons must be a strategy, got ''"),
        (api_errors, {"codes": [500]}, r"codes must be a strategy, got \[500\]"),
        (api_errors, {"texts": "x"}, "texts must be a strategy, got 'x'"),
        (losses, {"errors": OSError}, "errors must be a strategy, got <class 'OSError'>"),
        (losses, {"phases": Phase.SETUP}, "phases must be a strategy, got <Phase"),
        (losses, {"handle": 1}, "handle must be True, False or None, got 1"),
        (outages, {"losses": []}, r"losses must be a strategy, got \[\]"),
        (outages, {"max_attempts": 0}, "max_attempts=0"),
        (losses, {"errors": st.integers(2, 1)}, "max_value=1"),
    ],
)
def test_wrong_arguments(function, wrong, message):
    """A wrong argument is an error where it is given, before anything is generated."""
    with pytest.raises(InvalidArgument, match=message):
        function(**wrong)


def test_names_are_public():
    """The strategies are listed, sorted, and each says what it returns."""
    assert strategies.__all__ == sorted(strategies.__all__)
    for name in strategies.__all__:
        assert getattr(strategies, name).__doc__
