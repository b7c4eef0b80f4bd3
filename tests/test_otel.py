"""What OpenTelemetry is told, over real outages, by way of its own SDK."""

import asyncio
import contextlib
import dataclasses
import importlib
import subprocess
import sys

import pytest
from google.genai import errors
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from talk import MODEL, QUICK, ask, session_on, settled, user

from reconnect import (
    AudioDropped,
    Closed,
    Connected,
    Continuity,
    FailureKind,
    GaveUp,
    Lost,
    Phase,
    Resumed,
    Retrying,
    Stalled,
    otel,
)
from reconnect.otel import OpenTelemetryObserver
from reconnect.testing import Abort, Close, GoAway, LiveServer, Refuse

ABOUT = {"gen_ai.provider.name": "gcp.gen_ai", "gen_ai.request.model": MODEL}


class Telemetry:
    """An observer, and what OpenTelemetry has been told by it."""

    def __init__(self, then=None):
        self._exporter = InMemorySpanExporter()
        self.traces = TracerProvider(shutdown_on_exit=False)
        self.traces.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        self._meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.events = []
        self.observer = OpenTelemetryObserver(
            then or self.events.append, tracer_provider=self.traces, meter_provider=self._meters
        )

    @property
    def spans(self):
        """The spans that have ended."""
        return self._exporter.get_finished_spans()

    @property
    def metrics(self):
        """The metrics by name, each with its data points."""
        data = self._reader.get_metrics_data()
        found = [] if data is None else data.resource_metrics[0].scope_metrics[0].metrics
        return {metric.name: metric for metric in found}

    def counted(self, name):
        """Return what a counter says, by its attributes without those of every point."""
        points = self.metrics[name].data.data_points if name in self.metrics else []
        assert all(dict(point.attributes).items() >= ABOUT.items() for point in points)
        return [
            ({key: it for key, it in point.attributes.items() if key not in ABOUT}, point.value)
            for point in points
        ]

    @property
    def text(self):
        """All that a backend would be shown."""
        metrics = self._reader.get_metrics_data()
        return "".join(span.to_json() for span in self.spans) + (
            "" if metrics is None else metrics.to_json()
        )


@pytest.fixture
def telemetry():
    """Return an observer whose telemetry can be read."""
    return Telemetry()


def attributes(of):
    """Return the attributes of a span or an event, without those of every span."""
    return {key: it for key, it in of.attributes.items() if key not in ABOUT}


# Over real outages


async def test_outage_is_a_span(telemetry):
    """An outage that was survived is one span, of what failed and what was tried, and no error."""
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, on_event=telemetry.observer) as session,
    ):
        await ask(session, "a")
        await settled()
        server.plan(Refuse(503), None)
        server.inject(Close(1011, "Internal error encountered."))
        await ask(session, "b")
        (span,) = telemetry.spans
    (gap,) = (event.continuity for event in telemetry.events if isinstance(event, Resumed))
    assert span.name == f"outage {MODEL}"
    assert span.instrumentation_scope.name == "reconnect"
    assert attributes(span) == {
        "gen_ai.conversation.id": session.name,
        "reconnect.kind": "transient",
        "reconnect.outcome": "resumed",
        "reconnect.attempts": 2,
        "reconnect.replayed": 1,
    }
    assert ABOUT.items() <= span.attributes.items()
    assert span.status.status_code is StatusCode.UNSET
    assert span.start_time < span.end_time
    assert [event.name for event in span.events] == ["exception", "reconnect.attempt"] * 2
    lost, retrying, refused, again = map(attributes, span.events)
    assert lost.pop("reconnect.age") > 0
    assert lost == {
        "exception.type": "google.genai.errors.APIError",
        "exception.message": "1011 Internal error encountered",
        "error.type": "1011",
        "reconnect.kind": "transient",
        "reconnect.phase": "session",
    }
    assert retrying == {
        "reconnect.attempt": 1,
        "reconnect.delay": 0.05,
        "reconnect.fresh": False,
    }
    assert (refused["error.type"], refused["reconnect.phase"]) == ("503", "connect")
    assert again["reconnect.attempt"] == 2

    ended = {"reconnect.kind": "transient", "reconnect.outcome": "resumed"}
    assert telemetry.counted("reconnect.reconnects") == [(ended, 1)]
    assert telemetry.counted("reconnect.replayed") == [(ended, 1)]
    assert telemetry.counted("reconnect.attempts") == [(ended, 2)]
    assert "reconnect.lost_turns" not in telemetry.metrics
    duration = telemetry.metrics["reconnect.outage.duration"]
    (point,) = duration.data.data_points
    assert (duration.unit, point.count, point.sum) == ("s", 1, gap.outage)
    assert point.explicit_bounds[:2] == (0.1, 0.25)
    assert dict(point.attributes) == ABOUT | ended


