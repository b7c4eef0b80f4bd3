"""One piece of realtime input: what is in it, and how long its audio is.

Pure. Blobs are read by their attributes or their keys, whichever the caller gave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .copies import copy_of
from .limits import size_of

__all__ = ["END", "START", "Chunk", "chunk_of", "is_told", "length_of"]

START: Final = "activity_start"
END: Final = "activity_end"
_BLOBS: Final = ("audio", "video", "media")
_FIELDS: Final = ("data", "mime_type", "display_name")

_DEFAULT_RATE: Final = 16000
"""Samples a second of PCM whose type names no rate: what the Live API takes it for."""

_BYTES_A_SAMPLE: Final = 2
"""The Live API takes 16-bit samples of one channel."""

_USUAL_PIECE: Final = 0.02
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
    """Return a piece of realtime input, which stays as it is when the caller changes his blob.

    What is no blob, or lacks a part of one, is for the SDK to refuse.
    """
    for name in _BLOBS:
        blob = arguments.get(name)
        if blob is not None:
            known = isinstance(blob, dict)
            fields = blob if known else {it: getattr(blob, it, None) for it in _FIELDS}
            copy = {key: copy_of(value) for key, value in fields.items() if value is not None}
            # The SDK takes the names of its JSON form too.
            byte, frame = length_of(copy.get("mime_type") or copy.get("mimeType"))
            size = size_of(copy.get("data"))
            picture = not (byte or frame)
            return Chunk({name: copy}, place, size * byte + frame, size, picture=picture)
    # An empty mark is one all the same.
    mark = next((name for name in (START, END) if arguments.get(name) is not None), None)
    return Chunk(arguments, place, 0.0, size_of(arguments), mark)


def length_of(kind: object) -> tuple[float, float]:
    """Return how long a byte, and a whole piece, of a MIME type are, in seconds.

    Of PCM a byte is; of other audio nobody can know more than a usual piece; what is no audio, or
    no type at all, has no length.
    """
    if not isinstance(kind, str) or not kind.lower().startswith("audio/"):
        return 0.0, 0.0
    if not kind.lower().startswith("audio/pcm"):
        return 0.0, _USUAL_PIECE
    _, _, rate = kind.lower().partition("rate=")
    samples = int(rate) if rate.isdecimal() and int(rate) else _DEFAULT_RATE
    return 1 / samples / _BYTES_A_SAMPLE, 0.0


def is_told(item: Chunk, told: Iterable[range]) -> bool:
    """Tell whether an item is in any of these places, whose speech is told in words."""
    return any(item.place in said for said in told)
