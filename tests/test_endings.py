"""However the session's own machinery ends, whoever waits is told; and nothing is left behind."""

import asyncio
import contextlib
import gc
import json
import logging
import sys
import traceback
import warnings
from types import SimpleNamespace

import loops
import pytest
from talk import QUICK, TEXT, ask, kinds, reply, session_on, settled, user

from reconnect import (
    Connected,
    GaveUp,
    GoingAway,
    Lost,
    Raise,
    ReconnectGate,
    ReconnectPolicy,
    Restart,
    Restarted,
    ResumableSession,
    Resume,
    Resumed,
    Retrying,
    SessionClosed,
)
from reconnect.testing import Abort, Close, GoAway, LiveServer, Parrot, RejectHandle

PATIENCE = 60.0
"""Seconds of virtual time after which a wait counts as a hang."""


class Failing:
    """A live module whose connections can be made to fail in some way."""

    def __init__(self, live, error=None):
        self.live = live
        self.vertexai = live.vertexai
        self.error = error

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        if self.error is not None:
            raise self.error
        async with self.live.connect(model=model, config=config) as session:
            yield session


def ends():
    """Return what is no Exception, and yet ends a task."""
    return [
        asyncio.CancelledError("a token task was cancelled"),
        BaseExceptionGroup("several", [asyncio.CancelledError(), ValueError("one")]),
        GeneratorExit(),
    ]


@pytest.mark.parametrize("error", ends(), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["live", "connect", "history"])
async def test_the_first_connection(where, error):
    """Entering a session raises what its caller's code has raised, and does not hang."""

    def fail(*_):
        raise error

    async with LiveServer() as server:
        live = server.client().aio.live
        options = {
            "live": {"live": fail},
            "connect": {"live": Failing(live, error)},
            "history": {"live": live, "history": fail},
        }[where]
        session = session_on(server, **options)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ConnectionAbortedError, match=type(error).__name__) as raised:
                await session.__aenter__()
        assert type(raised.value.__cause__) is type(error)


@pytest.mark.parametrize("error", ends(), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["live", "connect", "history"])
async def test_a_later_connection(where, error):
    """Whoever waits is raised an error when the caller's code ends the supervisor later on."""
    failing = []
    async with LiveServer() as server:
        live = server.client().aio.live
        inner = Failing(live)

        def connect():
            if failing and where == "live":
                raise error
            inner.error = error if failing and where == "connect" else None
            return inner

        def history():
            if failing and where == "history":
                raise error
            return []

        policy = QUICK.replace(without_handle="restart")
        options = {"live": connect, "history": history, "policy": policy}
        async with asyncio.timeout(PATIENCE), session_on(server, **options) as session:
            await ask(session, "a")
            reader = asyncio.create_task(reply(session))
            await settled()
            failing.append(True)
            if where == "history":
                server.plan(RejectHandle())
            server.inject(Abort())
            with pytest.raises(ConnectionAbortedError, match=type(error).__name__):
                await reader
            with pytest.raises(ConnectionAbortedError, match=type(error).__name__):
                await session.send_client_content(turns=user("b"))


async def test_the_supervisor_is_cancelled_by_a_stranger():
    """Somebody who cancels every task he finds ends the session with an error, not with a hang."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        reader = asyncio.create_task(reply(session))
        await settled()
        session._driver._supervisor.cancel()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ConnectionAbortedError, match="CancelledError"):
                await reader


@pytest.mark.parametrize("name", ["writer", "connection", "listener"])
async def test_another_task_is_cancelled_by_a_stranger(name):
    """A cancelled helper of the session is missed, and the conversation goes on."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        [task] = [task for task in asyncio.all_tasks() if task.get_name() == f"reconnect {name}"]
        task.cancel()
        async with asyncio.timeout(PATIENCE):
            await asyncio.sleep(5)
            assert '"b"' in await ask(session, "b")
            await settled()
            server.inject(Abort())
            assert '"c"' in await ask(session, "c")


