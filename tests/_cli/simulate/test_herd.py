"""What the default policy does to a server that comes back, in numbers, and how it is told."""

import importlib.util
import math
import random
import sys
import types

import pytest

from reconnect import Raise, ReconnectPolicy, Resume
from reconnect._cli.simulate import herd as _herd
from reconnect._cli.simulate.herd import (
    describe,
    find_policy,
    has_default_formula,
    is_quick,
    plot_to,
    run,
)
from reconnect._cli.simulate.rivals import RIVALS
from reconnect._cli.simulate.simulation import Herd, busy
from reconnect.backoff import constant, full_jitter

POLICY = ReconnectPolicy()
CLIENTS = 10_000
SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("outage", [60.0, 280.0])
def test_return_of_the_server(outage, seed):
    """After an outage no second has too many dials, and all are back soon: nobody gives up."""
    outcome = run(POLICY, Herd(outage=outage, seed=seed))
    assert outcome.peak <= 1.5 * outcome.herd.capacity
    assert outcome.back_within(0.99) <= 1.8 * outcome.herd.ideal
    assert outcome.back_within(1.0) is not None
    assert not outcome.gave_up


@pytest.mark.parametrize("seed", SEEDS)
def test_steady_load(seed):
    """At the cap the load is that of clients that wait for half of the cap, in every second."""
    outcome = run(POLICY, Herd(outage=280.0, seed=seed))
    expected = 2 * CLIENTS / POLICY.cap
    assert outcome.rate(-180, 0) == pytest.approx(expected, rel=0.02)
    for second in range(-180, 0):
        assert outcome.arrivals[second] == pytest.approx(expected, rel=0.25)


def dials_while_it_hangs_up(minutes):
    """Return how often each client dials a server that accepts and hangs up, in order."""
    # It takes all when it is back, so each client makes a single dial more.
    herd = Herd(outage=60.0 * minutes, capacity=CLIENTS * 100, hangs_up=True)
    return sorted(attempts - 1 for attempts in run(POLICY, herd).attempts)


def test_server_that_hangs_up():
    """A server that accepts and hangs up is dialled at most twelve times a minute by a client."""
    for minutes in (2, 4):
        assert max(dials_while_it_hangs_up(minutes)) <= 12 * minutes


def test_first_minute_of_a_server_that_hangs_up():
    """In the first minute two clients in a thousand draw so low that they dial more often."""
    dials = dials_while_it_hangs_up(1)
    assert sum(dials) / CLIENTS <= 8
    assert dials[int(0.998 * CLIENTS)] <= 12
    assert max(dials) <= 15


def kolmogorov_smirnov(values):
    """Return how likely values are that are spread at least so unevenly over [0, 1)."""
    count = len(values)
    distance = max(
        max((place + 1) / count - value, value - place / count)
        for place, value in enumerate(sorted(values))
    )
    scaled = (math.sqrt(count) + 0.12 + 0.11 / math.sqrt(count)) * distance
    return 2 * sum((-1) ** (n - 1) * math.exp(-2 * (n * scaled) ** 2) for n in range(1, 101))


@pytest.mark.parametrize("seed", SEEDS)
def test_delays_at_the_cap(seed):
    """The delays of many clients at the cap are spread evenly from zero up to it."""
    draws = random.Random(seed)
    delays = [
        POLICY.decide(busy(), attempt=20, elapsed=200.0, draw=draws.random()).delay
        for _ in range(CLIENTS)
    ]
    assert kolmogorov_smirnov([delay / POLICY.cap for delay in delays]) > 0.01


def test_uneven_delays_are_found():
    """The test of evenness finds delays that are not."""
    draws = random.Random(0)
    clipped = [min(1.0, 1.05 * draws.random()) for _ in range(CLIENTS)]
    assert kolmogorov_smirnov(clipped) < 0.01


def test_both_ways_have_the_same_outcome(monkeypatch):
    """Without numpy the outcome is the same; it takes longer."""
    herd = Herd(clients=200, capacity=10)
    fast = run(POLICY, herd)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert run(POLICY, herd) == fast


def test_other_policies():
    """Any policy can be simulated."""
    outcome = run(ReconnectPolicy(wait=constant(7.0)), Herd(clients=10, outage=5.0))
    assert outcome.back == [2.0] * 10


