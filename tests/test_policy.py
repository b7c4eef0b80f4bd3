"""The policy: what is decided about a loss."""

import copy
import dataclasses
import math
import pickle
import random

import pytest
import tenacity
from failures import ERRORS, FOREIGN, closed, losses, refused, wrapped
from hypothesis import given, strategies as st

from reconnect import (
    FailureKind,
    Loss,
    Phase,
    Raise,
    ReconnectExhausted,
    ReconnectPolicy,
    Restart,
    Resume,
    classify,
)
from reconnect.backoff import (
    constant,
    decorrelated_jitter,
    equal_jitter,
    exponential,
    full_jitter,
)

POLICY = ReconnectPolicy()
INTERNAL = wrapped(1011, "Internal error encountered.")
QUOTA = wrapped(1011, "Resource exhausted")
BAD_KEY = wrapped(1007, "API key not valid. Please pass a valid API key.")
DEAD_HANDLE = wrapped(1008, "BidiGenerateContent session not found")
TOO_LONG = wrapped(1007, "The input token count exceeds the maximum number of tokens")

DRAWS = st.floats(0, 1, exclude_max=True)
OUTAGES = {"attempt": st.integers(1, 2**63), "elapsed": st.floats(0, 1e9), "draw": DRAWS}
POLICIES = st.builds(
    ReconnectPolicy,
    base=st.floats(0.001, 10),
    factor=st.floats(1, 10),
    cap=st.floats(10, 1_000),
    throttle_delay=st.floats(0, 1_000),
    without_handle=st.sampled_from(["raise", "restart"]),
    context_exhausted=st.sampled_from(["raise", "restart"]),
)


def decide(policy, error, *, attempt=1, elapsed=0.0, draw=0.5, **facts):
    """Let a policy decide about an error, by default of a session that holds a handle."""
    loss = Loss(error, **{"handle": True, **facts})
    return policy.decide(loss, attempt=attempt, elapsed=elapsed, draw=draw)


def test_transient_resumes():
    """Policy resumes over a passing failure while a handle is held."""
    assert decide(POLICY, INTERNAL) == Resume(delay=0.5)


def test_delays_grow():
    """Policy waits longer from attempt to attempt, up to the cap."""
    decisions = [decide(POLICY, INTERNAL, attempt=attempt) for attempt in range(1, 8)]
    assert [decision.delay for decision in decisions] == [0.5, 1, 2, 4, 8, 15, 15]


def test_throttled_waits():
    """Policy leaves a throttling server alone for a while, even over the cap."""
    assert decide(POLICY, QUOTA) == Resume(delay=30.5)
    assert decide(POLICY.replace(throttle_delay=90), QUOTA) == Resume(delay=90.5)


def test_throttled_clients_do_not_come_back_in_step():
    """Policy spreads the clients of one project over the backoff that they have come to."""
    waits = [
        [decide(POLICY, QUOTA, attempt=attempt, draw=draw).delay for draw in (0.0, 0.5, 0.999)]
        for attempt in (1, 6)
    ]
    assert waits == [[30, 30.5, pytest.approx(30.999)], [30, 45, pytest.approx(59.97)]]


@pytest.mark.parametrize(
    ("asked", "floor"), [("90", 90), ("5", 30), ("0", 30), ("soon", 30), ("300", 300)]
)
def test_server_says_how_long(asked, floor):
    """Policy waits as long as the server asks, and never less than its own delay."""
    error = refused(429, Retry_After=asked)
    assert decide(POLICY, error, phase=Phase.CONNECT, draw=0) == Resume(delay=floor)


def test_server_asks_for_too_long():
    """Policy gives up at once on a server that asks for longer than it is ready to wait."""
    error = refused(429, Retry_After="301")
    decision = decide(POLICY, error, phase=Phase.CONNECT)
    assert isinstance(decision.error, ReconnectExhausted)
    assert decision.error.__cause__ is error
    patient = POLICY.replace(throttle_delay=400)
    assert decide(patient, error, phase=Phase.CONNECT, draw=0) == Resume(delay=400)


