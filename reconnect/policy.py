"""What to do about a lost connection, and when: a pure function of the facts.

`ReconnectPolicy.decide` receives everything it needs, including the time and the random draw, and
returns one of three decisions. It has no clock, no randomness, no I/O and no memory, so a decision
can be tested, replayed and simulated without a connection. `Outage` keeps track of the facts;
`reconnect.ResumableSession` carries out the decisions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Literal,
    Protocol,
    TypeAlias,
    assert_never,
    cast,
    runtime_checkable,
)

from ._adapters import lending
from ._adapters.plugins import Stop, Wait, stop_rule, wait_rule
from ._failures.classify import FailureKind, classify
from ._failures.loss import Family, Loss, Phase, read
from ._failures.retry_after import retry_after
from ._numbers import is_number
from .backoff import check_backoff, full_jitter
from .errors import ReconnectExhausted
from .outage import Outage, check_count

if TYPE_CHECKING:
    from tenacity import AsyncRetrying

__all__ = ["Decision", "Outage", "Policy", "Raise", "ReconnectPolicy", "Restart", "Resume"]


@dataclass(frozen=True, slots=True)
class Resume:
    """Reconnect with the handle.

    Args:
        delay: Seconds to wait before the attempt.
    """

    delay: float


@dataclass(frozen=True, slots=True)
class Restart:
    """Drop the handle and start a new session, which receives the history.

    Args:
        delay: Seconds to wait before the attempt.
    """

    delay: float


@dataclass(frozen=True, slots=True)
class Raise:
    """End the session.

    Args:
        error: What to raise.
    """

    error: BaseException


Decision: TypeAlias = Resume | Restart | Raise
"""What `ReconnectPolicy.decide` returns: a closed type that you can match exhaustively."""


@runtime_checkable
class Policy(Protocol):
    """Decides what to do after a loss: a `ReconnectPolicy`, or your own object.

    A session only calls ``decide``. If the object has a ``max_reconnects_per_hour``, the session
    reads that too.
    """

    def decide(self, loss: Loss, *, attempt: int, elapsed: float, draw: float) -> Decision:
        """Decide what to do after a loss. This is a plain method: a session does not await it.

        Args:
            loss: The lost connection or failed attempt.
            attempt: The number of the next attempt in this outage; 1 for the first.
            elapsed: Seconds since the outage began.
            draw: A random number in [0, 1) that spreads out the attempts of many clients.
        """
        ...


_ATTEMPTS: Final = 10
"""Attempts after which the default policy may give up."""

_PATIENCE: Final = 300.0
"""Seconds after which the default policy may give up."""

_THROTTLED_PATIENCE: Final = 300.0
"""Seconds: what a server asks for beyond this is not waited for."""

_CHOICES: Final = ("raise", "restart")

_PREPARED: Final = frozenset({"_wait", "_stop"})
"""What is made of the arguments: closures, which can neither be pickled nor need to be."""


@dataclass(frozen=True, kw_only=True)
class ReconnectPolicy:
    """Decides whether to resume a lost session, restart it or give up, and after which delay.

    The delay is full jitter: ``draw * min(cap, base * factor ** (attempt - 1))``. Attempts are
    counted per outage. By default the policy gives up when ten attempts were made *and* five
    minutes have passed. Either alone would end calls too early: a server that refuses quickly would
    use up the attempts in seconds, and a slow one would use up the time in a few attempts.

    Args:
        base: The ceiling of the first delay, in seconds.
        factor: The factor by which the ceiling grows after each attempt.
        cap: The longest delay, in seconds. Whatever ``wait`` returns is clipped to it.
        throttle_delay: The shortest delay after a quota error, in seconds. The server's own delay
            (``Retry-After``) applies instead if it is longer. The backoff's delay is added, so that
            the clients of one project do not come back in lockstep. The cap applies only to the
            backoff's delay.
        wait: A delay to use instead of full jitter: a formula from `reconnect.backoff`, a tenacity
            ``wait_*`` object, a sum of these, a pure function of ``(attempt, draw)``, or a function
            of tenacity's ``RetryCallState``; None for full jitter. tenacity's random waits use
            their own random numbers and ignore ``draw``.
        throttle_attempts: How many quota errors in a row to retry, whatever ``stop`` says; with 1,
            the policy gives up at the second. It gives up at once if the server asks for more than
            five minutes and more than ``throttle_delay``.
        max_reconnects_per_hour: How many times a session may reconnect within an hour, even if
            every reconnect succeeds; None for no limit.
        stop: When to give up: a tenacity ``stop_*`` object, a pure function of
            ``(attempts, elapsed)`` (attempts made and seconds since the outage began), or a
            function of tenacity's ``RetryCallState``; None for ten attempts and five minutes.
        without_handle: What to do after a failure that may be temporary while there is no handle:
            ``"raise"`` raises it unchanged, ``"restart"`` starts a new session with the history.
        context_exhausted: What to do when the conversation no longer fits the model's context:
            ``"raise"`` or ``"restart"``.

    Raises:
        TypeError: If ``wait`` or ``stop`` cannot be called as described. A function of one argument
            receives a ``RetryCallState``, and is tried with one.
        ValueError: If ``base`` is not positive, ``factor`` is below 1, ``cap`` is below ``base``,
            ``throttle_delay`` is negative, or a choice has an unknown value; or if ``wait`` or
            ``stop`` fails, or ``wait`` does not return a delay, when it is tried.
    """

    # Backoff
    base: float = 1.0
    factor: float = 2.0
    cap: float = 30.0
    throttle_delay: float = 30.0
    wait: Callable[..., Any] | None = None

    # Limits
    stop: Callable[..., Any] | None = None
    throttle_attempts: int = 5
    max_reconnects_per_hour: int | None = 60

    # Choices
    without_handle: Literal["raise", "restart"] = "raise"
    context_exhausted: Literal["raise", "restart"] = "raise"

    _wait: Wait = field(init=False, repr=False, compare=False)
    _stop: Stop = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_backoff(base=self.base, factor=self.factor, cap=self.cap)
        if not (is_number(self.throttle_delay) and 0 <= self.throttle_delay < math.inf):
            raise ValueError(
                "throttle_delay must be a number of seconds, 0 or more, got"
                f" {self.throttle_delay!r}"
            )
        check_count("throttle_attempts", self.throttle_attempts)
        if self.max_reconnects_per_hour is not None:
            check_count("max_reconnects_per_hour", self.max_reconnects_per_hour)
        for name in ("without_handle", "context_exhausted"):
            if getattr(self, name) not in _CHOICES:
                raise ValueError(f"{name} must be one of {_CHOICES}, got {getattr(self, name)!r}")
        self._prepare()

    def _prepare(self) -> None:
        """Bring what is plugged in to one form."""
        wait = self.wait
        if wait is None:
            wait = full_jitter(base=self.base, factor=self.factor, cap=self.cap)
        object.__setattr__(self, "_wait", wait_rule(wait, cap=self.cap))
        stop = _ten_attempts_and_five_minutes if self.stop is None else self.stop
        object.__setattr__(self, "_stop", stop_rule(stop))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _PREPARED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._prepare()

    def replace(self, **changes: Any) -> ReconnectPolicy:
        """Return a copy with some arguments changed.

        Args:
            **changes: Any argument of the constructor.
        """
        return replace(self, **changes)

    def decide(self, loss: Loss, *, attempt: int, elapsed: float, draw: float) -> Decision:
        """Decide what to do after a loss; the same input gives the same decision.

        Args:
            loss: The lost connection or failed attempt.
            attempt: The number of the next attempt in this outage; 1 for the first.
            elapsed: Seconds since the outage began.
            draw: A random number in [0, 1) that spreads out the attempts of many clients.

        Raises:
            ValueError: If ``attempt`` is below 1, ``elapsed`` is negative, or ``draw`` is outside
                [0, 1).
        """
        if not 1 <= attempt < math.inf:
            raise ValueError(f"attempt must be 1 or more, got {attempt!r}")
        if not 0 <= elapsed < math.inf:
            raise ValueError(f"elapsed must be a number of seconds, 0 or more, got {elapsed!r}")
        if not 0 <= draw < 1:
            raise ValueError(f"draw must be a number in [0, 1), got {draw!r}")

        kind = classify(loss)
        action = self._action(kind, loss)
        if action is None:
            return Raise(loss.error)
        delay = self._wait(loss, attempt, elapsed, draw)
        spent = False
        if kind is FailureKind.THROTTLED:
            floor = max(self.throttle_delay, retry_after(loss.error) or 0.0)
            delay += floor
            spent = (
                floor > max(self.throttle_delay, _THROTTLED_PATIENCE)
                or loss.repeats >= self.throttle_attempts
            )
        made = attempt - 1
        if spent or self._stop(loss, made, elapsed, delay):
            exhausted = ReconnectExhausted(attempts=made, elapsed=elapsed)
            exhausted.__cause__ = loss.error
            return Raise(exhausted)
        return action(delay)

    # Lent to other libraries. There is no handle and no session, only something that can be tried
    # again, so whatever may be temporary is tried again, as if a handle were held.

    def process_exception(self, error: Exception) -> Exception | None:
        """Return None if ``websockets.connect(process_exception=...)`` should go on.

        Otherwise return the error to raise. A failure that may be temporary is always retried,
        because there is no handle to lose. Requires websockets 15 or newer.

        Args:
            error: The exception with which the attempt failed.
        """
        loss = Loss(error, phase=_phase(error), handle=True)
        decision = self.decide(loss, attempt=1, elapsed=0.0, draw=0.0)
        # The error itself, or what was made of it: no bare BaseException either way.
        return cast("Exception", decision.error) if isinstance(decision, Raise) else None

    def reconnect_delays(self) -> Generator[float]:
        """Yield the delays for ``websockets.connect(reconnect_delays=...)``.

        After a quota error the delay is as long as the server asks, and a spent budget raises
        `ReconnectExhausted`. websockets starts counting again after every connection, however
        short. Requires websockets 17 or newer.
        """
        return lending.delays(self._ask())

    def retrying(self, **options: Any) -> AsyncRetrying:
        """Return a tenacity ``AsyncRetrying`` that retries a coroutine function by this policy.

        A failure that is not temporary is raised unchanged. A spent budget raises
        `ReconnectExhausted`.

        Args:
            **options: Other arguments of ``AsyncRetrying``, such as ``sleep`` or ``before_sleep``.
        """

        def passes(error: BaseException) -> bool:
            return isinstance(error, Exception) and self.process_exception(error) is None

        return lending.retrying(self._ask, passes, **options)

    def _ask(self) -> lending.Ask:
        """Return a function that decides about the failures of one outage, one after the other."""
        outage = Outage()

        def ask(error: BaseException, /, *, now: float, draw: float) -> float | BaseException:
            loss = outage.lost(error, now=now, phase=_phase(error), handle=True)
            decision = self.decide(
                loss, attempt=outage.attempt, elapsed=outage.elapsed(now), draw=draw
            )
            return decision.error if isinstance(decision, Raise) else decision.delay

        return ask

    def _action(self, kind: FailureKind, loss: Loss) -> type[Resume | Restart] | None:
        """Return what a verdict calls for; None to raise the error as it came."""
        match kind:
            case FailureKind.FATAL | FailureKind.CLEAN:
                return None
            case FailureKind.CONTEXT_EXHAUSTED:
                return Restart if self.context_exhausted == "restart" else None
            case FailureKind.HANDLE_REJECTED:
                return Restart
            case FailureKind.TRANSIENT | FailureKind.THROTTLED:
                if loss.handle:
                    return Resume
                # A restart that was begun is carried through: the conversation was going on, and
                # is sent to whichever session comes about.
                begun = loss.restarting or self.without_handle == "restart"
                return Restart if begun else None
            case _:  # pragma: no cover
                assert_never(kind)


def _ten_attempts_and_five_minutes(attempts: int, elapsed: float) -> bool:
    return attempts >= _ATTEMPTS and elapsed >= _PATIENCE


def _phase(error: BaseException) -> Phase:
    """Tell how far something had come of which only the exception is known."""
    return Phase.SESSION if read(error).family is Family.CLOSE else Phase.CONNECT
