"""Spoken turns: their words, their audio, and what a loss leaves of either."""

import pytest
from messages import (
    ASK_ON,
    END,
    START,
    WHOLE,
    Core,
    asks,
    audio,
    begun,
    calling,
    closed,
    complete,
    generated,
    heard,
    image,
    interrupted,
    overs,
    realtime,
    said,
    sound,
    streamed,
    told,
    transcribed,
    turn,
    turn_of,
    update,
    user,
)

from reconnect._conversation.conversation import Losses
from reconnect._conversation.exchanges import Known
from reconnect._conversation.transcript import model_turn

# In words


def test_spoken_turn():
    """Speech is asked again in the words that were heard, where its audio is gone."""
    core = begun()
    core.receive(heard("what "), heard("time?"), sound("it"))
    assert core.lose().reply
    assert core.connect() == [turn("what time?")]
    core.receive(sound("noon"), complete(), update("h1"))
    assert core.past == [user("what time?"), model_turn(["noon"])]


def test_unheard_speech_with_a_whole_reply():
    """Of speech without words the reply is told, if there are words of it."""
    core = begun()
    core.receive(sound("noon"), complete())
    assert core.resume() == [told(model_turn(["noon"]))]
    core = Core()
    core.receive(sound(), complete())
    assert core.resume() == []
    assert core.conversation.quiet


def test_context_beside_unheard_speech_with_a_whole_reply():
    """The context that came between is told before the reply."""
    core = begun()
    core.speak(START, audio(1), END).say(turn("c", asks=False))
    core.speak(START, audio(2), END).receive(transcribed("noon"), *WHOLE)
    assert core.lose().turns == 1
    assert core.connect() == [told(user("c")), told(model_turn(["noon"]))]


def test_unheard_speech_that_the_session_knows():
    """The model is asked to continue what it knows; a new session cannot be asked it."""
    core = Core()
    core.receive(sound(), update("h1"))
    assert core.resume() == [ASK_ON]
    core.lose()
    assert core.outbox.restarted() == 1
    assert core.connect() == []


@pytest.mark.parametrize("marks", [True, False])
def test_handle_before_any_audio(marks):
    """Speech that came after a handle is certainly not covered by it."""
    core = begun()
    core.speak(*[START] * marks, audio(1), *[END] * marks).receive(heard("what time?"))
    assert not core.conversation.quiet
    assert core.lose() == Losses()
    assert core.newest.known is Known.NO
    assert core.connect() == [turn("what time?")]
    assert core.outbox.replay.maybe_twice == 0


def test_words_while_the_user_speaks_on():
    """Words that were heard are told, and not asked: the user has not done yet."""
    core = begun()
    core.speak(START, audio(1)).receive(heard("what time?"))
    assert not core.conversation.quiet
    assert core.lose() == Losses()
    assert core.connect() == [told(user("what time?")), *streamed(START)]


def test_words_go_to_the_next_exchange():
    """Words that are heard during a reply to speech that has its own belong to what follows."""
    core = begun()
    core.receive(heard("one"), sound("a"))
    core.resume()
    core.receive(sound("a"), heard("two"), complete(), sound("b"), complete(), update("h1"))
    assert core.past == [user("one"), model_turn("a"), user("two"), model_turn("b")]


@pytest.mark.parametrize("text", [None, ""])
def test_empty_transcriptions(text):
    """A transcription without words changes nothing."""
    core = begun("q")
    core.receive(heard(text), transcribed(text))
    assert not core.newest.begun
    assert core.resume() == [turn("q")]


def test_cut_reply_to_speech_on_a_model_without_client_content():
    """Speech is asked again as realtime text on a model that refuses client content."""
    core = begun(content=False, continue_with="go on")
    core.speak(START, audio(1), END).receive(heard("what time?"), sound("no"))
    assert core.resume() == [realtime("what time?")]


def test_speech_after_what_cannot_be_told():
    """It comes after an exchange that is over and that such a model cannot be told."""
    core = begun(realtime("a"), content=False)
    core.receive(said("x"), *WHOLE)
    core.resume()
    core.say(realtime("q")).speak(audio(1)).receive(heard("w"), said("y"))
    assert [item.turns for item in core.newest.inputs] == [[user("q")], [user("w")]]


# Beside what is typed


def test_typed_after_speech():
    """What is typed before the model answers is answered with the speech before it."""
    core = begun()
    core.speak(audio(1)).receive(heard("look"))
    core.say("at this").receive(said("hm"), complete(), update("h1"))
    assert core.past == [user("look"), user("at this"), model_turn(["hm"])]


def test_spoken_while_what_is_typed_waits():
    """Speech that is answered before what is typed is written does not take its place."""
    core = begun()
    core.direct = False
    core.say("typed").receive(heard("spoken"), sound("a"), complete(), update("h1"))
    assert core.write() == [turn("typed")]
    assert core.past == [user("spoken"), model_turn(["a"])]


