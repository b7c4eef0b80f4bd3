"""Begins a coroutine in its caller's own time, and finishes it elsewhere if it has to wait.

Writing to a socket waits only where the peer does not read. Nearly every write is over before it
could, and the others must not hold up a microphone: so each is begun by its caller, and what is
left of one that has to wait is taken over by a task. A task for each write was rejected for what
it costs, and so was one that all writes are handed to: it would be woken for every frame.
`asyncio.eager_task_factory` does the same with a task for each; it came with Python 3.12.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

# These are documented for whoever writes a task of their own, which this is in part:
# https://docs.python.org/3/library/asyncio-extending.html#task-lifetime-support
from asyncio import _enter_task, _leave_task  # isort: skip

__all__ = ["Eager", "Rest"]


@dataclass(slots=True)
class Rest:
    """What is left of a coroutine that was begun, from what it waits for on.

    Args:
        coroutine: The coroutine.
        waits_for: What it waits for.
        later: Called once it is over, with what it has raised; None for nobody.
        interrupted: What has come in place of what it waits for; None for nothing so far.
    """

    coroutine: Coroutine[Any, Any, None]
    waits_for: Any
    later: Callable[[Exception | None], None] | None = None
    interrupted: BaseException | None = None

    def __await__(self) -> Generator[Any, Any, None]:
        came = self.interrupted
        while True:
            if came is None:
                try:
                    yield self.waits_for
                except BaseException as error:
                    came = error
            step = partial(self.coroutine.send, None)
            if came is not None:
                step, came = partial(self.coroutine.throw, came), None
            try:
                self.waits_for = step()
            except StopIteration:
                return


class Eager:
    """Runs one coroutine at a time, from its first step on.

    Args:
        name: The name of the task that takes over.
        broken: Called with what a coroutine raises that nobody takes `later`: a bug, or a bad
            argument.
    """

    def __init__(self, *, name: str, broken: Callable[[BaseException], None]) -> None:
        self._rest: Rest | None = None
        self._handed_over = asyncio.Event()
        self._broken = broken
        self._cancelled = False
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._take_over(), name=name)
        self._task.add_done_callback(self._finished)

    def start(self, coroutine: Coroutine[Any, Any, None]) -> Rest | None:
        """Begin a coroutine; return what is left of it, None for nothing.

        Args:
            coroutine: What to run; there must be none that is not over.

        Raises:
            Exception: What the coroutine raises before it waits for the first time.
        """
        caller = asyncio.current_task(self._loop)
        # In the name of the task that may have to finish it: what it waits for, a timeout say,
        # must wake or cancel that one, and never the caller.
        if caller is not None:
            _leave_task(self._loop, caller)
        _enter_task(self._loop, self._task)
        try:
            waits_for = coroutine.send(None)
        except StopIteration:
            return None
        finally:
            _leave_task(self._loop, self._task)
            if caller is not None:
                _enter_task(self._loop, caller)
        self._rest = Rest(coroutine, waits_for)
        self._handed_over.set()
        return self._rest

    def cancel(self) -> None:
        """Stop, and leave undone what is left."""
        self._cancelled = True
        self._task.cancel()

    async def _take_over(self) -> None:
        while True:
            interrupted = None
            try:
                await self._handed_over.wait()
            except asyncio.CancelledError as cancelled:
                if self._cancelled or self._rest is None:
                    raise
                # Not meant for this task, but for what it is about to take over: a timeout whose
                # time had passed when it was set.
                interrupted = cancelled
            self._handed_over.clear()
            assert self._rest is not None
            rest, error = self._rest, None
            rest.interrupted = interrupted
            try:
                await rest
            except Exception as raised:
                if rest.later is None:
                    raise
                error = raised
            finally:
                self._rest = None
            if rest.later is not None:
                rest.later(error)

    def _finished(self, task: asyncio.Task[None]) -> None:
        if self._rest is not None:
            # It was cancelled before it could take over.
            self._rest.coroutine.close()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken(error)
