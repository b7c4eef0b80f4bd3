"""One piece of realtime input: what is in it, and how long its audio is.

Pure. Blobs are read by their attributes or their keys, whichever the caller gave.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .limits import size_of

__all__ = ["BYTES_A_SAMPLE", "MARKS", "USUAL_FRAME", "Chunk", "chunk_of", "rate_of", "seconds_of"]

MARKS: Final = ("activity_start", "activity_end")
_BLOBS: Final = ("audio", "video", "media")
_FIELDS: Final = ("data", "mime_type", "display_name")

_DEFAULT_RATE: Final = 16000
"""Samples a second of PCM whose type names no rate: what the Live API takes it for."""

BYTES_A_SAMPLE: Final = 2
"""The Live API takes 16-bit samples of one channel."""

USUAL_FRAME: Final = 0.02
"""Seconds that a chunk of audio is taken for that is not PCM."""


# Not frozen: one is made for each frame in transparent resumption, and that costs twice as much.
@dataclass(slots=True)
class Chunk:
    """One piece of realtime input.

    Args:
        arguments: Those of ``send_realtime_input``.
        place: Its place among all that the caller sent; what is lower comes first.
        seconds: The audio in it.
        size: The bytes in it.
        activity: Which mark of activity it is; None for none.
        picture: Whether it is an image.
        again: Whether it was written to an earlier connection.
    """

    arguments: Mapping[str, Any]
    place: int
    seconds: float = 0.0
    size: int = 0
    activity: str | None = None
    picture: bool = False
    again: bool = False


def chunk_of(arguments: Mapping[str, Any], *, place: int) -> Chunk:
    """Return a piece of realtime input.

    Args:
        arguments: Those of ``send_realtime_input``.
        place: Its place among all that the caller sent.
    """
    for name in _BLOBS:
        blob = arguments.get(name)
        if blob is not None:
            seconds, size = _sound_in(blob)
            if seconds is not None:
                return Chunk({name: _copy_of(blob)}, place, seconds, size)
            return Chunk({name: _copy_of(blob)}, place, 0.0, size, picture=True)
    # An empty mark is one all the same.
    mark = next((name for name in MARKS if arguments.get(name) is not None), None)
    return Chunk(arguments, place, 0.0, size_of(arguments), mark)


def _copy_of(blob: Any) -> dict[str, Any]:
    """Return a blob that stays as it is when the caller changes his."""
    fields = blob if isinstance(blob, dict) else {it: getattr(blob, it, None) for it in _FIELDS}
    return {
        name: bytes(value) if isinstance(value, (bytearray, memoryview)) else value
        for name, value in fields.items()
        if value is not None
    }


def seconds_of(blob: Any) -> float | None:
    """Return the seconds of audio in a blob; None if it is no audio.

    Args:
        blob: A blob of the SDK's, or a dict of its fields; anything else is no audio.
    """
    return _sound_in(blob)[0]


def _sound_in(blob: Any) -> tuple[float | None, int]:
    """Return the seconds of audio in a blob, None if it is no audio, and its bytes."""
    data, kind = _data_and_kind(blob)
    rate = rate_of(kind) if isinstance(kind, str) else None
    size = size_of(data)
    if not rate:
        return (None if rate is None else USUAL_FRAME), size
    return size * (1 / rate / BYTES_A_SAMPLE), size


def _data_and_kind(blob: Any) -> tuple[Any, Any]:
    """Return the data of a blob and its type, where it is one and has them.

    What is none is for the SDK to refuse, as it is what is wrong with one.
    """
    if isinstance(blob, dict):
        # The SDK takes the names of its JSON form too.
        return blob.get("data"), blob.get("mime_type") or blob.get("mimeType")
    return getattr(blob, "data", None), getattr(blob, "mime_type", None)


@functools.lru_cache
def rate_of(kind: str) -> int | None:
    """Return the samples a second of a type of media; 0 if nobody knows, None if it is no audio."""
    kind = kind.lower()
    if not kind.startswith("audio/"):
        return None
    if not kind.startswith("audio/pcm"):
        return 0
    _, _, rate = kind.partition("rate=")
    return int(rate) if rate.isdecimal() and int(rate) else _DEFAULT_RATE
