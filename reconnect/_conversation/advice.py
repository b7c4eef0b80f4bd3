"""What the configuration of a spoken conversation lacks. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["AUDIO_LIFETIME", "VIDEO_LIFETIME", "advice"]

AUDIO_LIFETIME: Final = 15
"""Minutes of audio that fill the context, according to
https://ai.google.dev/gemini-api/docs/live-session."""

VIDEO_LIFETIME: Final = 2
"""Minutes of audio and video that fill it."""

_COMPRESSION: Final = (
    "the config asks for audio without context_window_compression: the server ends such a session"
    f" after {AUDIO_LIFETIME} minutes of audio, or {VIDEO_LIFETIME} with video; add"
    ' context_window_compression={"sliding_window": {}}'
)
_TRANSCRIPTION: Final = (
    "the config asks for audio without input_audio_transcription: a spoken question whose"
    " connection is lost cannot be asked again in words, nor be part of the history; add"
    " input_audio_transcription={}"
)


def advice(*, audio: bool, compressed: bool, transcribed: bool, turns: bool) -> tuple[str, ...]:
    """Say what a configuration lacks, a sentence for each thing.

    Args:
        audio: Whether the model replies in audio.
        compressed: Whether ``context_window_compression`` is on.
        transcribed: Whether ``input_audio_transcription`` is on.
        turns: Whether the model ends turns: no question of others is asked again.
    """
    if not audio:
        return ()
    lacking = ((compressed, _COMPRESSION), (transcribed or not turns, _TRANSCRIPTION))
    return tuple(text for has, text in lacking if not has)
