"""However the session's own machinery ends, whoever waits is told; and nothing is left behind."""

import asyncio
import contextlib
import gc
import warnings
from types import SimpleNamespace

import pytest
from talk import LONG, QUICK, ask, kinds, reply, session_on, settled, user

from reconnect import (
    Connected,
    GoingAway,
    Lost,
    Restarted,
    Retrying,
    SessionClosed,
)
from reconnect.testing import Abort, GoAway, LiveServer, RejectHandle


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


# How it ends


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
        async with asyncio.timeout(LONG):
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
        async with asyncio.timeout(LONG), session_on(server, **options) as session:
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
        async with asyncio.timeout(LONG):
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
        async with asyncio.timeout(LONG):
            await asyncio.sleep(5)
            assert '"b"' in await ask(session, "b")
            await settled()
            server.inject(Abort())
            assert '"c"' in await ask(session, "c")


class Stubborn(Exception):
    """An error that refuses to be looked at, and to be changed."""

    def __init__(self, text):
        super().__init__(text)
        object.__setattr__(self, "itself", {})
        self.itself["again"] = self.itself

    def __setattr__(self, name, value):
        raise AttributeError(name)


class Mute(BaseException):
    """An error that fails over whatever it is asked."""

    @property
    def args(self):
        raise LookupError("args")

    def __bool__(self):
        raise LookupError("bool")

    def __str__(self):
        raise LookupError("str")


class MuteException(Mute, Exception):
    """The same, as an ordinary error."""


@pytest.mark.parametrize(
    "fail",
    [
        lambda session: Mute(),
        lambda session: MuteException(),
        lambda session: ExceptionGroup("two", [MuteException(), OSError()]),
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
            asyncio.timeout(LONG),
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
        async with asyncio.timeout(LONG):
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
