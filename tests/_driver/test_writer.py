"""The task that brings a connection up to date: what is due, in which order, and its end."""

import asyncio

import pytest
from desk import CLOSED, SECOND, STALL_TIMEOUT, Desk, settle
from google.genai import types
from messages import calling, complete, said, update
from talk import user

from reconnect._conversation.outbox import CLOSING_TIMEOUT
from reconnect._driver.writer import Writer


@pytest.fixture
def desk():
    """Return a desk, made where it is used: an event belongs to a loop."""
    return Desk()


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
        assert desk.outbox.answer([result]) == [result]
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
        desk.outbox.hold_results(desk.outbox.answer([result]))
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


# Writes that fail


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
