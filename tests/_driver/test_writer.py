"""Who writes: the caller itself, the task that brings a connection up to date, and the watch."""

import asyncio
import contextlib
import contextvars
from collections import deque
from types import SimpleNamespace

import pytest
from google.genai import types
from messages import calling, complete, said, turn, update
from talk import MODEL, user
from websockets.exceptions import ConnectionClosedError

from reconnect import BufferOverflow, Limit, ResumableSession, Stalled
from reconnect._conversation.conversation import Conversation
from reconnect._conversation.exchanges import ANSWER, CONTENT, REALTIME, Call
from reconnect._conversation.limits import MEDIA
from reconnect._conversation.media import Media
from reconnect._conversation.outbox import CLOSING_TIMEOUT, Outbox
from reconnect._driver import connection as connections, writer as writers
from reconnect._driver.connection import Connection
from reconnect._driver.sender import Sender
from reconnect._driver.writer import Writer

CLOSED = ConnectionClosedError(None, None)
STALL_TIMEOUT = 10.0


class OneSession:
    """Something to dial with, and its session: it notes what is written, or fails, or waits."""

    def __init__(self):
        self.written = []
        # What the next writes raise; and what all of them wait for before.
        self.errors = deque()
        self.room = asyncio.Event()
        self.room.set()
        # Seconds that each write takes.
        self.pace = 0.0
        self.tasks = []

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        yield self

    async def _write(self, method, arguments):
        self.tasks.append(asyncio.current_task())
        await asyncio.sleep(self.pace)
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

    def abort(self):
        """Raise to whoever waits for room, as websockets does when a connection is cut off."""
        self.errors.extend([CLOSED] * 100)
        self.room.set()


class Desk:
    """A writer with all that it needs, and what it has told."""

    def __init__(self, *, limit=MEDIA):
        self.session = OneSession()
        self.media = Media(seconds=3.0, limit=limit)
        self.conversation = Conversation(audio=lambda: self.media.progress)
        self.outbox = Outbox(self.conversation, self.media, limit=limit)
        self.sender = Sender(
            self.conversation,
            self.outbox,
            check_usable=lambda: None,
            log=lambda level, text: None,
        )
        # What ResumableSession asks for.
        self._driver = SimpleNamespace(sender=self.sender)
        self.broken = []
        # When it was told, in seconds since the connection was opened, and what.
        self.told = []
        # What was written each time that the connection was up to date, and whether it was direct.
        self.up_to_date = []

    @contextlib.asynccontextmanager
    async def open(self, *, seed=(), transparent=False, until_direct=True, suspected=None):
        """Open a connection and a writer for it, and wait until all that is due is written.

        With an error as ``suspected`` the connection is suspect before the writer begins.
        """
        config = types.LiveConnectConfig()
        self.connection = Connection(self.session, model=MODEL, config=config, over=lambda: None)
        await self.connection.open(timeout=1)
        self.outbox.connected(list(seed), asks=False, transparent=transparent)
        self.writer = Writer(
            self.connection,
            self.outbox,
            stall_timeout=STALL_TIMEOUT,
            up_to_date=self._come_back,
            caught_up=self._catch_up,
            tell=lambda event: self.told.append((self.now, event)),
            broken=self.broken.append,
        )
        if suspected is not None:
            self.connection.suspect(suspected)
        self.writer.start()
        self.sender.writer = self.writer
        if until_direct:
            await settle()
            assert self.writer.direct
        self._began = asyncio.get_running_loop().time()
        try:
            yield self.writer
        finally:
            self.writer.stop()
            self.sender.writer = None
            self.connection.fail(CLOSED)
            await self.connection.close(timeout=1)
            await settle()

    async def _catch_up(self):
        """Have read all that has come."""

    def _come_back(self):
        self.up_to_date.append((self.written, self.writer.direct))

    @property
    def now(self):
        """Seconds since the connection was opened."""
        return asyncio.get_running_loop().time() - self._began

    @property
    def written(self):
        """What the session was written: the words of each turn, the data of each frame."""
        return [_gist(method, arguments) for method, arguments in self.session.written]

    @property
    def kept(self):
        """The frames that wait, taken out of the outbox."""
        frames = []
        while self.media.next_place is not None:
            frames.append(_gist(REALTIME, self.media.next().arguments))
        return frames

    def say(self, text, *, asks=True):
        """Leave a turn to be written."""
        return self.conversation.record(turn(text, asks=asks))

    def hold(self, data):
        """Leave a frame to be written."""
        self.outbox.hold(frame(data))

    # What a caller does

    async def turn(self, text):
        """Send a turn."""
        await self.sender.converse(turn(text))

    async def audio(self, data):
        """Send a frame of audio, as all audio is sent."""
        await ResumableSession.send_realtime_input(self, **frame(data))

    async def media_chunk(self, data):
        """Send a frame of audio as a chunk of media."""
        await ResumableSession.send_realtime_input(self, media=frame(data)["audio"])

    def lose(self):
        """Lose the connection; return the seconds of audio that no session is known to have."""
        self.conversation.handle = "h"
        self.outbox.lost()
        return self.media.forget_uncovered()


