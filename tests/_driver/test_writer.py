"""Who writes: what is due goes out in order, and nobody who sends waits for a socket."""

import asyncio
import contextlib
from collections import deque

import pytest
from google.genai import types
from messages import calling, complete, said, turn, update
from reconnect._driver.bell import Bell
from talk import MODEL, QUICK, ask, kinds, reply, session_on, settled, user
from websockets.exceptions import ConnectionClosedError

from reconnect import Connected, GoingAway, Lost
from reconnect._conversation.ledger import Ledger
from reconnect._conversation.limits import MEDIA, Limit
from reconnect._conversation.outbox import Outbox
from reconnect._conversation.turns import ANSWER, CONTENT, REALTIME
from reconnect._driver.connection import Connection
from reconnect._driver.writer import WRITE_TIMEOUT, Writer
from reconnect.errors import BufferOverflow
from reconnect.testing import Abort, GoAway, LiveServer, Stall

CLOSED = ConnectionClosedError(None, None)


class OneSession:
    """Something to dial with, and its session: it notes what is written, or fails, or waits."""

    def __init__(self):
        self.written = []
        # What the next writes raise; and what all of them wait for before.
        self.errors = deque()
        self.room = asyncio.Event()
        self.room.set()

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        yield self

    async def _write(self, method, arguments):
        while not self.room.is_set():
            await self.room.wait()
        if self.errors:
            raise self.errors.popleft()
        self.written.append((method, arguments))

    async def send_client_content(self, **arguments):
        await self._write(CONTENT, arguments)

    async def send_realtime_input(self, **arguments):
        await self._write(REALTIME, arguments)

    async def send_tool_response(self, **arguments):
        await self._write(ANSWER, arguments)


class Desk:
    """A writer with all that it needs, and what it has told."""

    def __init__(self, *, limit=MEDIA):
        self.session = OneSession()
        self.ledger = Ledger()
        self.outbox = Outbox(self.ledger, audio_buffer=3.0, limit=limit)
        self.bell = Bell()
        self.broken = []
        self.up_to_date = 0
        self.written_then = []

    @contextlib.asynccontextmanager
    async def open(self, *, seed=(), transparent=False):
        """Open a connection and a writer for it."""
        config = types.LiveConnectConfig()
        self.connection = Connection(self.session, model=MODEL, config=config, over=lambda: None)
        await self.connection.open(timeout=1)
        self.outbox.connected(list(seed), asks=False, transparent=transparent)
        self.writer = Writer(
            self.connection,
            self.outbox,
            bell=self.bell,
            up_to_date=self._come_back,
            broken=self.broken.append,
        )
        yield self.writer
        self.writer.cancel()
        self.connection.fail(CLOSED)
        await self.connection.close(timeout=1)
        await settle()

    def _come_back(self):
        self.up_to_date += 1
        self.written_then = self.written

    @property
    def written(self):
        """What the session was written: the words of each turn, the data of each frame."""
        return [_gist(method, arguments) for method, arguments in self.session.written]

    @property
    def kept(self):
        """The frames that wait, taken out of the outbox."""
        frames = []
        while self.outbox.media.next_place is not None:
            frames.append(_gist(REALTIME, self.outbox.media.next().arguments))
        return frames

    def say(self, text, *, asks=True):
        """Leave a turn to be written."""
        return self.ledger.backlog.record(turn(text, asks=asks))

    def hold(self, data):
        """Leave a frame to be written."""
        self.outbox.hold(frame(data))


def _gist(method, arguments):
    if method == CONTENT:
        turns = arguments.get("turns")
        return turns[0]["parts"][0]["text"] if turns else "ask on"
    if method == REALTIME:
        return arguments["audio"]["data"]
    return [_id_of(response) for response in arguments["function_responses"]]


def _id_of(response):
    return response["id"] if isinstance(response, dict) else response.id


def frame(data):
    """Return the arguments of a frame of sound."""
    return {"audio": {"data": data, "mime_type": "audio/pcm;rate=16000"}}


async def settle():
    """Give whatever is ready its turn, without letting time pass."""
    for _ in range(5):
        await asyncio.sleep(0)


# What is due