async def test_an_observer_that_raises_a_cancellation():
    """An on_event that raises CancelledError is reported to the loop, and ends nothing."""
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: reported.append(told))

    def fail(event):
        raise asyncio.CancelledError(type(event).__name__)

    async with (
        LiveServer() as server,
        asyncio.timeout(PATIENCE),
        session_on(server, policy=QUICK, on_event=fail) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        assert '"b"' in await ask(session, "b")
    asyncio.get_running_loop().set_exception_handler(None)
    assert [str(told["exception"]) for told in reported] == [
        "Connected",
        "Lost",
        "Retrying",
        "Resumed",
        "Closed",
    ]


class Deciding:
    """A policy that decides what it is told to."""

    def __init__(self, decision):
        self.decision = decision

    def decide(self, loss, *, attempt, elapsed, draw):
        return self.decision


async def _nothing():
    pass


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (lambda: Raise(asyncio.CancelledError()), RuntimeError),
        (lambda: Raise(KeyboardInterrupt()), RuntimeError),
        (lambda: Raise(GeneratorExit()), RuntimeError),
        (lambda: Raise(OSError("mine")), OSError),
        (lambda: Raise("text"), TypeError),
        (lambda: None, TypeError),
        (_nothing, TypeError),
        (lambda: Resume(float("nan")), ValueError),
        (lambda: Resume(-1.0), ValueError),
        (lambda: Restart(float("inf")), ValueError),
        (lambda: Resume("soon"), TypeError),
    ],
)
async def test_a_decision_that_is_none(decision, expected):
    """A policy that decides nonsense ends the session with an error that names it."""
    async with LiveServer() as server, asyncio.timeout(PATIENCE):
        async with session_on(server, policy=Deciding(decision())) as session:
            await ask(session, "a")
            reader = asyncio.create_task(reply(session))
            await settled()
            server.inject(Abort())
            with pytest.raises(expected) as raised:
                await reader
    if expected is not OSError:
        assert "Deciding" in str(raised.value)


async def _async_observer(event):
    pass


class _Later:
    async def decide(self, loss, *, attempt, elapsed, draw):
        pass


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"on_event": _async_observer}, "must be a plain function"),
        ({"on_event": 5}, "must be callable"),
        ({"policy": ReconnectPolicy}, r"ReconnectPolicy\(\)"),
        ({"policy": _Later()}, "is not awaited"),
        ({"policy": object()}, "decide"),
    ],
)
def test_misuse_is_said_when_the_session_is_made(options, words):
    """What can be seen to be wrong when the session is made is said then, with the remedy."""
    with pytest.raises(TypeError, match=words):
        ResumableSession(lambda: None, model="m", **options)


# Reading


async def test_the_second_reader_is_refused():
    """Of two readers the second gets the error; the first goes on, and the session lives."""
    async with LiveServer(chunk_delay=0.2) as server, session_on(server, policy=QUICK) as session:
        await session.send_client_content(turns=user("a"))
        first = asyncio.create_task(reply(session))
        await asyncio.sleep(0.1)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="another task"):
                await reply(session)
            await asyncio.sleep(0.1)
        assert await first == 'You said "a". That is turn 1.'
        assert await ask(session, "b")
        assert len(server.connections) == 1


async def test_a_reader_that_was_overtaken_is_refused():
    """Whoever comes back to its loop while another task waits for a message gets the error."""
    async with LiveServer(chunk_delay=0.2) as server, session_on(server, policy=QUICK) as session:
        await session.send_client_content(turns=user("a"))
        overtaken = session.receive()
        await anext(overtaken)
        other = asyncio.create_task(reply(session))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await anext(overtaken)
        await other
        assert await ask(session, "b")
        assert len(server.connections) == 1


