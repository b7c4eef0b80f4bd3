"""How much audio was written: a sum of bytes, since it is added to with every frame.

Pure.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from .chunks import BYTES_A_SAMPLE, rate_of, seconds_of

__all__ = ["Meter", "Written"]


Written: TypeAlias = tuple[float, int, int]
"""How far writing audio to a connection has come: it differs whenever more was written.

The seconds that were written and are not kept; the number of the newest message of what is kept,
and its place among all that the caller sent; 0 for none.
"""


class Meter:
    """Counts the seconds of audio.

    Whoever writes audio of the `kind` that there is adds its bytes to `bytes` in place: a call for
    each frame costs too much. All other audio is given to `count`.
    """

    def __init__(self) -> None:
        # The type of PCM that is counted by its bytes: a string of the caller's, or this object.
        self.kind: object = self
        self.bytes = 0
        self._seconds_a_byte = 0.0
        self._before = 0.0

    @property
    def seconds(self) -> float:
        """How much was counted."""
        return self._before + self.bytes * self._seconds_a_byte

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self._before, self.bytes = seconds, 0

    def count(self, blob: Any) -> bytes | None:
        """Count audio, and return its data.

        Args:
            blob: The audio: a blob of the SDK's, or a dict of its fields; what is neither is for
                the SDK to refuse.
        """
        self.seconds += seconds_of(blob) or 0.0
        kind = getattr(blob, "mime_type", None)
        data: bytes | None = getattr(blob, "data", None)
        rate = rate_of(kind) if isinstance(kind, str) else None
        if rate:
            self.kind, self._seconds_a_byte = kind, 1 / rate / BYTES_A_SAMPLE
        return data
