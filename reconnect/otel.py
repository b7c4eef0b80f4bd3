"""OpenTelemetry traces and metrics: an observer that turns events into both.

It needs the extra ``otel``, and is imported by whoever uses it; the rest of the library knows
nothing of it. Names are those of OpenTelemetry's semantic conventions where there is one; whatever
is this library's own begins with ``reconnect.`` and is called as the fields of the events are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

try:
    from opentelemetry import metrics, trace
    from opentelemetry.trace import Span, Status, StatusCode
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError(
        'reconnect.otel needs OpenTelemetry: pip install ".[otel]" in a clone of reconnect',
        name=_missing.name,
    ) from _missing

from . import __version__
from ._checks import check_observer
from ._failures.loss import read
from ._failures.words import describe
from .events import (
    AudioDropped,
    Closed,
    Connected,
    Continuity,
    Event,
    GaveUp,
    GoingAway,
    Lost,
    Restarted,
    Resumed,
    Retrying,
    Stalled,
)

__all__ = ["OpenTelemetryObserver"]

# https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/ and .../error/
_PROVIDER: Final = "gen_ai.provider.name"
_MODEL: Final = "gen_ai.request.model"
_CONVERSATION: Final = "gen_ai.conversation.id"
_ERROR: Final = "error.type"

_GOOGLE: Final = "gcp.gen_ai"
"""Any of Google's endpoints: an event does not say which of the two it is about."""

_KIND: Final = "reconnect.kind"
_OUTCOME: Final = "reconnect.outcome"

_COSTS: Final = {
    "attempts": ("{attempt}", "Attempts to reconnect."),
    "replayed": ("{message}", "Messages sent again."),
    "maybe_twice": ("{message}", "Of these, those that the server may already have had."),
    "continued": ("{reply}", "Cut-off replies that the model was asked to continue."),
    "forgotten": ("{exchange}", "Exchanges that the resumed session may not know about."),
    "lost_turns": ("{turn}", "Lost turns."),
    "lost_audio": ("s", "Audio dropped before it could be sent."),
    "uncovered_audio": ("s", "Audio that was sent but may not have arrived."),
    "lost_calls": ("{call}", "Cancelled tool calls."),
}
"""Of each cost of a gap, which is a field of `Continuity`, the unit and what it is."""

_BOUNDARIES: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
"""Seconds: the first attempt is due within one, and the policy's budget is spent in minutes."""


@dataclass(frozen=True, slots=True)
class _Outage:
    """An outage that is not over.

    Args:
        span: Its span.
        kind: What its first loss was taken for.
    """

    span: Span
    kind: str


