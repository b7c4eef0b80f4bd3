"""What a law excuses: what cannot hold, since nobody can know better, and what is said to be lost.

Each is as narrow as its reason, which stands beside it.
"""

from __future__ import annotations

from collections import Counter

from sweep_words import frame_of, said_in

from reconnect import GaveUp, Restarted, Resumed


def outcomes(play, *, since=None):
    """Return the `Continuity` of each gap; of those that ended since a step began, if it is given.

    Args:
        play: The conversation.
        since: The number of the step.
    """
    events = [it.value for it in _since(play, since) if it.kind == "event"]
    return [it.continuity for it in events if isinstance(it, Resumed | Restarted | GaveUp)]


def _since(play, number):
    """Return the log since a step began; all of it for None."""
    log = play.log
    if number is None:
        return log
    return log[next(at for at, entry in enumerate(log) if entry[1:] == ("sent", number)) :]


def total(play, name, *, since=None):
    """Return the sum of a field of `Continuity` over such gaps."""
    return sum(getattr(continuity, name) for continuity in outcomes(play, since=since))


def all_said(play):
    """Return the numbers of what the user has said, as the newest session knows it, in order.

    The beginning of speech is left out that a handle covered, where its words follow: speech that
    was answered is replayed in words.
    """
    found = []
    for role, value in play.context:
        numbers = said_in(value) if role == "user" else []
        if isinstance(value, bytes):
            if numbers and found[-1:] != [(numbers[0], True)]:
                found.append((numbers[0], True))
        else:
            found += [(number, False) for number in numbers]
    frames = [frame_of(value) for _, value in play.context if isinstance(value, bytes)]
    heard = Counter(number for number, _ in filter(None, frames))
    turns = play.conversation.turns
    return [
        number
        for number, spoken in found
        if not (spoken and (number, False) in found and heard[number] < turns[number].frames)
    ]


def may_be_lost(play, turn):
    """Tell whether a spoken turn may be lost, as the guide says ("What is not promised")."""
    names = ("lost_turns", "lost_audio", "uncovered_audio")
    if any(total(play, name, since=turn.number) for name in names):
        # Said to be lost.
        return True
    if not play.conversation.heard and is_in_another_session(play, turn.number):
        # A new session knows the words that it is sent, not the audio.
        return True
    # That a reply is owed nobody can know.
    return is_traceless(play, turn.number) and bool(outcomes(play, since=turn.number))


def is_traceless(play, number):
    """Tell whether a turn is spoken, and neither marked nor transcribed."""
    turn = play.conversation.turns[number]
    return bool(turn.frames) and not (play.conversation.marks or play.conversation.heard)


def is_in_another_session(play, number):
    """Tell whether a new session has taken the place of one in which a step began."""
    return any(isinstance(it.value, Restarted) for it in _since(play, number))


def may_be_missing(play, number):
    """Tell whether the newest session need not know a turn."""
    conversation = play.conversation
    turn = conversation.turns.get(number)
    if turn is not None and turn.frames and may_be_lost(play, turn):
        return True
    # What is over cannot be replayed to a model that takes no client content.
    return not conversation.content and total(play, "forgotten") > 0


def has_no_order(play, number):
    """Tell whether a turn may come after what was said later.

    Where resumption is not transparent, audio of an outage goes out after what was typed in it.
    """
    turn = play.conversation.turns.get(number)
    return bool(
        turn is not None and turn.frames and not play.conversation.by_number and outcomes(play)
    )


def may_be_answered_again(play, number):
    """Tell whether a turn may be answered again: one that is spoken, after a gap.

    A session that is resumed in the midst of it takes what it hears next for its end. Nobody can
    know that where resumption is not transparent.
    """
    turn = play.conversation.turns[number]
    spoken = bool(turn.frames) and not play.conversation.by_number
    return spoken and bool(outcomes(play, since=number))


def is_joined(play, number):
    """Tell whether a turn was answered with speech of an outage, which went out after it."""
    said = all_said(play)
    after = said[said.index(number) + 1 :] if number in said else []
    return any(later < number and has_no_order(play, later) for later in after)
