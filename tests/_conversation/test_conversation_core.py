"""The conversation: what is taken over, what there is room for, and what a message is read as."""

import pytest
from google.genai import types
from messages import (
    ASK_ON,
    Core,
    begun,
    calling,
    cancelling,
    complete,
    content,
    generated,
    heard,
    is_part,
    model,
    result,
    said,
    sound,
    transcribed,
    turn,
    update,
    user,
)

from reconnect._conversation.conversation import Conversation
from reconnect._conversation.exchanges import Exchange, Input, Known
from reconnect._conversation.limits import Limit
from reconnect._conversation.messages import Received
from reconnect._conversation.past import HISTORY_LIMIT
from reconnect._conversation.transcript import model_turn
from reconnect.errors import BufferOverflow

SIZE = turn("a").size
"""Bytes in a turn of one character: those of its role, too."""


# What is taken over


def test_places():
    """Messages and whatever else the caller sends have their places in one order."""
    conversation = Conversation()
    assert conversation.place() == 1
    first = conversation.record(turn("a"))
    assert conversation.place() == 3
    second = conversation.record(turn("b", asks=False))
    assert (first.place, second.place) == (2, 4)
    assert conversation.spoke(place=3).place == 3


def test_turns_before_the_first_word_are_one_exchange():
    """What is said before the model replies joins what it replies to, context too."""
    core = begun("a", turn("c", asks=False), "b")
    assert [len(it.inputs) for it in core.conversation.exchanges] == [3]
    core.receive(said("x"))
    core.say("d", turn("e", asks=False))
    assert [len(it.inputs) for it in core.conversation.exchanges] == [3, 2]
    assert core.conversation.owed == 2


def test_retract():
    """A message that is taken back is gone with its size, and may be taken back again."""
    conversation = Conversation(limit=Limit(messages=9, bytes=2 * SIZE, full="wait"))
    first, second = (conversation.record(turn(text)) for text in "ab")
    assert not conversation.has_room(turn("c"))
    for _ in range(2):
        conversation.retract([first])
        assert [it.inputs for it in conversation.exchanges] == [[second]]
    assert conversation.has_room(turn("c"))
    assert not conversation.has_room(turn("cc"))
    conversation.retract([second])
    assert conversation.quiet


def test_retract_what_context_was_sent_with():
    """Context that was sent with a question that is taken back stands alone."""
    conversation = Conversation()
    first = conversation.record(turn("a"))
    for text in "cd":
        conversation.record(turn(text, asks=False))
    conversation.retract([first])
    assert [[it.place for it in each.inputs] for each in conversation.exchanges] == [[2], [3]]
    assert all(it.over for it in conversation.exchanges)


def test_contexts_of_lost_speech():
    """Context that was sent with speech that is lost stands alone, each piece for itself."""
    conversation = Core(transparent=True).conversation
    spoken, *told = [Input(None, 1)], *[Input(turn(text, asks=False), 2) for text in "cd"]
    exchange = Exchange([*spoken, *told], over=True)
    conversation.exchanges.append(exchange)
    conversation.retract(spoken)
    assert [it.inputs for it in conversation.exchanges] == [[item] for item in told]


def test_numbers_begin_anew():
    """Every message of a connection counts, and every connection counts for itself."""
    for base in (0, 1):
        conversation = Conversation(index_base=base)
        for _ in range(2):
            assert [conversation.number(), conversation.number()] == [base, base + 1]
            assert conversation.unnumber() == base + 1
            assert conversation.number() == base + 1
            conversation.lost()


def test_quiet():
    """Nothing is open where no reply, no call and no words are, and the handle has the rest."""
    core = begun()
    assert core.conversation.quiet
    core.say("q")
    assert not core.conversation.quiet
    core.receive(said("a"), complete())
    assert not core.conversation.quiet
    core.receive(update("h1"))
    assert core.conversation.quiet
    core.receive(heard("so"))
    assert not core.conversation.quiet


# How much there is room for


@pytest.mark.parametrize("full", ["wait", "raise"])
@pytest.mark.parametrize("room", [{"messages": 1, "bytes": 1000}, {"messages": 9, "bytes": SIZE}])
def test_room(full, room):
    """A message waits for room, or is refused with the figures that there would be."""
    core = Core()
    core.conversation._limit = Limit(**room, full=full)
    core.say("a").receive(said("x"))
    if full == "wait":
        assert not core.conversation.has_room(turn("b"))
    else:
        with pytest.raises(BufferOverflow, match="messages that no handle covers") as caught:
            core.conversation.has_room(turn("b"))
        assert (caught.value.messages, caught.value.bytes) == (2, 2 * SIZE)
    core.receive(complete(), update("h"))
    assert core.conversation.has_room(turn("b"))


def test_message_that_never_fits():
    """A message that is larger than all the room is refused: it would wait for ever."""
    conversation = Conversation(limit=Limit(messages=9, bytes=100, full="wait"))
    room = 100 - SIZE + 1
    assert conversation.has_room(turn("x" * room))
    with pytest.raises(BufferOverflow) as caught:
        conversation.has_room(turn("x" * (room + 1)))
    assert (caught.value.messages, caught.value.bytes) == (1, 101)


