"""The conversation of the demo, as the client holds it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from google.genai import types
from paper import Paper

from reconnect._cli.demo import conversation
from reconnect._cli.demo.conversation import Conversation, number_of
from reconnect._cli.demo.tally import Turn, count
from reconnect._cli.demo.timeline import Timeline
from reconnect.testing import LiveServer


async def ask_one(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Conversation:
    """Hold a conversation of one turn."""
    monkeypatch.setattr(conversation, "QUESTIONS", ("Only one.",))
    talk = Conversation(Timeline(Paper(), lambda: 0.0))
    await talk.hold(server.client().aio.live, model="m", draw=lambda: 0.5)
    return talk


async def test_reply_nobody_asked_for_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that comes again after the end of its turn counts as a second one."""
    spoken = {"serverContent": {"outputTranscription": {"text": "Yes."}}}
    end = {"serverContent": {"turnComplete": True}}
    async with LiveServer([[spoken, end, spoken, end]]) as server:
        talk = await ask_one(server, monkeypatch)
    assert talk.turns == [Turn("Only one.", ("Yes.", "Yes."))]
    assert count(talk.turns, known=None).twice == ("Only one.",)


async def test_thoughts_and_silence_are_no_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply is what was said or written, without the model's thoughts."""
    parts = [{"text": "Hm.", "thought": True}, {"text": "Yes"}]
    said = {"serverContent": {"modelTurn": {"parts": parts}, "outputTranscription": {}}}
    empty = {"serverContent": {"modelTurn": {}, "turnComplete": True}}
    async with LiveServer([[said, empty]]) as server:
        talk = await ask_one(server, monkeypatch)
    assert talk.turns == [Turn("Only one.", ("Yes",))]


async def test_bug_is_raised() -> None:
    """An exception that is no loss of a connection is not taken for the end of the session."""

    def connect(**arguments: Any) -> Any:
        raise ZeroDivisionError

    talk = Conversation(Timeline(Paper(), lambda: 0.0))
    with pytest.raises(ZeroDivisionError):
        await talk.hold(SimpleNamespace(connect=connect), model="m", draw=lambda: 0.5)


async def test_timeout_of_session_is_not_patience() -> None:
    """A timeout that the session raises passes for what it is."""

    async def send_client_content(**arguments: Any) -> None:
        raise TimeoutError("the dial took too long")

    talk = Conversation(Timeline(Paper(), lambda: 0.0))
    session: Any = SimpleNamespace(send_client_content=send_client_content)
    with pytest.raises(TimeoutError, match="the dial took too long"):
        await talk._take_turn(session, 1)


async def test_interruption_of_nothing_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption before any word was shown cuts no reply."""
    interrupted = {"serverContent": {"interrupted": True}}
    spoken = {"serverContent": {"outputTranscription": {"text": "Yes."}}}
    end = {"serverContent": {"turnComplete": True}}
    async with LiveServer([[interrupted, spoken, interrupted, spoken, end]]) as server:
        talk = await ask_one(server, monkeypatch)
    assert talk.turns == [Turn("Only one.", ("Yes.",))]
    assert talk.cuts == talk.given_again == 1


async def test_cut_reply_without_another_is_not_given_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reply that was cut and is followed by silence is not given again."""
    interrupted = {"serverContent": {"interrupted": True}}
    spoken = {"serverContent": {"outputTranscription": {"text": "Yes."}}}
    end = {"serverContent": {"turnComplete": True}}
    async with LiveServer([[spoken, interrupted, end]]) as server:
        talk = await ask_one(server, monkeypatch)
    assert (talk.cuts, talk.given_again) == (1, 0)


async def test_microphone_skips_what_is_late() -> None:
    """A microphone that was held up does not send later what it would have recorded."""
    sent: list[int] = []

    async def send_realtime_input(*, audio: types.Blob) -> None:
        assert audio.data is not None
        sent.append(number_of(audio.data))
        await asyncio.sleep(1.0 if len(sent) == 3 else 0.0)

    talk = Conversation(Timeline(Paper(), lambda: 0.0))
    session: Any = SimpleNamespace(send_realtime_input=send_realtime_input)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.2):
            await talk._speak(session)
    assert sent[:3] == [0, 1, 2]
    assert 50 <= sent[3] <= 53
    assert sent[4:] == list(range(sent[3] + 1, sent[3] + 1 + len(sent[4:])))


@pytest.mark.parametrize("number", [0, 255, 256, 1_000_000])
def test_frame_tells_its_number(number: int) -> None:
    """A frame is 20 ms of near silence that tells its number."""
    frame = conversation._frame(number)
    samples = [frame[at] + 256 * frame[at + 1] for at in range(0, len(frame), 2)]
    assert len(samples) == 320
    assert max(samples) <= 255
    assert number_of(frame) == number
