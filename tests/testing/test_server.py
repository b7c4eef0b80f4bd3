"""The server as its user sees it."""

import asyncio
import contextlib
import gc
import random
import ssl
from unittest import mock

import pytest
from google.genai import errors, types
from talking import dial, end, handle_of, raw, refusal, say, send, until
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

import reconnect.testing
from reconnect import ResumableSession
from reconnect._failures.loss import TEST_BROKE
from reconnect.testing import (
    Abort,
    Close,
    Delay,
    GoAway,
    LiveServer,
    Refuse,
    RejectHandle,
    Silence,
    Stall,
    _wire as wire,
)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"profile": "9"}, ValueError, "2.0-vertex, 2.5, .* not '9'"),
        ({"handle_delay": -1}, ValueError, "handle_delay .* -1"),
        ({"chunk_delay": float("inf")}, ValueError, "chunk_delay"),
        ({"close_delay": float("nan")}, ValueError, "close_delay"),
        ({"handle_lifetime": -2}, ValueError, "handle_lifetime"),
        ({"receive_rate": -1}, ValueError, "receive_rate .* -1"),
        ({"receive_rate": float("nan")}, ValueError, "receive_rate .* nan"),
        ({"port": -1}, ValueError, "port .* 65535, not -1"),
        ({"receive_buffer": 0}, ValueError, "receive_buffer .* 0"),
        ({"faults": ["boom"]}, ValueError, "'boom'; names start with abort, close"),
        ({"faults": "abort"}, TypeError, r"one item per connection; write \['abort'\]"),
        ({"faults": Refuse(503)}, TypeError, r"write \[Refuse\(status=503"),
        ({"chunk_delay": "1"}, ValueError, "chunk_delay .* '1'"),
        ({"receive_rate": "1"}, ValueError, "receive_rate .* '1'"),
        ({"faults": [7]}, TypeError, "a fault must be an object such as .* not 7"),
        ({"model": 7}, TypeError, "model must be None, a sequence .* not 7"),
    ],
)
def test_arguments_are_checked(arguments, error, match):
    """A wrong argument is named at once."""
    with pytest.raises(error, match=match):
        LiveServer(**arguments)


def test_the_public_face_is_sorted():
    """What is exported exists, and stands in order, constants first."""
    names = reconnect.testing.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(reconnect.testing, name) for name in names)


@pytest.mark.parametrize(("vertexai", "dialect"), [(False, "gemini"), (True, "vertex")])
async def test_clients_talk_to_the_server(vertexai, dialect):
    """The client of the server has a conversation in its dialect, and it is all on record."""
    async with LiveServer() as server:
        client = server.client(vertexai=vertexai, api_key="secret")
        async with dial(server, client=client) as session:
            assert await say(session, "a") == 'You said "a". That is turn 1.'
            assert await say(session, "b") == 'You said "b". That is turn 2; before it: "a".'
        assert server.context == [
            ("user", "a"),
            ("model", 'You said "a". That is turn 1.'),
            ("user", "b"),
            ("model", 'You said "b". That is turn 2; before it: "a".'),
        ]
        (record,) = server.connections
        assert record.number == 1
        assert record.dialect == dialect
        assert record.credential == "secret"
        assert record.status == 101
        assert record.setup is not None
        assert record.setup["session_resumption"] == {}
        assert [len(message["client_content"]["turns"]) for message in record.received] == [1, 1]
        assert (record.ended_by, record.close_code) == ("client", 1000)
        assert record.closed_at is None or record.closed_at >= record.opened_at


@pytest.mark.parametrize(("profile", "dialect"), [("2.5", "gemini"), ("2.5-vertex", "vertex")])
async def test_clients_speak_the_dialect_of_the_profile(profile, dialect):
    """The client of the server speaks what its profile does, unless it is told otherwise."""
    async with LiveServer(profile=profile) as server:
        async with dial(server) as session:
            assert await say(session, "a") == 'You said "a". That is turn 1.'
        assert server.connections[0].dialect == dialect


