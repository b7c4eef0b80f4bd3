"""The sweep: one conversation of about sixty messages, cut at every moment there is."""

import pytest
from scenario import measure, sweep
from scenario_script import MODELS, Ask, Hum, Say, Tell, Wait

SCRIPT = [
    Tell("one"),
    Ask("two"),
    Ask("book 1", calls=1),
    Wait(),
    Tell("three"),
    Ask("four"),
    Ask("book 2", calls=2),
    Wait(),
    Ask("five"),
    Hum(0, 6),
]
"""Sound at the end."""

SPOKEN = [
    Tell("one"),
    Ask("two"),
    Ask("book 1", calls=1),
    Say(0, 4),
    Ask("three"),
    Wait(),
    Tell("four"),
    Ask("five"),
    Ask("book 2", calls=2),
    Hum(4, 3),
    Say(7, 3),
    Wait(),
    Ask("six"),
]
"""Sound between everything else."""

every_profile = pytest.mark.parametrize("profile", MODELS)
every_dialect = pytest.mark.parametrize("vertexai", [False, True])
every_script = pytest.mark.parametrize("script", [SCRIPT, SPOKEN], ids=["typed", "spoken"])


@every_profile
async def test_transparent(profile):
    """A conversation is whole wherever it is cut: before, inside and after every message."""
    failures = await sweep(SCRIPT, profile=profile, vertexai=True)
    assert not failures, "\n".join(failures)


@every_profile
async def test_spoken(profile):
    """A conversation with sound between typed turns is whole wherever it is cut."""
    failures = await sweep(SPOKEN, profile=profile, vertexai=False)
    assert not failures, "\n".join(failures)


@every_profile
async def test_spoken_and_transparent(profile):
    """A conversation with sound between typed turns is whole in transparent resumption too."""
    failures = await sweep(SPOKEN, profile=profile, vertexai=True)
    assert not failures, "\n".join(failures)


@every_profile
@every_dialect
@every_script
async def test_script_is_long_enough(script, profile, vertexai):
    """The scripts of the sweep have about sixty messages."""
    sent, received = await measure(script, profile=profile, vertexai=vertexai)
    assert sent + received >= 48
