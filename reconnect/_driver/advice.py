"""What the configuration of a spoken conversation lacks. Pure."""

from __future__ import annotations

from typing import Any, Final

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


def advice(config: Any, *, audio: bool, turns: bool) -> tuple[str, ...]:
    """Say what a configuration lacks, a sentence for each thing.

    Args:
        config: The configuration of a session; read by its attributes.
        audio: Whether the model replies in audio.
        turns: Whether the model ends turns: no question of others is asked again.
    """
    if not audio:
        return ()
    compressed = config.context_window_compression is not None
    transcribed = config.input_audio_transcription is not None or not turns
    return tuple(
        text for has, text in ((compressed, _COMPRESSION), (transcribed, _TRANSCRIPTION)) if not has
    )