def _gist(method, arguments):
    if method == CONTENT:
        turns = arguments.get("turns")
        return turns[0]["parts"][0]["text"] if turns else "ask on"
    if method == REALTIME:
        blob = arguments.get("audio") or arguments["media"]
        return blob["data"]
    return [_id_of(response) for response in arguments["function_responses"]]


def _id_of(response):
    return response["id"] if isinstance(response, dict) else response.id


def frame(data):
    """Return the arguments of a frame of audio."""
    return {"audio": {"data": data, "mime_type": "audio/pcm;rate=16000"}}


SECOND = bytes(32000)
"""Audio of a second."""


def about(seconds):
    """Compare with a time that is up to a second later: the watch looks once in a second."""
    return pytest.approx(seconds + 0.5, abs=0.6)


async def settle():
    """Give whatever is ready its turn, without letting time pass."""
    for _ in range(100):
        await asyncio.sleep(0)


@pytest.fixture
def desk():
    """Return a desk, made where it is used: an event belongs to a loop."""
    return Desk()


# The caller's own writes

CALLER = contextvars.ContextVar("CALLER")


@pytest.mark.parametrize("way", ["turn", "audio", "media_chunk"])
async def test_write_is_the_callers_own(way, desk):
    """Writer writes in the task of its caller, which waits for as long as there is no room."""
    async with desk.open():
        desk.session.room.clear()
        waiting = asyncio.create_task(getattr(desk, way)("a"))
        await asyncio.sleep(1)
        assert not waiting.done()
        assert desk.session.tasks == [waiting]
        assert desk.writer.direct
        desk.session.room.set()
        await waiting
        assert desk.written == ["a"]


async def test_arguments_are_the_callers_own(desk):
    """Writer hands on the very arguments that it was given: the SDK is to judge them, uncopied."""
    async with desk.open():
        given = {"turns": [user("a")], "turn_complete": True}
        await desk.sender.converse(Call(CONTENT, given))
        audio = frame(b"1")
        await ResumableSession.send_realtime_input(desk, **audio)
        (_, turns), (_, streamed) = desk.session.written
        assert turns["turns"] is given["turns"]
        assert streamed["audio"] is audio["audio"]


@pytest.mark.parametrize("way", ["turn", "audio", "media_chunk"])
async def test_context_is_the_callers_own(way, desk):
    """Writer leaves a context variable that is set around a write to be reset after it."""
    async with desk.open():
        desk.session.pace = 1.0
        token = CALLER.set("caller")
        await getattr(desk, way)("a")
        assert CALLER.get() == "caller"
        CALLER.reset(token)
        assert desk.written == ["a"]


@pytest.mark.parametrize("way", ["audio", "media_chunk"])
@pytest.mark.parametrize("transparent", [False, True])
async def test_lost_input_is_held(transparent, way, desk):
    """Writer has input held whose write has failed, for the next connection, and raises nothing."""
    async with desk.open(transparent=transparent) as writer:
        desk.session.errors.append(CLOSED)
        await getattr(desk, way)(b"1")
        assert desk.written == []
        assert not desk.connection.alive
        assert not writer.direct
        assert not writer.lean
        await asyncio.sleep(2)
        assert desk.connection.error is CLOSED
    assert desk.lose() == 0.0
    async with desk.open(transparent=transparent):
        assert desk.written == [b"1"]
    assert desk.broken == []