def test_throttled_has_a_budget_of_its_own():
    """Policy tries a throttling server five times in a row at most, whatever its stop says."""
    policy = POLICY.replace(stop=lambda attempts, elapsed: False)
    for repeats in range(5):
        assert isinstance(decide(policy, QUOTA, attempt=repeats + 1, repeats=repeats), Resume)
    assert isinstance(decide(policy, QUOTA, attempt=6, repeats=5).error, ReconnectExhausted)
    assert isinstance(decide(policy, INTERNAL, attempt=6, repeats=1), Resume)
    small = policy.replace(throttle_attempts=1)
    assert isinstance(decide(small, QUOTA, repeats=1).error, ReconnectExhausted)


def test_throttled_after_an_outage():
    """A server that is back and throttles is waited for, however many attempts the outage took."""
    assert isinstance(decide(POLICY, QUOTA, attempt=9, elapsed=60), Resume)


def test_no_limit_of_reconnects():
    """A session may be allowed any number of reconnects."""
    assert ReconnectPolicy().max_reconnects_per_hour == 60
    assert ReconnectPolicy(max_reconnects_per_hour=None).max_reconnects_per_hour is None


def test_dead_handle_restarts():
    """Policy drops a handle that the server refuses, and starts a new session."""
    assert decide(POLICY, DEAD_HANDLE, phase=Phase.SETUP, resumed=True) == Restart(delay=0.5)


@pytest.mark.parametrize("error", [BAD_KEY, refused(404), ValueError("a bug")], ids=repr)
def test_fatal_raises(error):
    """Policy raises at once what connecting again cannot help, as it came."""
    assert decide(POLICY, error) == Raise(error)


@pytest.mark.parametrize("error", [INTERNAL, closed(1006), ValueError("a bug")], ids=repr)
def test_closing_raises(error):
    """Policy connects no more once the caller has asked to close."""
    assert decide(POLICY, error, closing=True) == Raise(error)


@pytest.mark.parametrize("error", [INTERNAL, QUOTA, ConnectionRefusedError()], ids=repr)
def test_without_handle_raises(error):
    """Policy raises the error as it came while no handle is held."""
    assert decide(POLICY, error, handle=False) == Raise(error)


@pytest.mark.parametrize("phase", Phase)
def test_without_handle_restarts(phase):
    """Policy starts a new session without a handle if told to, at the first attempt too."""
    policy = ReconnectPolicy(without_handle="restart")
    assert decide(policy, closed(1006), handle=False, phase=phase) == Restart(delay=0.5)
    assert decide(policy, closed(1006), handle=True, phase=phase) == Resume(delay=0.5)


@pytest.mark.parametrize("handle", [False, True])
def test_context_exhausted(handle):
    """Policy does with a conversation that has outgrown the context what it is told to."""
    assert decide(POLICY, TOO_LONG, handle=handle) == Raise(TOO_LONG)
    policy = ReconnectPolicy(context_exhausted="restart")
    assert decide(policy, TOO_LONG, handle=handle) == Restart(delay=0.5)


@pytest.mark.parametrize(
    ("attempt", "elapsed", "given_up"),
    [(11, 299.9, False), (10, 1e6, False), (11, 300, True), (1_000, 0, False), (1, 1e6, False)],
)
def test_default_budget(attempt, elapsed, given_up):
    """Policy gives up after at least ten attempts and at least five minutes."""
    decision = decide(POLICY, INTERNAL, attempt=attempt, elapsed=elapsed)
    assert isinstance(decision, Raise) is given_up


def test_spent_budget():
    """A spent budget raises how long it was tried, from the last error."""
    decision = decide(POLICY, INTERNAL, attempt=13, elapsed=312.3)
    assert isinstance(decision, Raise)
    assert isinstance(decision.error, ReconnectExhausted)
    assert isinstance(decision.error, ConnectionError)
    assert (decision.error.attempts, decision.error.elapsed) == (12, 312.3)
    assert decision.error.__cause__ is INTERNAL


