"""Where the lines come from: a person at a terminal, or a script."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Final, Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout

__all__ = ["Lines", "Script", "Terminal", "typed"]

_BYTES: Final = 4096


class Lines(Protocol):
    """The lines that somebody types."""

    waits: bool
    """Whether a line is to wait until the one before is answered."""

    def read(self) -> AsyncGenerator[str]:
        """Yield them, up to the end of the input."""
        ...

    def show(self, partial: str) -> None:
        """Show what there is of a reply that is on its way.

        Args:
            partial: Its words; nothing once it is complete.
        """


def typed() -> Lines:
    """Return the lines of the standard input."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return Terminal()
    return Script(sys.stdin.fileno(), waits=not sys.stdin.isatty())


class Script:
    """Lines from a pipe or a file. Nobody reads along, so a reply is shown when it is complete.

    They are read in a thread: a file cannot be waited for in any other way. It reads with the
    operating system's own call, since it may still wait when Python ends, which Python's files do
    not take.

    Args:
        descriptor: What is read.
        waits: Whether a line is to wait until the one before is answered.
    """

    def __init__(self, descriptor: int, *, waits: bool = True) -> None:
        self.waits = waits
        self._descriptor = descriptor

    async def read(self) -> AsyncGenerator[str]:
        """Yield them, up to the end of the input."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[str | None] = asyncio.Queue()

        def put(line: str | None) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, line)

        threading.Thread(target=self._read, args=[put], daemon=True).start()
        while (line := await queue.get()) is not None:
            yield line

    def show(self, partial: str) -> None:
        """Show nothing."""

    def _read(self, put: Callable[[str | None], None]) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        rest = ""
        # Once the loop is closed nobody takes the lines any more.
        with contextlib.suppress(RuntimeError):
            while data := os.read(self._descriptor, _BYTES):
                *lines, rest = (rest + decoder.decode(data)).split("\n")
                for line in lines:
                    put(line)
            if rest:
                put(rest)
            put(None)


class Terminal:
    """Lines of a person, who can edit them while the conversation goes on above.

    What is printed meanwhile is put above the line that is being typed, and so is, for as long as
    it is on its way, what there is of a reply.
    """

    waits = False

    def __init__(self) -> None:
        self._partial = ""
        self._session: PromptSession[str] = PromptSession(erase_when_done=True)

    async def read(self) -> AsyncGenerator[str]:
        """Yield them, up to Ctrl-D.

        Raises:
            KeyboardInterrupt: On Ctrl-C.
        """
        with patch_stdout(raw=True):
            while True:
                try:
                    yield await self._session.prompt_async(self._prompt)
                except EOFError:
                    return

    def show(self, partial: str) -> None:
        """Show what there is of a reply, above the line.

        Args:
            partial: Its words; nothing once it is complete.
        """
        self._partial = partial
        self._session.app.invalidate()

    def _prompt(self) -> str:
        # Its end, where it is longer than a line.
        width = self._session.app.output.get_size().columns - 1
        return f"{self._partial[-width:]}\n> " if self._partial else "> "
