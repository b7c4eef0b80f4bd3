"""The sessions of every client made resumable, whoever else stands between them and the SDK."""

import asyncio
import contextlib
import functools
from unittest import mock

import pytest
from clients import OPTIONS, client_of, connect
from google.genai.live import AsyncLive
from talk import MODEL, QUICK, TEXT, ask, settled

import reconnect
from reconnect import ReconnectOptions, ResumableClient, ResumableSession
from reconnect.testing import Abort, LiveServer


async def test_installed_and_undone():
    """Every client is resumable while it is installed; twice is once; open sessions stay."""
    before = AsyncLive.connect
    async with LiveServer() as server:
        async with connect(server.client()) as old:
            undo = reconnect.install()
            undo_too = reconnect.install(OPTIONS)
            try:
                async with connect(server.client()) as session:
                    assert isinstance(session, ResumableSession)
                    await ask(session, "a")
                    await settled()
                    server.inject(Abort())
                    await ask(session, "b")
                    undo()
                    server.inject(Abort())
                    assert "before it" in await ask(session, "c")
            finally:
                undo_too()
            assert not isinstance(old, ResumableSession)
            assert "alone" in await ask(old, "alone")
        assert AsyncLive.connect is before
        async with connect(server.client()) as plain:
            assert not isinstance(plain, ResumableSession)


async def test_installed_beneath_the_rest():
    """A session that is made by hand, or by a resumable client, is one while it is installed."""
    async with LiveServer() as server, contextlib.AsyncExitStack() as stack:
        stack.callback(reconnect.install(ReconnectOptions(hide=())))
        live = server.client().aio.live
        by_hand = ResumableSession(live, model=MODEL, config=TEXT, policy=QUICK)
        for opening in (by_hand, connect(client_of(server))):
            async with opening as session:
                dialled = len(server.connections)
                await ask(session, "a")
                await settled()
                server.inject(Abort())
                await ask(session, "b")
                assert len(server.connections) == dialled + 1


async def test_wrapped_by_somebody_else_after_it_was_installed():
    """A function that somebody has put around it connects as the SDK does once it is undone."""
    before = AsyncLive.connect
    undo = reconnect.install()
    ours = AsyncLive.connect

    def theirs(live, **arguments):
        return ours(live, **arguments)

    AsyncLive.connect = theirs
    try:
        async with LiveServer() as server:
            async with connect(server.client()) as session:
                assert isinstance(session, ResumableSession)
            undo()
            async with connect(server.client()) as session:
                assert not isinstance(session, ResumableSession)
            assert reconnect.install() is undo
            async with connect(server.client()) as session, connect(client_of(server)):
                assert isinstance(session, ResumableSession)
            AsyncLive.connect = ours
    finally:
        undo()
    assert AsyncLive.connect is before


class Counting:
    """A function of somebody's around the SDK's connect(), which passes for it.

    Args:
        beneath: What it calls.
    """

    def __init__(self, beneath):
        self.times = 0

        @functools.wraps(beneath)
        def connect(*args, **arguments):
            self.times += 1
            return beneath(*args, **arguments)

        self.connect = connect


async def survives(server, session, *, connections=2):
    """Check that a session is one, and not one upon another: it takes a connection for a loss."""
    before = len(server.connections)
    async with session as entered:
        await ask(entered, "a")
        await settled()
        server.inject(Abort())
        assert "before it" in await ask(entered, "b")
    assert len(server.connections) == before + connections
    names = [task.get_name() for task in asyncio.all_tasks()]
    assert not [name for name in names if name.startswith("reconnect supervisor")]


@pytest.mark.parametrize("through", ["install", "client"])
async def test_made_by_hand_through_somebody_elses_function(through):
    """A session that is made by hand is one, whoever stands between it and the SDK."""
    events = []
    options = ReconnectOptions(policy=QUICK, on_event=events.append)
    async with LiveServer() as server, contextlib.AsyncExitStack() as stack:
        if through == "install":
            stack.callback(reconnect.install(options))
            counting = Counting(AsyncLive.connect)
            stack.callback(setattr, AsyncLive, "connect", AsyncLive.connect)
            AsyncLive.connect = counting.connect
            live = server.client().aio.live
        else:
            live = client_of(server, options).aio.live
            counting = Counting(live.connect)
            live.connect = counting.connect
        await survives(server, ResumableSession(live, model=MODEL, config=TEXT, policy=QUICK))
        assert counting.times == 2
        assert not events


async def test_installed_again_after_somebody_has_put_back_what_they_found():
    """What somebody has put back is replaced again, and all of it can be undone."""
    before = AsyncLive.connect
    async with LiveServer() as server:
        patch = mock.patch.object(AsyncLive, "connect", Counting(before).connect)
        patch.start()
        undo = reconnect.install(OPTIONS)
        patch.stop()
        assert AsyncLive.connect is before
        reconnect.install(OPTIONS)
        await survives(server, connect(server.client()))
        undo()
        assert AsyncLive.connect is before


@pytest.mark.parametrize("undone", [(0, 1), (1, 0), (0, 0), (1,)])
async def test_installed_twice_around_somebody_elses_function(undone):
    """A session is one, and any of the functions that undo it does, in any order."""
    before = AsyncLive.connect
    async with LiveServer() as server:
        undo = [reconnect.install(OPTIONS)]
        ours, counting = AsyncLive.connect, Counting(AsyncLive.connect)
        AsyncLive.connect = counting.connect
        undo.append(reconnect.install(OPTIONS))
        await survives(server, connect(server.client()))
        assert counting.times == 2
        for number in undone:
            undo[number]()
        assert AsyncLive.connect is counting.connect
        async with connect(server.client()) as session:
            assert not isinstance(session, ResumableSession)
        AsyncLive.connect = ours
        undo[0]()
        assert AsyncLive.connect is before


@pytest.mark.parametrize("kind", ["attribute", "class"])
async def test_client_whose_connect_is_somebody_elses_is_wrapped(kind):
    """Its sessions are resumable, and each of their connections is made as it was to be made."""
    async with LiveServer() as server:
        client = server.client()
        live = client.aio.live
        counting = Counting(live.connect if kind == "attribute" else AsyncLive.connect)
        if kind == "attribute":
            live.connect = counting.connect
        else:
            made = type("Theirs", (AsyncLive,), {"connect": counting.connect})
            client.aio._live = made(live._api_client)
        wrapped = ResumableClient.wrap(client, OPTIONS)
        await survives(server, connect(wrapped))
        assert counting.times == 2
        await survives(server, connect(ResumableClient.wrap(wrapped, OPTIONS)))
