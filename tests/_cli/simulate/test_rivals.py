"""The formulas that others wait by."""

import itertools
import random

import pytest
import tenacity
import websockets.client

from reconnect import Resume
from reconnect._cli.simulate.rivals import RIVALS
from reconnect._cli.simulate.simulation import busy


@pytest.mark.parametrize("rival", RIVALS.values(), ids=lambda rival: rival.name)
def test_policies(rival):
    """Each formula makes a policy that never gives up and whose cap shortens none of its delays."""
    late = rival.policy.decide(busy(), attempt=10_000, elapsed=1e9, draw=0.5)
    assert late == Resume(rival.wait(10_000, 0.5))
    assert rival.policy.cap == rival.highest
    assert max(rival.wait(attempt, 1 - 2**-53) for attempt in range(1, 50)) <= rival.highest
    assert rival.wait(2**63, 1 - 2**-53) == pytest.approx(rival.highest)


@pytest.mark.skipif(
    not hasattr(websockets.client, "backoff"), reason="older websockets keep it elsewhere"
)
@pytest.mark.parametrize("draw", [0.0, 0.3, 0.99])
def test_websockets(monkeypatch, draw):
    """The formula of websockets gives the delays that websockets has."""
    monkeypatch.setattr(random, "random", lambda: draw)
    theirs = list(itertools.islice(websockets.client.backoff(), 20))
    ours = [RIVALS["websockets"].wait(attempt, draw) for attempt in range(1, 21)]
    assert ours == pytest.approx(theirs)


@pytest.mark.parametrize("draw", [0.0, 0.3, 0.99])
def test_tenacity(monkeypatch, draw):
    """The formula of tenacity gives the delays that tenacity has."""
    monkeypatch.setattr(random, "uniform", lambda low, high: low + draw * (high - low))
    wait = tenacity.wait_random_exponential(multiplier=1, max=60)
    state = tenacity.RetryCallState(retry_object=None, fn=None, args=(), kwargs={})
    for attempt in range(1, 21):
        state.attempt_number = attempt
        assert RIVALS["tenacity"].wait(attempt, draw) == pytest.approx(wait(state))


@pytest.mark.parametrize(
    ("name", "draw", "delays"),
    [
        ("stamina", 0.0, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5]),
        ("stamina", 0.5, [0.6, 0.7, 0.9, 1.3, 2.1, 3.7, 5, 5]),
        ("grpc", 0.5, [0, 1, 1.6, 2.56, 4.096]),
        ("grpc", 0.0, [0, 1, 1.28, 2.048]),
        ("google-cloud", 0.0, [1, 2, 4, 8, 16, 32, 32]),
        ("google-cloud", 0.25, [1.25, 2.25, 4.25, 8.25, 16.25, 32, 32]),
    ],
)
def test_documented_delays(name, draw, delays):
    """A formula gives the delays that its source describes."""
    found = [RIVALS[name].wait(attempt, draw) for attempt in range(1, len(delays) + 1)]
    assert found == pytest.approx(delays)
