"""Realtime input that finds no connection: what is kept of it, and in which order it goes out.

Pure. The rules:

1. Audio is kept up to a limit, the oldest frames go first: stale sound after a gap disturbs the
   voice activity detection of the server, and a caller's capture loop must never wait.
2. Of video only the newest frame is kept: queued frames after a resume are refused (1007).
3. In transparent resumption nothing is stale: the handle says which messages it covers, and all
   that come after it are written again, in order, before anything new.
4. The marks of activity keep their places among the audio. An activity that was open when the
   connection was lost is opened again before its audio.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Media", "seconds_of"]

UNCONSUMED_LIMIT: Final = 15_000
"""Messages that are kept in transparent resumption: five minutes of frames of 20 ms."""

_START: Final[Mapping[str, Any]] = {"activity_start": {}}

_DEFAULT_RATE: Final = 16000
"""Samples a second of PCM whose type names no rate: what the Live API takes it for."""

_BYTES_A_SAMPLE: Final = 2
"""The Live API takes 16-bit samples of one channel."""

_USUAL_FRAME: Final = 0.02
"""Seconds that a chunk of audio is taken for that is not PCM."""

_ROUNDING: Final = 1e-6
"""Seconds: the sum of many short frames must not cost one of them for its rounding."""


@dataclass(frozen=True, slots=True)
class _Held:
    """One piece of input that waits, and the seconds of sound in it."""

    arguments: Mapping[str, Any]
    seconds: float


class Media:
    """The realtime input of one session.

    Args:
        limit: Seconds of audio that are kept.
    """

    def __init__(self, *, limit: float) -> None:
        self.limit = limit
        self._held: deque[_Held] = deque()
        self._seconds = 0.0
        self._video: Mapping[str, Any] | None = None
        self._active = False
        # What was written to this connection and is not consumed, by its number; kept only in
        # transparent resumption.
        self._unconsumed: deque[tuple[int, Mapping[str, Any]]] = deque()
        # Whether the server has ever said what it has consumed: one that was asked for
        # transparent resumption and does not grant it must not be sent minutes of stale sound.
        self._numbered = False
        # Seconds of audio that were dropped since the last connection.
        self.dropped = 0.0

    @property
    def waiting(self) -> bool:
        """Whether anything waits for a connection."""
        return bool(self._held) or self._video is not None

    def written(self, arguments: Mapping[str, Any], *, index: int | None = None) -> None:
        """Note input that was written to the connection.

        Args:
            arguments: Those of ``send_realtime_input``.
            index: The number of the message in transparent resumption; None in any other.
        """
        if arguments.get("activity_start") is not None:
            self._active = True
        elif arguments.get("activity_end") is not None:
            self._active = False
        if index is not None:
            self._unconsumed.append((index, arguments))
            if len(self._unconsumed) > UNCONSUMED_LIMIT:
                self.dropped += _held(self._unconsumed.popleft()[1]).seconds

    def consumed(self, index: int) -> None:
        """Forget what a handle covers.

        Args:
            index: The number of the newest message that it covers.
        """
        self._numbered = True
        while self._unconsumed and self._unconsumed[0][0] <= index:
            self._unconsumed.popleft()

    def hold(self, arguments: Mapping[str, Any]) -> None:
        """Keep input that found no connection.

        Args:
            arguments: Those of ``send_realtime_input``.
        """
        if _picture(arguments) is not None:
            self._video = arguments
            return
        held = _held(arguments)
        self._held.append(held)
        self._seconds += held.seconds
        if self._seconds > self.limit + _ROUNDING:
            self._drop()

    def lost(self) -> None:
        """Give up the connection: what was not consumed is to be written again, first of all.

        An activity that was open, and whose beginning the handle covers, is opened again.
        """
        again = [arguments for _, arguments in self._unconsumed] if self._numbered else []
        # An empty mark is one all the same.
        if self._active and all(piece.get("activity_start") is None for piece in again):
            again.insert(0, _START)
        # Without their seconds: stale or not, they are not to be dropped for what comes now.
        self._held.extendleft(_Held(arguments, 0.0) for arguments in reversed(again))
        self._unconsumed.clear()
        self._active = False

    def next(self) -> Mapping[str, Any]:
        """Take out the arguments of the next input to write, while anything waits."""
        if self._held:
            held = self._held.popleft()
            self._seconds -= held.seconds
            return held.arguments
        assert self._video is not None
        video, self._video = self._video, None
        return video

    def forget_dropped(self) -> float:
        """Return the seconds of sound that were dropped since this was last asked."""
        dropped, self.dropped = self.dropped, 0.0
        return dropped

    def put_back(self, arguments: Mapping[str, Any]) -> None:
        """Keep input whose write has failed, before all that waits.

        Args:
            arguments: What `next` returned.
        """
        if self._video is None and _picture(arguments) is not None:
            self._video = arguments
        elif _picture(arguments) is None:
            self._held.appendleft(_held(arguments))
            self._seconds += self._held[0].seconds

    def _drop(self) -> None:
        """Drop the oldest sound beyond the limit; marks stay."""
        marks = []
        while self._seconds > self.limit + _ROUNDING:
            held = self._held.popleft()
            if held.seconds:
                self._seconds -= held.seconds
                self.dropped += held.seconds
            else:
                marks.append(held)
        self._held.extendleft(reversed(marks))


def _picture(arguments: Mapping[str, Any]) -> Any:
    """Return the image among the arguments; None where there is none."""
    blob = arguments.get("video") or arguments.get("media")
    return None if blob is None or seconds_of(blob) is not None else blob


def _held(arguments: Mapping[str, Any]) -> _Held:
    sound = arguments.get("audio") or arguments.get("media")
    return _Held(arguments, 0.0 if sound is None else seconds_of(sound) or 0.0)


def seconds_of(blob: Any) -> float | None:
    """Return the seconds of sound in a blob; None if it is no sound.

    Args:
        blob: A blob of the SDK's, or a dict of its fields; anything else is no sound.
    """
    is_dict = isinstance(blob, dict)
    kind = blob.get("mime_type") if is_dict else getattr(blob, "mime_type", None)
    data = blob.get("data") if is_dict else getattr(blob, "data", None)
    if not isinstance(kind, str) or not kind.lower().startswith("audio/"):
        return None
    if not kind.lower().startswith("audio/pcm"):
        return _USUAL_FRAME
    _, _, rate = kind.partition("rate=")
    samples = len(data or b"") / _BYTES_A_SAMPLE
    return samples / (int(rate) if rate.isdecimal() and int(rate) else _DEFAULT_RATE)