async def test_span_belongs_to_the_one_in_which_the_session_was_opened(telemetry):
    """An outage is part of the trace that the session is part of."""
    async with LiveServer() as server:
        with telemetry.traces.get_tracer("app").start_as_current_span("call") as call:
            session = session_on(server, policy=QUICK, on_event=telemetry.observer)
            await session.__aenter__()
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        await ask(session, "b")
        await session.close()
    outage = next(span for span in telemetry.spans if span.name.startswith("outage"))
    assert outage.parent == call.get_span_context()


async def test_end_for_good_is_an_error(telemetry):
    """An outage in which the session ends is an error, in the span and in the metrics."""
    async with LiveServer() as server:
        with pytest.raises(errors.APIError):  # noqa: PT012
            async with session_on(server, on_event=telemetry.observer) as session:
                await ask(session, "a")
                server.inject(Close(1008, "API key not valid. Please pass one."))
                await ask(session, "b")
    (span,) = telemetry.spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "1008 API key not valid. Please pass one"
    assert span.attributes["error.type"] == "1008"
    assert span.attributes["reconnect.lost_turns"] == 1
    ended = {"reconnect.kind": "fatal", "reconnect.outcome": "gave_up", "error.type": "1008"}
    assert telemetry.counted("reconnect.reconnects") == [(ended, 1)]
    assert telemetry.counted("reconnect.lost_turns") == [(ended, 1)]


async def test_session_that_is_closed_in_an_outage(telemetry):
    """An outage ends with the session, and nothing is kept of it."""
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, on_event=telemetry.observer) as session,
    ):
        await ask(session, "a")
        await settled()
        server.outage(60)
        await settled()
        assert not telemetry.spans
        assert list(telemetry.observer._outages) == [session.name]
        await session.close()
        assert not telemetry.observer._outages
    (span,) = telemetry.spans
    assert span.attributes["reconnect.outcome"] == "closed"
    assert span.status.status_code is StatusCode.UNSET
    ended = {"reconnect.kind": "transient", "reconnect.outcome": "closed"}
    assert telemetry.counted("reconnect.reconnects") == [(ended, 1)]
    assert "reconnect.outage.duration" not in telemetry.metrics


async def test_first_connection_that_takes_two_attempts(telemetry):
    """What came before the first connection of all is a span, which ends with it."""
    policy = QUICK.replace(without_handle="restart")
    async with (
        LiveServer(faults=[Refuse(503)]) as server,
        session_on(server, policy=policy, on_event=telemetry.observer) as session,
    ):
        await ask(session, "a")
    (span,) = telemetry.spans
    assert span.attributes["reconnect.outcome"] == "connected"
    ended = {"reconnect.kind": "transient", "reconnect.outcome": "connected"}
    assert telemetry.counted("reconnect.reconnects") == [(ended, 1)]