@pytest.mark.parametrize("steps", range(12))
async def test_a_reader_is_cancelled_as_the_listener_hands_over(steps):
    """Somebody reads after a cancelled reader: a loss and a go_away are noticed."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await asyncio.sleep(0.01)
        session._driver.reader.listen()
        reader = asyncio.create_task(reply(session))
        await asyncio.sleep(0.02)
        for _ in range(steps):
            await asyncio.sleep(0)
        reader.cancel()
        await asyncio.sleep(3)
        server.inject(GoAway("300s"))
        await asyncio.sleep(1)
        server.inject(Abort())
        await asyncio.sleep(3)
        assert [GoingAway, Lost] == [kind for kind in kinds(events) if kind in (GoingAway, Lost)]
        assert '"b"' in await ask(session, "b")


# Closing


@pytest.mark.parametrize("steps", range(4))
async def test_closing_with_a_cancelled_reader(steps):
    """Closing right after a message, with the reader cancelled and not awaited, takes no time."""
    async with LiveServer() as server:
        session = session_on(server, policy=QUICK)
        await session.__aenter__()
        await session.send_client_content(turns=user("a"))
        got = asyncio.Event()

        async def read():
            async for _ in session.receive():
                got.set()

        reader = asyncio.create_task(read())
        await got.wait()
        reader.cancel()
        for _ in range(steps):
            await asyncio.sleep(0)
        clock = asyncio.get_running_loop().time
        began = clock()
        await session.close()
        assert clock() - began < 0.5
        with pytest.raises((asyncio.CancelledError, SessionClosed)):
            await reader


@pytest.mark.parametrize("where", ["live", "history", "on_event"])
@pytest.mark.parametrize("later", [False, True])
async def test_closing_from_inside(where, later):
    """close() from inside live, history or on_event leaves no connection and no task."""
    async with LiveServer() as server:
        real = server.client().aio.live
        armed = [not later]
        closing = []

        async def live():
            if armed[0] and where == "live":
                await session.close()
            return real

        async def history():
            if armed[0] and where == "history":
                await session.close()
            return []

        def on_event(event):
            if armed[0] and where == "on_event":
                closing.append(asyncio.ensure_future(session.close()))

        policy = QUICK.replace(without_handle="restart")
        session = session_on(server, live=live, history=history, on_event=on_event, policy=policy)
        clock = asyncio.get_running_loop().time
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(SessionClosed):
                await session.__aenter__()
                armed[0] = True
                server.inject(Abort())
                await asyncio.sleep(3)
            began = clock()
            await session.close()
            await asyncio.gather(*closing)
            assert clock() - began < 1
        with pytest.raises(SessionClosed):
            await session.send_client_content(turns=user("a"))
        await asyncio.sleep(1)
        assert all(connection.closed_at is not None for connection in server.connections)


async def test_what_is_sent_from_the_observer_is_written():
    """A turn that is sent from on_event at Resumed is written."""
    sent = []

    async with LiveServer() as server:

        def on_event(event):
            if isinstance(event, Resumed):
                sent.append(asyncio.ensure_future(session.send_client_content(turns=user("b"))))

        async with session_on(server, policy=QUICK, on_event=on_event) as session:
            await ask(session, "a")
            await settled()
            server.inject(Abort())
            assert '"b"' in await reply(session)
            await asyncio.gather(*sent)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
@pytest.mark.skipif(loops.LOOP == "uvloop", reason="uvloop's take no eager tasks from a factory")
async def test_what_is_sent_from_the_observer_is_written_at_once():
    """The same, where a task runs before whoever starts it goes on."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    sent = []

    async with LiveServer() as server:

        def on_event(event):
            if isinstance(event, Resumed):
                sent.append(loop.create_task(session.send_client_content(turns=user("b"))))

        async with session_on(server, policy=QUICK, on_event=on_event) as session:
            await ask(session, "a")
            await settled()
            server.inject(Abort())
            assert '"b"' in await reply(session)
            await asyncio.gather(*sent)


# What the caller brings