def test_tenacity():
    """Policy takes tenacity's objects for wait and stop."""
    policy = ReconnectPolicy(
        wait=tenacity.wait_random_exponential(multiplier=1, max=20),
        stop=tenacity.stop_after_attempt(10) | tenacity.stop_after_delay(300),
    )
    assert 0 <= decide(policy, INTERNAL, attempt=10, elapsed=299).delay <= 20
    for spent in ({"attempt": 11}, {"elapsed": 300}):
        assert isinstance(decide(policy, INTERNAL, **spent).error, ReconnectExhausted)


def test_functions():
    """Policy takes plain functions for wait and stop, and clips what they return."""
    policy = ReconnectPolicy(
        wait=lambda attempt, draw: 10 * attempt * draw, stop=lambda attempts, elapsed: attempts == 7
    )
    assert [decide(policy, INTERNAL, attempt=n).delay for n in (1, 2, 7)] == [5, 10, 30]
    assert isinstance(decide(policy, INTERNAL, attempt=8), Raise)


def test_replace():
    """A copy differs only in what is named, and is checked as the original was."""
    assert POLICY.replace(cap=60).replace(cap=30.0) == POLICY
    assert decide(POLICY.replace(base=4), INTERNAL) == Resume(delay=2)
    with pytest.raises(ValueError, match="cap must be"):
        POLICY.replace(base=31)


def test_frozen():
    """A policy can be shared: it does not change, and shows its arguments alone."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        POLICY.base = 2.0
    assert "_wait" not in repr(POLICY)
    assert hash(POLICY) == hash(ReconnectPolicy())


def give_up_late(attempts, elapsed):
    """Give up after a thousand attempts."""
    return attempts >= 1_000


def copies(thing):
    """Return copies of a thing: two made here, and one as another process would have it."""
    pickled = pickle.loads(pickle.dumps(thing))  # noqa: S301
    return [copy.copy(thing), copy.deepcopy(thing), pickled]


JITTERS = {"base": 1.0, "factor": 2.0, "cap": 20.0}


@pytest.mark.parametrize(
    "plugged",
    [
        {},
        {"base": 3.0, "without_handle": "restart"},
        {"stop": give_up_late},
        *({"wait": jitter(**JITTERS)} for jitter in (full_jitter, equal_jitter, exponential)),
        {"wait": decorrelated_jitter(base=1, cap=30)},
        {"wait": constant(1) + full_jitter(base=1, factor=1, cap=30)},
        {"wait": full_jitter(**JITTERS) + tenacity.wait_fixed(1)},
        {"wait": tenacity.wait_exponential(), "stop": tenacity.stop_after_attempt(5)},
        {"stop": tenacity.stop_after_attempt(5) | tenacity.stop_after_delay(300)},
    ],
    ids=range(11),
)
def test_copies(plugged):
    """A policy can be copied, and pickled for another process, with whatever is plugged in."""
    policy = ReconnectPolicy(**plugged)
    for again in copies(policy):
        assert type(again) is ReconnectPolicy
        assert repr(again.replace(wait=None, stop=None)) == repr(
            policy.replace(wait=None, stop=None)
        )
        for attempt in (1, 2, 4):
            asked = {"attempt": attempt, "draw": 0.3}
            assert decide(again, INTERNAL, **asked) == decide(policy, INTERNAL, **asked)
    assert copies(ReconnectPolicy()) == [ReconnectPolicy()] * 3


class Patient(ReconnectPolicy):
    """A policy of one's own."""

    def decide(self, loss, **facts):
        """Resume after a minute."""
        return Resume(60.0)


def test_copies_of_a_subclass():
    """A policy of one's own that inherits can be copied as well."""
    for again in copies(Patient(base=3)):
        assert (type(again), again.base) == (Patient, 3)


