"""The built-in model and scripts."""

from typing import Any

import pytest

from reconnect.testing._exchange import Known
from reconnect.testing._model import Call, Parrot, Question, Script, as_model


def question(*context: tuple[str, Any], **setup: Any) -> Question:
    """Ask with a context."""
    return Question(tuple(Known(*pair) for pair in context), setup)


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


def test_parrot_reports_results_that_came_late():
    """The parrot answers with a result also where it has spoken since it called."""
    context = [
        ("user", "call f()"),
        ("model", {"function_call": {"name": "f"}}),
        ("model", "one moment"),
        ("user", {"function_response": {"name": "f", "response": 1}}),
    ]
    assert "f returned 1. That" in Parrot()(question(*context))


def test_replies_in_a_row_are_one():
    """What the model called and said in a row is one reply."""
    made = {"function_call": {"name": "f"}}
    context = [("user", "a"), ("model", made), ("model", made), ("model", "x"), ("user", "b")]
    assert question(*context).number == 1
    assert Script(["one", "two"])(question(*context)) == "two"


def test_script_follows_the_conversation():
    """A script answers by the number of the turn, and a parrot after its end."""
    script = Script(["one", "two"])
    assert script(question(("user", "a"))) == "one"
    assert script(question(("user", "a"))) == "one"
    second = question(("user", "a"), ("model", "one"), ("user", "b"))
    assert script(second) == "two"
    before = [("user", "a"), ("model", "one"), ("user", {}), ("model", "two")]
    third = question(*before, ("user", "c"))
    assert script(third) == 'You said "c". That is turn 2; before it: "a".'
    assert Script([], otherwise=lambda _: "else")(third) == "else"


CALLED = [
    ("model", {"function_call": {"name": "f"}}),
    ("user", {"function_response": {"name": "f", "response": 1}}),
]


@pytest.mark.parametrize(
    ("context", "reply"),
    [
        ([("user", "a")], Call("f")),
        ([("user", "a"), *CALLED], [Call("g"), Call("h")]),
        ([("user", "a"), *CALLED, *CALLED], "one"),
        ([("user", "a"), *CALLED, *CALLED, ("model", "one"), ("user", "b")], "two"),
        # A new session, or one that is resumed from an older handle, is sent words alone.
        ([("user", "a"), ("model", "one"), ("user", "b")], "two"),
        ([("user", "a"), *CALLED, ("model", "one"), ("user", "b")], "two"),
        # The model is asked again, and knows of the calls that were lost.
        ([("user", "a"), *CALLED, *CALLED, ("user", "a"), *CALLED], "one"),
        ([("user", "a"), ("model", "one"), ("user", "b"), ("model", "two"), ("user", "c")], "else"),
    ],
)
def test_a_script_counts_turns(context, reply):
    """A script goes on with the turn that is due, whether the calls before it are known or not."""
    script = Script([Call("f"), [Call("g"), Call("h")], "one", "two"], otherwise=lambda _: "else")
    assert script(question(*context)) == reply


def test_a_script_may_end_with_a_call():
    """After a call that no reply follows, somebody else answers."""
    script = Script([Call("f")], otherwise=lambda _: "else")
    assert script(question(("user", "a"))) == Call("f")
    assert script(question(("user", "a"), *CALLED)) == "else"
    assert script(question(("user", "a"), ("model", "else"), ("user", "b"))) == "else"


def test_a_script_may_call_in_raw_messages():
    """A call that is written as the server's message counts as one."""
    call = [{"toolCall": {"functionCalls": [{"name": "f", "args": {}}]}}]
    script = Script([call, "one", "two"])
    assert script(question(("user", "a"))) == call
    assert script(question(("user", "a"), *CALLED)) == "one"
    assert script(question(("user", "a"), ("model", "one"), ("user", "b"))) == "two"


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


def test_no_model_answers_later():
    """A function that is not awaited, or not iterated over, is refused before it is asked."""

    async def later(question):
        return "a"

    def bit_by_bit(question):
        yield "a"

    for model in (later, bit_by_bit):
        with pytest.raises(TypeError, match=r"must be a plain function .*async or a generator"):
            as_model(model)
