"""What a law excuses: what cannot hold, since nobody can know better, and what is said to be lost.

Each is as narrow as its reason, which stands beside it.
"""

from __future__ import annotations

from collections import Counter

from sweep_words import frame_of, said_in

from reconnect import GaveUp, Lost, Restarted, Resumed


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


def is_refused(play):
    """Tell whether the policy gave up, since three sessions in a row, each a new one, ended alike.

    What they have in common is the setup.
    """
    events = play.of("event")
    if not any(isinstance(event, GaveUp) for event in events):
        return False
    last = [at for at, event in enumerate(events) if isinstance(event, Lost)][-3:]
    alike = {str(events[at].error) for at in last}
    fresh = not any(isinstance(event, Resumed) for event in events[last[0] :])
    return len(last) == 3 and len(alike) == 1 and fresh


def all_said(play):
    """Return the numbers of what the user has said, as the newest session knows it, in order.

    The beginning of speech is left out that a handle covered, where its words follow: speech that
    was answered is replayed in words.
    """
    found = []
    heard = Counter()
    frames = set()
    for role, value in play.context:
        numbers = said_in(value) if role == "user" else []
        if isinstance(value, bytes):
            frame = frame_of(value)
            # The rest of speech may come after what was typed meanwhile: it is said once.
            goes_on = heard[numbers[0]] and frame not in frames if numbers else True
            if not goes_on and found[-1:] != [(numbers[0], True)]:
                found.append((numbers[0], True))
            heard.update(numbers)
            frames.add(frame)
        else:
            found += [(number, False) for number in numbers]
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
    turn = play.conversation.turns.get(number)
    return bool(turn is not None and turn.frames) and not (
        play.conversation.marks or play.conversation.heard
    )


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
    know that where resumption is not transparent, or where it has left no trace.

    Nor has a session an answer that is said to be forgotten, since the model takes no client
    content. And where results are answered that nobody has asked for, what answers the closing of a
    lost call may be the answer to the question: it is asked again, perhaps twice.
    """
    turn = play.conversation.turns[number]
    known = play.conversation.by_number and not is_traceless(play, number)
    spoken = bool(turn.frames) and not known
    forgotten = not play.conversation.content and total(play, "forgotten", since=number) > 0
    # Nobody knows that it was its reply, and what is owed is asked again.
    forgotten |= answers_two(play, number)
    closed = play.conversation.traits.unknown_results
    if closed and total(play, "maybe_twice", since=number):
        return True
    return forgotten or (spoken and bool(outcomes(play, since=number)))


def is_joined(play, number):
    """Tell whether a turn was answered with speech of an outage, which went out after it."""
    asked = set()
    for heard in play.heard:
        said = said_in(heard.value)
        if heard.connection in asked and any(
            later < number and has_no_order(play, later) for later in said
        ):
            return True
        if number in said:
            asked.add(heard.connection)
    return False


def crossed(play, number, asked):
    """Tell whether all that is asked after a turn was sent before the reply to it was to be seen.

    Messages are on their way for a while, and the first word takes its time: what is sent then may
    be answered with it, or interrupt it. Nobody can know how much of it.

    Args:
        play: The conversation.
        number: The turn.
        asked: The turns that the reply is known to follow, in order.
    """
    if number not in asked:
        return False
    seen = []
    for entry in play.log:
        if entry.kind == "words" and any(word[:2] == (number, 0) for word in entry.value):
            break
        seen += [entry.value] * (entry.kind == "sent")
    return set(asked[asked.index(number) :]) <= set(seen)


def cut_unseen(play, number):
    """Tell whether a turn may have interrupted a reply, of which the caller has seen the end alone.

    It was sent before the first word, so that it may be answered with what was asked before. Some
    models say of a reply that is interrupted that it is whole, before they say what it is; where
    the connection is lost in between both are taken for answered.

    Args:
        play: The conversation.
        number: The turn.
    """
    if not play.conversation.traits.whole_if_interrupted:
        return False
    # Tools go on meanwhile.
    since = [entry for entry in _since(play, number) if entry.kind != "result"]
    kinds = [entry.kind for entry in since]
    if "generated" not in kinds:
        return False
    end = kinds.index("generated")
    begun = any(word[1] == 0 for it in since[:end] if it.kind == "words" for word in it.value)
    return begun and any(isinstance(it.value, Lost) for it in since[end + 1 : end + 2])


def answers_two(play, number):
    """Tell whether a reply follows a result of an older turn, and a result or a call of its own.

    The model may answer them together, or the older one first, or talk on after its call: nobody
    knows before the next reply.

    Args:
        play: The conversation.
        number: The turn that the reply says it is to.
    """
    results, called = set(), set()
    for entry in play.log:
        # What it says while a tool runs bears no number.
        if entry.kind == "words" and entry.value:
            begins = any(word[:2] == (number, 0) for word in entry.value)
            if begins and number in results | called and min(results, default=number) < number:
                return True
            results.clear()
        elif entry.kind == "result":
            results.add(entry.value[0])
        elif entry.kind == "call":
            called.add(entry.value[0])
    return False


def is_ambiguous(play, one, other):
    """Tell whether nobody knows which of two calls a result is for.

    They are named alike, since an id comes again, and both tools run, on two connections.

    Args:
        play: The conversation.
        one: The call that the result was made for.
        other: The call that it was sent for.
    """
    keys = {}
    for connection in play.connections:
        for kind, key, value in calls_of(connection):
            if kind == "call":
                keys.setdefault(value, set()).add(key)
    if not keys[one] & keys[other]:
        return False
    log = [(entry.kind, entry.value) for entry in play.log]
    begun = [log.index(("call", call)) for call in (one, other)]
    over = [log.index(("result", call)) for call in (one, other) if ("result", call) in log]
    between = log[min(begun) : max(begun)]
    moved = any(isinstance(value, Lost | Resumed | Restarted) for _, value in between)
    return moved and max(begun) < min(over, default=len(log))


def calls_of(connection):
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