async def test_what_is_due_is_written_at_once():
    """Writer writes all that is due, in order, before flush returns."""
    desk = Desk()
    async with desk.open() as writer:
        for data in (b"1", b"2"):
            desk.hold(data)
        desk.say("a", asks=False)
        desk.say("b")
        writer.flush()
        assert desk.written == ["a", "b", b"1", b"2"]
        assert writer.flowing


async def test_senders_do_not_wait_for_a_socket():
    """Writer returns from flush though the peer takes nothing, and writes the rest in order."""
    desk = Desk()
    async with desk.open() as writer:
        desk.session.room.clear()
        for text in ("a", "b", "c"):
            desk.say(text)
            writer.flush()
            assert not writer.flowing
        await settle()
        assert desk.written == []
        desk.session.room.set()
        await settle()
        assert desk.written == ["a", "b", "c"]
        assert writer.flowing


async def test_pause_ends_with_the_bell():
    """Writer that may not write waits until something is sent, and then writes what is due."""
    desk = Desk()
    async with desk.open() as writer:
        desk.ledger.received(calling("1"))
        desk.hold(b"1")
        writer.flush()
        await asyncio.sleep(60)
        assert desk.written == []
        assert not writer.flowing
        desk.hold(b"2")
        writer.flush()
        await settle()
        assert desk.written == []
        response = types.FunctionResponse(id="1", name="f", response={})
        assert desk.outbox.answer({"1": response})
        writer.flush()
        await settle()
        assert desk.written == [["1"], b"1", b"2"]
        assert writer.flowing


@pytest.mark.parametrize("answered", [False, True])
async def test_pause_ends_in_time(answered):
    """Writer waits a second for the end that closes lost calls, unless that comes before."""
    desk = Desk()
    async with desk.open() as writer:
        desk.say("a")
        writer.flush()
        for message in (said("x"), update("h"), calling("1")):
            desk.ledger.received(message)
    desk.outbox.lost()
    async with desk.open() as writer:
        writer.flush()
        if answered:
            desk.ledger.received(complete())
            writer.flush()
        assert desk.written == ["a", ["1"]]
        assert desk.up_to_date == 1
        await settle()
        assert writer.flowing is answered
        await asyncio.sleep(0.5)
        assert writer.flowing is answered
        await asyncio.sleep(1)
        assert writer.flowing
        assert desk.written == ["a", ["1"], "ask on"]
        assert desk.up_to_date == 2


# Up to date


async def test_up_to_date_is_told_once():
    """Writer tells once that a connection is up to date, however much is written after that."""
    desk = Desk()
    async with desk.open() as writer:
        assert not desk.connection.ready
        writer.flush()
        assert (desk.up_to_date, desk.connection.ready) == (1, True)
        desk.say("a")
        writer.flush()
        writer.flush()
        writer.stream(frame(b"1"))
        assert desk.written == ["a", b"1"]
        assert desk.up_to_date == 1


async def test_up_to_date_comes_after_the_replay():
    """Writer tells that a connection is up to date when the last of the replay is written."""
    desk = Desk()
    desk.say("a")
    async with desk.open(seed=[user("told")]) as writer:
        desk.session.room.clear()
        writer.flush()
        await settle()
        assert desk.up_to_date == 0
        desk.session.room.set()
        await settle()
        assert desk.written_then == desk.written == ["told", "a"]
        assert desk.up_to_date == 1


async def test_up_to_date_while_it_waits():
    """Writer that waits for a call does not keep the session from coming back."""
    desk = Desk()
    async with desk.open() as writer:
        desk.ledger.received(calling("1"))
        desk.hold(b"1")
        writer.flush()
        assert (desk.written, desk.up_to_date) == ([], 1)


# Past the outbox


async def test_stream_is_written_at_once():
    """Writer writes realtime input past the outbox, which takes note of it."""
    desk = Desk()
    async with desk.open(transparent=True) as writer:
        writer.flush()
        assert writer.flowing
        assert writer.stream(frame(b"1"))
        assert desk.written == [b"1"]
        assert writer.flowing
        # The number that it has in transparent resumption.
        assert desk.ledger.number() == 2
        assert len(desk.outbox.media._unconsumed) == 1