class OpenTelemetryObserver:
    """Turns events into spans and metrics: pass it as ``on_event``.

    Each outage is a span named ``outage`` plus the model's name. It lasts from the loss until the
    session is back or has ended. Each failure is an ``exception`` event in the span, and each
    scheduled attempt a ``reconnect.attempt`` event. The status is an error only if the session has
    ended for good. The span is a child of the span in which the session was opened. Nothing in it
    contains a handle.

    ``reconnect.reconnects`` counts finished outages and moves by ``reconnect.kind``, the kind of
    the first loss (``go_away`` for a move before a deadline), and by ``reconnect.outcome``:
    ``resumed``, ``restarted``, ``gave_up``, ``closed``, or ``connected`` if the very first
    connection took more than one attempt. ``reconnect.outage.duration`` is a histogram of the
    seconds that outages lasted until the session was back or had ended for good. The costs of a gap
    are counters, each named after its field in `reconnect.Continuity`: ``reconnect.replayed``,
    ``reconnect.lost_turns``, ``reconnect.lost_audio`` and so on.

    One observer serves any number of sessions. It keeps no state about a session except its current
    outage.

    Args:
        then: Another observer to call with each event; None for no other.
        tracer_provider: Provides the tracer; None for the global provider.
        meter_provider: Provides the meter; None for the global provider.

    Raises:
        TypeError: If ``then`` cannot be called with an event, or is async.
    """

    def __init__(
        self,
        then: Callable[[Event], object] | None = None,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        check_observer(then)
        self._then = then
        self._outages: dict[str, _Outage] = {}
        self._tracer = trace.get_tracer("reconnect", __version__, tracer_provider)
        meter = metrics.get_meter("reconnect", __version__, meter_provider)
        self._reconnects = meter.create_counter(
            "reconnect.reconnects", "{reconnect}", "Finished outages and moves."
        )
        self._duration = meter.create_histogram(
            "reconnect.outage.duration",
            "s",
            "Time from a loss until the session was back or had ended.",
            explicit_bucket_boundaries_advisory=_BOUNDARIES,
        )
        self._costs = {
            field: meter.create_counter(f"reconnect.{field}", unit, description)
            for field, (unit, description) in _COSTS.items()
        }

    def __call__(self, event: Event) -> object:
        """Record an event, and return what the other observer returns.

        Args:
            event: The event.
        """
        try:
            self._tell(event)
        finally:
            # A processor of spans that fails costs nobody else an event.
            result = None if self._then is None else self._then(event)
        return result

    def _tell(self, event: Event) -> None:
        """Make of an event what OpenTelemetry is told."""
        match event:
            case Lost():
                details = {"reconnect.phase": event.phase.value, "reconnect.age": event.age}
                self._span(event, event.kind).add_event(
                    "exception",
                    {**_exception(event.error), _KIND: event.kind.value, **details},
                )
            case Retrying():
                planned = {
                    "reconnect.attempt": event.attempt,
                    "reconnect.delay": event.delay,
                    "reconnect.fresh": event.fresh,
                }
                self._span(event, event.why).add_event("reconnect.attempt", planned)
            case Connected():
                self._end(event, "connected")
            case Resumed():
                self._end(event, "resumed", continuity=event.continuity)
            case Restarted():
                self._end(event, "restarted", continuity=event.continuity)
            case GaveUp():
                # Without a loss, it is over too many moves, or over a bug.
                span = self._span(event, "other")
                span.add_event("exception", _exception(event.error))
                span.set_status(Status(StatusCode.ERROR, describe(event.error)))
                self._end(event, "gave_up", continuity=event.continuity, error=event.error)
            case Closed():
                self._end(event, "closed")
            case AudioDropped():
                self._costs["lost_audio"].add(event.seconds, _about(event))
            case GoingAway() | Stalled():
                # Of what comes of them the next event tells.
                pass
            case _:
                assert_never(event)

    def _span(self, event: Event, kind: str) -> Span:
        """Return the span of the outage of a session, which begins now if there is none."""
        outage = self._outages.get(event.session)
        if outage is None:
            kind = f"{kind}"  # a plain text: some exporters take no enum for one
            about = {**_about(event), _CONVERSATION: event.session, _KIND: kind}
            span = self._tracer.start_span(f"outage {event.model}", attributes=about)
            outage = self._outages[event.session] = _Outage(span, kind)
        return outage.span

    def _end(
        self,
        event: Event,
        outcome: str,
        *,
        continuity: Continuity | None = None,
        error: BaseException | None = None,
    ) -> None:
        """End an outage, if there is one, or else a move."""
        outage = self._outages.pop(event.session, None)
        if outage is None and continuity is None:
            # The first connection of all, or the end of a session that was well.
            return
        about = {
            **_about(event),
            _KIND: "go_away" if outage is None else outage.kind,
            _OUTCOME: outcome,
        }
        if error is not None:
            about[_ERROR] = _type_of(error)
        costs = _costs_of(continuity)
        self._reconnects.add(1, about)
        for field, cost in costs.items():
            self._costs[field].add(cost, about)
        if outage is not None:
            if continuity is not None:
                # Of one that the owner has cut short nobody knows how long it would have been.
                self._duration.record(continuity.outage, about)
            outage.span.set_attributes(
                {**about, **{f"reconnect.{field}": cost for field, cost in costs.items()}}
            )
            outage.span.end()


def _about(event: Event) -> dict[str, str]:
    return {_PROVIDER: _GOOGLE, _MODEL: event.model}


def _costs_of(continuity: Continuity | None) -> dict[str, int | float]:
    """Return what a gap has cost, without what it has not."""
    costs = {field: getattr(continuity, field, 0) for field in _COSTS}
    return {field: cost for field, cost in costs.items() if cost}


def _exception(error: BaseException) -> dict[str, str]:
    """Return an error as the conventions record it.

    Not `Span.record_exception`: the stack of a failure of the network says nothing, and a line of
    it may say more than the error, from which handles have been removed.
    """
    return {
        "exception.type": _name_of(error),
        "exception.message": describe(error),
        _ERROR: _type_of(error),
    }


def _type_of(error: BaseException) -> str:
    """Return the class of an error: its close code or HTTP status, else the name of its type."""
    code = read(error).code
    return _name_of(error) if code is None else f"{code}"


def _name_of(error: BaseException) -> str:
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
