"""The herd, event by event, under any policy."""

import pytest
from hypothesis import given, strategies as st

from reconnect import FailureKind, Raise, ReconnectPolicy, Resume, classify
from reconnect._cli.simulate.simulation import (
    Herd,
    TooOften,
    busy,
    cut,
    draw_of,
    hung_up,
    refused,
    simulate,
)
from reconnect.backoff import constant, full_jitter

DEFAULT = ReconnectPolicy()


class Recording(ReconnectPolicy):
    """Remembers what it was asked."""

    def decide(self, loss, **facts):
        """Decide as ever, and note the question and the answer."""
        decision = super().decide(loss, **facts)
        asked.append((loss, facts, decision))
        return decision


asked = []


def test_one_client():
    """A single client dials by its policy until the server is back, and is taken at once."""
    outcome = simulate(ReconnectPolicy(wait=constant(4.0)), Herd(clients=1, outage=10.0))
    assert outcome.attempts == [3]
    assert outcome.arrivals == {-6: 1, -2: 1, 2: 1}
    assert outcome.back == [2.0]
    assert outcome.gave_up == []


def test_policy_that_does_not_wait():
    """A client that tries again at once, and again, ends the simulation: its time stands still."""
    with pytest.raises(TooOften, match="100,000 attempts in 0 s"):
        simulate(ReconnectPolicy(wait=constant(0.0)), Herd(clients=2, outage=10.0))


def test_capacity():
    """The server takes its capacity in each second, the first that come, and refuses the rest."""
    outcome = simulate(ReconnectPolicy(wait=constant(1.0)), Herd(clients=5, outage=1.0, capacity=2))
    assert outcome.arrivals == {0: 5, 1: 3, 2: 1}
    assert outcome.back == [0.0, 0.0, 1.0, 1.0, 2.0]
    assert outcome.attempts == [1, 1, 2, 2, 3]


def test_giving_up():
    """A client whose budget is spent dials no more."""
    policy = ReconnectPolicy(wait=constant(1.0), stop=lambda attempts, elapsed: attempts >= 3)
    outcome = simulate(policy, Herd(clients=2, outage=60.0))
    assert outcome.attempts == [3, 3]
    assert outcome.gave_up == [-57.0, -57.0]
    assert outcome.back == []
    assert outcome.peak == 0


def test_hanging_up():
    """A server that hangs up is dialled like one that is away: nothing is proven."""
    one, other = (
        simulate(DEFAULT, Herd(clients=50, outage=30.0, hangs_up=hangs_up))
        for hangs_up in (True, False)
    )
    assert one.arrivals == other.arrivals


def test_questions():
    """A policy is asked with the time since the loss, the number of the attempt and its draw."""
    asked.clear()
    simulate(Recording(), Herd(clients=1, outage=20.0, seed=3))
    elapsed = 0.0
    for number, (_loss, facts, decision) in enumerate(asked, start=1):
        assert facts == {"attempt": number, "elapsed": elapsed, "draw": draw_of(3, 0, number)}
        assert isinstance(decision, Resume)
        elapsed += decision.delay


@pytest.mark.parametrize("loss", [cut(), refused(), busy(), hung_up()], ids=str)
def test_losses(loss):
    """Every failure of the simulation is one that may pass, of a client with a handle."""
    assert classify(loss) is FailureKind.TRANSIENT
    assert not isinstance(DEFAULT.decide(loss, attempt=1, elapsed=0.0, draw=0.5), Raise)


@given(seed=st.integers(), client=st.integers(0, 10**6), attempt=st.integers(1, 1_000))
def test_draws(seed, client, attempt):
    """A draw is a number in [0, 1) that depends on the seed, the client and the attempt alone."""
    drawn = draw_of(seed, client, attempt)
    assert 0 <= drawn < 1
    assert drawn == draw_of(seed, client, attempt)
    others = {draw_of(seed, client, attempt + 1), draw_of(seed, client + 1, attempt)}
    assert drawn not in others


def test_same_seed():
    """The same seed gives the same outcome, another one another."""
    herd = Herd(clients=100, outage=20.0, capacity=10, seed=7)
    assert simulate(DEFAULT, herd) == simulate(DEFAULT, herd)
    assert simulate(DEFAULT, herd).back != simulate(DEFAULT, Herd(**HERD, seed=8)).back


HERD = {"clients": 100, "outage": 20.0, "capacity": 10}


@given(
    clients=st.integers(1, 60),
    outage=st.floats(0, 100),
    capacity=st.integers(1, 20),
    seed=st.integers(),
)
def test_nobody_is_forgotten(clients, outage, capacity, seed):
    """Every client is back or has given up, every dial is counted, and no second takes too many."""
    policy = ReconnectPolicy(
        wait=full_jitter(base=1, factor=2, cap=8), stop=lambda attempts, elapsed: elapsed > 60
    )
    outcome = simulate(policy, Herd(clients=clients, outage=outage, capacity=capacity, seed=seed))
    assert len(outcome.back) + len(outcome.gave_up) == clients
    assert sum(outcome.attempts) == sum(outcome.arrivals.values())
    assert list(outcome.back) == sorted(outcome.back)
    assert list(outcome.gave_up) == sorted(outcome.gave_up)
    assert all(time >= 0 for time in outcome.back)
    for second in range(200):
        assert sum(second <= time < second + 1 for time in outcome.back) <= capacity


def test_shares():
    """A share of the clients is back when the last one of them is; never if it never is."""
    policy = ReconnectPolicy(wait=constant(1.0), stop=lambda attempts, elapsed: attempts >= 3)
    outcome = simulate(policy, Herd(clients=100, outage=1.0, capacity=7))
    assert [outcome.back_within(share) for share in (0.01, 0.07, 0.08, 0.21)] == [0, 0, 1, 2]
    assert outcome.back_within(0.22) is None
    for wrong in (0, -0.5, 1.01):
        with pytest.raises(ValueError, match=f"share must be .* got {wrong}"):
            outcome.back_within(wrong)


def test_rate():
    """The rate is the average over the seconds, those without a dial included."""
    outcome = simulate(ReconnectPolicy(wait=constant(4.0)), Herd(clients=6, outage=10.0))
    assert outcome.rate(-10, 0) == 1.2


def test_ideal():
    """At best the server takes its capacity in every second."""
    assert Herd(clients=10_000, capacity=500).ideal == 20


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"clients": 0}, "clients must be .* got 0"),
        ({"outage": -1.0}, "outage must be .* got -1.0"),
        ({"outage": float("inf")}, "outage must be .* got inf"),
        ({"outage": float("nan")}, "outage must be .* got nan"),
        ({"capacity": 0}, "capacity must be .* got 0"),
    ],
    ids=str,
)
def test_bad_herds(wrong, message):
    """A herd that cannot be is named in the error."""
    with pytest.raises(ValueError, match=message):
        Herd(**wrong)


def test_watching():
    """Whoever watches is told of each second in order, and of all clients at the end."""
    told = []
    herd = Herd(clients=20, outage=3.0, capacity=2)
    outcome = simulate(ReconnectPolicy(), herd, watch=lambda *seen: told.append(seen))
    assert outcome == simulate(ReconnectPolicy(), herd)
    *seconds, (last, settled) = told
    assert [second for second, _ in seconds] == sorted(outcome.arrivals)
    assert [count for _, count in told] == sorted(count for _, count in told)
    assert (last, settled) == (max(outcome.arrivals), 20)