async def test_arguments_of_the_connection_are_passed_on():
    """More arguments for the connection reach it."""
    async with LiveServer(faults=[Silence()]) as server:
        client = server.client(async_client_args={"open_timeout": 5, "close_timeout": 1})
        arguments = client._api_client._websocket_ssl_ctx
        assert arguments["open_timeout"] == 5
        assert arguments["ssl"] is server.ssl


async def test_dials_can_be_reset():
    """A refused dial is reset, and the next one goes through."""
    async with LiveServer(faults=[Refuse()]) as server:
        with pytest.raises(OSError):
            async with dial(server):
                pass
        async with dial(server):
            pass
        first, second = server.connections
        assert (first.ended_by, first.status, first.closed_at) == ("server", None, first.opened_at)
        assert second.status == 101


async def test_plans_follow_the_ones_before():
    """What is planned later concerns later dials."""
    async with LiveServer(faults=[Close(4000)]) as server:
        server.plan("none", [Delay(1), "close-4002"])
        for code in (4000, None, 4002):
            async with dial(server) as session:
                if code is None:
                    await say(session, "fine")
                else:
                    assert (await end(session))[0] == code
        with pytest.raises(TypeError, match="7"):
            server.plan(7)  # type: ignore[arg-type]


async def test_what_is_planned_is_pending_until_it_acts():
    """A fault that was planned is pending until its connection is opened, and its moment comes."""
    async with LiveServer(faults=[Refuse(503), None, "abort-after_sent-99"]) as server:
        assert server.pending == ["refuse-503", "abort-after_sent-99"]
        with pytest.raises(InvalidStatus):
            await dial(server).__aenter__()
        assert server.pending == ["abort-after_sent-99"]
        for _ in range(2):
            async with dial(server) as session:
                await say(session, "One.")
        assert server.pending == ["abort-after_sent-99"]


async def test_an_outage_refuses_dials():
    """An outage resets what is open, refuses dials, and ends after its time on the same port."""
    async with LiveServer() as server:
        port = server.port
        async with dial(server) as session:
            handle = await handle_of(session)
            server.outage(5)
            server.outage(2)
            assert (await end(session))[0] == 1006
        for _ in range(4):
            with pytest.raises(ConnectionRefusedError):
                async with dial(server, handle):
                    pass
            await asyncio.sleep(1)
        await asyncio.sleep(1.1)
        async with dial(server, handle) as session:
            await say(session, "back")
        assert server.port == port
        assert server.url == f"https://127.0.0.1:{port}"
        assert [record.ended_by for record in server.connections] == ["server", "client"]


async def test_an_outage_needs_a_server():
    """An outage is checked, and cannot begin before the server does."""
    server = LiveServer()
    with pytest.raises(RuntimeError, match="not running"):
        server.outage(1)
    async with server:
        with pytest.raises(ValueError, match="-1"):
            server.outage(-1)
        server.outage(1000)


FRAME = types.Blob(data=random.Random(1).randbytes(640), mime_type="audio/pcm;rate=16000")
FRAME_SECONDS = 0.02
WIRE = 1000
"""Bytes that a frame takes on the way, to a twentieth."""


