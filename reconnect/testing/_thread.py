"""A server in a thread of its own, for tests that have no loop, or several."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

_T = TypeVar("_T")


class Background:
    """Keeps an async block open, in a loop and a thread of its own.

    Args:
        block: What is kept open.
    """

    def __init__(self, block: AbstractAsyncContextManager[object]) -> None:
        self._block = block
        self._opened: Future[None] = Future()
        self._over = asyncio.Event()
        self._ended: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        # A test that is stopped in the middle does not wait for it.
        self._thread = threading.Thread(target=self._run, name="LiveServer", daemon=True)

    def open(self) -> None:
        """Open the block; return when it is.

        Raises:
            Exception: What opening it raised.
        """
        self._thread.start()
        self._opened.result()

    def close(self) -> None:
        """Close the block; return when its thread has ended.

        Raises:
            BaseException: What closing it raised.
        """
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        self._ended.result()

    def _run(self) -> None:
        try:
            asyncio.run(self._keep_open())
        except BaseException as error:
            ended = self._ended if self._opened.done() else self._opened
            ended.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _keep_open(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._block:
            self._opened.set_result(None)
            await self._over.wait()


def run_in(loop: asyncio.AbstractEventLoop | None, job: Callable[[], _T]) -> _T:
    """Run a job in a loop, from whichever thread, and return its result.

    Args:
        loop: The loop; None, or one that does not run, for here and now.
        job: What to run.
    """
    if loop is None or not loop.is_running() or loop is _running_loop():
        return job()
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(job())
        except BaseException as error:
            done.set_exception(error)

    loop.call_soon_threadsafe(run)
    return done.result()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
