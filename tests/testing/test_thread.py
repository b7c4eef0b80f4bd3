"""The server in a thread of its own, and calls from other threads."""

import asyncio
import threading

import pytest
from talking import dial, end, handle_of, refusal, say, send

from reconnect._failures.loss import TEST_BROKE
from reconnect.testing import Abort, LiveServer
from reconnect.testing._thread import run_in


def threads():
    """Return the threads of servers that run."""
    return [thread for thread in threading.enumerate() if thread.name == "LiveServer"]


def test_a_test_without_a_loop_has_a_server():
    """A plain block runs the server in a thread, which ends with it; its loops are the test's."""

    async def talk(text):
        async with dial(server) as session:
            return await say(session, text)

    with LiveServer(profile="2.5") as server:
        assert len(threads()) == 1
        assert asyncio.run(talk("a")) == 'You said "a". That is turn 1.'
        assert asyncio.run(talk("b")) == 'You said "b". That is turn 1.'
        assert [heard.value for heard in server.heard] == ["a", "b"]
        assert server.context[0] == ("user", "b")
    assert threads() == []


def test_faults_come_from_another_thread():
    """What the server is told is done in its own thread, before the call returns."""

    async def talk():
        server.plan(None, "close-4002")
        async with dial(server) as session:
            handle = await handle_of(session)
            server.inject(Abort())
            assert (await end(session))[0] == 1006
        async with dial(server) as session:
            assert (await end(session))[0] == 4002
        server.reject_handles()
        assert (await refusal(server, handle))[0] == 1008
        async with dial(server) as session:
            server.receive_rate = 0
            await send(session, "unread")
            server.receive_rate = None
            await say(session, "read")
            server.outage(3600)
            assert (await end(session))[0] == 1006
        with pytest.raises(ConnectionRefusedError):
            async with dial(server):
                pass
        with pytest.raises(RuntimeError, match="no connection is open"):
            server.inject(Abort())

    with LiveServer(profile="2.5") as server:
        asyncio.run(talk())


def test_a_mistake_is_raised_where_the_block_ends():
    """What the model raised comes out of the thread, after what the client was raised."""

    async def talk():
        async with dial(server) as session:
            await send(session, "a")
            assert (await end(session))[0] == TEST_BROKE
        raise LookupError("what the client made of it")

    with pytest.raises(ZeroDivisionError) as raised:
        with LiveServer(lambda question: 1 / 0) as server:
            asyncio.run(talk())
    assert isinstance(raised.value.__context__, LookupError)
    assert threads() == []


def test_a_port_that_is_taken_is_an_error():
    """What goes wrong at the start is raised there, and leaves no thread."""
    with LiveServer() as first, pytest.raises(OSError, match="in use"):
        with LiveServer(port=first.port):
            pass
    assert threads() == []


def test_a_port_can_be_chosen():
    """A server listens where it is told to."""
    with LiveServer() as server:
        port = server.port
    with LiveServer(port=port) as server:
        assert server.port == port


def test_jobs_without_a_loop_run_at_once():
    """A job runs here where there is no loop to run it in."""
    assert run_in(None, threading.get_ident) == threading.get_ident()
    loop = asyncio.new_event_loop()
    try:
        assert run_in(loop, threading.get_ident) == threading.get_ident()
    finally:
        loop.close()


# Mistakes


def test_a_block_within_its_own_block():
    """It is refused, and the block around it ends as ever."""
    with LiveServer() as server:
        with pytest.raises(RuntimeError, match="already running"), server:
            pass
        assert len(threads()) == 1
        assert asyncio.run(refusal(server, "none"))[0] == 1008
    assert threads() == []


def test_an_end_without_a_beginning():
    """It is refused, and so is a second one."""
    server = LiveServer()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the server is not running"):
            server.__exit__(None, None, None)
        with server:
            pass


@pytest.mark.parametrize("ask", [lambda it: it.port, lambda it: it.url, lambda it: it.client()])
def test_a_port_that_is_not_there_yet(ask):
    """Nobody is told of a server that cannot be reached: it has no port before its block."""
    server = LiveServer()
    with pytest.raises(RuntimeError, match="no port yet"):
        ask(server)
    with server:
        assert ask(server)
    assert ask(server)
