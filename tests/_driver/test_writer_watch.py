"""The watch over what is written: peers that read nothing, and pongs that acknowledge audio."""

import asyncio

import pytest
from desk import SECOND, STALL_TIMEOUT, Desk, settle

from reconnect import Stalled
from reconnect._driver import connection as connections, writer as writers


def about(seconds):
    """Compare with a time that is up to a second later: the watch looks once in a second."""
    return pytest.approx(seconds + 0.5, abs=0.6)


@pytest.fixture
def desk():
    """Return a desk, made where it is used: an event belongs to a loop."""
    return Desk()


# Stalls


@pytest.fixture
def aborts(monkeypatch):
    """Let a connection that is cut off free its session's writes; count how often it is."""
    aborted = []

    def abort(session):
        aborted.append(session)
        session.abort()

    monkeypatch.setattr(connections, "abort", abort)
    return aborted


async def test_nothing_is_watched_while_nothing_is_written(desk):
    """Writer has no timer but for a look after a write, and one more for each that waits."""
    desk.session.pace = 0.5
    async with desk.open() as writer:
        await asyncio.sleep(100)
        assert writer.watch is None
        await desk.turn("a")
        assert writer.watch is not None
        await asyncio.sleep(0.6)
        assert writer.watch is None
    assert desk.told == []


@pytest.mark.parametrize("way", ["turn", "audio", "media_chunk"])
@pytest.mark.parametrize("transparent", [False, True])
async def test_stall(way, transparent, desk, aborts):
    """Writer tells of a peer that reads nothing after a fifth of the time, and gives it up then."""
    async with desk.open(transparent=transparent) as writer:
        desk.session.room.clear()
        # The caller returns, and what it sent is in good hands.
        await getattr(desk, way)(SECOND)
        assert desk.now == about(STALL_TIMEOUT)
        assert desk.told == [(about(2.0), Stalled(waited=2.0))]
        assert aborts == [desk.session]
        assert isinstance(desk.connection.error, TimeoutError)
        assert str(desk.connection.error) == "the peer has read nothing for 10 s"
        assert not desk.writer.direct
        assert writer.watch is None
    desk.lose()
    assert len(desk.conversation.exchanges) == (way == "turn")
    assert desk.kept == [SECOND] * (way != "turn")


async def test_stall_of_what_is_due(desk, aborts):
    """Writer watches its own writes as it does those of its callers."""
    desk.say("a")
    desk.session.room.clear()
    async with desk.open(until_direct=False):
        await asyncio.sleep(STALL_TIMEOUT - 0.5)
        assert [event for _, event in desk.told] == [Stalled(waited=2.0)]
        assert desk.connection.error is None
        await asyncio.sleep(2)
        assert isinstance(desk.connection.error, TimeoutError)
    assert len(aborts) == 1
    assert desk.broken == []
    desk.lose()
    desk.session.errors.clear()
    async with desk.open():
        assert desk.written == ["a"]


async def test_all_who_wait_return(desk, aborts):
    """Writer lets everybody go who waits for a peer that reads nothing, each once."""
    async with desk.open(transparent=True):
        desk.session.room.clear()
        waiting = [
            asyncio.create_task(desk.media_chunk(bytes([number, 0]))) for number in range(20)
        ]
        await asyncio.wait(waiting)
        assert desk.now == about(STALL_TIMEOUT)
        assert len(desk.told) == len(aborts) == 1
    desk.lose()
    desk.session.errors.clear()
    async with desk.open(transparent=True):
        assert desk.written == [bytes([number, 0]) for number in range(20)]


@pytest.mark.parametrize("pace", [0.5, 0.9, 1.0, 1.1, 1.7])
@pytest.mark.parametrize("writers", [1, 3])
async def test_slow_socket_is_no_stall(pace, writers, desk, aborts):
    """Writer takes a socket that moves for no stall, however slow it is and long it takes."""
    async with desk.open():

        async def talk(delay):
            await asyncio.sleep(delay)
            for _ in range(50):
                await desk.audio(b"1")

        desk.session.pace = pace
        await asyncio.gather(*(talk(number * 0.3) for number in range(writers)))
        assert desk.writer.direct
        assert len(desk.written) == 50 * writers
    assert desk.told == []
    assert aborts == []


async def test_stall_that_ends(desk, aborts):
    """Writer tells of each stall once, and gives nothing up that goes on in time."""
    async with desk.open():
        for pace in (3.5, 9.5, 0.1, 9.5):
            desk.session.pace = pace
            await desk.turn("a")
        assert desk.writer.direct
        assert [event for _, event in desk.told] == [Stalled(waited=2.0)] * 3
        assert aborts == []


async def test_stall_is_counted_anew(desk, aborts):
    """Writer gives up a peer for one long stall, and not for several that ended in time."""
    async with desk.open():
        for _ in range(4):
            desk.session.room.clear()
            waiting = asyncio.create_task(desk.audio(b"1"))
            await asyncio.sleep(8)
            desk.session.room.set()
            await waiting
        desk.session.room.clear()
        began = desk.now
        await desk.audio(b"2")
        # The watch may have begun with the write before.
        assert STALL_TIMEOUT - 0.5 <= desk.now - began <= STALL_TIMEOUT + 2.5
        assert len(desk.told) == 5
        assert len(aborts) == 1


