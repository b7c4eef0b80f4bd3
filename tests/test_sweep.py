"""The sweep: one conversation of about sixty messages, cut at every moment there is."""

import pytest
from scenario import CUTS, GENERATIONS, Ask, Hum, Say, Tell, Wait, measure, sweep

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

every_cut = pytest.mark.parametrize("kind", list(CUTS))
every_generation = pytest.mark.parametrize("generation", GENERATIONS)
every_dialect = pytest.mark.parametrize("vertexai", [False, True])
every_script = pytest.mark.parametrize("script", [SCRIPT, SPOKEN], ids=["typed", "spoken"])


@every_cut
@every_generation
async def test_transparent(generation, kind):
    """A conversation is whole wherever it is cut: before, inside and after every message."""
    failures = await sweep(SCRIPT, generation=generation, vertexai=True, kinds=[kind])
    assert not failures, "\n".join(failures)


@every_cut
@every_generation
async def test_spoken(generation, kind):
    """A conversation with sound between typed turns is whole wherever it is cut."""
    failures = await sweep(SPOKEN, generation=generation, vertexai=False, kinds=[kind])
    assert not failures, "\n".join(failures)


@every_cut
@every_generation
async def test_spoken_and_transparent(generation, kind):
    """A conversation with sound between typed turns is whole in transparent resumption too."""
    failures = await sweep(SPOKEN, generation=generation, vertexai=True, kinds=[kind])
    assert not failures, "\n".join(failures)


@every_generation
@every_dialect
@every_script
async def test_script_is_long_enough(script, generation, vertexai):
    """The scripts of the sweep have about sixty messages."""
    sent, received = await measure(script, generation=generation, vertexai=vertexai)
    assert sent + received >= 48
