"""The laws that every conversation keeps, whatever goes wrong with its connections.

Each law is given a `sweep_player.Play` and yields in what it is broken. They are judged from what
the caller saw, from what passed between it and the server, and, in `sweep_knowledge`, from what the
server's newest session knows; none of them looks into the library. What they excuse, and why, is in
`sweep_excuses`.
"""

from __future__ import annotations

from sweep_excuses import (
    calls_of,
    cut_unseen,
    has_no_order,
    is_ambiguous,
    is_joined,
    is_refused,
    may_be_answered_again,
    may_be_lost,
    outcomes,
)
from sweep_knowledge import LAWS, STREAMED

from reconnect import GaveUp, GoingAway, Lost, Restarted, Resumed, Retrying
from reconnect.events import Connected


def broken(play):
    """Return in what a conversation breaks a law; nothing where it keeps them all.

    Args:
        play: What came of it.
    """
    laws = [_lives, _one_outcome, _leaves_nothing]
    if play.conversation.traits.stream == "none":
        laws += [_answers, _shows, _runs_once, _matches, *LAWS]
    else:
        laws += STREAMED
    return [f"{law.__name__.strip('_')}: {found}" for law in laws for found in law(play)]


# The session


def _lives(play):
    """Check that the session lives as long as its caller, and raises nothing."""
    if is_refused(play):
        return
    for error in play.of("raised"):
        yield f"raised {error!r}"
    for event in play.of("event"):
        if isinstance(event, GaveUp):
            yield f"gave up over {event.error!r}"


def _one_outcome(play):
    """Check that each outage and each move has one outcome, after its Lost and Retrying."""
    state, leaving = "new", False
    follows = {
        "new": {Connected: "up", Lost: "lost"},
        "up": {Lost: "lost"},
        "lost": {Retrying: "retrying", GaveUp: "over"},
        "retrying": {Lost: "lost", Resumed: "up", Restarted: "up", Connected: "up", GaveUp: "over"},
        "over": {},
    }
    for event in play.of("event"):
        if isinstance(event, GoingAway):
            leaving = True
        elif type(event) in follows[state]:
            state = follows[state][type(event)]
            leaving = leaving and state == "up" and isinstance(event, Connected)
        elif isinstance(event, Resumed | Restarted) and leaving:
            leaving = False
        elif type(event) in (Lost, Retrying, Resumed, Restarted, GaveUp, Connected):
            yield f"{type(event).__name__} while {state}"
    if state != "up" and not is_refused(play):
        yield f"ends while {state}"


def _leaves_nothing(play):
    """Check that the tasks of the session end with it."""
    for name in play.left:
        yield f"{name} is left"


# What the caller is shown


def _answers(play):
    """Check that whoever waits for a reply is given it, whole, and that no send waits for long."""
    for waited in play.of("hang"):
        turn = play.conversation.turns.get(waited)
        lost = turn is not None and turn.frames and may_be_lost(play, turn)
        # What it waits for was given to the other.
        lost |= any(
            call[0] == waited and is_ambiguous(play, value, call) for value, call in _mistaken(play)
        )
        if not lost and turn is not None:
            lost = is_joined(play, waited) or cut_unseen(play, waited)
        if not lost:
            yield f"nobody has answered {waited}"


def _shows(play):
    """Check that each reply is shown from its first word on, again only once taken back."""
    shown = []
    begun, over, whole = -1, set(), set()
    open_calls = {}
    for entry in play.log:
        match entry.kind:
            case "words":
                for number, place, last in entry.value:
                    yield from _misplaced(shown, number, place)
                    if place == 0 and number < begun and not _may_come_later(play, number, begun):
                        yield f"the reply to {number} comes after that to {begun}"
                    if place == 0 and number in over and not may_be_answered_again(play, number):
                        yield f"the reply to {number} is given again though it was over"
                    begun = max(begun, number)
                    shown.append((number, place, last))
                    if last:
                        whole.add(number)
            case "call":
                open_calls.setdefault(entry.value[0], set()).add(entry.value)
            case "result":
                open_calls.setdefault(entry.value[0], set()).discard(entry.value)
            case "generated" | "end":
                over |= {number for number in whole if not open_calls.get(number)}
                if entry.kind == "end":
                    shown.clear()
            case "interrupted":
                shown.clear()
                whole &= over
            case _:
                pass


def _may_come_later(play, number, begun):
    """Tell whether a turn may be answered after a later one.

    So it may where that was spoken and may be lost, since what was typed before it is asked again;
    and where it was spoken itself, and goes out after what was typed later. Where results are
    answered that nobody has asked for, what closes the calls of one may be answered by it: the
    reply to the later one is taken back.
    """
    turn, earlier = play.conversation.turns[begun], play.conversation.turns[number]
    lost = bool(turn.frames) and may_be_lost(play, turn)
    closed = play.conversation.traits.unknown_results and bool(turn.tools or earlier.tools)
    again = closed and bool(outcomes(play, since=begun))
    return lost or again or has_no_order(play, number)


def _misplaced(shown, number, place):
    """Tell what is wrong with a word that follows what the player has of a reply."""
    if not shown:
        if place:
            yield f"{number}:{place} is shown without what is before it"
        return
    before, at, last = shown[-1]
    if before == number and place != at + 1:
        yield f"{number}:{place} is shown after {before}:{at}"
    elif before != number and not last:
        yield f"{number}:{place} is shown as a part of the reply to {before}"
    elif before != number and place:
        yield f"{number}:{place} is shown without what is before it"


# Tools


def _runs_once(play):
    """Check that no tool runs again whose result was given, or that still runs."""
    runs, given = {}, set()
    cancelled = 0
    for entry in play.log:
        match entry.kind:
            case "call":
                if entry.value in given:
                    yield f"{entry.value} is called again though its result was given"
                elif runs.get(entry.value, 0) > cancelled:
                    yield f"{entry.value} is called again though it runs"
                runs[entry.value] = runs.get(entry.value, 0) + 1
            case "result":
                given.add(entry.value)
            case "cancel":
                cancelled += len(entry.value)
            case _:
                pass


def _matches(play):
    """Check that a result is sent for the call that it was made for."""
    for value, call in _mistaken(play):
        if not is_ambiguous(play, value, call):
            yield f"the result of {value} is sent for the call {call}"


def _mistaken(play):
    """Return the calls that were given the result of another, behind that."""
    for connection in play.connections:
        made = {}
        for kind, key, value in calls_of(connection):
            if kind == "call":
                made.setdefault(key, []).append(value)
            elif made.get(key):
                # By its id, or the oldest of its name.
                call = made[key].pop(0)
                if value not in (None, call):
                    yield value, call
