"""Hypothesis strategies for what a policy is asked about: failures, losses, outages, policies.

Each function returns a strategy that is already validated, so that a wrong argument is an error
where it is given. None of them says how likely a value is: Hypothesis looks for a counterexample,
and is better at it without advice. Needs Hypothesis, which the extra ``reconnect[testing]`` brings.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import tenacity
from google.genai.errors import APIError, ClientError, ServerError
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import SearchStrategy
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidMessage,
    InvalidStatus,
    InvalidUpgrade,
)
from websockets.frames import Close
from websockets.http11 import Response

from reconnect._failures.loss import ABNORMAL_CLOSURE, Loss, Phase
from reconnect.backoff import constant, decorrelated_jitter, equal_jitter, exponential, full_jitter
from reconnect.policy import ReconnectPolicy

__all__ = [
    "Attempt",
    "api_errors",
    "close_codes",
    "closed_errors",
    "losses",
    "outages",
    "policies",
    "transport_errors",
]

LOWEST_CODE: Final = 1000
HIGHEST_CODE: Final = 4999

_OK: Final = frozenset({1000, 1001})
"""The codes over which websockets raises ``ConnectionClosedOK``."""

_REASONS: Final = (
    "",
    "API key not valid. Please pass a valid API key.",
    "BidiGenerateContent session not found",
    "Deadline expired before operation could complete.",
    "Internal error encountered.",
    "Request contains an invalid argument.",
    "Requested entity was not found.",
    "Resource has been exhausted (e.g. check quota).",
    "The input token count exceeds the maximum number of tokens allowed",
    "The operation was cancelled.",
    "The service is currently unavailable.",
    "Your prepayment credits are depleted.",
)
"""What the Live API says; a text that is made up hardly ever hits a row of the error table."""

_MONTH: Final = 30 * 86_400.0
"""Seconds; no outage that is waited for lasts longer."""

_REPEATS: Final = 20
"""Losses in a row; more of them make no difference to any rule."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One failed attempt in an outage; the first is the connection that was lost.

    Args:
        loss: How it failed.
        lasted: Seconds from its beginning to its failure.
        draw: The draw for the decision about it, in [0, 1).
    """

    loss: Loss
    lasted: float
    draw: float


def close_codes(
    *, min_value: int = LOWEST_CODE, max_value: int = HIGHEST_CODE
) -> SearchStrategy[int]:
    """Return a strategy for WebSocket close codes, including those that no frame may carry.

    Args:
        min_value: The lowest code.
        max_value: The highest code.

    Raises:
        hypothesis.errors.InvalidArgument: If there is no code between them.
    """
    if not LOWEST_CODE <= min_value <= max_value <= HIGHEST_CODE:
        raise InvalidArgument(
            f"close codes are {LOWEST_CODE} to {HIGHEST_CODE}, got {min_value=} and {max_value=}"
        )
    return st.integers(min_value, max_value)


def closed_errors(
    *, codes: SearchStrategy[int] | None = None, reasons: SearchStrategy[str] | None = None
) -> SearchStrategy[BaseException]:
    """Return a strategy for what websockets raises for a close, with or without a close frame.

    Args:
        codes: Generates close codes; None for `close_codes`. 1006 stands for no close frame.
        reasons: Generates close reasons; None for texts of all kinds.

    Raises:
        hypothesis.errors.InvalidArgument: If an argument is not a strategy.
    """
    return _checked(
        st.builds(
            _closed,
            _strategy(codes, close_codes(), "codes"),
            _strategy(reasons, _texts(), "reasons"),
        )
    )


def api_errors(
    *, codes: SearchStrategy[int] | None = None, texts: SearchStrategy[str] | None = None
) -> SearchStrategy[APIError]:
    """Return a strategy for what the SDK raises for a close or an HTTP status.

    Args:
        codes: Generates close codes and HTTP statuses; None for all of them.
        texts: Generates what the server said; None for texts of all kinds.

    Raises:
        hypothesis.errors.InvalidArgument: If an argument is not a strategy.
    """
    return _checked(
        st.builds(
            _wrapped,
            _strategy(codes, close_codes() | _statuses(), "codes"),
            _strategy(texts, _texts(), "texts"),
        )
    )


def transport_errors() -> SearchStrategy[BaseException]:
    """Return a strategy for failures below the API: operating system, TLS, WebSocket handshake."""
    return _checked(
        st.sampled_from(
            [
                BrokenPipeError,
                ConnectionAbortedError,
                ConnectionRefusedError,
                ConnectionResetError,
                TimeoutError,
            ]
        ).map(lambda kind: kind())
        | st.builds(OSError, st.sampled_from([101, 110, 111, 113]), st.just("unreachable"))
        | st.builds(socket.gaierror, st.sampled_from([-2, -3]), st.just("not resolved"))
        | st.builds(ssl.SSLError, st.just(1), st.just("wrong version number"))
        | st.builds(ssl.SSLCertVerificationError, st.just(1), st.just("certificate verify failed"))
        | st.builds(InvalidMessage, st.just("did not receive a valid HTTP response"))
        | st.builds(InvalidUpgrade, st.just("Upgrade"))
        | st.builds(_refused, _statuses(), _texts(), st.none() | st.integers(0, 86_400))
    )


def losses(
    *,
    errors: SearchStrategy[Any] | None = None,
    phases: SearchStrategy[Phase] | None = None,
    resumed: bool | None = None,
    handle: bool | None = None,
    go_away: bool | None = None,
    closing: bool | None = None,
) -> SearchStrategy[Loss]:
    """Return a strategy for losses of every kind, including impossible ones.

    Args:
        errors: Generates the exceptions; None for all strategies of this module, plus some
            exceptions that are not connection failures.
        phases: Generates the phases; None for all.
        resumed: Whether the connection was opened with a handle; None for either.
        handle: Whether a handle is held; None for either.
        go_away: Whether a go_away arrived; None for either.
        closing: Whether the caller asked to close; None for either.

    Raises:
        hypothesis.errors.InvalidArgument: If an argument is invalid.
    """
    foreign = st.sampled_from([AttributeError, KeyError, RuntimeError, ValueError])
    every = closed_errors() | api_errors() | transport_errors() | foreign.map(lambda kind: kind())
    flags = {"resumed": resumed, "handle": handle, "go_away": go_away, "closing": closing}
    return _checked(
        st.builds(
            Loss,
            error=_strategy(errors, every, "errors"),
            phase=_strategy(phases, st.sampled_from(Phase), "phases"),
            age=st.floats(0, _MONTH),
            repeats=st.integers(0, _REPEATS),
            **{name: _flag(value, name) for name, value in flags.items()},
        )
    )


def policies() -> SearchStrategy[ReconnectPolicy]:
    """Return a strategy for policies that keep the laws of `reconnect.testing.check_policy`."""
    return _checked(
        st.fixed_dictionaries(
            {
                "base": st.floats(0.001, 10),
                "factor": st.floats(1, 10),
                "cap": st.floats(10, 1_000),
            }
        ).flatmap(_policies)
    )


def outages(
    *, losses: SearchStrategy[Loss] | None = None, max_attempts: int = 20
) -> SearchStrategy[tuple[Attempt, ...]]:
    """Return a strategy for outages: one failed attempt after the other.

    Args:
        losses: Generates the losses; None for `losses`.
        max_attempts: The most attempts that an outage may have; at least 1.

    Raises:
        hypothesis.errors.InvalidArgument: If an argument is invalid.
    """
    if max_attempts < 1:
        raise InvalidArgument(f"an outage has 1 attempt or more, got {max_attempts=}")
    # An attempt takes its time, if only for the way to the server and back.
    attempt = st.builds(
        Attempt,
        loss=_strategy(losses, _every_loss(), "losses"),
        lasted=st.floats(0.001, 60),
        draw=draws(),
    )
    return _checked(st.lists(attempt, min_size=1, max_size=max_attempts).map(tuple))


def draws() -> SearchStrategy[float]:
    """Return a strategy for random draws, from 0 up to but not including 1."""
    return st.floats(0, 1, exclude_max=True)


def _every_loss() -> SearchStrategy[Loss]:
    """Return `losses` where its name is taken by an argument."""
    return losses()


def _policies(backoff: dict[str, float]) -> SearchStrategy[ReconnectPolicy]:
    base, cap = backoff["base"], backoff["cap"]
    waits = [
        full_jitter(**backoff),
        equal_jitter(**backoff),
        exponential(**backoff),
        decorrelated_jitter(base=base, cap=cap),
        constant(base),
        full_jitter(**backoff) + constant(base),
        full_jitter(**backoff) + tenacity.wait_fixed(base),
    ]
    budgets = st.tuples(st.integers(1, 100), st.floats(1, 86_400)).map(
        lambda budget: tenacity.stop_after_attempt(budget[0]) | tenacity.stop_after_delay(budget[1])
    )
    return st.builds(
        ReconnectPolicy,
        base=st.just(base),
        factor=st.just(backoff["factor"]),
        cap=st.just(cap),
        throttle_delay=st.floats(0, 1_000),
        throttle_attempts=st.integers(1, 20),
        wait=st.none() | st.sampled_from(waits),
        stop=st.none() | budgets,
        without_handle=st.sampled_from(["raise", "restart"]),
        context_exhausted=st.sampled_from(["raise", "restart"]),
    )


def _texts() -> SearchStrategy[str]:
    return st.sampled_from(_REASONS) | st.text(max_size=120)


def _statuses() -> SearchStrategy[int]:
    return st.sampled_from([int(status) for status in HTTPStatus]) | st.integers(100, 599)


def _closed(code: int, reason: str) -> ConnectionClosedError | ConnectionClosedOK:
    if code == ABNORMAL_CLOSURE:
        return ConnectionClosedError(None, None)
    kind = ConnectionClosedOK if code in _OK else ConnectionClosedError
    return kind(Close(code, reason), None, None)


def _wrapped(code: int, text: str) -> APIError:
    kind = {4: ClientError, 5: ServerError}.get(code // 100, APIError)
    # Of a close the SDK has nothing but the code and the reason, which it takes for the answer.
    return kind(code, text, None)


def _refused(status: int, text: str, retry_after: int | None) -> InvalidStatus:
    headers = Headers()
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return InvalidStatus(Response(status, "", headers, text.encode()))


def _strategy(given: Any, default: SearchStrategy[Any], name: str) -> SearchStrategy[Any]:
    if given is None:
        return default
    if not isinstance(given, SearchStrategy):
        raise InvalidArgument(f"{name} must be a strategy, got {given!r}")
    return given


def _flag(value: bool | None, name: str) -> SearchStrategy[bool]:  # noqa: FBT001
    if value is None:
        return st.booleans()
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name} must be True, False or None, got {value!r}")
    return st.just(value)


def _checked(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Return a strategy after its own check, which Hypothesis would put off until it is used."""
    strategy.validate()
    return strategy
