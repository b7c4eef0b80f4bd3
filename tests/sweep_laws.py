"""The laws that every conversation keeps, whatever goes wrong with its connections.

Each law is given a `sweep_player.Play` and yields in what it is broken. They are judged from what
the caller saw, from what the server's newest session knows, and from what passed between them; none
of them looks into the library. What cannot hold, since nobody can know better, is excepted where it
is judged, with the reason.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from sweep_player import FRAME
from sweep_script import Context, Stream, Turn, Update
from sweep_words import asked_in, frame_of, instruction, said_in, words_in

from reconnect import GaveUp, GoingAway, Lost, Restarted, Resumed, Retrying
from reconnect.events import Connected

ROUNDING = 1e-6
"""Seconds."""


def broken(play):
    """Return in what a conversation breaks a law; nothing where it keeps them all.

    Args:
        play: What came of it.
    """
    laws = [_lives, _one_outcome, _leaves_nothing]
    if play.conversation.traits.stream == "none":
        laws += [_answers, _shows, _runs_once, _matches, _knows, _tells_the_truth, _updates]
    else:
        laws += [_asks_nothing]
    laws.append(_accounts_for_audio)
    return [f"{law.__name__.strip('_')}: {found}" for law in laws for found in law(play)]


def outcomes(play):
    """Return the `Continuity` of each gap."""
    found = [event for event in play.of("event") if isinstance(event, Resumed | Restarted | GaveUp)]
    return [event.continuity for event in found]


def total(play, name):
    """Return the sum of a field of `Continuity` over all gaps."""
    return sum(getattr(continuity, name) for continuity in outcomes(play))


# The session


def _lives(play):
    """The session lives as long as its caller, and raises nothing."""
    for error in play.of("raised"):
        yield f"raised {error!r}"
    for event in play.of("event"):
        if isinstance(event, GaveUp):
            yield f"gave up over {event.error!r}"


def _one_outcome(play):
    """An outage reads Lost, Retrying, until one outcome; a move reads GoingAway, and that."""
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
    if state != "up":
        yield f"ends while {state}"


def _leaves_nothing(play):
    """The tasks of the session end with it."""
    for name in play.left:
        yield f"{name} is left"


# What the caller is shown


def _answers(play):
    """Whoever waits for a reply is given it, whole, and no send waits for long."""
    for waited in play.of("hang"):
        turn = play.conversation.turns.get(waited)
        if turn is None:
            yield f"nobody has answered {waited}"
        elif not (turn.frames and _may_be_lost(play, turn)) and not _is_joined(play, waited):
            yield f"nobody has answered {waited}"


def _is_joined(play, number):
    """Tell whether a turn was answered with speech of an outage, which went out after it."""
    said = _said(play)
    after = said[said.index(number) + 1 :] if number in said else []
    return bool(after) and after[0] < number and _has_no_order(play, after[0])


def _may_be_lost(play, turn):
    """Tell whether a spoken turn may be lost, as the guide says ("What is not promised")."""
    if total(play, "lost_turns") or total(play, "lost_audio") or total(play, "uncovered_audio"):
        # Said to be lost.
        return True
    if not play.conversation.heard and _is_told(play, turn.number):
        # A new session knows the words that it is sent, not the audio.
        return True
    # That a reply is owed nobody can know.
    return _is_traceless(play, turn.number) and bool(_losses_after(play, turn.number))


def _is_traceless(play, number):
    """Tell whether a turn is spoken, and neither marked nor transcribed."""
    turn = play.conversation.turns[number]
    return bool(turn.frames) and not (play.conversation.marks or play.conversation.heard)


def _is_told(play, number):
    """Tell whether a new session has taken the place of one in which a step began."""
    log = play.log
    begun = next(place for place, entry in enumerate(log) if entry[1:] == ("sent", number))
    return any(it.kind == "event" and isinstance(it.value, Restarted) for it in log[begun:])


def _losses_after(play, number):
    """Return the losses since a step began."""
    log = play.log
    begun = next(place for place, entry in enumerate(log) if entry[1:] == ("sent", number))
    return [it for it in log[begun:] if it.kind == "event" and isinstance(it.value, Lost)]


def _shows(play):
    """Each reply is shown from its first word on, once; again only after it was taken back."""
    shown = []
    begun, over, whole = -1, set(), set()
    open_calls = {}
    for entry in play.log:
        match entry.kind:
            case "words":
                for number, place, last in entry.value:
                    yield from _misplaced(shown, number, place)
                    if place == 0 and number < begun and not _is_traceless(play, begun):
                        yield f"the reply to {number} comes after that to {begun}"
                    if place == 0 and number in over:
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
    """No tool runs again whose result was given, or that still runs and was not cancelled."""
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
    """A result is sent for the call that it was made for."""
    for connection in play.connections:
        made = {}
        for kind, key, value in _calls_of(connection):
            if kind == "call":
                made.setdefault(key, []).append(value)
            elif made.get(key):
                # By its id, or the oldest of its name.
                call = made[key].pop(0)
                if value is not None and value != call:
                    yield f"the result of {value} is sent for the call {call}"


def _calls_of(connection):
    """Return the calls and the results of a connection: all calls first, which does no harm."""
    for message in connection.sent:
        calls = message.get("toolCall", {}).get("functionCalls", [])
        for call in calls if isinstance(message, dict) else ():
            key = call.get("id") or call["name"]
            yield "call", key, (call["args"]["turn"], call["args"]["call"])
    received = connection.received
    if connection.handle is not None and received and "tool_response" in received[0]:
        # It closes the calls of a lost connection.
        received = received[1:]
    for message in received:
        for response in message.get("tool_response", {}).get("function_responses", []):
            given = response["response"]
            value = (given["turn"], given["call"]) if "turn" in given else None
            yield "result", response.get("id") or response["name"], value


# What the model knows


def _knows(play):
    """The newest session knows all that was said, in order, and twice only what may be so."""
    conversation = play.conversation
    expected = [step.number for step in conversation.steps if isinstance(step, Turn | Context)]
    found = _said(play)
    missing = [number for number in expected if number not in found]
    for number in missing:
        if not _may_be_missing(play, number):
            yield f"{number} is not known"
    first = list(dict.fromkeys(found))
    first = [number for number in first if not _has_no_order(play, number)]
    if first != sorted(first):
        yield f"known in the order {found}"
    twice = min(len(found) - len(set(found)), len(_again(play, found)))
    allowed = total(play, "maybe_twice")
    if not conversation.content:
        # Such a model is asked to continue by the words of the question, and once more over an
        # empty end.
        allowed += 2 * len(outcomes(play))
    if twice > allowed:
        yield f"{twice} are known twice, {allowed} may be: {found}"


def _again(play, found):
    """Return the messages that brought again what is known more than once: each counts once."""
    twice = {number for number in found if found.count(number) > 1}
    messages, seen = set(), set()
    for heard in play.heard:
        for number in twice.intersection(said_in(heard.value)):
            if number in seen and isinstance(heard.value, str):
                messages.add((heard.connection, heard.index))
            seen.add(number)
    return messages


def _said(play):
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


def _may_be_missing(play, number):
    conversation = play.conversation
    turn = conversation.turns.get(number)
    if turn is not None and turn.frames and _may_be_lost(play, turn):
        return True
    # What is over cannot be replayed to a model that takes no client content.
    return not conversation.content and total(play, "forgotten") > 0


def _has_no_order(play, number):
    """Tell whether a turn may come after what was said later.

    Where resumption is not transparent, audio of an outage goes out after what was typed in it.
    """
    turn = play.conversation.turns.get(number)
    return bool(
        turn is not None
        and turn.frames
        and not play.conversation.by_number
        and any(isinstance(event, Lost) for event in play.of("event"))
    )


def _tells_the_truth(play):
    """What the newest session takes for its own replies are those to the turns before them."""
    asked = []
    said = set()
    for role, value in play.context:
        if role == "user":
            asked += asked_in(value)
        elif isinstance(value, str):
            numbers = {number for number, _, _ in words_in(value)}
            said |= numbers
            for number in numbers - set(asked[-1:]):
                # Where nobody has the words of a spoken turn, its reply is replayed alone.
                alone = number not in asked and _may_be_missing(play, number)
                if not (alone or _is_later(play, number, asked)):
                    yield f"the reply to {number} is known as one to {asked[-1:]}"
    over = _over(play)
    for number in sorted(over - said):
        if play.conversation.content or not total(play, "forgotten"):
            yield f"the whole reply to {number} is not known"


def _is_later(play, number, asked):
    """Tell whether a turn without order stands between a question and its reply."""
    return number in asked and all(
        between == number or _has_no_order(play, between)
        for between in asked[asked.index(number) :]
    )


def _over(play):
    """Return the turns whose replies the caller has seen to their end."""
    whole, over = set(), set()
    for entry in play.log:
        if entry.kind == "words":
            whole |= {number for number, _, last in entry.value if last}
        elif entry.kind == "interrupted":
            # It was taken back, or the user would not hear more of it.
            whole.clear()
        elif entry.kind == "end":
            over |= whole
    return over


def _updates(play):
    """The newest session has the newest instruction."""
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


# Audio


def _asks_nothing(play):
    """A model that ends no turn is asked nothing: it is sent audio, and told what it had heard."""
    asked = {heard.kind for heard in play.heard} - {"audio", "context", "seed"}
    if asked:
        yield f"it is sent {asked}"


def _accounts_for_audio(play):
    """No frame is heard out of order; what nobody has is counted."""
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
        if not _is_told(play, step.number)
        for place in range(step.frames)
        if (step.number, place) not in known
    ]
    counted = total(play, "uncovered_audio") + total(play, "lost_audio")
    if len(missing) * FRAME > counted + ROUNDING and not total(play, "lost_turns"):
        yield f"{len(missing)} frames are missing, {counted} s are counted: {missing}"