def test_room_is_not_made_across_an_open_exchange():
    """What was said after an open exchange does not become past before it."""
    core = begun("q", turn("c", asks=False))
    core.conversation._limit = Limit(messages=2, bytes=1000, full="wait")
    assert not core.conversation.has_room(turn("d"))
    assert [len(it.inputs) for it in core.conversation.exchanges] == [2]


def test_nothing_is_let_go_without_need():
    """A conversation with room lets go of nothing that no handle has."""
    core = begun("a")
    core.receive(said("x"), complete())
    assert core.conversation.has_room(turn("b"))
    assert len(core.conversation.exchanges) == 1
    assert core.conversation.past.forgotten == 0


# What is bounded though no handle comes


def test_spoken_turns_without_handles():
    """Spoken turns that no handle covers are bounded, and told where they are let go of."""
    core = Core()
    for number in range(4000):
        core.receive(heard(f"q{number}"), sound(f"a{number}"), generated(), complete())
    assert len(core.conversation.exchanges) <= 1000
    assert core.conversation.past.forgotten >= 3000
    assert core.past[:2] == [user("q0"), model_turn(["a0"])]


def test_typed_turns_after_the_only_handle():
    """Turns that are answered give room to the next, and are counted as they go."""
    core = begun()
    for number in range(1001):
        # `say` finds that there is room.
        core.say(f"q{number}").receive(said(f"a{number}"), generated(), complete())
    assert len(core.conversation.exchanges) == 1000
    assert core.conversation.past.forgotten == 1
    assert core.past == [user("q0"), model_turn(["a0"])]


def test_translation_that_goes_on():
    """What is kept of a reply that never ends is bounded."""
    core = begun("q")
    piece = said("x" * 1000)
    for _ in range(3000):
        core.receive(piece)
    assert sum(map(len, core.newest.reply)) <= 2 * HISTORY_LIMIT


# Messages


def test_news():
    """Only what may change what the session does is read as more than a piece of a reply."""
    core = begun("q")
    pieces = [said("a"), sound(), sound("b"), transcribed("c"), heard("d"), model(), content()]
    assert [core.receive(piece) for piece in pieces] == [None] * len(pieces)
    assert core.receive(types.LiveServerMessage()) is None
    away = types.LiveServerMessage(go_away=types.LiveServerGoAway(time_left="9s"))
    for news in (calling("1"), cancelling("1"), away):
        assert core.receive(news) == Received()
    assert core.receive(update("h")) == Received(covered=True)
    core.receive(said("e"))
    assert core.receive(complete()) == Received(over=True)


def test_several_fields():
    """What a message carries besides output counts as if it had come after that."""
    apart, together = begun("q"), begun("q")
    both = said("a")
    both.server_content.turn_complete = True
    both.session_resumption_update = update("h1").session_resumption_update
    apart.receive(said("a"), complete(), update("h1"))
    assert together.receive(both) == Received(over=True, covered=True)
    assert together.past == apart.past == [user("q"), model_turn(["a"])]


def test_thoughts_are_not_said():
    """Thoughts are no part of a reply, but prove that there is one."""
    core = begun("q")
    core.receive(model(types.Part(text="hm", thought=True)), update("h1"))
    assert core.newest.known is Known.YES
    core.receive(said("a"), complete(), update("h2"))
    assert core.past == [user("q"), model_turn(["a"])]


# Pieces of a reply that change nothing


def piece():
    """Return a piece of a spoken reply and nothing else, as the SDK reads it."""
    blob = types.Blob(mime_type="audio/pcm", data=b"00")
    turn = types.Content(role="model", parts=[types.Part(inline_data=blob)])
    return types.LiveServerMessage(server_content=types.LiveServerContent(model_turn=turn))


def read(core, *messages):
    """Take in messages as the reader does, which leaves out what changes nothing."""
    for message in messages:
        if not (is_part(message) and core.conversation.sounding):
            core.receive(message)


@pytest.mark.parametrize("late", [False, True])
def test_call_within_a_spoken_reply(late):
    """Audio that follows a result is seen, though the reply sounded before."""
    core = begun("q")
    read(core, piece(), piece(), calling("1"))
    if late:
        # A call that does not block: the model talks on.
        read(core, piece())
        assert core.conversation.sounding
    core.answer(result("1"))
    read(core, piece(), piece(), complete(), update("h1"))
    assert core.conversation.quiet


def test_call_within_a_spoken_reply_that_is_made_again():
    """Audio that follows a result that was known is seen, as after any other."""
    core = begun("q")
    read(core, calling("1"))
    core.answer(result("1"))
    core.resume()
    read(core, piece(), calling("2"))
    core.write()
    read(core, piece(), complete(), update("h1"))
    assert core.conversation.quiet


def test_audio_of_each_turn():
    """The first piece of audio of each turn, and of each connection, is seen."""
    core = begun("a")
    read(core, piece(), piece(), complete(), update("h1"))
    core.say("b")
    read(core, piece())
    assert core.resume() == [turn("b")]
    read(core, piece(), update("h2"))
    assert core.resume() == [ASK_ON]
