"""The tool calls of a conversation: awaited, answered, lost, made again."""

import pytest
from messages import result, turn

from reconnect._conversation.calls import CALL_LIMIT, LOST, Calls
from reconnect._conversation.exchanges import Exchange, Input, ToolCall


def asking():
    """Return an exchange whose reply is owed."""
    return Exchange([Input(turn("q"), 1)])


class Model:
    """The calls of one exchange, as the model makes them."""

    def __init__(self, *, reuse=True):
        self.calls = Calls(reuse=reuse)
        self.exchange = asking()

    def make(self, id_, name="f", *, exchange=None, **arguments):
        """Make a call; return it."""
        call = ToolCall(id_, name, arguments, exchange or self.exchange)
        assert self.calls.made(call) is call.shown
        return call

    def answer(self, id_, value=3, name="f"):
        """Answer a call; return whether the result is to be sent."""
        return self.calls.answer(result(id_, value, name=name))

    def due(self):
        """Return the results that are due, each with the id that it bears."""
        return [(due.id, due.response["result"]) for due in self.calls.due()]


# On one connection


@pytest.mark.parametrize("id_", ["1", None])
def test_call_is_awaited_until_it_is_answered(id_):
    """A call awaits its result, by its id or its name, until one is given."""
    model = Model()
    model.make(id_)
    assert model.calls.awaited == (id_ or "f",)
    assert model.answer(id_)
    assert model.calls.awaited == ()
    # Whoever answers writes it.
    assert not model.calls.waiting
    assert model.calls.due() == []


def test_calls_without_ids_are_answered_in_order():
    """Of calls that are named alike the oldest is answered first, and one by one."""
    model = Model()
    first, second = model.make(None, city="Oslo"), model.make(None, city="Paris")
    assert model.answer(None, "snow")
    assert (first.open, second.open) == (False, True)
    assert model.answer(None, "rain")
    assert [call.result.response["result"] for call in (first, second)] == ["snow", "rain"]


def test_result_that_is_given_twice():
    """A second result for a call is sent, as the SDK sends it."""
    model = Model()
    model.make("1")
    assert model.answer("1")
    assert model.answer("1", "more")


def test_result_of_a_call_that_nobody_has_heard_of():
    """A result that names no call is sent, as the SDK sends it."""
    model = Model()
    assert model.answer("1")
    model.make("1")
    assert model.answer("2")
    assert model.calls.awaited == ("1",)


def test_result_with_an_id_that_its_caller_has_made_up():
    """It answers the call of its name that came without an id; no other, and none that has one."""
    model = Model()
    first, named = model.make(None), model.make("1", name="g")
    assert model.calls.answer(result("made-up", 3))
    assert model.calls.answer(result("made-up-2", 3, name="g"))
    assert (first.open, named.open) == (False, True)
    model.calls.unanswered(first.result)
    assert first.open
    assert model.calls.answer(result("made-up", 3))
    model.calls.lost()
    again = model.make(None)
    assert (again.shown, model.due()) == (False, [(again.id, 3)])


def test_result_of_another_tool_with_the_id():
    """A result that names another tool is not for the call with its id."""
    model = Model()
    model.make("1", "book")
    assert model.answer("1", name="look")
    assert model.calls.awaited == ("1",)
    assert model.calls.answer(result("1", name=None))
    assert model.calls.awaited == ()


def test_result_that_cannot_be_sent_now_waits():
    """A result is kept until it can be sent, or its connection is lost."""
    model = Model()
    assert not model.calls.waiting
    model.calls.hold("ab")
    assert model.calls.waiting
    assert model.calls.due() == ["a", "b"]
    assert not model.calls.waiting
    model.calls.hold(["too late"])
    model.calls.lost()
    assert not model.calls.waiting


@pytest.mark.parametrize("lost", [False, True])
def test_result_that_was_not_sent_after_all(lost):
    """A call awaits its result again where the SDK would not take it."""
    model = Model()
    call = model.make("1")
    model.answer("1")
    if lost:
        model.calls.lost()
    model.calls.unanswered(call.result)
    model.calls.unanswered(result("2", 3))
    assert call.open is not lost
    assert (call.result is None) is not lost


