"""The socket that a server listens on."""

import asyncio

import pytest

from reconnect.testing._listener import Listener


async def knock(port):
    """Connect, and tell whether somebody listens."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_it_comes_back_on_its_port():
    """Away, it refuses everybody and keeps its port; the longer of two times counts."""
    came = []

    def accept(transport):
        came.append(transport)
        transport.abort()

    listener = Listener(accept, port=0, receive_buffer=None)
    assert not listener.holds
    with pytest.raises(RuntimeError, match="not running"):
        listener.leave(1)
    await listener.open()
    assert listener.holds
    port = listener.port
    assert await knock(port)
    listener.leave(5)
    listener.leave(2)
    for _ in range(5):
        assert not await knock(port)
        await asyncio.sleep(0.9)
    await asyncio.sleep(1)
    assert await knock(port)
    assert len(came) == 2
    listener.leave(1000)
    await listener.close()
    assert not listener.holds
    assert not await knock(port)


async def test_a_port_that_is_taken_leaves_no_socket():
    """The second listener on a port is told so."""
    first = Listener(lambda transport: transport.abort(), port=0, receive_buffer=1024)
    await first.open()
    second = Listener(lambda transport: transport.abort(), port=first.port, receive_buffer=None)
    with pytest.raises(OSError, match="in use"):
        await second.open()
    assert not second.holds
    await first.close()
