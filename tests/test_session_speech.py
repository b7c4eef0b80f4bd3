"""What was spoken and lost once, through the session: each a small input, and what is right.

Most names are those of ``_conversation/test_spoken_turns`` and its neighbours, where the same is
shown of the core alone. Here the emulator behaves as the model was recorded, and its records are
judged.
"""

from dataclasses import replace

import pytest
from talk import (
    FEW,
    NAMES,
    READY,
    SPEECH,
    SPOKEN,
    asks_on,
    heard_on,
    hum,
    known,
    listening,
    one_by_one,
    session_on,
    settled,
    speak,
)

from reconnect._conversation.past import HISTORY_LIMIT
from reconnect.testing import PROFILES, Abort, LiveServer

# Gemini 3.1


async def test_cut_reply_to_speech_on_a_model_without_client_content():
    """Speech is asked again as realtime text on a model that refuses client content."""
    async with (
        LiveServer(one_by_one("one", "at noon", "at noon"), profile="3.1", **SPEECH) as server,
        session_on(server, config=SPOKEN, policy=READY, model=NAMES["3.1"]) as session,
        listening(session) as caller,
    ):
        await session.send_realtime_input(text="a")
        await caller.told("one")
        await settled()
        await speak(session, marks=True)
        await caller.until("at ")
        server.inject(Abort())
        await caller.told("at noon")
        assert heard_on(server, 2) == [("text", "what time?")]
        assert len(server.connections) == 2
        assert "interrupted" in caller.shown


# Models whose turns never end


STREAMS = pytest.mark.parametrize(
    ("profile", "piece"), [("transcribe", "whole"), ("translate", "one ")]
)


@STREAMS
async def test_translation_that_is_resumed(profile, piece):
    """Nothing is asked of a session that translates, after a resume."""
    async with (
        LiveServer(lambda question: "one two", profile=profile, **SPEECH) as server,
        session_on(server, config=SPOKEN, policy=READY, model=NAMES[profile]) as session,
        listening(session) as caller,
    ):
        await speak(session, marks=False)
        await caller.until("handle")
        await speak(session, marks=False)
        await caller.until(piece, 2)
        server.inject(Abort())
        await settled()
        await speak(session, marks=False)
        await caller.until(piece, 3)
        assert server.connections[1].handle is not None
        assert asks_on(server, 2) == []


@STREAMS
async def test_translation_whose_handle_is_refused(profile, piece):
    """Nothing is asked of a new session that translates: what was heard is no question."""
    async with (
        LiveServer(lambda question: "one two", profile=profile, **SPEECH) as server,
        session_on(server, config=SPOKEN, policy=READY, model=NAMES[profile]) as session,
        listening(session) as caller,
    ):
        await speak(session, marks=False)
        await caller.until("handle")
        await speak(session, marks=False)
        await caller.until(piece, 2)
        server.reject_handles()
        server.inject(Abort())
        await settled()
        await speak(session, marks=False)
        await caller.until(piece, 3)
        assert server.connections[-1].handle is None
        assert asks_on(server, len(server.connections)) == []


async def test_translation_that_goes_on():
    """What is kept of a reply that never ends is bounded."""
    words = "word " * 4000
    async with (
        LiveServer(lambda question: words, profile="translate") as server,
        session_on(server, config=SPOKEN, policy=READY, model=NAMES["translate"]) as session,
        listening(session) as caller,
    ):
        await hum(session, 5 * 40)
        await settled()
        kept = session._driver.conversation.exchanges
        assert sum(map(len, caller.shown)) > 2 * HISTORY_LIMIT
        assert sum(len(word) for exchange in kept for word in exchange.reply) <= 2 * HISTORY_LIMIT


# A server that issues no handles


async def test_spoken_turns_without_handles():
    """Spoken turns that no handle covers are bounded, and told where they are let go of."""
    profile = replace(PROFILES["2.5"], updates=frozenset())
    async with (
        LiveServer(lambda question: "noon", profile=profile, **SPEECH) as server,
        session_on(server, config=SPOKEN, policy=READY, buffer=FEW) as session,
        listening(session) as caller,
    ):
        for number in range(1, 31):
            await speak(session, marks=False)
            await caller.told("noon", number)
        assert len(session._driver.conversation.exchanges) <= FEW.messages
        server.inject(Abort())
        await settled()
        assert known(server) == [("user", "what time?"), ("model", "noon")] * 30


# The rest


@pytest.mark.parametrize("marks", [True, False])
async def test_handle_before_any_audio(marks):
    """Speech that came after a handle is certainly not covered by it."""
    async with (
        LiveServer(one_by_one("at noon", "at noon"), profile="3.8", **SPEECH) as server,
        session_on(server, config=SPOKEN, policy=READY) as session,
        listening(session) as caller,
    ):
        await caller.until("handle")
        await speak(session, marks=marks)
        await caller.until("at ")
        server.inject(Abort())
        await caller.told("at noon")
        assert heard_on(server, 2) == [("turn", "what time?")]
        assert session.stats.maybe_twice == 0
        assert session.stats.lost_turns == 0