def test_call_that_the_server_cancels():
    """A call that is cancelled is not awaited, and of calls named alike only the oldest is."""
    model = Model()
    first, second = model.make("1"), model.make("1")
    model.calls.cancel(["1", "2"])
    assert (first.open, second.open) == (False, True)
    assert model.calls.awaited == ("1",)


# Lost calls


def test_lost_calls_are_closed_with_an_error():
    """Lost calls are closed until a handle comes of a session that does not wait for them."""
    model = Model()
    model.make("1", "book")
    model.make(None, "look")
    assert model.calls.closing(model.exchange) == []
    for _ in range(2):
        model.calls.lost()
        assert model.calls.closing(model.exchange) == [
            {"id": "1", "name": "book", "response": {"error": LOST}},
            {"id": None, "name": "look", "response": {"error": LOST}},
        ]
        # They are closed on this connection, though not before this handle.
        model.calls.covered(closed=False)
    model.calls.covered(closed=True)
    model.calls.lost()
    assert model.calls.closing(model.exchange) == []


def test_calls_of_another_exchange_are_not_closed():
    """Only the calls of the exchange that is owed are closed."""
    model = Model()
    model.make("1")
    model.calls.lost()
    assert model.calls.closing(asking()) == []


def test_result_that_a_handle_may_cover():
    """A lost call is closed with its result where that was given before the newest handle."""
    model = Model()
    model.make("1")
    model.make("2")
    model.answer("1", 7)
    model.calls.covered(closed=True)
    model.answer("2", 8)
    model.calls.lost()
    responses = [it["response"] for it in model.calls.closing(model.exchange)]
    assert responses == [{"result": 7}, {"error": LOST}]


def test_answered_call_is_behind_a_handle_that_follows_output():
    """A call is not closed where a handle came after output that followed its result."""
    model = Model()
    model.make("1")
    model.answer("1")
    model.calls.take_up(model.exchange, turn=1)
    model.calls.covered(closed=True)
    model.calls.lost()
    assert model.calls.closing(model.exchange) == []
    # A session that is resumed from that handle makes no lost call again: this is a new one.
    assert model.make("2").shown


def test_new_session_waits_for_no_call():
    """A new session has no result, and waits for none."""
    model = Model()
    model.make("1")
    model.answer("1")
    model.calls.take_up(model.exchange, turn=1)
    model.calls.covered(closed=True)
    model.calls.lost()
    model.calls.restarted()
    assert model.calls.closing(model.exchange) == []
    again = model.make("2")
    assert not again.shown
    assert model.due() == [(again.id, 3)]


@pytest.mark.parametrize("scheduling", ["SILENT", "INTERRUPT"])
def test_newest_result_that_output_has_crossed(scheduling):
    """The newest result is still to be taken up, unless it is one that need not be."""
    model = Model()
    call = model.make("1")
    model.calls.answer(result("1", scheduling=scheduling))
    model.calls.take_up(model.exchange, turn=1)
    model.calls.leave_newest()
    assert call.untaken is (scheduling == "INTERRUPT")


# Calls that are made again


@pytest.mark.parametrize("late", [True, False])
def test_known_result_is_given_for_the_same_call(late):
    """A result that was given, or came too late, is given for the next call of the same."""
    model = Model()
    model.make("1", seats=2)
    if not late:
        model.answer("1")
    model.calls.lost()
    if late:
        assert not model.answer("1")
    assert model.make("2", seats=3).shown
    assert model.make("3", "g", seats=2).shown
    again = model.make("4", seats=2)
    assert not again.shown
    assert model.calls.waiting
    assert model.due() == [(again.id, 3)]
    # It is given once: the model makes this one besides.
    assert model.make("5", seats=2).shown
    assert model.calls.awaited == ("2", "3", "5")


