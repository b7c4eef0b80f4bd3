"""What the caller brings may be wrong, fail or hang: its policy, observer, history or connect()."""

import asyncio
import contextlib
import json
import sys
from types import SimpleNamespace

import loops
import pytest
from talk import LONG, QUICK, ask, kinds, reply, session_on, settled, user

from reconnect import (
    GaveUp,
    Lost,
    Raise,
    ReconnectPolicy,
    Restart,
    ResumableSession,
    Resume,
    Resumed,
)
from reconnect.testing import Abort, LiveServer

# Policies


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
    async with LiveServer() as server, asyncio.timeout(LONG):
        async with session_on(server, policy=Deciding(decision())) as session:
            await ask(session, "a")
            reader = asyncio.create_task(reply(session))
            await settled()
            server.inject(Abort())
            with pytest.raises(expected) as raised:
                await reader
    if expected is not OSError:
        assert "Deciding" in str(raised.value)


# Misuse


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
        ({"policy": _Later()}, "not be awaited"),
        ({"policy": object()}, "decide"),
    ],
)
def test_misuse_is_said_when_the_session_is_made(options, words):
    """What can be seen to be wrong when the session is made is said then, with the remedy."""
    with pytest.raises(TypeError, match=words):
        ResumableSession(lambda: None, model="m", **options)


def test_an_observer_takes_one_event():
    """An on_event that takes nothing, or two things, is refused when the session is made."""
    for wrong in (lambda: None, lambda one, two: None):
        with pytest.raises(TypeError, match="one argument"):
            ResumableSession(lambda: None, model="m", on_event=wrong)


# Observers


async def test_an_observer_that_raises_a_cancellation():
    """An on_event that raises CancelledError is reported to the loop, and ends nothing."""
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: reported.append(told))

    def fail(event):
        raise asyncio.CancelledError(type(event).__name__)

    async with (
        LiveServer() as server,
        asyncio.timeout(LONG),
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


async def sends_from_the_observer():
    """Send a turn from on_event at Resumed, and fail if it is not written."""
    sent = []

    async with LiveServer() as server:

        def on_event(event):
            if isinstance(event, Resumed):
                turn = session.send_client_content(turns=user("b"))
                sent.append(asyncio.get_running_loop().create_task(turn))

        async with session_on(server, policy=QUICK, on_event=on_event) as session:
            await ask(session, "a")
            await settled()
            server.inject(Abort())
            assert '"b"' in await reply(session)
            await asyncio.gather(*sent)


async def test_what_is_sent_from_the_observer_is_written():
    """A turn that is sent from on_event at Resumed is written."""
    await sends_from_the_observer()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
@pytest.mark.skipif(loops.LOOP == "uvloop", reason="uvloop's take no eager tasks from a factory")
async def test_what_is_sent_from_the_observer_is_written_at_once():
    """The same, where a task runs before whoever starts it goes on."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await sends_from_the_observer()


# Connections and histories


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