@pytest.mark.parametrize("where", ["live", "config"])
async def test_a_local_failure_is_raised_as_it_came(where, monkeypatch):
    """A ValueError of the caller's code, or of the SDK before a socket, is no frame."""
    error = ValueError("no such profile")
    failing = []
    events = []
    async with LiveServer() as server:
        real = server.client().aio.live

        def live():
            if failing and where == "live":
                raise error
            return real

        async with session_on(server, live=live, policy=QUICK, on_event=events.append) as session:
            await ask(session, "a")
            await settled()
            failing.append(True)
            if where == "config":

                async def refuse(*_):
                    raise error

                monkeypatch.setattr("google.genai.live._t_live_connect_config", refuse)
            server.inject(Abort())
            with pytest.raises(ValueError, match="no such profile") as raised:
                await ask(session, "b")
    assert raised.value is error
    assert kinds(events)[-1] is GaveUp
    assert len(server.connections) == 1


async def test_a_history_that_hangs_is_a_failed_attempt():
    """A history that is fetched runs under setup_timeout, and its OSError is a failed attempt."""
    calls = []

    async def history():
        calls.append(len(calls))
        if len(calls) == 1:
            await asyncio.sleep(1000)
        if len(calls) == 2:
            raise OSError("the store is away")
        return [user("told")]

    policy = QUICK.replace(without_handle="restart")
    async with (
        LiveServer() as server,
        session_on(server, history=history, policy=policy, setup_timeout=2) as session,
    ):
        assert 'before it: "told"' in await ask(session, "a")
        assert len(calls) == 3


async def test_garbage_is_warned_of():
    """A session that nobody closed warns when it is garbage, and its connection is closed."""
    async with LiveServer() as server:
        session = session_on(server)
        await session.__aenter__()
        held = [session]
        del session
        with pytest.warns(ResourceWarning, match="never closed"):
            held.clear()
        gc.collect()
        await asyncio.sleep(3)
        assert server.connections[0].closed_at is not None


async def test_a_closed_session_is_no_garbage():
    """A session that was closed goes without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with LiveServer() as server:
            async with session_on(server) as session:
                await ask(session, "a")
            del session
            session = session_on(server)
            del session
            gc.collect()


def test_a_gate_belongs_to_one_loop():
    """A gate that is used on a second event loop says so at once."""
    gate = ReconnectGate(rate=10)

    async def once():
        async with gate:
            pass

    asyncio.run(once())
    with pytest.raises(RuntimeError, match="loop"):
        asyncio.run(once())


# Handles


async def test_no_handle_is_told(caplog, capsys):
    """A server that quotes a handle in a close reason, new, old or cut, quotes it to nobody."""
    caplog.set_level(logging.DEBUG, logger="reconnect")
    told = []
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, said: reported.append(said))

    def on_event(event):
        told.append(f"{event!r} {event}")
        if isinstance(event, (Lost, GaveUp)):
            told.append("".join(traceback.format_exception(event.error)))
            raise LookupError(f"while told {event!r}")  # noqa: TRY004 (any error would do)

    async with LiveServer(Parrot()) as server:
        session = session_on(server, policy=QUICK, on_event=on_event)
        async with session:
            handles = []
            for text in "abc":
                await ask(session, text)
                await settled()
                handles.append(session.handle)
            assert len(set(handles)) == 3
            for handle in (handles[-1], handles[0], handles[0][:12]):
                server.inject(Close(1011, f"no luck with {handle}"))
                await ask(session, "again")
                await settled()
            server.inject(Close(1008, f"API key not valid: {session.handle}"))
            with pytest.raises(Exception, match="API key") as raised:
                await ask(session, "d")
            told.append("".join(traceback.format_exception(raised.value)))
            told.append(repr(session))
            handles.append(session.handle)
    asyncio.get_running_loop().set_exception_handler(None)
    told += [f"{said!r}" for said in reported]
    # What the emulator logs is the server's side: it quotes what the test has it say.
    own = [r for r in caplog.records if not r.name.startswith("reconnect.testing")]
    logged = map(caplog.handler.format, own)
    text = "\n".join([*told, *logged, capsys.readouterr().err])
    assert "no luck with <handle>" in text
    assert reported
    for handle in handles:
        if handle is not None:
            assert handle not in text
            assert handle[:12] not in text


async def test_the_config_is_not_shown():
    """A session's repr names its model and its state, and nothing that it was made with."""
    config = {**TEXT, "session_resumption": {"handle": "secret-handle"}}
    session = ResumableSession(lambda: None, model="m", config=config)
    assert repr(session) == f"<ResumableSession {session.name} model='m' new>"


