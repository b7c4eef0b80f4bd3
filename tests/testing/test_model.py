"""The built-in model and scripts."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from reconnect.testing._conversation import Known
from reconnect.testing._model import Call, Parrot, Question, Script, Step, as_model, chunks, steps


def question(*context: tuple[str, Any], **setup: Any) -> Question:
    """Ask with a context."""
    return Question(tuple(Known(*pair) for pair in context), setup)


def ids() -> Callable[[], str]:
    """Count ids from 0."""
    return map(str, itertools.count()).__next__


def test_parrot_repeats():
    """The parrot says what it heard."""
    assert Parrot()(question(("user", "hi"))) == 'You said "hi". That is turn 1.'


def test_parrot_remembers():
    """The parrot says what came before."""
    context = [("user", "a"), ("model", "x"), ("user", "b"), ("model", "y"), ("user", "c")]
    assert Parrot()(question(*context)) == 'You said "c". That is turn 3; before it: "a", "b".'


def test_parrot_counts_audio():
    """The parrot counts the frames since it last spoke."""
    context = [("user", b"0"), ("model", "x"), ("user", b"1"), ("user", b"2")]
    assert Parrot()(question(*context)) == "I heard 2 frames."


def test_parrot_calls_tools():
    """The parrot calls what a turn tells it to, and reads its arguments."""
    said = "please call f(a=1, b=two, c) and call g()"
    assert Parrot()(question(("user", said))) == [
        Call("f", {"a": 1, "b": "two", "c": ""}),
        Call("g"),
    ]


def test_parrot_reports_results():
    """The parrot answers with the results once it has them."""
    context = [
        ("user", "call f()"),
        ("model", {"function_call": {"name": "f"}}),
        ("user", {"function_response": {"name": "f", "response": {"x": 1}}}),
    ]
    expected = 'You said "call f()". f returned {"x": 1}. That is turn 1.'
    assert Parrot()(question(*context)) == expected


def test_script_follows_the_conversation():
    """A script answers by the number of the turn, and a parrot after its end."""
    script = Script(["one", "two"])
    assert script(question(("user", "a"))) == "one"
    assert script(question(("user", "a"))) == "one"
    second = question(("user", "a"), ("model", "one"), ("user", "b"))
    assert script(second) == "two"
    third = question(("user", "a"), ("model", "one"), ("model", "two"), ("user", "c"))
    assert script(third) == 'You said "c". That is turn 2; before it: "a".'
    assert Script([], otherwise=lambda _: "else")(third) == "else"


def test_models_are_recognised():
    """A model is none, a sequence or a callable."""
    assert isinstance(as_model(None), Parrot)
    assert isinstance(as_model(["a"]), Script)
    parrot = Parrot()
    assert as_model(parrot) is parrot
    with pytest.raises(TypeError, match="7"):
        as_model(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'hello'"):
        as_model("hello")


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("one", 1), ("one two", 2), ("a b c d", 3), ("w " * 15, 5), (" w" * 90, 6)],
)
def test_chunks_make_up_the_text(text, count):
    """A text is cut into at most six pieces, and nothing is lost."""
    assert len(chunks(text)) == count
    assert "".join(chunks(text)) == text


def test_steps_of_a_text():
    """A text is sent in pieces, then both completions."""
    found = steps("a b", question(("user", "x")), new_id=ids())
    assert found == [
        Step({"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": "a "}]}}}, "a "),
        Step({"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": "b"}]}}}, "b"),
        Step({"serverContent": {"generationComplete": True}}),
        Step({"serverContent": {"turnComplete": True}}),
    ]


def test_every_second_turn_tells_its_usage():
    """Usage metadata comes in the frame of turnComplete, sometimes."""
    asked = question(("user", "x"), ("model", "y"), ("user", "z"))
    assert steps("abc", asked, new_id=ids())[-1].message["usageMetadata"] == {"totalTokenCount": 3}


def test_steps_of_a_spoken_text():
    """A session that speaks gets audio, transcribed when it asked for that."""
    generation = {"response_modalities": ["AUDIO"]}
    silent = question(("user", "x"), generation_config=generation)
    first = steps("a", silent, new_id=ids())[0]
    (part,) = first.message["serverContent"]["modelTurn"]["parts"]
    assert part["inlineData"]["mimeType"] == "audio/pcm;rate=24000"
    assert "outputTranscription" not in first.message["serverContent"]
    assert first.said == "a"
    heard = question(("user", "x"), generation_config=generation, output_audio_transcription={})
    first = steps("a", heard, new_id=ids())[0]
    assert first.message["serverContent"]["outputTranscription"] == {"text": "a"}


def test_steps_of_calls():
    """Calls are sent in one message, each with a fresh id."""
    asked = question(("user", "x"))
    assert steps(Call("f", {"a": 1}), asked, new_id=ids()) == [
        Step({"toolCall": {"functionCalls": [{"id": "0", "name": "f", "args": {"a": 1}}]}})
    ]
    (both,) = steps([Call("f"), Call("g")], asked, new_id=ids())
    assert [call["id"] for call in both.message["toolCall"]["functionCalls"]] == ["0", "1"]


def test_steps_of_raw_messages():
    """Raw messages are sent as they are, and their words are known."""
    text = {"serverContent": {"modelTurn": {"parts": [{"text": "a"}, {"inlineData": {}}]}}}
    spoken = {"serverContent": {"outputTranscription": {"text": "b"}}}
    other = {"usageMetadata": {}}
    asked = question(("user", "x"))
    found = steps([text, spoken, other], asked, new_id=ids())
    assert found == [Step(text, "a"), Step(spoken, "b"), Step(other)]
    assert steps([], asked, new_id=ids()) == []


@pytest.mark.parametrize("reply", [[Call("f"), {}], [1]])
def test_other_replies_are_refused(reply):
    """A model that returns something else is told so."""
    with pytest.raises(TypeError, match="not a reply"):
        steps(reply, question(("user", "x")), new_id=ids())
