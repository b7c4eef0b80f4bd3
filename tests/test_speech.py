"""Conversations that are spoken without marks: the server itself detects speech.

So do most voice agents. What must hold is checked by `scenario.Play`: where resumption is
transparent, nothing is lost; elsewhere words that were seen are asked again, and what cannot be is
said to be lost.
"""

from dataclasses import replace

import pytest
from scenario import each_moment, measure, play_each, server_for, sweep
from scenario_laws import Play
from scenario_script import CUTS, SERVERS, Ask, Say, Speak, Wait

from reconnect import Resumed
from reconnect.testing import PROFILES

TURN = [Ask("one"), Wait(), Speak(0, 5), Wait(), Ask("two")]
"""Speech that begins after the handle for what came before."""

MIDST = [Ask("one"), Speak(0, 10), Speak(10, 4), Wait(), Ask("two")]
"""Speech in whose midst the handle comes."""

TOOLS = [Ask("book 1", calls=1), Speak(0, 4), Ask("book 2", calls=2), Wait(), Ask("three")]
"""Speech between turns with tools."""

UNANSWERED = "without its words nobody can tell that a handle covers speech that has no reply yet"
"""What no client can know: a handle came between the speech and the first word of the reply.

Where resumption is not transparent, it is said at least that audio is uncovered.
"""

AFTER_SPEECH = replace(
    PROFILES["3.8"],
    updates=PROFILES["3.8"].updates | {"speech"},  # assumed: recorded in the midst of speech
    voice_activity="untold",  # recorded where the handle comes so
    empty_frames="none",  # so that the moments of the cuts are easy to count
)
"""3.8 with a handle between a spoken turn and its reply."""


every_server = pytest.mark.parametrize(
    ("profile", "vertexai", "transcription"),
    [(*server, transcription) for server in SERVERS for transcription in (False, True)],
)


@every_server
async def test_a_spoken_turn(profile, vertexai, transcription):
    """A spoken turn survives a cut at any moment, or is said to be lost."""
    failures = await sweep(TURN, profile=profile, vertexai=vertexai, transcription=transcription)
    assert not failures, "\n".join(failures)


@every_server
async def test_a_spoken_turn_between_tools(profile, vertexai, transcription):
    """A spoken turn survives a cut at any moment between turns with tools, which run once."""
    failures = await sweep(TOOLS, profile=profile, vertexai=vertexai, transcription=transcription)
    assert not failures, "\n".join(failures)


@every_server
async def test_handles_in_the_midst_of_speech(profile, vertexai, transcription):
    """Speech survives a cut at any moment where a handle covers only the beginning of it."""
    server = {"profile": profile, "vertexai": vertexai, "transcription": transcription}
    cases = each_moment(await measure(MIDST, **server))
    failures = await play_each(cases, MIDST, **server)
    assert not failures, "\n".join(failures)


async def _cut(script, when, *, profile, **options):
    """Play a script whose first connection is reset at a moment."""
    async with server_for(profile, script, faults=[CUTS["abort"](**when)]) as server:
        play = await Play(script, profile=profile, **options).on(server)
        assert play.lost == 1
        return play


@pytest.mark.parametrize(
    "vertexai", [False, pytest.param(True, marks=pytest.mark.xfail(reason=UNANSWERED, strict=True))]
)
async def test_a_reply_that_had_not_begun(vertexai):
    """A reply is asked for that had not begun when a handle covered what it answers."""
    script = [Wait(), Speak(0, 3)]
    play = await _cut(script, {"after_sent": 2}, profile=AFTER_SPEECH, vertexai=vertexai)
    assert play.problems() == []


@pytest.mark.parametrize(
    ("transcription", "sent"),
    [
        pytest.param(False, 3, marks=pytest.mark.xfail(reason=UNANSWERED, strict=True)),
        (True, 4),
    ],
)
async def test_a_reply_whose_first_word_was_shown(transcription, sent):
    """A reply is asked for again of which a word was shown, and which no handle covers yet."""
    play = await _cut(
        [Wait(), Speak(0, 3)],
        {"after_sent": sent},
        profile=AFTER_SPEECH,
        vertexai=True,
        transcription=transcription,
    )
    assert play.problems() == []


@pytest.mark.parametrize("spoken", [Say(0, 3), Speak(0, 3)], ids=["marked", "detected"])
async def test_a_tool_after_speech_that_is_written_again(spoken):
    """A tool runs once though the reply to the speech before it is given, and hidden, anew."""
    script = [Wait(), spoken, Ask("book 1", calls=1)]
    play = await _cut(script, {"after_sent": 7}, profile="2.5", vertexai=True)
    assert play.problems() == []


async def test_sound_that_a_handle_has_overtaken():
    """Sound that was written before the first handle was read, and lost, is said to be lost."""
    play = await _cut([Speak(0, 3), Wait()], {"after_received": 1}, profile="2.5")
    assert play.problems() == []


async def test_words_that_may_be_known_are_counted():
    """What is told by its words, and may be known by its sound, is counted as maybe twice."""
    script = [Wait(), Speak(0, 3)]
    play = await _cut(script, {"after_sent": 3}, profile=AFTER_SPEECH, transcription=True)
    assert play.problems() == []
    [resumed] = [event for event in play.events if isinstance(event, Resumed)]
    assert resumed.continuity.maybe_twice == 1