async def test_a_first_connection_that_is_lost_before_it_was_up_to_date():
    """Each event is told once, and `async with` returns when the session can be used."""
    events = []
    async with LiveServer(profile="2.5") as server:
        real = server.client().aio.live

        @contextlib.asynccontextmanager
        async def connect(*, model, config):
            async with real.connect(model=model, config=config) as session:
                if len(server.connections) == 1:
                    await session.close()
                yield session

        live = SimpleNamespace(connect=connect, vertexai=False)
        policy = QUICK.replace(without_handle="restart")
        async with session_on(
            server, live=live, policy=policy, history=[user("told")], on_event=events.append
        ) as session:
            assert kinds(events) == [Connected, Lost, Retrying, Restarted]
            assert 'before it: "told"' in await ask(session, "a")


# Faults that an attack has found


class Stubborn(Exception):
    """An error that refuses to be looked at, and to be changed."""

    def __init__(self, text):
        super().__init__(text)
        object.__setattr__(self, "itself", {})
        self.itself["again"] = self.itself

    def __setattr__(self, name, value):
        raise AttributeError(name)


@pytest.mark.parametrize(
    "fail",
    [
        lambda session: Stubborn(f"with {session.handle}"),
        lambda session: StopIteration(session.handle),
        lambda session: StopAsyncIteration(),
        lambda session: RecursionError("deep"),
    ],
)
async def test_no_error_is_too_odd_to_be_told(fail):
    """Whatever connect() raises later on, whoever waits is raised an error without a handle."""
    async with LiveServer() as server:
        live = Failing(server.client().aio.live)
        async with (
            asyncio.timeout(PATIENCE),
            session_on(server, live=live, policy=QUICK) as session,
        ):
            await ask(session, "a")
            await settled()
            reader = asyncio.create_task(reply(session))
            await asyncio.sleep(0)
            live.error = fail(session)
            server.inject(Abort())
            with pytest.raises(Exception) as raised:
                await reader
            assert not isinstance(raised.value, TimeoutError)
            assert session.handle not in repr(raised.value)


async def test_json_of_the_callers_is_no_frame():
    """A connect() of the caller's own that cannot decode something of its own ends the session."""
    events = []
    async with LiveServer() as server:
        real = server.client().aio.live
        broken = []

        @contextlib.asynccontextmanager
        async def connect(*, model, config):
            if broken:
                json.loads("")
            async with real.connect(model=model, config=config) as session:
                yield session

        live = SimpleNamespace(connect=connect, vertexai=False)
        async with session_on(server, live=live, policy=QUICK, on_event=events.append) as session:
            await ask(session, "a")
            broken.append(True)
            server.inject(Abort())
            with pytest.raises(json.JSONDecodeError):
                await ask(session, "b")
    assert kinds(events)[-2:] == [Lost, GaveUp]


async def test_an_observer_that_returns_a_coroutine():
    """An on_event that turns out to be async is reported, and its coroutine is closed."""
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: reported.append(told))
    async with LiveServer() as server:

        def observe(event):
            return _async_observer(event)

        async with session_on(server, on_event=observe) as session:
            await ask(session, "a")
    asyncio.get_running_loop().set_exception_handler(None)
    assert [type(told["exception"]) for told in reported] == [TypeError] * 2


def test_an_observer_takes_one_event():
    """An on_event that takes nothing, or two things, is refused when the session is made."""
    for wrong in (lambda: None, lambda one, two: None):
        with pytest.raises(TypeError, match="one argument"):
            ResumableSession(lambda: None, model="m", on_event=wrong)