async def test_lost_turn_is_held(desk):
    """Writer leaves a turn whose write has failed to the conversation, to be written again."""
    async with desk.open():
        desk.session.errors.append(CLOSED)
        await desk.turn("a")
        assert not desk.connection.alive
    desk.lose()
    async with desk.open():
        assert desk.written == ["a"]


async def test_lost_audio_is_not_counted(desk):
    """Writer does not count audio as written whose write has failed: it is held."""
    async with desk.open():
        await desk.audio(SECOND)
        desk.session.errors.append(CLOSED)
        await desk.audio(SECOND)
    assert desk.lose() == 1.0
    assert desk.kept == [SECOND]


@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("error", [ValueError("bad"), OSError("truncated"), RuntimeError("x")])
async def test_refused_write_is_raised_and_forgotten(error, transparent, desk):
    """Writer raises what the SDK says of an argument to who gave it, and is good for more."""
    async with desk.open(transparent=transparent) as writer:
        for way, bad in ((desk.turn, "bad"), (desk.audio, b"bad"), (desk.media_chunk, b"bad")):
            desk.session.errors.append(error)
            with pytest.raises(type(error)) as caught:
                await way(bad)
            assert caught.value is error
        assert desk.connection.alive
        assert writer.direct
        assert not desk.media.meter.unacknowledged
        await desk.turn("a")
        await desk.media_chunk(b"1")
        assert desk.written == ["a", b"1"]
        # What was not written has no number.
        assert desk.conversation.number() == 3
    desk.lose()
    async with desk.open(transparent=transparent):
        # Elsewhere audio that was written is not written again.
        assert desk.written == ["a", b"1", "a", b"1"][: 4 if transparent else 3]
    assert desk.broken == []


@pytest.mark.parametrize("way", ["audio", "media_chunk"])
async def test_input_that_there_is_no_room_for(way):
    """Writer is given no input that would have to be kept, where there is no room for it.

    It is raised to the caller before it is written, and nothing that is kept is let go of.
    """
    desk = Desk(limit=Limit(messages=1, bytes=100, full="raise"))
    async with desk.open(transparent=True) as writer:
        await getattr(desk, way)(b"1")
        with pytest.raises(BufferOverflow):
            await getattr(desk, way)(b"2")
        assert desk.written == [b"1"]
        assert writer.direct
        await desk.turn("a")
    desk.lose()
    async with desk.open(transparent=True):
        assert desk.written == [b"1", "a", b"1", "a"]


async def test_refused_result_is_awaited_again(desk):
    """Writer forgets a result that the SDK would not write: the model still waits for one."""
    async with desk.open() as writer:
        desk.conversation.received(calling("1"))
        results = [("1", types.FunctionResponse(id="1", name="f", response={}))]
        call = Call(ANSWER, {"function_responses": desk.outbox.answer(results)})
        desk.session.errors.append(ValueError("bad"))
        with pytest.raises(ValueError, match="bad"):
            await writer.write(desk.outbox.answered(call, results))
        assert desk.conversation.calls.awaited == ("1",)


async def test_refused_audio_is_raised_and_not_counted(desk):
    """Writer counts no audio that the SDK has refused, however often it was tried."""
    async with desk.open() as writer:
        desk.session.errors.extend([ValueError("bad")] * 3)
        for given in (frame(SECOND), {"audio": {"data": SECOND}}, {"audio": 5}):
            with pytest.raises(ValueError, match="bad"):
                await ResumableSession.send_realtime_input(desk, **given)
        assert writer.direct
        assert not desk.media.meter.unacknowledged
        await desk.audio(SECOND)
    assert desk.lose() == 1.0


@pytest.mark.parametrize("way", ["turn", "audio", "media_chunk"])
async def test_cancelled_write(way, desk):
    """Writer lets the cancellation of its caller pass, and takes what it wrote for written.

    It may lie in the socket's buffer already. The watch is done with it.
    """
    async with desk.open(transparent=True) as writer:
        desk.session.room.clear()
        waiting = asyncio.create_task(getattr(desk, way)(SECOND))
        await settle()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert desk.writer.direct
        await asyncio.sleep(2 * STALL_TIMEOUT)
        assert desk.told == []
        assert writer.watch is None
    desk.lose()
    assert len(desk.conversation.exchanges) == (way == "turn")
    assert desk.kept == [SECOND] * (way != "turn")


