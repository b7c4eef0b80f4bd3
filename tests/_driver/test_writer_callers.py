"""The caller's own writes: made in its task, held where they fail, raised where they are wrong."""

import asyncio
import contextvars

import pytest
from desk import CLOSED, SECOND, STALL_TIMEOUT, Desk, frame, settle
from google.genai import types
from messages import calling
from talk import user

from reconnect import BufferOverflow, Limit, ResumableSession
from reconnect._conversation.exchanges import ANSWER, CONTENT, Call

CALLER = contextvars.ContextVar("CALLER")


@pytest.fixture
def desk():
    """Return a desk, made where it is used: an event belongs to a loop."""
    return Desk()


# In the caller's task


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


# Writes that fail


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


# Writes that are refused


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
        assert not desk.media.line.unacknowledged
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
        results = [types.FunctionResponse(id="1", name="f", response={})]
        call = Call(ANSWER, {"function_responses": desk.outbox.answer(results)})
        desk.session.errors.append(ValueError("bad"))
        with pytest.raises(ValueError, match="bad"):
            await writer.write(desk.outbox.answered(call, results))
        assert desk.conversation.calls.awaited == ("1",)


async def test_refused_audio_is_raised_and_not_counted(desk):
    """Writer counts no audio that the SDK has refused, however often it was tried."""
    async with desk.open() as writer:
        desk.session.errors.extend([ValueError("bad")] * 2)
        for given in (frame(SECOND), {"audio": {"data": SECOND}}):
            with pytest.raises(ValueError, match="bad"):
                await ResumableSession.send_realtime_input(desk, **given)
        with pytest.raises(ValueError, match="valid dictionary"):
            await ResumableSession.send_realtime_input(desk, audio=5)
        assert writer.direct
        assert not desk.media.line.unacknowledged
        await desk.audio(SECOND)
    assert desk.lose() == 1.0