# Pings


class Pongs:
    """A server that is asked for pongs, and gives them when it is told to."""

    def __init__(self):
        self.asked = []

    async def __call__(self, session):
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]

    async def answer(self, *, lost=False):
        """Answer the newest ping."""
        self.asked[-1].set_result(not lost)
        await settle()


@pytest.fixture
def pongs(monkeypatch):
    """Let a test answer the pings."""
    server = Pongs()
    monkeypatch.setattr(writers, "acknowledgement", server)
    return server


async def test_audio_is_acknowledged_by_a_pong(desk, pongs):
    """Writer takes audio for acknowledged when a pong comes to a ping that was sent after it."""
    async with desk.open():
        await desk.audio(SECOND)
        assert pongs.asked == []
        await asyncio.sleep(1.1)
        assert len(pongs.asked) == 1
        # A handle that comes now covers nothing: the audio may lie in a buffer on the way.
        desk.media.line.cover()
        await desk.audio(SECOND)
        await pongs.answer()
        assert desk.media.line.unacknowledged
        desk.media.line.cover()
        # The second one was written after the ping.
        await asyncio.sleep(1.1)
        assert len(pongs.asked) == 2
        desk.media.line.cover()
    assert desk.lose() == 1.0


async def test_all_audio_is_acknowledged_in_the_end(desk, pongs):
    """Writer asks once for all that was written, after the last of it, and then no more."""
    async with desk.open() as writer:
        for _ in range(30):
            await desk.audio(SECOND)
            await asyncio.sleep(0.1)
            if pongs.asked and not pongs.asked[-1].done():
                await pongs.answer()
        await asyncio.sleep(1)
        if not pongs.asked[-1].done():
            await pongs.answer()
        # One a second, however much is written.
        assert 3 <= len(pongs.asked) <= 4
        assert not desk.media.line.unacknowledged
        await asyncio.sleep(100)
        assert len(pongs.asked) <= 4
        assert writer.watch is None
        desk.media.line.cover()
    assert desk.lose() == 0.0


async def test_one_ping_at_a_time(desk, pongs):
    """Writer waits for a pong, however late it is, before it asks for another."""
    async with desk.open():
        for _ in range(5):
            await desk.audio(SECOND)
            await asyncio.sleep(2)
        assert len(pongs.asked) == 1


async def test_audio_that_is_written_while_a_pong_is_awaited(desk, pongs):
    """Writer asks again for what was written meanwhile, though its caller is silent since."""
    async with desk.open() as writer:
        await desk.audio(SECOND)
        await asyncio.sleep(1.1)
        await desk.audio(SECOND)
        await asyncio.sleep(10)
        assert writer.watch is None
        await pongs.answer()
        await asyncio.sleep(1.1)
        assert len(pongs.asked) == 2
        await pongs.answer()
        assert not desk.media.line.unacknowledged
        desk.media.line.cover()
        await asyncio.sleep(10)
        assert len(pongs.asked) == 2
        assert writer.watch is None
    assert desk.lose() == 0.0


async def test_nothing_to_acknowledge(desk, pongs):
    """Writer asks for no pong where there is no audio that a handle might cover."""
    async with desk.open(transparent=True):
        await desk.turn("a")
        await desk.media_chunk(SECOND)
        await asyncio.sleep(10)
    assert pongs.asked == []


async def test_stall_is_asked_about_too(desk, pongs):
    """Writer asks for a pong while a write waits: it comes when the peer reads again."""
    async with desk.open():
        await desk.audio(SECOND)
        desk.session.room.clear()
        waiting = asyncio.create_task(desk.audio(SECOND))
        await asyncio.sleep(1.1)
        assert len(pongs.asked) == 1
        desk.session.room.set()
        await waiting


async def test_ping_that_finds_the_connection_lost(desk, pongs):
    """Writer takes nothing for acknowledged where the connection ends before the pong."""
    async with desk.open():
        await desk.audio(SECOND)
        await asyncio.sleep(1.1)
        await pongs.answer(lost=True)
        desk.media.line.cover()
        assert desk.media.line.unacknowledged
        assert desk.broken == []
    assert desk.lose() == 1.0


async def test_ping_that_fails_is_a_bug(desk, pongs):
    """Writer reports what a ping raises."""
    error = RuntimeError("bug")
    async with desk.open():
        await desk.audio(SECOND)
        await asyncio.sleep(1.1)
        pongs.asked[0].set_exception(error)
        await settle()
        assert desk.broken == [error]


async def test_ping_is_stopped_with_the_writer(desk, pongs):
    """Writer that is stopped waits for no pong, and takes none for one of the next connection."""
    async with desk.open() as writer:
        await desk.audio(SECOND)
        await asyncio.sleep(1.1)
        writer.stop()
        await settle()
        assert pongs.asked[0].cancelled()
    assert desk.broken == []
    assert desk.lose() == 1.0
