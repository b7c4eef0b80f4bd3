"""What to do about a lost connection, and when: a pure function of the facts.

`ReconnectPolicy.decide` is given everything it needs, the time and the random draw included, and
returns one of three decisions. It has no clock, no randomness, no I/O and no memory, so a decision
can be tested, replayed and simulated without a connection. What it is given is counted by `Outage`;
the driver that carries a decision out is `reconnect.ResumableSession`.
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
    """Connect again with the handle.

    Args:
        delay: Seconds to wait before the attempt.
    """

    delay: float


@dataclass(frozen=True, slots=True)
class Restart:
    """Drop the handle and start a new session, which is sent the history.

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
"""What `ReconnectPolicy.decide` returns: a closed type, to be matched exhaustively."""


@runtime_checkable
class Policy(Protocol):
    """What decides about a loss: a `ReconnectPolicy`, or an object of your own.

    A session calls nothing but ``decide``. If there is a ``max_reconnects_per_hour``, it reads that
    too.
    """

    def decide(self, loss: Loss, *, attempt: int, elapsed: float, draw: float) -> Decision:
        """Decide about a loss; a plain method, since a session does not await it.

        Args:
            loss: What was lost, and how.
            attempt: The number of the next attempt of this outage; 1 for the first.
            elapsed: Seconds since the outage began.
            draw: A random number in [0, 1), which spreads the attempts of many clients.
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
    """Decides whether a lost session is resumed, restarted or given up, and after which delay.

    The delay is full jitter: ``draw * min(cap, base * factor ** (attempt - 1))``. Attempts are
    counted per outage. By default it gives up when ten attempts were made *and* five minutes have
    passed: either alone would end calls early, since a server that refuses fast uses up attempts in
    seconds, and a slow one uses up time with few attempts.

    Args:
        base: The ceiling of the first delay, in seconds.
        factor: What the ceiling is multiplied by after each attempt.
        cap: The longest delay, in seconds. Whatever ``wait`` returns is clipped to it.
        throttle_delay: The least delay after a quota error, in seconds. The server's own delay
            (``Retry-After``) counts if it is longer. The backoff's delay is added, so that the
            clients of one project do not come back in step. The cap applies to the backoff's delay
            only.
        wait: The delay in place of full jitter: a formula of `reconnect.backoff`, a tenacity
            ``wait_*`` object, a sum of these, a pure function of ``(attempt, draw)``, or a function
            of tenacity's ``RetryCallState``; None for full jitter. tenacity's random objects draw
            for themselves and ignore ``draw``.
        throttle_attempts: How many quota errors in a row are tried again, whatever ``stop`` says; 1
            gives up at the second. It gives up at once if the server asks for more than five
            minutes, and for more than ``throttle_delay``.
        max_reconnects_per_hour: How many times a session may reconnect within an hour, however well
            each reconnect goes; None for no limit.
        stop: When to give up: a tenacity ``stop_*`` object, a pure function of ``(attempts,
            elapsed)``, that is attempts made and seconds since the outage began, or a function of
            tenacity's ``RetryCallState``; None for ten attempts and five minutes.
        without_handle: What a failure that may be temporary leads to while there is no handle:
            ``"raise"`` raises it unchanged, ``"restart"`` starts a new session with the history.
        context_exhausted: What a conversation that no longer fits the model's context leads to:
            ``"raise"`` or ``"restart"``.

    Raises:
        TypeError: If ``wait`` or ``stop`` cannot be called as described; a function of one
            argument is given a ``RetryCallState``, and tried with one.
        ValueError: If ``base`` is not positive, ``factor`` below 1, ``cap`` below ``base``,
            ``throttle_delay`` negative, or a choice is none of those named; or if a function for
            ``wait`` or ``stop`` fails, or returns no delay, when it is tried.
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
        """Return a copy with some arguments changed; what is not named stays.

        Args:
            **changes: Any argument of the constructor.
        """
        return replace(self, **changes)

    def decide(self, loss: Loss, *, attempt: int, elapsed: float, draw: float) -> Decision:
        """Decide about a loss; the same input gives the same decision.

        Args:
            loss: What was lost, and how.
            attempt: The number of the next attempt of this outage; 1 for the first.
            elapsed: Seconds since the outage began.
            draw: A random number in [0, 1), which spreads the attempts of many clients.

        Raises:
            ValueError: If ``attempt`` is below 1, ``elapsed`` negative or ``draw`` outside [0, 1).
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

        Otherwise it returns the error to raise. A failure that may be temporary is always tried
        again, since there is no handle to lose. websockets has this argument from version 15 on.

        Args:
            error: What the attempt failed with.
        """
        loss = Loss(error, phase=_phase(error), handle=True)
        decision = self.decide(loss, attempt=1, elapsed=0.0, draw=0.0)
        # The error itself, or what was made of it: no bare BaseException either way.
        return cast("Exception", decision.error) if isinstance(decision, Raise) else None

    def reconnect_delays(self) -> Generator[float]:
        """Yield the delays for ``websockets.connect(reconnect_delays=...)``.

        After a quota error it waits as long as the server asks, and a spent budget raises
        `ReconnectExhausted`. websockets counts from the start after every connection, however
        short; it has this argument from version 17 on.
        """
        return lending.delays(self._ask())

    def retrying(self, **options: Any) -> AsyncRetrying:
        """Return a tenacity ``AsyncRetrying`` that retries a coroutine by this policy.

        A failure that is not temporary is raised unchanged; a spent budget raises
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