async def test_stream_that_finds_no_room_goes_on():
    """Writer finishes a frame that has to wait, and then writes what was sent meanwhile."""
    desk = Desk()
    async with desk.open() as writer:
        desk.session.room.clear()
        assert writer.stream(frame(b"1"))
        assert not writer.flowing
        desk.hold(b"2")
        desk.say("a")
        writer.flush()
        await asyncio.sleep(30)
        assert desk.written == []
        desk.session.room.set()
        await settle()
        assert desk.written == [b"1", "a", b"2"]
        assert writer.flowing


async def test_stream_that_fails_at_once():
    """Writer that cannot write a frame leaves it to its sender, and suspects the connection."""
    desk = Desk()
    async with desk.open() as writer:
        desk.session.errors.append(CLOSED)
        assert not writer.stream(frame(b"1"))
        assert not desk.connection.alive
        assert not writer.flowing
        assert (desk.written, desk.kept) == ([], [])
        await asyncio.sleep(2)
        assert desk.connection.error is CLOSED


@pytest.mark.parametrize("transparent", [False, True])
async def test_stream_that_fails_later(transparent):
    """Writer takes a frame back whose write has failed, where it will not be written again."""
    desk = Desk()
    async with desk.open(transparent=transparent) as writer:
        desk.session.room.clear()
        desk.session.errors.append(CLOSED)
        assert writer.stream(frame(b"1"))
        desk.hold(b"2")
        desk.session.room.set()
        await settle()
        assert not desk.connection.alive
        assert not writer.flowing
        assert desk.written == []
        # In transparent resumption it has a number, and what is not covered goes out again.
        assert len(desk.outbox.media._unconsumed) == int(transparent)
        assert desk.kept == ([b"2"] if transparent else [b"1", b"2"])
        assert desk.broken == []


async def test_stream_is_not_written_where_it_cannot_be_kept():
    """Writer raises before it writes a frame that would have to be kept and finds no room."""
    desk = Desk(limit=Limit(messages=1, bytes=100, full="raise"))
    async with desk.open(transparent=True) as writer:
        writer.flush()
        assert writer.stream(frame(b"1"))
        with pytest.raises(BufferOverflow):
            writer.stream(frame(b"2"))
        assert desk.written == [b"1"]
        assert writer.flowing


# Failures


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("error", [CLOSED, BrokenPipeError()])
async def test_failing_write_makes_the_connection_suspect(error, waits):
    """Writer takes back what it could not write, and writes nothing more to that connection."""
    desk = Desk()
    async with desk.open() as writer:
        for data in (b"1", b"2"):
            desk.hold(data)
        if waits:
            desk.session.room.clear()
        desk.session.errors.append(error)
        writer.flush()
        desk.session.room.set()
        await settle()
        assert not desk.connection.alive
        assert not writer.flowing
        writer.flush()
        await asyncio.sleep(2)
        assert desk.connection.error is error
        assert desk.written == []
        assert desk.broken == []
        assert desk.kept == [b"1", b"2"]


async def test_failing_turn_is_not_lost():
    """Writer leaves a turn whose write has failed to the ledger, which has it written again."""
    desk = Desk()
    async with desk.open() as writer:
        desk.say("a")
        desk.session.errors.append(CLOSED)
        writer.flush()
        assert desk.written == []
    desk.outbox.lost()
    async with desk.open() as writer:
        writer.flush()
        assert desk.written == ["a"]


async def test_bad_argument_is_raised_to_its_sender():
    """Writer raises what the SDK says of an argument to who sent it, and is good for more."""
    desk = Desk()
    async with desk.open() as writer:
        writer.flush()
        desk.say("bad")
        desk.session.errors.extend([ValueError("flushed"), ValueError("streamed")])
        with pytest.raises(ValueError, match="flushed"):
            writer.flush()
        with pytest.raises(ValueError, match="streamed"):
            writer.stream(frame(b"bad"))
        assert desk.connection.alive
        desk.say("a")
        writer.flush()
        assert writer.flowing
        writer.stream(frame(b"1"))
        assert desk.written == ["a", b"1"]
        # What was not written has no number, nor has sound where numbers are of no use.
        assert desk.ledger.number() == 2
        assert desk.kept == desk.broken == []


@pytest.mark.parametrize("streams", [False, True])
async def test_bad_argument_that_shows_later_is_reported(streams):
    """Writer reports as broken what is no failure of the connection, when its sender has gone."""
    desk = Desk()
    async with desk.open() as writer:
        desk.session.room.clear()
        error = ValueError("too late")
        desk.session.errors.append(error)
        if streams:
            writer.stream(frame(b"bad"))
        else:
            desk.say("bad")
            writer.flush()
        assert desk.broken == []
        desk.session.room.set()
        await settle()
        assert desk.broken == [error]
        assert desk.connection.alive
        assert desk.kept == []


