"""The public types of the policy: checked by mypy and pyright, not run."""

from typing import assert_never, assert_type

import tenacity

from reconnect import (
    Decision,
    FailureKind,
    Loss,
    Outage,
    Phase,
    Policy,
    Raise,
    ReconnectExhausted,
    ReconnectPolicy,
    Restart,
    Resume,
    classify,
)
from reconnect.testing import check_policy

policy = ReconnectPolicy(base=0.5, without_handle="restart", context_exhausted="raise")
assert_type(policy, ReconnectPolicy)
assert_type(policy.replace(cap=60.0), ReconnectPolicy)

loss = Loss(OSError(), Phase.CONNECT, handle=True, age=1.5)
assert_type(loss.error, BaseException)
assert_type(loss.phase, Phase)
assert_type(loss.age, float)
assert_type(classify(loss), FailureKind)

decision = policy.decide(loss, attempt=1, elapsed=0.0, draw=0.5)
assert_type(decision, Resume | Restart | Raise)


def carry_out(decision: Decision) -> float:
    """Match a decision exhaustively."""
    match decision:
        case Resume(delay=delay) | Restart(delay=delay):
            assert_type(delay, float)
            return delay
        case Raise(error=error):
            assert_type(error, BaseException)
            raise error
        case _:
            assert_never(decision)


def tell(kind: FailureKind) -> str:
    """Match a verdict exhaustively."""
    match kind:
        case FailureKind.TRANSIENT | FailureKind.THROTTLED:
            return "dial again"
        case FailureKind.HANDLE_REJECTED | FailureKind.CONTEXT_EXHAUSTED:
            return "start afresh"
        case FailureKind.FATAL | FailureKind.CLEAN:
            return "end"
        case _:
            assert_never(kind)


def where(phase: Phase) -> str:
    """Match a phase exhaustively."""
    match phase:
        case Phase.CONNECT | Phase.SETUP:
            return "dial"
        case Phase.SESSION:
            return "session"
        case _:
            assert_never(phase)


def wait(attempt: int, draw: float) -> float:
    """Compute a delay of one's own."""
    return attempt * draw


def stop(attempts: int, elapsed: float) -> bool:
    """Give up by a rule of one's own."""
    return attempts > 3 or elapsed > 60


ReconnectPolicy(wait=wait, stop=stop)
ReconnectPolicy(
    wait=tenacity.wait_random_exponential(multiplier=1, max=30),
    stop=tenacity.stop_after_attempt(10) | tenacity.stop_after_delay(300),
)

exhausted = ReconnectExhausted(attempts=10, elapsed=300.0)
assert_type(exhausted.attempts, int)
assert_type(exhausted.elapsed, float)

outage = Outage(max_reconnects_per_hour=None)
outage.connecting(0.0, resumed=False)
assert_type(outage.lost(OSError(), now=1.0, handle=True), Loss)
assert_type(outage.attempt, int)
assert_type(outage.elapsed(2.0), float)
assert_type(outage.moved(2.0), ConnectionError | None)


class Own:
    """A policy of one's own."""

    def decide(self, loss: Loss, *, attempt: int, elapsed: float, draw: float) -> Decision:
        """Give up."""
        return Raise(loss.error)


class Later:
    """No policy: it has to be awaited."""

    async def decide(self, loss: Loss, *, attempt: int, elapsed: float, draw: float) -> Decision:
        """Give up."""
        return Raise(loss.error)


ours: Policy = policy
own: Policy = Own()
check_policy(Own())

# What must not pass: mypy reports an ignore that ignores nothing.
ReconnectPolicy(without_handle="resume")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ReconnectPolicy(1.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
policy.decide(loss, 1, 0.0, 0.5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
policy.base = 2.0  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
later: Policy = Later()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
kind: Policy = Own  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
