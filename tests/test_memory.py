"""What a session holds does not grow with what it sends, though the server confirms nothing."""

import importlib.util
import pathlib
from collections import deque
from types import SimpleNamespace

import pytest

from reconnect._conversation.limits import Limit
from reconnect.errors import BufferOverflow

LIMITS = {
    "buffer": Limit(messages=20, bytes=10_000, full="raise"),
    "media_buffer": Limit(messages=50, bytes=10_000, full="drop"),
    "history_limit": 500,
}


def _benchmark():
    path = pathlib.Path(__file__).parent / "benchmarks" / "memory.py"
    spec = importlib.util.spec_from_file_location("memory_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


memory = _benchmark()


def held(session):
    """Return how many things are in all that a session holds, as deep as the library goes."""
    count, seen, found = 0, set(), [session]
    while found:
        thing = found.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, dict):
            parts = [*thing.keys(), *thing.values()]
        elif isinstance(thing, (list, tuple, set, deque)):
            parts = list(thing)
        elif type(thing).__module__.startswith("reconnect."):
            slots = [vars(kind).get("__slots__", ()) for kind in type(thing).__mro__]
            parts = [getattr(thing, name) for names in slots for name in names]
            parts += getattr(thing, "__dict__", {}).values()
        else:
            continue
        count += len(parts)
        found += parts
    return count


async def growth(session, send, sends):
    """Return how many things more are held after twice as many sends as after so many."""
    counts = []
    for number in range(2 * sends):
        if number == sends:
            counts.append(held(session))
        # As long as each other, for what is kept by its length.
        await send(session, 1000 + number % 1000)
    counts.append(held(session))
    return counts[1] - counts[0]


async def test_sound_that_no_handle_covers():
    """Session holds as much sound as its limit allows, where no handle ever covers any."""
    async with memory.unconfirmed(vertexai=True, **LIMITS) as session:
        assert await growth(session, memory.stream, 500) == 0
        media = session._driver.facts.media
        assert len(media.line.sent) == 50
        assert media.first is None


async def test_sound_that_is_not_written_again():
    """Session holds no sound that it has written, where none is written again."""
    async with memory.unconfirmed(**LIMITS) as session:
        assert await growth(session, memory.stream, 500) == 0
        assert len(session._driver.facts.media.line.sent) == 0


async def test_turns_beside_a_handle():
    """Session lets go of turns that are over, and no handle covers, and refuses what is owed."""
    async with memory.unconfirmed(memory.HANDLE, **LIMITS) as session:
        assert session.handle == "h"
        assert await growth(session, memory.tell, 200) == 0
        assert len(session._driver.conversation.exchanges) == 20
        assert session._driver.conversation.past.forgotten == 380
        await session.send_realtime_input(text="This is number 1000.")
        for _ in range(19):
            await session.send_client_content(turns=memory.turn(1000), turn_complete=False)
        with pytest.raises(BufferOverflow):
            await session.send_client_content(turns=memory.turn(1000), turn_complete=False)


async def test_turns_without_a_handle():
    """Session holds of the turns that no handle will cover what a fresh session is to be told."""
    async with memory.unconfirmed(**LIMITS) as session:
        assert await growth(session, memory.tell, 200) == 0
        assert len(session._driver.conversation.exchanges) <= 20
        assert len(session._driver.conversation.past.turns) <= 500 / len("This is number 1000.")


def test_held_counts_what_is_deep_inside():
    """The count that these tests rely on finds what is held at any depth, once."""
    inner = [1, 2, 3]
    assert held([{"a": inner, "b": inner}, SimpleNamespace(a=inner)]) == 2 + 4 + 3
    assert held(LIMITS["buffer"]) == 3