async def test_move_is_counted_and_is_no_outage(telemetry):
    """A move before the deadline of a go_away is a reconnect without a span."""
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, on_event=telemetry.observer) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(GoAway("5s"))
        await asyncio.sleep(6)
        await ask(session, "b")
    moved = {"reconnect.kind": "go_away", "reconnect.outcome": "resumed"}
    assert telemetry.counted("reconnect.reconnects") == [(moved, 1)]
    assert not telemetry.spans
    assert "reconnect.outage.duration" not in telemetry.metrics


async def test_new_session_is_counted(telemetry):
    """An outage that only a new session could end says so."""
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, on_event=telemetry.observer) as session,
    ):
        await ask(session, "a")
        await settled()
        server.reject_handles()
        server.inject(Abort())
        await ask(session, "b")
    (span,) = telemetry.spans
    assert span.attributes["reconnect.outcome"] == "restarted"
    assert span.events[2].attributes["reconnect.kind"] == "handle_rejected"
    assert span.events[3].attributes["reconnect.fresh"] is True
    # By what has begun it, not by what came in its course.
    assert span.attributes["reconnect.kind"] == "transient"


async def test_one_observer_of_many_sessions(telemetry):
    """Each session has a span of its own, though their outages overlap, and all are counted."""
    async with LiveServer() as server, contextlib.AsyncExitStack() as stack:
        sessions = [
            await stack.enter_async_context(
                session_on(server, policy=QUICK, on_event=telemetry.observer)
            )
            for _ in range(3)
        ]
        for session in sessions:
            await ask(session, "a")
        await settled()
        server.outage(2)
        await asyncio.sleep(1)
        assert len(telemetry.observer._outages) == 3
        await asyncio.gather(*(ask(session, "b") for session in sessions))
        assert not telemetry.observer._outages
    found = {span.attributes["gen_ai.conversation.id"] for span in telemetry.spans}
    assert found == {session.name for session in sessions}
    assert len(telemetry.spans) == 3
    ((_, count),) = telemetry.counted("reconnect.reconnects")
    assert count == 3


async def test_session_that_was_well_leaves_nothing(telemetry):
    """A session without an outage is not in the telemetry."""
    async with LiveServer() as server:
        async with session_on(server, on_event=telemetry.observer) as session:
            await ask(session, "a")
    assert not telemetry.spans
    assert not telemetry.metrics


async def test_no_handle_is_told(telemetry):
    """No handle is in a trace or a metric, where a server quotes it, and no line of a stack."""
    issued = []
    async with LiveServer() as server:
        with pytest.raises(errors.APIError):  # noqa: PT012
            async with session_on(server, policy=QUICK, on_event=telemetry.observer) as session:
                for text in "ab":
                    await ask(session, text)
                    await settled()
                    issued.append(session.handle)
                    server.inject(Close(1011, f"lost {issued[0]} or {session.handle}"))
                    await settled()
                server.inject(Close(1008, f"API key not valid: {session.handle}"))
                await ask(session, "c")
    assert len(set(issued)) == 2
    assert "lost <handle> or <handle>" in telemetry.text
    assert not any(handle in telemetry.text for handle in issued)
    assert "Traceback" not in telemetry.text


# Events of all kinds


LOST = Lost(OSError("gone"), FailureKind.TRANSIENT, Phase.SESSION, 1.0, model=MODEL, session="1-a")


def test_every_cost_is_counted(telemetry):
    """Each cost that an event can tell of is a counter of that name, with what it says."""
    costs = [field.name for field in dataclasses.fields(Continuity) if field.name != "outage"]
    gap = Continuity(outage=2.5, **{name: number for number, name in enumerate(costs, 1)})
    telemetry.observer(LOST)
    telemetry.observer(Resumed(gap, model=MODEL, session="1-a"))
    for number, name in enumerate(costs, 1):
        ((_, value),) = telemetry.counted(f"reconnect.{name}")
        assert value == number
        assert telemetry.spans[0].attributes[f"reconnect.{name}"] == number
    units = {name: metric.unit for name, metric in telemetry.metrics.items()}
    assert units["reconnect.replayed"] == "{message}"
    assert units["reconnect.lost_audio"] == units["reconnect.uncovered_audio"] == "s"


