"""Hands that type for the chat."""

import asyncio
from collections.abc import AsyncGenerator, Sequence


class Hands:
    """Types lines, and keeps what is shown of the replies meanwhile.

    Args:
        lines: What is typed; a number is a pause in seconds, and an exception is raised.
        waits: Whether each waits until the one before is answered.
        stays: Whether nobody ends it afterwards.
    """

    def __init__(
        self, *lines: str | float | BaseException, waits: bool = True, stays: bool = False
    ) -> None:
        self.waits = waits
        self.shown: list[str] = []
        self._lines: Sequence[str | float | BaseException] = lines
        self._stays = stays

    async def read(self) -> AsyncGenerator[str, None]:
        """Yield the lines."""
        for line in self._lines:
            if isinstance(line, BaseException):
                raise line
            if isinstance(line, str):
                yield line
            else:
                await asyncio.sleep(line)
        if self._stays:
            await asyncio.Event().wait()

    def show(self, partial: str) -> None:
        """Keep what there is of a reply."""
        self.shown.append(partial)
