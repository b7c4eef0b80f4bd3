"""How a reply becomes messages, in the order of its profile."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from reconnect.testing import PROFILES, Call, Profile, Question, Reply, Unspoken
from reconnect.testing._exchange import Known, OpenCall
from reconnect.testing._steps import Step, chunks, end_of_turn, steps

PLAIN = replace(PROFILES["3.8"], empty_frames="none", non_blocking="declared")
"""A profile without any peculiarity of a written reply."""

SPOKEN: dict[str, Any] = {
    "generation_config": {"response_modalities": ["AUDIO"]},
    "output_audio_transcription": {},
}


def told(
    reply: Reply, setup: dict[str, Any] | None = None, *, profile: Profile = PLAIN
) -> list[Step]:
    """Give the steps of a reply; calls have ids that are counted from 0."""
    asked = Question((Known("user", "x"),), setup or {})
    new_id = map(str, itertools.count()).__next__
    return steps(reply, asked, profile=profile, new_id=new_id)


def shapes(found: list[Step]) -> list[str]:
    """Name what is in each step."""
    return [_shape(step.message) for step in found]


def _shape(message: dict[str, Any]) -> str:
    if "toolCall" in message:
        return "call"
    if not message.get("serverContent"):
        return "{}" if "serverContent" in message else ""
    content = dict(message["serverContent"])
    (part,) = content.pop("modelTurn", {"parts": [{}]})["parts"]
    words = content.pop("outputTranscription", None)
    found = ["audio"] if part else []
    if words is not None:
        found.append(words.get("text", "finished" if words.get("finished") else "-"))
    return "+".join([*found, *content])


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("one", 1), ("one two", 2), ("a b c d", 3), ("w " * 15, 5), (" w" * 90, 6)],
)
def test_chunks_make_up_the_text(text, count):
    """A text is cut into at most six pieces, and nothing is lost."""
    assert len(chunks(text)) == count
    assert "".join(chunks(text)) == text


def test_a_text():
    """A text is sent in pieces, then both completions, with the usage in the last one."""
    first, second, generation, turn = told("a b")
    assert first == Step(
        {"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": "a "}]}}}, "a ", True
    )
    assert (second.said, second.output) == ("b", True)
    assert generation == Step({"serverContent": {"generationComplete": True}}, ends="generation")
    assert turn == Step(
        {"serverContent": {"turnComplete": True}, "usageMetadata": {"totalTokenCount": 3}},
        ends="turn",
        pause=1.7,
    )


def test_nothing_is_a_reply():
    """An empty text is a turn without output, and without empty frames."""
    for profile in PROFILES.values():
        assert len(told("", SPOKEN, profile=profile)) == 2


@pytest.mark.parametrize(
    ("profile", "order"),
    [
        ("2.5", ["a ", "audio", "b", "audio"]),
        ("2.5-vertex", ["-", "a ", "b", "finished", "audio", "audio"]),
        ("3.1", ["{}", "audio+a ", "audio", "audio+b", "audio"]),
        (
            "3.8",
            ["", "{}", "", "audio+a ", "", "audio", "", "audio+b", "", "audio"],
        ),
    ],
)
def test_a_spoken_text(profile, order):
    """Each profile has its own order of words, audio and empty frames."""
    found = told("a b", SPOKEN, profile=PROFILES[profile])
    assert shapes(found)[:-2] == order
    assert "".join(step.said for step in found) == "a b"
    assert [step.output for step in found[:-2]] == [
        shape not in {"", "{}", "-", "finished"} for shape in order
    ]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_spoken_text_without_transcription(profile):
    """Audio alone is sent where no transcription was asked for, and its words are known."""
    setup = {"generation_config": {"response_modalities": ["AUDIO"]}}
    found = told("a b", setup, profile=replace(profile, empty_frames="none"))
    assert shapes(found)[:-2] == ["audio", "audio"]
    assert [step.said for step in found[:-2]] == ["a ", "b"]
    (part,) = found[0].message["serverContent"]["modelTurn"]["parts"]
    assert part["inlineData"]["mimeType"] == "audio/pcm;rate=24000"


def test_words_without_audio():
    """A reply may be a transcription alone; who asked for none sees nothing of it."""
    found = told(Unspoken("a b"), SPOKEN)
    assert shapes(found)[:-2] == ["a ", "b"]
    setup = {"generation_config": {"response_modalities": ["AUDIO"]}}
    unseen = told(Unspoken("a b"), setup)
    assert [(step.message, step.said, step.output) for step in unseen[:-2]] == [
        ({}, "a ", False),
        ({}, "b", False),
    ]


def test_calls():
    """Calls are sent in one message, each with an id, and the model waits for their results."""
    (one,) = told(Call("f", {"a": 1}))
    listed = {"id": "0", "name": "f", "args": {"a": 1}}
    assert one == Step(
        {"toolCall": {"functionCalls": [listed]}}, output=True, calls=(OpenCall(listed),)
    )
    (both,) = told([Call("f"), Call("g")])
    assert [call.call["id"] for call in both.calls] == ["0", "1"]


def test_calls_without_ids():
    """Calls have no ids where the profile has none."""
    asked = Question((), {})
    (step,) = steps(Call("f"), asked, profile=PLAIN, new_id=lambda: None)
    assert step.message == {"toolCall": {"functionCalls": [{"name": "f", "args": {}}]}}


def test_what_follows_a_call_waits_for_its_result():
    """What a reply has after a call is left out: the model is asked again."""
    assert shapes(told(["a", Call("f"), "b"])) == ["audio", "call"]


def tool(behavior: str) -> dict[str, Any]:
    """Declare a function "f"; another has no behaviour."""
    functions = [{"name": "f", "behavior": behavior}, {"name": "g"}]
    return {"tools": [{"google_search": {}}, {"function_declarations": functions}]}


@pytest.mark.parametrize(
    ("non_blocking", "waits"),
    [
        ("none", {"f": True, "g": True, "h": True}),
        ("declared", {"f": False, "g": True, "h": True}),
        ("default", {"f": False, "g": False, "h": False}),
    ],
)
def test_tools_that_the_model_does_not_wait_for(non_blocking, waits):
    """The setup says which tools the model does not wait for, and the profile what is usual."""
    profile = replace(PLAIN, non_blocking=non_blocking)
    (step,) = told([Call(name) for name in waits], tool("NON_BLOCKING"), profile=profile)
    assert {call.call["name"]: call.blocking for call in step.calls} == waits


def test_tools_that_are_declared_as_blocking():
    """The model waits for a tool that is declared so, though it waits for no other."""
    profile = replace(PLAIN, non_blocking="default")
    (step,) = told([Call("f"), Call("g")], tool("BLOCKING"), profile=profile)
    assert [call.blocking for call in step.calls] == [True, False]


def test_the_model_talks_on_beside_its_calls():
    """What follows a call that the model does not wait for is said, and holds the turn open."""
    found = told([Call("f"), "a"], tool("NON_BLOCKING"))
    assert shapes(found) == ["call", "audio", "generationComplete", "turnComplete"]
    assert [step.held for step in found] == [False, False, False, True]
    (alone,) = told(Call("f"), tool("NON_BLOCKING"))
    assert not alone.held


def test_the_turn_ends_at_a_call():
    """On Vertex a turn ends at its calls, after a pause."""
    found = told(Call("f"), SPOKEN, profile=PROFILES["2.5-vertex"])
    assert shapes(found) == [
        "-",
        "call",
        "finished",
        "generationComplete",
        "turnComplete+groundingMetadata",
    ]
    assert [step.pause for step in found] == [None, None, None, 0.1, 0.0]
    assert not any(step.held for step in found)


@pytest.mark.parametrize(("busy", "status"), [(False, "IDLE"), (True, "IN_PROGRESS")])
def test_the_status_of_the_interaction(busy, status):
    """The end of a turn says whether the model goes on, where the profile has it."""
    profile = replace(PLAIN, interaction_status=True)
    content = end_of_turn(profile, 0, busy=busy)["serverContent"]
    assert content == {"turnComplete": True, "interactionStatus": status}
    assert "interactionStatus" not in end_of_turn(PLAIN, 0, busy=busy)["serverContent"]


def test_a_turn_that_ends_at_a_call_is_in_progress():
    """A turn that leaves a call open is not the end of the interaction."""
    profile = replace(PROFILES["2.5-vertex"], interaction_status=True)
    last = told(Call("f"), profile=profile)[-1]
    assert last.message["serverContent"]["interactionStatus"] == "IN_PROGRESS"


def test_raw_messages():
    """Raw messages are sent as they are, and what they say, call and end is known."""
    text = {"serverContent": {"modelTurn": {"parts": [{"text": "a"}, {"inlineData": {}}]}}}
    spoken = {"serverContent": {"outputTranscription": {"text": "b"}}}
    called = {"toolCall": {"functionCalls": [{"name": "f"}]}}
    whole = {"serverContent": {"generationComplete": True}}
    end = {"serverContent": {"generationComplete": True, "turnComplete": True}}
    thought = {"serverContent": {"modelTurn": {"parts": [{"text": "hm", "thought": True}]}}}
    other = {"usageMetadata": {}}
    for profile in PROFILES.values():
        blocking = profile.non_blocking != "default"
        assert told(
            [text, spoken, called, whole, end, thought, other], SPOKEN, profile=profile
        ) == [
            Step(text, "a", output=True),
            Step(spoken, "b", output=True),
            Step(called, output=True, calls=(OpenCall({"name": "f"}, blocking=blocking),)),
            Step(whole, ends="generation"),
            Step(end, ends="turn"),
            Step(thought),
            Step(other),
        ]
    assert told([]) == []


def test_raw_messages_among_others():
    """A raw message may be a part of a reply whose turn is ended for it."""
    thought = {"serverContent": {"modelTurn": {"parts": [{"text": "hm", "thought": True}]}}}
    assert shapes(told([thought, "a"], SPOKEN)) == [
        "audio",
        "audio+a",
        "audio",
        "generationComplete",
        "turnComplete",
    ]


@pytest.mark.parametrize("reply", [[Call("f"), 2], [1], 7])
def test_other_replies_are_refused(reply):
    """A model that returns something else is told so."""
    with pytest.raises(TypeError, match="not a reply"):
        told(reply)