def test_lambda_is_not_pickled():
    """A function that pickle cannot find by its name fails as pickle says; a copy does not."""
    policy = ReconnectPolicy(wait=lambda attempt, draw: draw)
    assert decide(copy.deepcopy(policy), INTERNAL) == Resume(0.5)
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(policy)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base": 0}, "base must be .* got 0"),
        ({"base": -1}, "base must be .* got -1"),
        ({"base": math.nan}, "base must be .* got nan"),
        ({"base": 5, "cap": 4}, r"cap must be .* base \(5 s\), got 4"),
        ({"cap": math.inf}, "cap must be .* got inf"),
        ({"factor": 0.5}, "factor must be .* got 0.5"),
        ({"factor": math.nan}, "factor must be .* got nan"),
        ({"base": "1"}, "base must be .* got '1'"),
        ({"cap": None}, "cap must be .* got None"),
        ({"throttle_delay": "30"}, "throttle_delay must be .* got '30'"),
        ({"throttle_delay": -1}, "throttle_delay must be .* got -1"),
        ({"throttle_delay": math.nan}, "throttle_delay must be .* got nan"),
        ({"throttle_delay": math.inf}, "throttle_delay must be .* got inf"),
        *[
            ({name: bad}, f"{name} must be a whole number of at least 1, got {bad}")
            for name in ("throttle_attempts", "max_reconnects_per_hour")
            for bad in (0, -1, 1.5)
        ],
        ({"throttle_attempts": None}, "throttle_attempts must be .* got None"),
        ({"without_handle": "resume"}, "without_handle must be one of .* got 'resume'"),
        ({"context_exhausted": True}, "context_exhausted must be one of .* got True"),
        pytest.param(
            {"cap": 0.5, "wait": lambda attempt, draw: 1},
            "cap must be .* got 0.5",
            id="cap below the default base, with a wait",
        ),
    ],
    ids=str,
)
def test_bad_arguments(wrong, message):
    """An argument that no policy can have is named in the error."""
    with pytest.raises(ValueError, match=message):
        ReconnectPolicy(**wrong)


@pytest.mark.parametrize("name", ["wait", "stop"])
def test_function_of_one_number(name):
    """A function of the attempt alone is named when the policy is made, not in an outage."""
    with pytest.raises(TypeError, match=f"{name}=<function .* write a function of"):
        ReconnectPolicy(**{name: lambda attempt: 2 * attempt})


def test_exception_for_a_loss():
    """An exception in place of a loss is named, with what to write."""
    with pytest.raises(TypeError, match=r"take a Loss, got OSError.*classify\(Loss\(error\)\)"):
        POLICY.decide(OSError(), attempt=1, elapsed=0.0, draw=0.5)


@pytest.mark.parametrize("name", ["wait", "stop"])
def test_bad_plugins(name):
    """What cannot be plugged in is named when the policy is made, not in an outage."""
    with pytest.raises(TypeError, match=f"{name} must be .* got 30"):
        ReconnectPolicy(**{name: 30})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        *[
            ({"attempt": bad}, f"attempt must be .* got {bad}")
            for bad in (0, -1, math.nan, math.inf)
        ],
        *[({"elapsed": bad}, f"elapsed must be .* got {bad}") for bad in (-1, math.nan, math.inf)],
        *[({"draw": bad}, f"draw must be .* got {bad}") for bad in (1, -0.1, math.nan, math.inf)],
    ],
    ids=str,
)
@pytest.mark.parametrize("error", [INTERNAL, BAD_KEY], ids=["transient", "fatal"])
def test_bad_questions(error, wrong, message):
    """A question that cannot be asked is named in the error, whatever was lost."""
    with pytest.raises(ValueError, match=message):
        decide(POLICY, error, **wrong)


@given(policy=POLICIES, loss=losses(), **OUTAGES)
def test_pure(policy, loss, attempt, elapsed, draw):
    """The same input gives the same decision."""
    first, second = (
        policy.decide(loss, attempt=attempt, elapsed=elapsed, draw=draw) for _ in range(2)
    )
    if isinstance(first, Raise):
        assert type(first.error) is type(second.error)
        assert str(first.error) == str(second.error)
    else:
        assert first == second


