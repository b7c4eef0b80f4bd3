"""The laws of what the server's newest session knows, and of what is sent to it."""

from __future__ import annotations

from itertools import pairwise

from sweep_excuses import (
    all_said,
    answers_two,
    crossed,
    has_no_order,
    is_in_another_session,
    is_traceless,
    may_be_missing,
    outcomes,
    total,
)
from sweep_player import FRAME
from sweep_script import Context, Stream, Turn, Update
from sweep_words import asked_in, frame_of, instruction, words_in

ROUNDING = 1e-6
"""Seconds."""


def _knows(play):
    """Check that the newest session knows what was said, in order, and once where no doubt is."""
    conversation = play.conversation
    expected = [step.number for step in conversation.steps if isinstance(step, Turn | Context)]
    found = all_said(play)
    missing = [number for number in expected if number not in found]
    for number in missing:
        if not may_be_missing(play, number):
            yield f"{number} is not known"
    first = list(dict.fromkeys(found))
    first = [number for number in first if not has_no_order(play, number)]
    if first != sorted(first):
        yield f"known in the order {found}"
    twice = _again(found)
    allowed = total(play, "maybe_twice")
    if not conversation.content:
        # Such a model is asked to continue by the words of the question, and once more over an
        # empty end.
        allowed += 2 * len(outcomes(play))
    if twice > allowed:
        yield f"{twice} messages are known twice, {allowed} may be: {found}"


def _again(found):
    """Return in how many messages at least what is known more than once was sent again.

    A message that tells of what is over may hold several turns, in their order.
    """
    seen, messages, before = set(), 0, None
    for number in found:
        again = number if number in seen else None
        messages += again is not None and (before is None or again <= before)
        seen.add(number)
        before = again
    return messages


def _tells_the_truth(play):
    """Check that the newest session takes for its replies those to the turns before them."""
    asked = []
    said = set()
    for role, value in play.context:
        if role == "user":
            asked += asked_in(value)
        elif isinstance(value, str):
            numbers = {number for number, _, _ in words_in(value)}
            for number in numbers - set(asked[-1:]):
                # Where nobody has the words of a spoken turn, its reply is replayed alone.
                # Where nobody knows that it was spoken, it is taken for one to what was said.
                unknown = number not in asked or is_traceless(play, number)
                alone = unknown and may_be_missing(play, number)
                twice = number in said or (asked[-1:] and asked[-1] in asked[:-1])
                again = twice and total(play, "maybe_twice")
                after = _is_later(play, number, asked) or crossed(play, number, asked)
                if not (alone or again or after or answers_two(play, number)):
                    yield f"the reply to {number} is known as one to {asked[-1:]}"
            said |= numbers
    over = _over(play)
    for number in sorted(over - said):
        # Of what nobody knows that it was spoken the reply is taken for one to what was said.
        unknown = is_traceless(play, number) and may_be_missing(play, number)
        if unknown or answers_two(play, number):
            continue
        if play.conversation.content or not total(play, "forgotten"):
            yield f"the whole reply to {number} is not known"


def _is_later(play, number, asked):
    """Tell whether a turn without order stands between a question and its reply."""
    return number in asked and all(
        between == number or has_no_order(play, between) for between in asked[asked.index(number) :]
    )


def _over(play):
    """Return the turns whose replies the caller has seen to their end, and whose tools are done."""
    whole, over = set(), set()
    running = set()
    for entry in play.log:
        match entry.kind:
            case "words":
                whole |= {number for number, _, last in entry.value if last}
            case "call":
                running.add(entry.value)
            case "result":
                running.discard(entry.value)
            case "interrupted":
                # It was taken back, or the user would not hear more of it.
                whole.clear()
            case "end":
                over |= whole - {number for number, _ in running}
            case _:
                pass
    return over


def _updates(play):
    """Check that the newest session has the newest instruction."""
    sent = [step.number for step in play.conversation.steps if isinstance(step, Update)]
    newest = [it.session for it in play.connections if it.session is not None][-1:]
    numbers = {it.number for it in play.connections if it.session in newest}
    found = [
        str(heard.value)
        for heard in play.heard
        if heard.kind == "context_update" and heard.connection in numbers
    ]
    if sent and not (found and instruction(sent[-1]) in found[-1]):
        yield f"the newest instruction is {found[-1:]}, not {sent[-1]}"


def _asks_nothing(play):
    """Check that a model that ends no turn is asked nothing: it may be told what it had heard."""
    asked = {heard.kind for heard in play.heard} - {"audio", "context", "seed"}
    if asked:
        yield f"it is sent {asked}"


def _accounts_for_audio(play):
    """Check that no frame is heard out of order, and that what nobody has is counted."""
    known = [frame_of(value) for _, value in play.context if isinstance(value, bytes)]
    known = [found for found in known if found is not None]
    if play.conversation.by_number:
        wrong = [pair for pair in pairwise(known) if pair[0] >= pair[1]]
        if wrong:
            yield f"frames in the order {wrong}"
    in_words = {
        number
        for role, value in play.context
        if role == "user" and isinstance(value, str)
        for number in asked_in(value)
    }
    said = set(play.of("said"))
    missing = [
        (step.number, place)
        for step in play.conversation.steps
        if isinstance(step, Turn | Stream) and step.number in said - in_words
        # A new session knows the words that it is sent, not the audio.
        if not is_in_another_session(play, step.number)
        for place in range(step.frames)
        if (step.number, place) not in known
    ]
    counted = total(play, "uncovered_audio") + total(play, "lost_audio")
    # Pongs, by which audio is acknowledged, are not on their way so long as messages are.
    counted += play.conversation.latency * len(outcomes(play))
    if len(missing) * FRAME > counted + ROUNDING and not total(play, "lost_turns"):
        yield f"{len(missing)} frames are missing, {counted} s are counted: {missing}"


LAWS = [_knows, _tells_the_truth, _updates, _accounts_for_audio]
"""Those of a conversation in turns."""

STREAMED = [_asks_nothing, _accounts_for_audio]
"""Those of one with a model that ends no turn."""