async def test_nothing_is_written_to_a_dead_connection():
    """Writer leaves all in the outbox once the connection is suspect."""
    desk = Desk()
    async with desk.open() as writer:
        desk.connection.suspect(CLOSED)
        assert not writer.flowing
        desk.say("a")
        desk.hold(b"1")
        writer.flush()
        await settle()
        assert desk.written == []
        assert desk.up_to_date == 0
        assert desk.kept == [b"1"]


async def test_cancelled_writer_writes_no_more():
    """Writer that is cancelled gives up the write that waits, and begins no other."""
    desk = Desk()
    async with desk.open() as writer:
        desk.session.room.clear()
        desk.say("a")
        desk.say("b")
        writer.flush()
        await settle()
        writer.cancel()
        desk.session.room.set()
        writer.flush()
        await settle()
        assert not writer.flowing
        assert desk.written == []
        assert desk.broken == []


# A socket that is full


IMAGE = {"data": bytes(12 * 2**20), "mime_type": "image/png"}
"""More than the system takes of a peer that does not read: what follows it goes nowhere."""


def at_once(coroutine):
    """Run a coroutine to its end, and fail if it waits for anything, were it for no time."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


def numbered(number):
    """Return 20 ms of sound that can be told from others."""
    return frame(number.to_bytes(4, "big") + bytes(636))["audio"]


@pytest.mark.parametrize("going", [False, True])
async def test_full_socket_holds_nobody_up(going):
    """Session never waits for a server that has stopped to read, and loses no turn to it."""
    events = []
    loop = asyncio.get_running_loop()
    async with LiveServer() as server:
        async with session_on(
            server, policy=QUICK, audio_buffer=0.2, on_event=events.append
        ) as session:
            await ask(session, "a")
            await settled()
            if going:
                server.inject(GoAway("20s", close_code=None))
                await settled()
                assert kinds(events) == [Connected, GoingAway]
            server.inject(Stall(reads=False))
            before = loop._jumped
            at_once(session.send_realtime_input(video=IMAGE))
            for number in range(3000):
                at_once(session.send_realtime_input(audio=numbered(number)))
                if number == 2000:
                    assert not session._driver.writer.flowing
                    at_once(session.send_client_content(turns=user("b")))
                    at_once(session.send_client_content(turns=user("c"), turn_complete=False))
            # No time has passed but that of the machine.
            assert loop._jumped == before
            await asyncio.sleep(1)
            assert [heard.value for heard in server.heard] == ["a"]
            if not going:
                server.inject(Abort())
            await asyncio.sleep(40)
            _, second = server.connections
            assert second.handle is not None
            heard = [(heard.kind, heard.value) for heard in server.heard[1:]]
            assert heard[:2] == [("turn", "b"), ("context", "c")]
            assert {kind for kind, _ in heard[2:]} == {"audio"}
            numbers = [int.from_bytes(value[:4], "big") for _, value in heard[2:]]
            assert numbers[-10:] == [*range(2990, 3000)]
            # Where the write has failed that waited for room, its frame is taken back.
            assert len(numbers) <= 11


async def test_full_socket_is_noticed():
    """Session gives up a server that has stopped to read, which the keepalive does not notice."""
    events = []
    async with LiveServer() as server:
        async with session_on(server, policy=QUICK, on_event=events.append) as session:
            await ask(session, "a")
            await settled()
            server.inject(Stall(reads=False))
            for _ in range(3):
                await session.send_realtime_input(video=IMAGE)
            assert not session._driver.writer.flowing
            stuck = session._driver.connection
            await session.send_client_content(turns=user("b"))
            await asyncio.sleep(WRITE_TIMEOUT - 1)
            assert kinds(events) == [Connected]
            assert '"b"' in await reply(session)
            lost = next(event for event in events if isinstance(event, Lost))
            assert "has read nothing for 40 s" in str(lost.error)
            # Closing it waits for the socket as well, and must not do so for ever.
            assert not stuck.closed
            await asyncio.sleep(60)
            assert stuck.closed
