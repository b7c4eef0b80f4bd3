"""The way from a client's socket to the server: how fast it is taken in."""

import asyncio

import pytest
from hypothesis import given, strategies as st

from reconnect.testing._uplink import Uplink


class Socket:
    """A transport that is read or is not."""

    def __init__(self):
        self.read = True

    def pause_reading(self):
        self.read = False

    def resume_reading(self):
        self.read = True


class Way:
    """An uplink, and what has come through it."""

    def __init__(self, rate=None):
        self.socket = Socket()
        self.taken = b""
        self.over = 0
        self.uplink = Uplink(self.socket, take=self._take, over=self._count)
        self.uplink.read_at(rate)

    def _take(self, piece):
        self.taken += piece

    def _count(self):
        self.over += 1


async def test_without_a_rate_all_is_taken_in_at_once():
    """What comes is taken in as it comes, and the socket stays read."""
    way = Way()
    way.uplink.came(b"one")
    way.uplink.came(b"two")
    assert (way.taken, way.socket.read) == (b"onetwo", True)


@pytest.mark.parametrize("rate", [3.0, 100, 8_000, 1e5])
async def test_a_rate_is_kept(rate):
    """In any time so many bytes are taken in, to a piece or two, and the rest is not read."""
    way = Way(rate)
    data = bytes(range(200)) * int(rate)
    way.uplink.came(data)
    for second in range(1, 5):
        await asyncio.sleep(1)
        assert len(way.taken) == pytest.approx(second * rate, abs=max(3, 0.05 * rate))
        assert not way.socket.read
    assert data.startswith(way.taken)
    way.uplink.read_at(None)
    assert (way.taken, way.socket.read) == (data, True)


async def test_an_idle_client_saves_up_no_time():
    """After a silence what comes is taken in at the rate, as if there had been none."""
    way = Way(100)
    await asyncio.sleep(10)
    way.uplink.came(bytes(200))
    await asyncio.sleep(1)
    assert len(way.taken) == pytest.approx(100, abs=5)


async def test_what_comes_while_a_piece_is_on_its_way_waits():
    """A client that writes piece by piece is no faster than one that writes all at once."""
    way = Way(100)
    for _ in range(20):
        way.uplink.came(bytes(10))
    assert len(way.taken) <= 10
    await asyncio.sleep(3)
    assert (len(way.taken), way.socket.read) == (200, True)


async def test_at_a_rate_of_none_at_all_nothing_is_lost():
    """What came while nothing was taken in is taken in later."""
    way = Way(0)
    assert not way.socket.read
    way.uplink.came(b"one")
    await asyncio.sleep(100)
    assert way.taken == b""
    way.uplink.read_at(None)
    assert (way.taken, way.socket.read) == (b"one", True)


async def test_stopped_is_stopped_at_any_rate():
    """Nothing is taken in until it is resumed, whatever becomes of the rate."""
    way = Way(100)
    way.uplink.came(bytes(50))
    taken = way.taken
    way.uplink.stop()
    way.uplink.read_at(None)
    await asyncio.sleep(10)
    assert (way.taken, way.socket.read) == (taken, False)
    way.uplink.resume()
    assert (len(way.taken), way.socket.read) == (50, True)


async def test_what_was_read_before_the_end_is_taken_in_before_it():
    """The end comes after the last piece, at the rate of the others, and once."""
    way = Way(100)
    way.uplink.came(bytes(100))
    way.uplink.lost()
    await asyncio.sleep(0.5)
    assert way.over == 0
    await asyncio.sleep(1)
    assert (len(way.taken), way.over) == (100, 1)
    way.uplink.read_at(None)
    assert way.over == 1


async def test_a_reset_drops_what_was_read():
    """Where the server has reset the connection, the end comes at once."""
    way = Way(0)
    way.uplink.came(bytes(100))
    way.uplink.lost()
    assert way.over == 0
    way.uplink.drop()
    assert (way.taken, way.over) == (b"", 1)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([None, 0, 1, 50, 4000]),
            st.sampled_from(["stop", "resume"]),
        )
    )
)
def test_every_byte_is_taken_in_once_and_in_order(steps):
    """Whatever the rate becomes on the way, the bytes are those that came."""

    async def go():
        way = Way()
        for step in steps:
            if isinstance(step, bytes):
                way.uplink.came(step)
            elif isinstance(step, str):
                getattr(way.uplink, step)()
            else:
                way.uplink.read_at(step)
            await asyncio.sleep(0)
        way.uplink.lost()
        way.uplink.read_at(None)
        way.uplink.resume()
        assert way.taken == b"".join(step for step in steps if isinstance(step, bytes))
        assert way.over == 1

    asyncio.run(go())