def test_speech_that_interrupts_and_is_lost():
    """What was cut is over, and the words that cut it are asked."""
    core = begun("q")
    core.receive(said("a"), interrupted(), complete(), heard("stop"))
    assert core.resume() == [told(user("q"), model_turn(["a"])), turn("stop")]


def test_turn_that_interrupts_the_reply_to_speech_that_a_handle_covers():
    """A handle that covers the audio makes no more of it: the turn is still what interrupted."""
    core = Core(transparent=True)
    core.say("a").receive(said("of a"))
    core.speak(audio(1)).receive(interrupted(), complete())
    core.say("b").receive(said("of the speech"), update("h1", consumed=2), interrupted())
    assert overs(core) == [True, False]
    assert [item.turns for item in core.newest.inputs] == [[user("b")]]


def test_context_before_speech_that_a_handle_has():
    """It is replayed where it was never written, whatever was heard since."""
    core = Core(transparent=True)
    core.receive(update("h1", consumed=0), heard("a"))
    core.say(turn("c", asks=False)).receive(calling(None))
    assert core.resume() == [closed(None)]
    core.receive(calling(None, n=1))
    # Another thing was sent meanwhile.
    core.conversation.place()
    core.say("b").receive(heard("d"), update("h2", consumed=1))
    assert core.resume() == [turn("c", asks=False), turn("b")]


# Audio that is replayed, or lost


def test_words_of_audio_that_is_replayed():
    """Audio that is replayed is transcribed anew: its words take the place of the old ones."""
    core = begun(transparent=True)
    core.speak(START, audio(1), END).receive(heard("what thyme?"))
    assert core.resume() == streamed(START, audio(1), END)
    core.receive(heard("what time?"), sound("noon"), complete(), update("h1"))
    assert core.past == [user("what time?"), model_turn(["noon"])]


def test_speech_whose_audio_is_lost():
    """Speech of which neither audio nor words are there is a lost turn, and counted."""
    core = Core()
    core.speak(START, audio(1), END).receive(sound("no"))
    assert core.lose().turns == 1
    assert core.connect() == []


def test_speech_that_interrupted_and_was_not_transcribed():
    """Speech that is known by its interruption alone is a lost turn, and counted."""
    core = begun("q")
    core.receive(said("a"))
    core.speak(audio(1)).receive(interrupted(), complete())
    assert core.lose().turns == 1


def test_speech_that_is_begun_twice():
    """It begins with the first mark: all after it is told in words, or written again."""
    core = Core()
    core.speak(START, audio(1), START, audio(2), END)
    core.receive(said("x"), complete())
    assert core.lose().told == (range(1, 6),)


# What a handle has of speech


def test_beginning_of_speech_that_only_a_refused_handle_had():
    """It is counted as lost, where nobody has the words; what is left of it is said again."""
    core = Core(transparent=True)
    core.say("a").receive(said("of a"), generated(), complete(), update("h1", consumed=1))
    core.speak(audio(1), audio(2)).receive(interrupted(), update("h2", consumed=2))
    core.lose()
    assert core.conversation.restarted(kept=core.media.kept_from, gone=core.media.gone).audio == 1.0


@pytest.mark.parametrize("before", [True, False])
def test_speech_without_marks_whose_handle_is_refused(before):
    """Its audio is written again, to the first frame, where none of it is gone."""
    core = Core(transparent=True)
    if before:
        core.say("q").receive(said("x"), *WHOLE, update("h1", consumed=1))
    core.speak(image(1), audio(1)).receive(heard("w"))
    core.speak(audio(2))
    assert core.restart() == streamed(image(1), audio(1), audio(2))


@pytest.mark.parametrize(("consumed", "turns"), [(1, 0), (2, 0), (3, 1), (4, 1)])
def test_marked_speech_of_which_a_refused_handle_had_a_part(consumed, turns):
    """A turn is lost if a new session hears no more than its end, and nobody has the words."""
    core = Core(transparent=True)
    core.say("a").receive(said("of a"), generated(), complete())
    core.speak(START, audio(1), audio(2), END).receive(update("h1", consumed=consumed))
    core.lose()
    assert (
        core.conversation.restarted(kept=core.media.kept_from, gone=core.media.gone).turns == turns
    )


def test_rest_of_speech_that_is_told_in_words():
    """The turn that its end brings about is nobody's: it is hidden, and its words are told."""
    core = Core(transparent=True)
    core.speak(START, audio(1), END).receive(heard("s"), said("x"), generated(), complete())
    core.receive(update("h1", consumed=2))
    assert core.resume()[0].arguments == END
    core.speak(START, audio(2), END)
    assert core.receive(heard("s"), complete()).hidden
    assert core.write() == []
    core.receive(heard("t"), said("y"))
    assert core.newest.inputs[0].words == ["t"]


def test_speech_that_was_replied_to_before_the_number_of_its_last_audio():
    """A session that replies has heard it all: it is asked to continue, and not left in silence."""
    core = Core(transparent=True)
    core.speak(audio(1), audio(2), audio(3)).receive(heard("s"), said("x"))
    core.receive(update("h1", consumed=2))
    assert core.resume() == [*streamed(audio(3)), ASK_ON]
    core = Core(transparent=True)
    core.speak(audio(1), audio(2), audio(3)).receive(heard("s"), update("h1", consumed=2))
    assert core.resume() == streamed(audio(3))