# What is due


async def test_what_is_due_is_written_in_order(desk):
    """Writer writes the history, then the turns, then the audio; then callers may write."""
    for data in (b"1", b"2"):
        desk.hold(data)
    desk.say("a", asks=False)
    desk.say("b")
    async with desk.open(seed=[user("told")], until_direct=False):
        assert not desk.writer.direct
        assert desk.written == []
        await settle()
        assert desk.written == ["told", "a", "b", b"1", b"2"]
        assert desk.writer.direct


async def test_up_to_date_is_told_when_the_replay_is_written(desk):
    """Writer tells that the session is back once the replay is written, before held audio is."""
    desk.say("a")
    desk.hold(b"1")
    async with desk.open(seed=[user("told")]):
        assert desk.up_to_date == [
            (["told", "a"], False),
            (["told", "a", b"1"], False),
            (["told", "a", b"1"], True),
        ]


async def test_nothing_due(desk):
    """Writer tells that a connection is up to date at once, where there is nothing to write."""
    async with desk.open():
        assert desk.up_to_date == [([], True)]
        await desk.turn("a")
        await desk.audio(SECOND)
        assert desk.up_to_date == [([], True)]


async def test_what_is_sent_meanwhile_is_written_after(desk):
    """Writer writes what was held while it waited for the socket, in order, by itself."""
    desk.say("a")
    async with desk.open(until_direct=False) as writer:
        desk.session.room.clear()
        await settle()
        for text in ("b", "c"):
            assert not desk.writer.direct
            desk.say(text)
            writer.wake()
        await asyncio.sleep(1)
        assert desk.written == []
        desk.session.room.set()
        await settle()
        assert desk.written == ["a", "b", "c"]
        assert desk.writer.direct
        assert {task.get_name() for task in desk.session.tasks} == {"reconnect writer"}


async def test_wake_with_nothing_due(desk):
    """Writer leaves a connection to its callers where a message brings nothing to be written."""
    async with desk.open() as writer:
        writer.wake()
        assert desk.writer.direct
        await settle()
        assert desk.up_to_date == [([], True)]


async def test_wake_with_a_result_that_is_known(desk):
    """Writer takes the connection back for a result that is known, and then returns it."""
    async with desk.open():
        await desk.turn("a")
        desk.conversation.received(calling("1"))
        result = types.FunctionResponse(id="1", name="f", response={})
        assert desk.outbox.answer([("1", result)]) == [result]
    desk.lose()
    async with desk.open() as writer:
        desk.session.written.clear()
        desk.conversation.received(calling("2"))
        writer.wake()
        # Nobody may write before it.
        assert not desk.writer.direct
        await settle()
        assert desk.written == [["2"]]
        assert desk.writer.direct
        assert desk.up_to_date[-1] == ([["2"]], True)


async def test_pause_ends_when_it_is_woken(desk):
    """Writer that may not write waits until something is sent, and then writes what is due."""
    desk.conversation.received(calling("1"))
    desk.hold(b"1")
    async with desk.open(until_direct=False) as writer:
        await asyncio.sleep(60)
        assert desk.written == []
        assert not desk.writer.direct
        desk.hold(b"2")
        writer.wake()
        await settle()
        assert desk.written == []
        result = types.FunctionResponse(id="1", name="f", response={})
        desk.outbox.hold_results(desk.outbox.answer([("1", result)]))
        writer.wake()
        await settle()
        assert desk.written == [["1"], b"1", b"2"]
        assert desk.writer.direct


@pytest.mark.parametrize("answered", [False, True])
async def test_pause_ends_in_time(answered, desk):
    """Writer waits a second for the end that closes lost calls, unless that comes before."""
    async with desk.open():
        await desk.turn("a")
        for message in (said("x"), update("h"), calling("1")):
            desk.conversation.received(message)
    desk.lose()
    desk.up_to_date.clear()
    async with desk.open(until_direct=False) as writer:
        await asyncio.sleep(CLOSING_TIMEOUT / 2)
        assert desk.written == ["a", ["1"]]
        assert desk.up_to_date == []
        if answered:
            desk.conversation.received(complete())
            writer.wake()
            await settle()
            assert desk.writer.direct
        assert desk.writer.direct is answered
        await asyncio.sleep(CLOSING_TIMEOUT)
        assert desk.writer.direct
        assert desk.written == ["a", ["1"], "ask on"]
        assert desk.up_to_date == [(desk.written, False), (desk.written, True)]