def test_audio_that_is_dropped_between_two_outages(telemetry):
    """Audio that no outage has cost is counted all the same."""
    telemetry.observer(AudioDropped(0.5, model=MODEL, session="1-a"))
    telemetry.observer(Stalled(2.0, model=MODEL, session="1-a"))
    telemetry.observer(Closed(0, model=MODEL, session="1-a"))
    assert telemetry.counted("reconnect.lost_audio") == [({}, 0.5)]
    assert list(telemetry.metrics) == ["reconnect.lost_audio"]


def test_end_without_a_loss(telemetry):
    """A session that ends over a bug is an error, though no connection was lost."""
    telemetry.observer(GaveUp(KeyError("x"), Continuity(), model=MODEL, session="1-a"))
    (span,) = telemetry.spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["reconnect.kind"] == "other"
    assert span.attributes["error.type"] == "KeyError"
    assert not telemetry.observer._outages


# Beside another observer


def test_another_observer():
    """What another observer returns is returned, so that it is warned of as if it were alone."""
    telemetry = Telemetry(then=lambda event: (event, 1))
    assert telemetry.observer(LOST) == (LOST, 1)
    assert OpenTelemetryObserver()(LOST) is None


class Failing(SpanProcessor):
    """A processor of spans that fails at some moments of a span's."""

    def __init__(self, *moments):
        self._moments = moments

    def on_start(self, span, parent_context=None):
        self._fail("start")

    def on_end(self, span):
        self._fail("end")

    def _fail(self, moment):
        if moment in self._moments:
            raise RuntimeError(f"no room at the {moment}")


@pytest.mark.parametrize("moments", [["start"], ["end"], ["start", "end"]], ids="+".join)
async def test_another_observer_is_told_whatever_fails(telemetry, moments):
    """No event is lost to it when a span cannot be begun or ended, and the failure is reported."""
    reported = []
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    telemetry.traces.add_span_processor(Failing(*moments))
    async with LiveServer() as server:
        async with session_on(server, policy=QUICK, on_event=telemetry.observer) as session:
            await ask(session, "a")
            await settled()
            server.inject(Abort())
            await ask(session, "b")
    loop.set_exception_handler(handler)
    assert [type(event) for event in telemetry.events] == [
        Connected,
        Lost,
        Retrying,
        Resumed,
        Closed,
    ]
    assert {str(error) for error in reported} == {f"no room at the {moments[0]}"}


def test_observer_that_is_async():
    """An async observer beside it is a TypeError when it is made."""

    async def observe(event):
        pass

    with pytest.raises(TypeError, match="must be a plain function"):
        OpenTelemetryObserver(observe)


async def test_without_a_provider():
    """Nothing is recorded, and nothing fails, where no SDK is set up."""
    async with LiveServer() as server:
        async with session_on(server, policy=QUICK, on_event=OpenTelemetryObserver()) as session:
            await ask(session, "a")
            await settled()
            server.inject(Abort())
            await session.send_client_content(turns=user("b"))
            await settled()


# Without the extra


def test_extra_is_needed(monkeypatch):
    """Without OpenTelemetry the error says what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "reconnect.otel")
    with pytest.raises(ImportError, match=r"pip install \"\.\[otel\]\"") as raised:
        importlib.import_module("reconnect.otel")
    assert raised.value.name == "opentelemetry"
    # What the rest of this file has imported is the same again.
    monkeypatch.undo()
    assert importlib.import_module("reconnect.otel") is otel


def test_nothing_else_needs_it():
    """The library is imported without OpenTelemetry."""
    code = "import sys, reconnect, reconnect.testing; print('opentelemetry' in sys.modules)"
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True).strip() == "False"  # noqa: S603
