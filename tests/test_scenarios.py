"""Conversations through every kind of loss, against the emulator's record of what the model knows.

What must hold of each is checked by `scenario.Play`. A test cuts its conversation at every moment
there is: before and after each message of either side, and inside, when the server has received
what the model has not.
"""

import pytest
from scenario import each_moment, measure, play_each, server_for, sweep
from scenario_laws import Play
from scenario_script import CUTS, MODELS, SERVERS, VERTEX, Ask, Hum, Say, Tell, Wait
from talk import user

from reconnect.testing import GoAway, Refuse, RejectHandle

every_server = pytest.mark.parametrize(("profile", "vertexai"), SERVERS)
every_cut = pytest.mark.parametrize("kind", list(CUTS))

HISTORY = [
    user("earlier"),
    {"role": "model", "parts": [{"text": "Answer to earlier."}]},
]


def _told(failures):
    return "\n".join(failures)


@every_server
async def test_typed_turns(profile, vertexai):
    """Typed turns and context survive a cut at any moment."""
    script = [Tell("one"), Ask("two"), Ask("three"), Wait(), Tell("four"), Wait(), Ask("five")]
    failures = await sweep(script, profile=profile, vertexai=vertexai)
    assert not failures, _told(failures)


@every_server
async def test_tool_turns(profile, vertexai):
    """Turns with tools survive a cut at any moment, and each tool runs once."""
    script = [Ask("book 1", calls=1), Ask("book 2", calls=2), Wait(), Ask("three")]
    failures = await sweep(script, profile=profile, vertexai=vertexai)
    assert not failures, _told(failures)


@every_server
async def test_sound_with_marks(profile, vertexai):
    """Sound between marks of activity survives a cut at any moment."""
    script = [Ask("one"), Wait(), Say(0, 5), Wait(), Ask("two")]
    failures = await sweep(script, profile=profile, vertexai=vertexai)
    assert not failures, _told(failures)


@every_server
async def test_context_before_a_tool_turn(profile, vertexai):
    """Context that was told before a turn with a tool survives a cut at any moment."""
    script = [Tell("one"), Ask("book 1", calls=1)]
    failures = await sweep(script, profile=profile, vertexai=vertexai)
    assert not failures, _told(failures)


@pytest.mark.parametrize("profile", [*MODELS, VERTEX])
async def test_sound_before_a_typed_turn(profile):
    """Transparent resumption brings the model sound before the typed turn that followed it."""
    failures = await sweep([Hum(0, 3), Ask("one")], profile=profile, vertexai=True)
    assert not failures, _told(failures)


@every_server
async def test_seeding(profile, vertexai):
    """A history that a fresh session is told survives a cut at any moment."""
    script = [Ask("one"), Ask("two")]
    failures = await sweep(script, profile=profile, vertexai=vertexai, history=HISTORY)
    assert not failures, _told(failures)


@every_server
async def test_hand_over(profile, vertexai):
    """A hand-over survives a cut of either of its connections at any moment."""
    script = [Ask("one"), Wait(), Ask("two"), Ask("book 1", calls=1), Wait(), Ask("three")]
    server = {"profile": profile, "vertexai": vertexai}
    counts = await measure(script, **server)
    cases = {}
    for place in (1, counts[0] // 2):
        notice = GoAway("3s", after_sent=place)
        cases[f"go_away after {place}"] = [notice]
        for name, (cut,) in each_moment((5, 1)).items():
            cases[f"go_away after {place}, then {name}"] = [notice, cut]
        for name, (cut,) in each_moment(counts).items():
            if (cut.after_sent or 0) >= place:
                cases[f"go_away after {place} and {name}"] = [(notice, cut)]
    failures = await play_each(cases, script, **server)
    assert not failures, _told(failures)


@every_server
async def test_drops_in_a_row(profile, vertexai):
    """A conversation survives connections that are cut one after the other."""
    script = [Wait(), Tell("one"), Ask("two"), Ask("book 1", calls=1), Wait(), Ask("three")]
    server = {"profile": profile, "vertexai": vertexai}
    cases = {}
    for name, (cut,) in each_moment((9, 3)).items():
        if cut.after_sent != 0:  # A fresh session that is refused again and again is given up.
            cases[f"four times {name}"] = [cut] * 4
        cases[f"{name}, then no dial"] = [cut, Refuse(503), Refuse(), cut]
        cases[f"{name}, then the handle is rejected"] = [cut, RejectHandle(), cut]
    failures = await play_each(cases, script, **server)
    assert not failures, _told(failures)


@every_server
async def test_drops_during_the_replay(profile, vertexai):
    """A conversation survives a cut at any moment of the replay that follows another."""
    script = [Tell("one"), Ask("two"), Ask("book 1", calls=1), Wait(), Ask("book 1 too", calls=1)]
    server = {"profile": profile, "vertexai": vertexai}
    sent, received = await measure(script, **server)
    cases = {}
    for first, (cut,) in each_moment((sent, received)).items():
        if (cut.after_sent or cut.after_received or 0) % 4 != 3:
            continue
        for second, (again,) in each_moment((3, 3)).items():
            cases[f"{first}, then {second}"] = [cut, again]
    failures = await play_each(cases, script, **server)
    assert not failures, _told(failures)


@pytest.mark.parametrize("profile", [*MODELS, VERTEX])
@every_cut
async def test_three_hundred_frames(kind, profile):
    """Transparent resumption brings the model 300 frames once each, in order, through 3 drops."""
    cuts = [CUTS[kind](after_received=received) for received in (40, 90, 130)]
    async with server_for(profile, faults=cuts) as server:
        play = await Play([Hum(0, 300)], profile=profile, vertexai=True).on(server)
        assert play.problems() == []
        assert play.lost == 3


@every_server
async def test_history_is_told_when_the_handle_is_rejected(profile, vertexai):
    """A fresh session is told the history and all that was said, once and in order."""
    script = [Ask("one"), Ask("two"), Wait(), Ask("three"), Wait(), Ask("four")]
    async with server_for(profile) as server:
        play = Play(script, profile=profile, vertexai=vertexai, history=HISTORY)

        def reject(number, _session):
            if number == 3:
                server.plan(RejectHandle())
                server.inject(CUTS["1011"](after_sent=3))

        await play.on(server, before=reject)
        assert play.problems() == []
        assert [connection.handle is None for connection in play.connections] == [True, False, True]


@pytest.mark.parametrize("vertexai", [False, True])
async def test_no_interruption_where_nothing_was_shown(vertexai):
    """A caller who was shown nothing since an interruption is not interrupted again."""
    # Twice: after the result was received, and after the call was made again.
    cuts = [CUTS["1011"](after_received=2), CUTS["1011"](after_received=2)]
    async with server_for("2.5", faults=cuts) as server:
        play = Play([Ask("book 1", calls=1)], profile="2.5", vertexai=vertexai)
        await play.on(server)
        assert play.problems() == []
        assert play.lost == 2
        assert play.superfluous == 0