async def test_failing_write_ends_the_writing(desk):
    """Writer takes back what it could not write, and writes nothing more to that connection."""
    for data in (b"1", b"2"):
        desk.hold(data)
    desk.session.errors.append(CLOSED)
    async with desk.open(until_direct=False) as writer:
        await settle()
        assert not desk.connection.alive
        assert not desk.writer.direct
        writer.wake()
        await asyncio.sleep(2)
        assert desk.connection.error is CLOSED
        assert desk.written == []
    desk.lose()
    assert desk.up_to_date == []
    assert desk.broken == []
    assert desk.kept == [b"1", b"2"]


async def test_bug_is_reported(desk):
    """Writer reports as broken what is no failure of the connection, where nobody has sent it.

    What is held was judged before: to send it again and again would never end.
    """
    error = ValueError("it was good before")
    desk.say("a")
    desk.session.errors.append(error)
    async with desk.open(until_direct=False):
        await settle()
        assert desk.broken == [error]
        assert desk.connection.alive
        assert not desk.writer.direct
        assert desk.conversation.exchanges == []


async def test_nothing_is_written_to_a_dead_connection(desk):
    """Writer leaves all in the outbox where the connection is suspect before it begins."""
    desk.say("a")
    desk.hold(b"1")
    async with desk.open(until_direct=False, suspected=CLOSED):
        await settle()
        assert desk.written == []
        assert desk.up_to_date == []
        assert not desk.writer.direct
    assert desk.kept == [b"1"]
    assert desk.broken == []


# The end of the task


@pytest.mark.parametrize("writes", [False, True])
async def test_stray_cancellation_gives_the_connection_up(writes, desk):
    """Writer whose task is cancelled by a stranger gives the connection up, and nothing is lost."""
    if writes:
        desk.say("a")
    async with desk.open(until_direct=False) as writer:
        desk.session.room.clear()
        await settle()
        writer._task.cancel()
        await settle()
        assert isinstance(desk.connection.error, ConnectionAbortedError)
        assert "the task that writes was cancelled" in str(desk.connection.error)
        assert not desk.connection.alive
        assert desk.broken == []
        desk.session.room.set()
        await desk.turn("b")
    desk.lose()
    desk.session.written.clear()
    async with desk.open():
        assert desk.written == ["a"] * writes + ["b"]


async def test_stopped_writer_writes_no_more(desk):
    """Writer that is stopped gives up the write that waits, and begins and reports nothing."""
    desk.say("a")
    desk.say("b")
    async with desk.open(until_direct=False) as writer:
        desk.session.room.clear()
        await settle()
        writer.stop()
        desk.session.room.set()
        writer.wake()
        await settle()
        writer.stop()
        assert desk.written == []
        assert not desk.writer.direct
        assert desk.connection.error is None
        assert desk.broken == []
        await asyncio.sleep(2 * STALL_TIMEOUT)
        assert desk.told == []


async def test_writer_that_never_began_is_stopped(desk):
    """Writer can be stopped before it has begun."""
    async with desk.open():
        writer = Writer(
            desk.connection,
            desk.outbox,
            stall_timeout=1.0,
            up_to_date=lambda: None,
            caught_up=desk._catch_up,
            tell=desk.told.append,
            broken=desk.broken.append,
        )
        writer.stop()
        assert not writer.direct


# The watch


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
        desk.media.meter.cover()
        await desk.audio(SECOND)
        await pongs.answer()
        assert desk.media.meter.unacknowledged
        desk.media.meter.cover()
        # The second one was written after the ping.
        await asyncio.sleep(1.1)
        assert len(pongs.asked) == 2
        desk.media.meter.cover()
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
        assert not desk.media.meter.unacknowledged
        await asyncio.sleep(100)
        assert len(pongs.asked) <= 4
        assert writer.watch is None
        desk.media.meter.cover()
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
        assert not desk.media.meter.unacknowledged
        desk.media.meter.cover()
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
        desk.media.meter.cover()
        assert desk.media.meter.unacknowledged
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