def test_description():
    """A simulation is told in a few lines."""
    herd = Herd(clients=4_000, outage=2.0, capacity=2_000)
    assert describe(run(ReconnectPolicy(wait=constant(1.5)), herd)) == (
        "4,000 clients, an outage of 2 s, a server that accepts 2,000 attempts per second\n"
        "(times and the peak count from its return; ideal: 2.0 s)\n"
        "\n"
        "attempts per client  2.5 on average, 3 at most\n"
        "peak                 4,000 attempts per second, 2.00 x capacity\n"
        "50% back             after 1.0 s, 0.50 x ideal\n"
        "99% back             after 2.5 s, 1.25 x ideal\n"
        "100% back            after 2.5 s, 1.25 x ideal\n"
        "gave up              nobody"
    )


def test_description_of_those_who_gave_up():
    """Who gave up is told, and that the rest is not all."""
    policy = ReconnectPolicy(wait=constant(1.5), stop=lambda attempts, elapsed: attempts >= 2)
    said = describe(run(policy, Herd(clients=4_000, outage=2.0, capacity=2_000))).splitlines()
    assert said[-2:] == [
        "100% back            never",
        "gave up              2,000 clients, the first 3.0 s after the loss",
    ]


class Twice:
    """Tries twice, a second apart."""

    def decide(self, loss, *, attempt, elapsed, draw):
        """Decide about a loss."""
        return Raise(loss.error) if attempt > 2 else Resume(1.0)


@pytest.mark.parametrize("name", RIVALS)
def test_rivals_by_name(name):
    """The formulas of others go by their names."""
    assert find_policy(name).wait is RIVALS[name].wait


def test_default_by_name():
    """The default policy goes by its name."""
    assert find_policy("default") == ReconnectPolicy()


def test_policy_by_import(monkeypatch):
    """A policy of one's own is found where it can be imported."""
    module = types.ModuleType("mine")
    module.POLICY, module.OWN = ReconnectPolicy(cap=7), Twice()
    module.CLASS, module.OTHER = Twice, 7
    monkeypatch.setitem(sys.modules, "mine", module)
    assert find_policy("mine:POLICY") is module.POLICY
    assert find_policy("mine:OWN") is module.OWN
    with pytest.raises(TypeError, match=r"mine:OTHER: policy must have a method decide.* got 7"):
        find_policy("mine:OTHER")
    with pytest.raises(TypeError, match=r"mine:CLASS: .* write policy=Twice\(\)"):
        find_policy("mine:CLASS")


def test_a_policy_class_of_ones_own():
    """A class of one's own is simulated as it decides, client by client."""
    assert not is_quick(Twice())
    outcome = run(Twice(), Herd(clients=10, outage=5.0))
    assert outcome.attempts == [2] * 10
    assert len(outcome.gave_up) == 10


def test_a_decision_that_is_none(monkeypatch):
    """What is no decision is named with the policy."""
    monkeypatch.setattr(Twice, "decide", lambda self, loss, **facts: None)
    with pytest.raises(TypeError, match="returned None; it must return Resume"):
        run(Twice(), Herd(clients=1))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jitter", "unknown policy 'jitter': use one of default, websockets"),
        ("nowhere:POLICY", "import the policy 'nowhere:POLICY': No module named 'nowhere'"),
        ("math:POLICY", "import the policy 'math:POLICY': module 'math' has no attribute 'POLICY'"),
    ],
)
def test_no_such_policy(name, message):
    """A name without a policy is named in the error."""
    with pytest.raises(ValueError, match=message):
        find_policy(name)


@pytest.mark.parametrize("ending", _herd.FORMATS)
def test_plot(tmp_path, ending):
    """A simulation is drawn into a file of the kind that its ending says."""
    file = tmp_path / f"herd{ending}"
    plot_to(run(POLICY, Herd(clients=100, outage=3.0)), "default", file)
    begins = {".png": b"\x89PNG", ".svg": b"<?xml"}
    assert file.read_bytes().startswith(begins[ending])


class Own(ReconnectPolicy):
    """Might decide otherwise."""


@pytest.mark.parametrize(
    ("policy", "taken"),
    [
        (ReconnectPolicy(), True),
        (ReconnectPolicy(base=2, cap=10, without_handle="restart"), True),
        (ReconnectPolicy(wait=full_jitter(base=1, factor=2, cap=30)), False),
        (ReconnectPolicy(stop=lambda attempts, elapsed: False), False),
        (Own(), False),
    ],
)
def test_what_is_quick(monkeypatch, policy, taken):
    """Policies with the default formula and budget alone are quick, and only with numpy."""
    assert has_default_formula(policy) is is_quick(policy) is taken
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert has_default_formula(policy) is taken
    assert not is_quick(policy)
