"""One accepted socket: the WebSocket protocol on the server's side."""

import asyncio
import json
import socket

import pytest
from talking import GEMINI_PATH, closed, raw, tell
from websockets.exceptions import InvalidStatus

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
        assert json.loads(await websocket.recv(decode=None)) == {"setupComplete": {}}
        assert isinstance(server.connections[0].sent[0], dict)


@pytest.mark.parametrize(
    ("code", "reason", "seen"),
    [(4000, "é" * 100, (4000, "é" * 61)), (None, "lost", (1005, "")), (1000, "", (1000, ""))],
)
async def test_closes_carry_a_code_and_a_reason(code, reason, seen):
    """A close frame has its code, or none, and a reason that fits."""
    server = LiveServer(faults=[Close(code, reason)])
    async with server, raw(server, setup={}) as websocket:
        assert await closed(websocket) == seen


async def test_a_stalled_server_can_still_close():
    """A close reaches its end after a stall, even after one without pongs."""
    async with LiveServer(faults=[[Stall(pongs=False), Close(1011, at=3)]]) as server:
        async with raw(server, setup={}) as websocket:
            assert (await closed(websocket))[0] == 1011
        await asyncio.sleep(1)
        assert server.connections[0].closed_at is not None


async def test_a_server_that_wants_to_close_acknowledges_a_close():
    """A close that came with the message that ends the connection is answered at once."""
    async with LiveServer(close_delay=60) as server:
        async with raw(server, setup={}) as websocket:
            websocket.protocol.send_text(b"?")
            websocket.protocol.send_close(1000)
            websocket.transport.write(b"".join(websocket.protocol.data_to_send()))
            assert (await closed(websocket))[0] == 1000
        assert server.connections[0].close_code == 1007


async def test_a_server_that_wants_to_close_twice_closes_once():
    """A second close says nothing more."""
    async with LiveServer() as server, raw(server, setup={}) as websocket:
        websocket.protocol.send_text(b"\xff", fin=True)
        websocket.transport.write(b"".join(websocket.protocol.data_to_send()) + b"\xff" * 9)
        assert (await closed(websocket))[0] in {1002, 1007}


async def test_frames_that_break_the_protocol_end_it():
    """A frame that is none gets a close with 1002."""
    async with LiveServer() as server, raw(server, setup={}) as websocket:
        websocket.transport.write(b"\xff\xff\xff\xff\xff\xff")
        assert (await closed(websocket))[0] == 1002


async def test_plain_http_is_refused():
    """A request that is no WebSocket handshake gets an HTTP error."""
    async with LiveServer() as server:
        request = f"GET {GEMINI_PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        assert (await exchange(server, request)).startswith(b"HTTP/1.1 426 ")
        assert (await exchange(server, b"what?\r\n\r\n")).startswith(b"HTTP/1.1 501 ")
        first, second = server.connections
        assert (first.status, second.status) == (426, 501)


def test_what_is_no_handshake_is_answered_once():
    """Whatever else is asked for, in one piece or more, is answered with an error of the API."""
    with LiveServer() as server:
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            # Not asyncio's: that one sends nothing more when the server has hung up.
            with server.ssl.wrap_socket(plain, server_hostname="127.0.0.1") as client:
                client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n")
                answer = client.recv(4096)
                client.sendall(b"body")
                answer += client.recv(4096)
        assert [record.status for record in server.connections] == [501]
    assert answer.count(b"HTTP/1.1 501 Not Implemented\r\n") == 1
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["status"] == "UNIMPLEMENTED"


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
