"""What is said in the demo, and who answers."""

from reconnect._cli.demo.script import QUESTIONS, keep_list, wishes
from reconnect._cli.demo.tools import BOOK, RENT
from reconnect.testing import Call, Known, Question

TO_GET = [call.args["what"] for question in QUESTIONS for call in wishes(question)]
"""What is booked or rented in the demo."""


def test_model_remembers_every_turn() -> None:
    """The emulator's model names everything it knows of, whatever else it heard."""
    context = [Known("user", "Pack the tent."), Known("user", b"\0"), Known("model", "Fine.")]
    known = Known("user", "Then the stove.")
    question = Question((*context, Known("user", "Hello."), known, known), {})
    assert keep_list(question) == "That makes 3: tent, stove, stove."


def test_model_books_before_it_answers() -> None:
    """The emulator's model calls the tool for what is to be booked, and then tells its number."""
    asked = Known("user", "Book the ferry and rent the canoe.")
    wanted = {BOOK: "ferry", RENT: "canoe"}
    assert keep_list(Question((asked,), {})) == [
        Call(name, {"what": what}) for name, what in wanted.items()
    ]
    called = [
        Known("model", {"function_call": {"name": name, "args": {"what": what}}})
        for name, what in wanted.items()
    ]
    results = [
        {"id": "1", "name": name, "response": {"what": what, "number": number}}
        for number, (name, what) in enumerate(wanted.items(), 7)
    ]
    answered = [Known("user", {"function_response": result}) for result in results]
    reply = keep_list(Question((asked, *called, *answered), {}))
    assert reply == "That makes 2: ferry, canoe. Booked, number 7. Rented, number 8."
    more = Known("user", "Pack the tent.")
    context = (asked, *called, *answered, Known("model", reply), more)
    assert keep_list(Question(context, {})) == "That makes 3: ferry, canoe, tent."


def test_every_question_names_one_thing() -> None:
    """All of the things on the list are different, and those to book or to rent are on it."""
    context = tuple(Known("user", question) for question in QUESTIONS)
    reply = keep_list(Question(context, {}))
    assert isinstance(reply, str)
    count = len(QUESTIONS) + 1  # one question names two
    assert reply.startswith(f"That makes {count}: campsite, tent, ")
    assert all(f" {thing}, " in reply for thing in TO_GET)
    assert len(set(reply.rstrip(".").split(": ")[1].split(", "))) == count