def test_call_that_still_runs_when_it_is_made_again():
    """The result of a call that still runs is given for the one that was made meanwhile."""
    model = Model()
    model.make("1")
    model.calls.lost()
    again = model.make("2")
    assert not again.shown
    assert model.calls.awaited == ("2",)
    assert not model.calls.waiting
    assert not model.answer("1")
    assert model.due() == [(again.id, 3)]
    assert model.calls.awaited == ()


def test_calls_that_are_made_again_and_named_alike():
    """Each call that is made again is given the result of its own call."""
    model = Model()
    model.make(None, city="Oslo")
    model.make(None, city="Paris")
    model.answer(None, "snow")
    model.calls.lost()
    oslo, paris = model.make(None, city="Oslo"), model.make(None, city="Paris")
    assert [call.shown for call in (oslo, paris)] == [False, False]
    assert not model.answer(None, "rain")
    assert model.due() == [(oslo.id, "snow"), (paris.id, "rain")]


def test_known_result_of_the_second_of_two_calls_without_ids():
    """Calls without ids are told apart by their order: a known result waits for its turn."""
    model = Model()
    model.make(None, city="Oslo")
    model.answer(None, "snow")
    model.calls.lost()
    model.make(None, city="Paris")
    oslo = model.make(None, city="Oslo")
    assert not oslo.shown
    # The server would take it for the answer to the call for Paris.
    assert not model.calls.waiting
    assert model.answer(None, "rain")
    assert model.due() == [(oslo.id, "snow")]


def test_known_result_beside_the_one_that_it_waits_for():
    """Results of calls without ids are sent in the order of their calls, whoever gives them."""
    model = Model()
    model.make(None, city="Oslo")
    model.answer(None, "snow")
    model.calls.lost()
    paris = model.make(None, city="Paris")
    oslo = model.make(None, city="Oslo")
    assert model.answer(None, "rain")
    # As is done where it cannot be written at once.
    model.calls.hold([paris.result])
    assert model.due() == [(paris.id, "rain"), (oslo.id, "snow")]


def test_known_result_whose_turn_has_not_come_when_all_is_over():
    """A known result waits for its turn on, though it need not be taken up, and a handle came."""
    model = Model()
    model.make(None, city="Oslo")
    model.calls.answer(result(None, "snow", scheduling="SILENT"))
    model.calls.lost()
    model.make(None, city="Paris")
    oslo = model.make(None, city="Oslo")
    assert not oslo.shown
    model.calls.take_up(model.exchange, turn=1)
    model.calls.covered(closed=True)
    model.exchange.over = True
    for exchange in (model.exchange, asking()):
        model.calls.over(exchange)
    assert not model.calls.waiting
    assert model.due() == []
    model.answer(None, "rain")
    assert model.due() == [(oslo.id, "snow")]


def test_same_call_twice_is_made_again_once():
    """Of two calls that are the same each stands for one that is made again."""
    model = Model()
    model.make("1")
    model.make("2")
    model.answer("1", "one")
    model.answer("2", "two")
    model.calls.lost()
    first, second, third = (model.make(id_) for id_ in "345")
    assert model.due() == [(first.id, "one"), (second.id, "two")]
    assert third.shown


def test_known_result_survives_a_second_loss():
    """A result that was due when the connection was lost again is known still."""
    model = Model()
    model.make("1")
    model.answer("1")
    model.calls.lost()
    model.make("2")
    assert model.calls.lost() == ()
    assert model.calls.due() == []
    again = model.make("3")
    assert not again.shown
    assert model.due() == [(again.id, 3)]


def test_call_that_still_runs_survives_a_second_loss():
    """A call that still runs serves the third of its kind as it would have the second."""
    model = Model()
    model.make("1")
    model.calls.lost()
    model.make("2")
    model.calls.lost()
    again = model.make("3")
    model.answer("1")
    assert model.due() == [(again.id, 3)]


def test_call_of_an_exchange_that_is_over_is_not_made_again():
    """A call of an exchange that is over is a new one when it is made again."""
    model = Model()
    model.make("1")
    model.answer("1")
    model.calls.lost()
    model.exchange.over = True
    assert model.calls.over(model.exchange) == ()
    assert model.make("2", exchange=asking()).shown


