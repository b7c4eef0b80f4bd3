"""A microphone and a loudspeaker for machines without: the names of sounddevice that pages use.

The user says a word, is silent, listens to the beginning of a reply, and presses Ctrl-C.
"""

import os
import signal
import threading
import time

WORD, SILENCE = 10, 10
"""Pieces of what the microphone hears."""

ENOUGH = 2
"""Pieces of a reply that the user listens to."""


class RawInputStream:
    """A microphone."""

    def __init__(self, samplerate, blocksize, *, channels, dtype, callback):
        assert (channels, dtype) == (1, "int16")
        self._pause = blocksize / samplerate / 10
        self._silence = bytes(2 * blocksize)
        self._speech = b"\1\0" * blocksize
        self._callback = callback
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._hear, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._closed.set()
        self._thread.join()

    def _hear(self):
        pieces = [self._speech] * WORD + [self._silence] * SILENCE
        for piece in pieces:
            if self._closed.is_set():
                return
            self._callback(piece, len(piece) // 2, None, None)
            time.sleep(self._pause)
        self._closed.wait()


class RawOutputStream:
    """A loudspeaker."""

    def __init__(self, samplerate, *, channels, dtype):
        assert (samplerate, channels, dtype) == (24000, 1, "int16")
        self._played = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def write(self, data):
        """Play audio."""
        assert data
        self._played += 1
        if self._played == ENOUGH:
            os.kill(os.getpid(), signal.SIGINT)
