"""The bell: wakes those who wait when it rings."""

import asyncio

from reconnect._driver.bell import Bell


async def test_wakes_all_who_wait():
    """Bell wakes everyone who waits, once."""
    bell = Bell()
    waiting = [asyncio.create_task(bell.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    bell.ring()
    bell.ring()
    await asyncio.gather(*waiting)


async def test_remembers_nothing():
    """Bell does not wake who comes after it rang, nor minds who has gone."""
    bell = Bell()
    bell.ring()
    late, gone = asyncio.create_task(bell.wait()), asyncio.create_task(bell.wait())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    assert gone.cancelled()
    assert not late.done()
    bell.ring()
    await late