async def stream(session, frames):
    """Send frames as they are recorded, and return the seconds that it has taken."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(frames):
        await session.send_realtime_input(audio=FRAME)
        await asyncio.sleep(began + (number + 1) * FRAME_SECONDS - loop.time())
    return loop.time() - began


async def heard_all(server, frames):
    """Wait until the server has had so many frames."""
    while len(server.heard) < frames:  # noqa: ASYNC110 (a server has no event for this)
        await asyncio.sleep(0.1)


async def block(session):
    """Send frames until one waits for a minute, and return how many have been sent."""
    sent = 0
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(60):
                await session.send_realtime_input(audio=FRAME)
            sent += 1
    return sent


async def test_a_slow_server_reads_at_its_rate():
    """Audio that comes faster than the server reads piles up on the way, and nothing is lost."""
    async with LiveServer(receive_rate=8_000) as server, dial(server) as session:
        assert await stream(session, 500) < 11
        assert len(server.heard) == pytest.approx(80, abs=5)
        before = asyncio.get_running_loop().time()
        await heard_all(server, 500)
        assert asyncio.get_running_loop().time() - before == pytest.approx(50, rel=0.1)


async def test_a_rate_can_change_while_clients_are_connected():
    """A server that stops reading and goes on later gets it all, on old connections and new."""
    async with LiveServer() as server, dial(server) as session:
        server.receive_rate = 0
        assert server.receive_rate == 0
        await stream(session, 50)
        await asyncio.sleep(30)
        assert server.heard == []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5), dial(server):
                pass
        server.receive_rate = None
        await heard_all(server, 50)
        async with dial(server) as other:
            assert await say(other, "a") == 'You said "a". That is turn 1.'
        with pytest.raises(ValueError, match=r"receive_rate .* -1"):
            server.receive_rate = -1


@pytest.mark.parametrize("stall", [True, False])
async def test_a_small_buffer_blocks_a_client_soon(stall):
    """A client of a server that reads nothing waits after some 100 kB."""
    fault = Stall(reads=False) if stall else None
    async with LiveServer(receive_buffer=1024, faults=[fault]) as server, dial(server) as session:
        if not stall:
            server.receive_rate = 0
        sent = await block(session)
        assert 60_000 < sent * WIRE < 400_000
        assert server.heard == []
        if not stall:
            server.receive_rate = None
            await heard_all(server, sent)
        server.inject(Abort())


async def test_what_a_client_has_sent_before_it_left_arrives():
    """A client that closes does not take back what is on its way: the server reads it in time."""
    async with LiveServer() as server:
        client = server.client(async_client_args={"close_timeout": 1})
        async with dial(server, client=client) as session:
            server.receive_rate = 8_000
            await stream(session, 50)
            assert len(server.heard) < 50
        (record,) = server.connections
        await heard_all(server, 50)
        await asyncio.sleep(1)
        assert (record.ended_by, record.close_code) == ("client", 1000)
        assert record.closed_at is not None


async def test_handles_can_be_forgotten():
    """A handle that was forgotten is rejected."""
    async with LiveServer() as server:
        async with dial(server) as session:
            handle = await handle_of(session)
        server.reject_handles()
        assert await refusal(server, handle) == (1008, "BidiGenerateContent session not found")


async def test_handles_expire():
    """A handle is rejected when its lifetime has passed."""
    async with LiveServer(handle_lifetime=60) as server:
        async with dial(server) as session:
            handle = await handle_of(session)
        await asyncio.sleep(61)
        assert (await refusal(server, handle))[0] == 1008


async def test_injections_are_checked():
    """Only faults of an open connection can be injected, and only into one."""
    async with LiveServer(faults=[None, Silence()]) as server:
        with pytest.raises(RuntimeError, match="no connection is open; plan the fault"):
            server.inject(Abort())
        with pytest.raises(TypeError, match="RejectHandle"):
            server.inject(RejectHandle())  # type: ignore[arg-type]
        async with dial(server) as session:
            with pytest.raises(ValueError, match="setup is already over"):
                server.inject(Silence())
            async with raw(server, close_timeout=1):
                server.inject(Close(4000))
                assert (await end(session))[0] == 4000


async def test_before_the_first_dial_nothing_is_known():
    """A server nobody dialled has empty records."""
    async with LiveServer() as server:
        assert (server.context, server.heard, server.connections) == ([], [], [])


async def test_clients_that_leave_early_are_noted():
    """A client that leaves before the handshake leaves a record."""
    async with LiveServer() as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=server.ssl)
        writer.close()
        await writer.wait_closed()
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.close()
        await writer.wait_closed()
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection(
                "127.0.0.1", server.port, ssl=ssl.create_default_context()
            )
        await asyncio.sleep(1)
        assert [record.ended_by for record in server.connections] == ["client"] * 3
        assert all(record.closed_at is not None for record in server.connections)


def broken(question):
    """Answer, as a model does that was written with a mistake."""
    return f"You said {question.text}."


async def broken_conversations(model, count):
    """Talk to a model that breaks."""
    async with LiveServer(model) as server:
        for _ in range(count):
            async with dial(server) as session:
                await send(session, "a")
                code, reason = await end(session)
                assert code == TEST_BROKE
                assert "LiveServer raised AttributeError: 'Question' object has" in reason


async def test_a_broken_model_breaks_the_test(caplog):
    """An exception of the model closes the connection with its text, and is raised at the end."""
    with pytest.raises(AttributeError, match="has no attribute 'text'"):
        await broken_conversations(broken, 1)
    (record,) = caplog.records
    assert record.getMessage() == "connection 1 is closed"
    assert "has no attribute 'text'" in caplog.text


async def test_a_reply_that_is_none_breaks_the_test():
    """A model that returns no reply is told so in the same way."""

    async def forgot_to_await():
        async with LiveServer(lambda question: None) as server, dial(server) as session:
            await send(session, "a")
            code, reason = await end(session)
            assert (code, "TypeError: not a reply: None" in reason) == (TEST_BROKE, True)

    with pytest.raises(TypeError, match="not a reply: None"):
        await forgot_to_await()


async def test_a_broken_model_ends_a_session_that_would_reconnect():
    """A session is raised the exception's text at once: it does not reconnect to a mistake."""

    async def ask():
        async with LiveServer(broken, faults=[GoAway("9s")]) as server:
            live = server.client().aio.live
            try:
                async with ResumableSession(live, model="m", draw=lambda: 0.999) as session:
                    await session.send_client_content(turns={"parts": [{"text": "a"}]})
                    async for _ in session.receive():
                        pass
            finally:
                assert len(server.connections) == 1

    with pytest.raises(AttributeError, match="has no attribute 'text'") as raised:
        await ask()
    assert isinstance(raised.value.__context__, errors.APIError)
    assert "has no attribute 'text'" in str(raised.value.__context__)


