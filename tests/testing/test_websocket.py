"""One accepted socket: the WebSocket protocol on the server's side."""

import asyncio
import json
import ssl

import pytest
from talking import GEMINI_PATH, raw, tell
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus

from reconnect.testing import Close, LiveServer, Refuse, Stall


async def exchange(server, request):
    """Send bytes over TLS, and give what comes back until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=server.ssl)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_messages_may_be_fragmented():
    """A message in several frames is one message."""
    async with LiveServer() as server, raw(server, setup={}) as websocket:
        await websocket.send(['{"realtime_input": ', '{"text": ', '"hi"}}'])
        while "turnComplete" not in await websocket.recv():
            pass
        assert [heard.value for heard in server.heard] == ["hi"]


async def test_pings_are_answered():
    """A ping gets its pong."""
    async with LiveServer() as server, raw(server, setup={}) as websocket:
        await (await websocket.ping())


async def test_a_stalled_server_may_answer_pings():
    """A stall leaves pings answered unless told otherwise."""
    async with LiveServer(faults=[Stall(), Stall(pongs=False)]) as server:
        async with raw(server, setup={}, close_timeout=1) as websocket:
            await (await websocket.ping())
        async with raw(server, setup={}, close_timeout=1) as websocket:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(await websocket.ping(), 5)


async def test_messages_may_be_binary():
    """A server asked for binary frames sends nothing else."""
    async with LiveServer(binary=True) as server, raw(server) as websocket:
        await tell(websocket, {"setup": {}})
        assert json.loads(await websocket.recv(decode=None)) == {
            "setupComplete": {"sessionId": "session-0001"}
        }
        assert isinstance(server.connections[0].sent[0], dict)


@pytest.mark.parametrize(
    ("code", "reason", "seen"),
    [(4000, "é" * 100, (4000, "é" * 61)), (None, "lost", (1005, "")), (1000, "", (1000, ""))],
)
async def test_closes_carry_a_code_and_a_reason(code, reason, seen):
    """A close frame has its code, or none, and a reason that fits."""
    async with LiveServer(faults=[Close(code, reason)]) as server:
        async with raw(server, setup={}) as websocket:
            with pytest.raises((ConnectionClosedError, ConnectionClosedOK)):
                await websocket.recv()
        assert (websocket.close_code, websocket.close_reason) == seen


async def test_a_stalled_server_can_still_close():
    """A close reaches its end after a stall, even after one without pongs."""
    async with LiveServer(faults=[[Stall(pongs=False), Close(1011, at=3)]]) as server:
        async with raw(server, setup={}) as websocket:
            with pytest.raises(ConnectionClosedError):
                await websocket.recv()
        await asyncio.sleep(1)
        assert server.connections[0].closed_at is not None


async def test_both_may_close_at_once():
    """A server that is told to close while the client closes lets the client's close be."""
    async with LiveServer(close_delay=2, faults=[Close(4000, at=1)]) as server:
        async with raw(server, setup={}) as websocket:
            await websocket.close()
            assert websocket.close_code == 1000
        assert server.connections[0].ended_by == "client"


async def test_frames_that_break_the_protocol_end_it():
    """A frame that is none gets a close with 1002."""
    async with LiveServer() as server:
        async with raw(server, setup={}) as websocket:
            websocket.transport.write(b"\xff\xff\xff\xff\xff\xff")
            with pytest.raises(ConnectionClosedError):
                await websocket.recv()
        assert websocket.close_code == 1002


async def test_plain_http_is_refused():
    """A request that is no WebSocket handshake gets an HTTP error."""
    async with LiveServer() as server:
        request = f"GET {GEMINI_PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        assert (await exchange(server, request)).startswith(b"HTTP/1.1 426 ")
        assert (await exchange(server, b"what?\r\n\r\n")) == b""
        first, second = server.connections
        assert (first.status, second.status) == (426, None)


async def test_refusals_carry_headers_and_a_body():
    """A refused handshake has the status, the headers and the body it was given."""
    headers = {"Retry-After": "7", "Content-Type": "application/json"}
    async with LiveServer(faults=[Refuse(503, headers, '{"error": 1}')]) as server:
        with pytest.raises(InvalidStatus) as error:
            async with raw(server):
                pass
    response = error.value.response
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "7"
    assert response.headers.get_all("Content-Type") == ["application/json"]
    assert response.body == b'{"error": 1}'


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
