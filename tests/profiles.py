"""Profiles that the tests share: real ones, and those of the emulator that we once imagined."""

from dataclasses import replace

from reconnect.testing import PROFILES

OLD_25 = replace(
    PROFILES["2.5"],
    session_ids=True,
    transcription="joined",
    whole_if_interrupted=False,
    call_ids="unique",
    non_blocking="none",
)
"""2.5 as it was imagined before it was recorded."""

OLD_38 = replace(
    PROFILES["3.8"],
    session_ids=True,
    turn_gap=0.0,
    empty_frames="none",
    voice_activity="untold",
    call_ids="unique",
    non_blocking="none",
    updates=frozenset({"setup", "turn", "speech", "output", "end"}),
    first_update=0.0,
    unasked_updates=False,
    lost_calls="shown",
)
"""3.8 as it was imagined before it was recorded."""

OLD = {"old 2.5": OLD_25, "old 3.8": OLD_38}