def test_speech_that_a_handle_has_up_to_its_last_word():
    """A number covers it from the audio on over which its last word came, and no later."""
    core = Core(transparent=True)
    core.speak(audio(1)).receive(heard("s"), update("h1", consumed=1))
    core.speak(audio(2)).receive(said("x"))
    assert core.newest.known is Known.YES


@pytest.mark.parametrize(
    ("transparent", "consumed", "written", "twice"),
    [(True, 3, [START], 0), (False, None, [told(user("w")), START], 1)],
)
def test_marked_speech_that_a_handle_has_and_that_goes_on(transparent, consumed, written, twice):
    """Its words are told beside the rest only where nobody knows whether the session has them."""
    core = Core(transparent=transparent)
    core.speak(START, audio(1), audio(2)).receive(heard("w"), update("h1", consumed=consumed))
    assert core.resume() == [*written[:-1], *streamed(written[-1])]
    assert core.outbox.replay.maybe_twice == twice


def test_speech_that_goes_on_after_a_handle_that_may_have_its_beginning():
    """Its words are counted as perhaps twice, on whichever connection they come."""
    core = begun()
    core.speak(audio(1)).receive(update("h1"))
    core.resume()
    core.speak(audio(2)).receive(heard("s"))
    assert core.resume() == [turn_of("s")]
    assert core.outbox.replay.maybe_twice == 1


def test_speech_without_words_before_what_is_typed_in_an_outage():
    """It has nothing that could be written, and is answered with what was typed, or not at all."""
    core = begun()
    core.speak(audio(1)).receive(update("h1"), sound("x"))
    core.lose()
    core.say("t")
    core.connect()
    core.receive(said("y"), *WHOLE)
    core.say("u").receive(calling("1"))
    assert overs(core) == [True, False]
    assert core.resume()[-1] == turn("u")


def test_beginning_of_speech_that_a_handle_may_have():
    """It is counted as perhaps twice, though it was answered with what was typed."""
    core = begun("a")
    core.receive(said("x"))
    core.speak(audio(1))
    core.receive(interrupted(), complete(), update("h1"))
    core.say("b").receive(heard("s"), said("y"), interrupted(), complete())
    core.resume()
    assert core.outbox.replay.maybe_twice == 1


def test_speech_of_which_a_handle_has_the_beginning():
    """It is known up to its newest word, and in part up to its first."""
    core = Core(transparent=True)
    core.receive(update("h", consumed=0))
    core.speak(audio(1)).receive(interrupted(), complete(), update("h1", consumed=1))
    core.speak(audio(2)).receive(heard("a"), said("x"))
    assert core.newest.known is Known.MAYBE
    core.lose()
    core.connect()
    # What is left of it is sent, which is not there.
    assert core.outbox.replay.maybe_twice == 0


# What was spoken before a loss


def spoken(*, transparent):
    """Return a core whose connection was lost after a spoken turn that the handle has."""
    core = begun(transparent=transparent)
    core.speak(audio(1), audio(2))
    core.receive(heard("hi"), said("r"), *WHOLE)
    core.receive(update("h1", consumed=2 if transparent else None))
    assert core.resume() == []
    return core


@pytest.mark.parametrize("transparent", [False, True])
def test_output_after_a_loss_and_before_anybody_speaks(transparent):
    """It goes on with what was said last: speech of the connection before is none of this one."""
    core = spoken(transparent=transparent)
    core.receive(said("more"))
    assert [it.reply for it in core.conversation.exchanges] == [["r", "more"]]


def test_beginning_of_speech_that_a_handle_has_after_a_loss():
    """The messages of a connection count from its own first."""
    core = spoken(transparent=True)
    core.speak(START, audio(3))
    core.receive(update("h2", consumed=1))
    core.speak(END)
    assert core.newest.known is Known.MAYBE


def test_output_after_a_loss_of_speech_that_the_handle_has():
    """It answers that speech, though nobody has a word of it."""
    core = begun("q")
    core.receive(said("a"), *WHOLE)
    core.speak(audio(1))
    core.media.line.acknowledged(core.media.line.seconds)
    core.receive(update("h1"))
    core.resume()
    core.receive(said("r"))
    assert [it.reply for it in core.conversation.exchanges] == [["a"], ["r"]]


# Models whose turns never end


def translating(rounds, **options):
    """Return a core with a model that translates what it hears."""
    core = Core(**options)
    for number in range(rounds):
        core.speak(audio(1))
        core.receive(heard(f"uno{number} "), sound(f"one{number} "), update(f"h{number}"))
    return core


def test_translation_that_is_resumed():
    """Nothing is asked of a session that translates, after a resume."""
    assert asks(translating(3, turns=False).resume()) == []


def test_translation_whose_handle_is_refused():
    """Nothing is asked of a new session that translates: what was heard is no question."""
    assert asks(translating(3, turns=False).restart()) == []