@given(policy=POLICIES, loss=losses(), **OUTAGES)
def test_verdicts_hold(policy, loss, attempt, elapsed, draw):
    """No resume without a handle, no retry of what is fatal, no delay over the cap."""
    decision = policy.decide(loss, attempt=attempt, elapsed=elapsed, draw=draw)
    kind = classify(loss)
    if isinstance(decision, Resume):
        assert loss.handle
    if isinstance(decision, Raise):
        assert decision.error is loss.error or decision.error.__cause__ is loss.error
        return
    assert kind not in {FailureKind.FATAL, FailureKind.CLEAN}
    throttled = kind is FailureKind.THROTTLED
    floor = policy.throttle_delay if throttled else 0
    assert floor <= decision.delay <= floor + policy.cap


@given(policy=POLICIES, loss=losses(FOREIGN), **OUTAGES)
def test_foreign_raises(policy, loss, attempt, elapsed, draw):
    """What is no failure of a connection is raised, always, handle or not."""
    assert policy.decide(loss, attempt=attempt, elapsed=elapsed, draw=draw) == Raise(loss.error)


@given(policy=POLICIES, attempt=st.integers(1, 10), elapsed=OUTAGES["elapsed"], draw=DRAWS)
def test_throttled_waits_longer(policy, attempt, elapsed, draw):
    """A throttled attempt never waits less than one over a passing failure."""
    asked = {"attempt": attempt, "elapsed": elapsed, "draw": draw}
    throttled, passing = (decide(policy, error, **asked) for error in (QUOTA, INTERNAL))
    assert throttled.delay >= passing.delay


@given(
    policy=st.builds(ReconnectPolicy, base=st.floats(1, 10), cap=st.floats(10, 1_000)),
    errors=st.lists(ERRORS, min_size=1, max_size=5),
    seed=st.integers(),
)
def test_gives_up(policy, errors, seed):
    """Policy gives up in finite time, whatever fails, even where failing takes no time."""
    draws, elapsed = random.Random(seed), 0.0
    for attempt in range(1, 10_000):
        loss = Loss(errors[attempt % len(errors)], handle=True)
        decision = policy.decide(loss, attempt=attempt, elapsed=elapsed, draw=draws.random())
        if isinstance(decision, Raise):
            break
        elapsed += decision.delay
    else:
        pytest.fail("policy never gives up")
    if isinstance(decision.error, ReconnectExhausted):
        assert decision.error.attempts >= 10
        assert decision.error.elapsed >= 300
        assert elapsed < 300 + 11 * (policy.cap + policy.throttle_delay)


def test_lent():
    """A policy lends itself to websockets and to tenacity."""
    assert POLICY.process_exception(BAD_KEY) is BAD_KEY
    assert POLICY.process_exception(closed(1006)) is None
    assert 0 <= next(POLICY.reconnect_delays()) <= POLICY.base
    assert isinstance(POLICY.retrying(), tenacity.AsyncRetrying)


async def test_retrying():
    """What may pass is tried again by tenacity, and what does not is raised as it came."""
    failures = [closed(1006), BAD_KEY]

    async def connect():
        raise failures.pop(0)

    with pytest.raises(type(BAD_KEY), match="API key not valid"):
        await POLICY.retrying()(connect)
    assert failures == []


def test_restart_is_carried_through():
    """Policy goes on with a restart that was begun, though no handle is held any more."""
    policy = ReconnectPolicy()
    facts = {"attempt": 1, "elapsed": 0.0, "draw": 0.5}
    lost = Loss(ConnectionResetError(), restarting=True)
    assert policy.decide(lost, **facts) == Restart(0.5)
    fatal = Loss(FileNotFoundError(2, "No such file"), Phase.CONNECT, restarting=True)
    assert isinstance(policy.decide(fatal, **facts), Raise)
