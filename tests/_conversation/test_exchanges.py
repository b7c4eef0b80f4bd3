"""The table of ends, written out once more, and what an exchange is made of."""

import pytest
from messages import ASK_ON, context_update, realtime, turn, user

from reconnect._conversation.exchanges import (
    CONTENT,
    ENDS,
    Call,
    Effect,
    End,
    Exchange,
    Input,
    Kept,
    Known,
    Progress,
    exchanges_of,
)
from reconnect._conversation.limits import size_of

AT_AN_END = {
    "nothing is under way": ("nothing", "nothing", "nothing", "somebody speaks", "nothing"),
    "nothing came of it yet": ("nothing", "was empty", "was empty", "nothing", "nothing"),
    "speaks": ("over, whole", "over, whole", "over, whole", "over, cut", "nothing"),
    "waits": ("nothing", "nothing", "nothing", "over, cut", "over, cut"),
    "has a result": ("nothing", "nothing", "was empty", "nothing", "over, cut"),
}
"""What ends by how far an exchange has come: as it is generated, a turn ends that had something or
nothing, it is interrupted, the reply to another begins."""


@pytest.mark.parametrize("progress", Progress, ids=lambda it: it.name)
@pytest.mark.parametrize(("number", "end"), list(enumerate(End)), ids=str)
def test_ends(number, end, progress):
    """What an end does is what the model of the conversation says."""
    assert ENDS[end, progress].value == AT_AN_END[progress.value][number]


def test_table_is_total():
    """Every case has a row, and there is no row for what is no case."""
    assert set(ENDS) == {(end, progress) for end in End for progress in Progress}


def test_rows_are_of_use():
    """Every outcome that has a name is in the table."""
    assert set(ENDS.values()) == set(Effect)


def test_order_of_what_is_known():
    """What is known is in order: the least of several is what is known of all."""
    assert Known.NO < Known.MAYBE < Known.YES


# A client message


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (turn("a"), True),
        (turn("a", asks=False), False),
        (Call(CONTENT, {"turns": [user("a")]}), False),
        (realtime("a"), True),
        (context_update("a"), False),
        (ASK_ON, True),
    ],
)
def test_asks(call, expected):
    """A turn that is complete and a realtime text ask for a reply; context and updates do not."""
    assert call.asks is expected


def test_turns():
    """A text sent as realtime input is told as a turn, and an update has none."""
    assert turn("a").turns == realtime("a").turns == [user("a")]
    assert context_update("a").turns == ASK_ON.turns == []


def test_size():
    """A message is as large as the text and media in it."""
    assert turn("abc").size == size_of(turn("abc").arguments)
    assert turn("abc").size - turn("a").size == 2


# What was said


def test_input():
    """A message has its own content; speech has its words, as far as they are known."""
    typed = Input(turn("a"), 1)
    assert typed.turns == [user("a")]
    spoken = Input(None, 1, words=["what ", "time?"])
    assert spoken.turns == [user("what time?")]
    assert Input(None, 1).turns == []


def exchange(*known, **fields):
    """Return an exchange of as many inputs, of which so much is known."""
    items = [Input(turn("q"), place, known=it) for place, it in enumerate(known, 1)]
    return Exchange(items, **fields)


def test_exchange_of_several_inputs():
    """The least that is known of its inputs is known of it; its place is that of the last."""
    it = exchange(Known.YES, Known.MAYBE)
    assert (it.known, it.place) == (Known.MAYBE, 2)
    assert exchange(Known.YES, Known.NO, Known.MAYBE).known is Known.NO


@pytest.mark.parametrize(
    ("known", "fields", "done"),
    [
        (Known.YES, {"over": True, "reply": ["a"], "kept": Kept.HANDLE}, True),
        (Known.YES, {"over": True, "reply": ["a"]}, False),
        (Known.YES, {"over": True}, True),
        (Known.MAYBE, {"over": True, "kept": Kept.HANDLE}, False),
        (Known.YES, {"kept": Kept.HANDLE}, False),
    ],
)
def test_done(known, fields, done):
    """An exchange is done with when the handle has question and reply; no reply is none to have."""
    assert exchange(known, **fields).done is done


def test_exchanges_of_inputs():
    """What asks something is one exchange with what is sent besides; what asks nothing is each."""
    asking, telling = Input(turn("a"), 1), Input(turn("c", asks=False), 2)
    (both,) = exchanges_of([asking, telling])
    assert (both.inputs, both.over, both.asks) == ([asking, telling], False, True)
    (alone,) = exchanges_of([telling])
    assert (alone.inputs, alone.over, alone.asks) == ([telling], True, False)
    assert exchanges_of([]) == []
