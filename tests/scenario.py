"""Plays a conversation through faults, and tells in what it differs from an undisturbed one.

A `Play` is a script, the emulator and the faults it plays them with. Its `problems` hold what came
out against what must hold: what the newest session knows, what was written to which connection,
and what the caller was shown. None of it looks into the library: the records are the server's, and
those of a `Tap` between the library and the SDK.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools

import loops
import sweeping
from scenario_laws import Play
from scenario_script import (
    CUTS,
    LONGEST,
    Speak,
    model,
    words_of,
)
from talk import MODEL, TEXT

from reconnect.testing import LiveServer


def server_for(profile, script=(), **options):
    """Return an emulator whose times leave no two things to happen at once.

    Args:
        profile: Its profile.
        script: What will be played on it: it listens for speech if any is spoken without marks.
        **options: More of it.
    """
    options.setdefault("vad", any(isinstance(step, Speak) for step in script))
    options.setdefault("transcriber", words_of)
    options.setdefault("chunk_delay", 0.05)
    options.setdefault("handle_delay", 0.15)
    return LiveServer(model, profile=profile, **options)


def cuts(counts):
    """Return every moment of a connection at which it can be cut.

    Args:
        counts: How many messages the server has sent, and received, in an undisturbed run.
    """
    sent, received = counts
    moments = [{"after_sent": number} for number in range(sent + 1)]
    for number in range(1, received + 1):
        moments.append({"after_received": number, "processed": False})
        moments.append({"after_received": number, "processed": True})
    return moments


async def measure(script, *, profile, vertexai, **options):
    """Return how many messages the server sends, and receives, in an undisturbed run."""
    async with server_for(profile, script) as server:
        play = Play(script, profile=profile, vertexai=vertexai, **options)
        await play.on(server)
        found = play.problems()
        assert not found, found
        (connection,) = play.connections
        return len(connection.sent) - 1, len(connection.received)


async def play_each(cases, script, *, profile, vertexai, **options):
    """Play a script once for each case, on one server; return what went wrong, with its case.

    Args:
        cases: The faults of the dials, by the name of the case.
        script: The steps.
        profile: The emulator's.
        vertexai: Whether the client speaks the Vertex dialect.
        **options: More of `Play`.
    """
    assert cases, "something is cut"
    failures = []
    with loops.quickly():
        async with server_for(profile, script) as server:
            live = server.client(vertexai=vertexai).aio.live
            for name, faults in cases.items():
                dialled = len(server.connections)
                server.plan(*faults)
                play = Play(script, profile=profile, vertexai=vertexai, **options)
                try:
                    async with asyncio.timeout(LONGEST):
                        await play.on(server, live=live)
                    found = play.problems()
                except Exception as error:
                    found = [f"it raised {error!r}"]
                # Faults of dials that were not needed are not for the next case.
                rest = dialled + len(faults) - len(server.connections)
                for _ in range(rest):
                    await _use_up(live)
                failures += [f"{name}: {problem}" for problem in found]
    return failures


async def _use_up(live):
    """Dial once, for the fault that is planned."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1), live.connect(model=MODEL, config=TEXT):
            pass


def each_cut(counts):
    """Return a case for every moment of the first connection, and each of the ways to cut it.

    In the plain run they are those of `each_moment`: to play all takes twelve times as long, and is
    asked for by ``RECONNECT_SWEEP=all`` in the environment.

    Args:
        counts: What `measure` returned.
    """
    if not sweeping.ALL:
        return each_moment(counts)
    return {
        f"{kind} {_moment(when)}": [CUTS[kind](**when)] for kind in CUTS for when in cuts(counts)
    }


def each_moment(counts):
    """Return a case for moments of the first connection, and the ways to cut it in turn.

    They are every third one; all where ``RECONNECT_SWEEP`` is ``all``.

    Args:
        counts: What `measure` returned.
    """
    moments = list(cuts(counts))[:: 1 if sweeping.ALL else 3]
    return {
        f"{kind} {_moment(when)}": [CUTS[kind](**when)]
        for kind, when in zip(itertools.cycle(CUTS), moments, strict=False)
    }


def _moment(when):
    return ", ".join(f"{name}={value}" for name, value in when.items())


async def sweep(script, *, profile, vertexai, **options):
    """Cut a conversation at the moments of `each_cut`; return what went wrong.

    Args:
        script: The steps.
        profile: The emulator's.
        vertexai: Whether the client speaks the Vertex dialect.
        **options: More of `Play`.
    """
    counts = await measure(script, profile=profile, vertexai=vertexai, **options)
    cases = each_cut(counts)
    return await play_each(cases, script, profile=profile, vertexai=vertexai, **options)
