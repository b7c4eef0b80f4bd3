"""What the server hears: where speech begins and ends, by the client's marks or by its audio.

Pure. All-zero bytes are silence and anything else is speech: that stands in for the voice activity
detection of the real server, so that a test knows to the frame what it detects.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

END_OF_SPEECH = 0.1
"""Seconds of silence that end a spoken turn."""

ROUNDING = 1e-6
"""Seconds: the sum of many short frames must not fall short for its rounding."""

SEGMENT = 5
"""Frames of speech that are translated together, where no turn ends."""

BYTES_A_SAMPLE = 2

Transcriber: TypeAlias = Callable[[Sequence[bytes]], str]
"""Returns the words of a spoken turn, whose frames of speech it is given."""


@dataclass(frozen=True)
class Ear:
    """What was heard of speech that has not ended.

    Args:
        speech: Its frames, without those of silence; none where nobody speaks.
        silence: Seconds of silence since the last of them.
        marked: Whether the client has marked its beginning.
    """

    speech: tuple[bytes, ...] = ()
    silence: float = 0.0
    marked: bool = False

    @property
    def ended(self) -> bool:
        """Whether there was speech, and it is over."""
        return bool(self.speech) and self.silence > END_OF_SPEECH - ROUNDING

    def hear(self, frame: bytes, *, rate: int) -> "Ear":
        """Return what is heard once a frame has come too.

        Args:
            frame: The audio, 16 bit PCM of one channel.
            rate: Its samples a second.
        """
        if not is_silence(frame):
            return replace(self, speech=(*self.speech, frame), silence=0.0)
        if not self.speech:
            return self
        return replace(self, silence=self.silence + len(frame) / BYTES_A_SAMPLE / rate)


def is_silence(frame: bytes) -> bool:
    """Tell whether nothing is to be heard in a frame."""
    return not any(frame)


def count_frames(speech: Sequence[bytes]) -> str:
    """Transcribe speech where the test gives no words."""
    return f"{len(speech)} frames of speech"
