"""Profiles that the tests share: what the library is known to fail at is switched off in them."""

from dataclasses import replace

from reconnect.testing import PROFILES

OLD_25 = replace(PROFILES["2.5"], call_ids="unique")
"""2.5 whose calls have ids that never come again."""

OLD_38 = replace(
    PROFILES["3.8"],
    turn_gap=0.05,
    empty_frames="none",
    voice_activity="untold",
    call_ids="unique",
    updates=frozenset({"setup", "turn", "speech", "output", "end"}),
    first_update=0.0,
    lost_calls="shown",
)
"""3.8 as it was imagined before it was recorded."""

OLD = {"2.5": PROFILES["2.5"], "old 3.8": OLD_38}
"""By name, as parameters of tests."""