async def test_a_broken_handshake_resets_the_connection():
    """Where no close frame can be sent, a mistake resets the connection."""

    async def connect():
        async with LiveServer() as server:
            with mock.patch.object(wire, "dialect_of", side_effect=LookupError("mistake")):
                with pytest.raises((InvalidMessage, ConnectionError)):
                    async with dial(server):
                        pass

    with pytest.raises(LookupError, match="mistake"):
        await connect()


async def test_several_errors_come_together():
    """Every exception of the model is raised at the end."""
    with pytest.raises(BaseExceptionGroup) as group:
        await broken_conversations(broken, 2)
    assert [type(error) for error in group.value.exceptions] == [AttributeError, AttributeError]


async def test_nothing_is_left_behind():
    """A server that ends in the middle of everything leaves no task and no socket."""
    server = LiveServer(faults=[None, None, Silence(), Delay(9, of="handshake")])
    async with server:
        _, half_open = await asyncio.open_connection("127.0.0.1", server.port)
        session = dial(server)
        talking = await session.__aenter__()
        await send(talking, "a")
        await until(talking, "model_turn")
        others = [asyncio.create_task(raw(server, setup={}).__aenter__()) for _ in range(2)]
        await asyncio.sleep(1)
    assert (await end(talking))[0] == 1006
    await session.__aexit__(None, None, None)
    for other in others:
        with pytest.raises((ConnectionClosed, ConnectionError, InvalidMessage)):
            await other
    half_open.close()
    assert [record.ended_by for record in server.connections] == ["server"] * 4
    assert all(record.closed_at is not None for record in server.connections)
    gc.collect()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)