def test_results_of_other_exchanges_are_kept():
    """Results stay known when another exchange is over."""
    model = Model()
    other = asking()
    model.make("1", seats=1)
    model.make("2", exchange=other, seats=2)
    model.answer("1")
    model.answer("2")
    model.calls.lost()
    model.exchange.over = True
    model.calls.over(model.exchange)
    assert model.make("3", exchange=other, seats=1).shown
    assert not model.make("4", exchange=other, seats=2).shown


def test_results_are_not_reused_when_told_so():
    """Every tool runs again where results are not to be reused."""
    model = Model(reuse=False)
    model.make("1")
    model.answer("1")
    model.calls.lost()
    assert model.make("2").shown


# What the caller is told to leave


@pytest.mark.parametrize(("reuse", "left"), [(True, ()), (False, ("1",))])
def test_cancellation_at_the_loss(reuse, left):
    """A call that runs is left at the loss only where results are not reused."""
    model = Model(reuse=reuse)
    model.make("1")
    model.make("2")
    model.answer("2")
    assert model.calls.lost() == left
    assert model.calls.lost() == ()
    # It is told once.
    assert model.calls.over(model.exchange) == (() if left else ("1",))
    assert model.calls.over(model.exchange) == ()


def test_cancellation_when_the_exchange_is_over():
    """Of the calls of lost connections those are left that run, and that the caller was shown."""
    model = Model()
    model.make("1", n=1)
    model.make("2", n=2)
    model.make("3", n=3)
    model.calls.cancel(["3"])
    model.calls.lost()
    model.answer("2")
    model.make("4", n=1)
    model.make("5", n=5)
    assert model.calls.over(model.exchange) == ("1",)


def test_cancellation_while_a_live_call_has_the_id():
    """A call is not left while a live one of another exchange bears its id."""
    model = Model()
    model.make("1", n=1)
    model.calls.lost()
    model.make("1", n=2, exchange=asking())
    assert model.calls.over(model.exchange) == ()


def test_cancellation_while_a_live_call_of_the_exchange_has_the_id():
    """A call is not left while a live one of its own exchange bears its id."""
    model = Model()
    model.make("1", n=1)
    model.calls.lost()
    model.make("1", n=2)
    assert model.calls.over(model.exchange) == ()


def test_call_that_was_left_is_made_again():
    """The caller is shown it: nobody gives it the result of one that was left."""
    model = Model()
    model.make("1")
    model.calls.lost()
    model.calls.over(model.exchange)
    assert model.make("2").shown


def test_late_result_of_a_call_that_was_left():
    """A result that comes after all is nobody's, though a live call has the id."""
    model = Model()
    model.make("1", n=1)
    model.calls.lost()
    model.exchange.over = True
    assert model.calls.over(model.exchange) == ("1",)
    assert not model.answer("1")
    assert model.calls.due() == []
    model.make("1", exchange=asking())
    assert model.answer("1")


@pytest.mark.parametrize("cancelled", ["before", "after"])
def test_known_result_for_a_call_that_was_cancelled(cancelled):
    """It is not handed on, and does not answer the next call of that id."""
    model = Model()
    model.make("2")
    model.calls.lost()
    model.make("1")
    if cancelled == "before":
        model.calls.cancel(["1"])
    assert not model.answer("2")
    model.calls.cancel(["1"])
    model.make("1", name="g")
    assert model.due() == []


def test_result_that_waits_for_the_newest_call_of_its_id():
    """It is that call that is cancelled, and not one before it that was answered."""
    model = Model()
    model.make("1", n=1)
    model.answer("1")
    newest = model.make("1", n=2)
    response = result("1", 3, name="f")
    assert model.calls.answer(response)
    model.calls.hold([response])
    model.calls.cancel(["1"])
    assert newest.cancelled
    assert model.due() == []


def test_calls_are_bounded():
    """The oldest of very many calls are forgotten."""
    model = Model()
    for number in range(2 * CALL_LIMIT):
        model.make(f"{number}", number=number)
        model.calls.lost()
    assert len(model.calls.closing(model.exchange)) == CALL_LIMIT
