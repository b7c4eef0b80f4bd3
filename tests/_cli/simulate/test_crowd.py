"""The same herd, all clients of a second at once."""

import pytest
from hypothesis import given, settings, strategies as st

from reconnect import ReconnectPolicy
from reconnect._cli.simulate.crowd import simulate_default
from reconnect._cli.simulate.simulation import Herd, simulate

POLICIES = st.builds(
    ReconnectPolicy, base=st.floats(0.5, 5), factor=st.floats(1, 5), cap=st.floats(5, 60)
)
HERDS = st.builds(
    Herd,
    clients=st.integers(1, 40),
    outage=st.floats(0, 400),
    capacity=st.integers(1, 20),
    seed=st.integers(),
)


@settings(max_examples=50)
@given(policy=POLICIES, herd=HERDS)
def test_same_as_decide(policy, herd):
    """What it computes is what the policy decides, loss by loss, to the last bit."""
    assert simulate_default(policy, herd) == simulate(policy, herd)


@pytest.mark.parametrize("hangs_up", [False, True])
@pytest.mark.parametrize(
    ("clients", "outage", "capacity"), [(2_000, 60.0, 100), (300, 280.0, 1), (500, 0.0, 500)]
)
def test_same_outcome(clients, outage, capacity, hangs_up):
    """Crowded or not, given up or not, both ways of simulating have the same outcome."""
    herd = Herd(clients=clients, outage=outage, capacity=capacity, hangs_up=hangs_up, seed=1)
    policy = ReconnectPolicy()
    assert simulate_default(policy, herd) == simulate(policy, herd)
