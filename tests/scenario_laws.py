"""What must hold of a conversation that has been played, whatever became of its connections."""

from __future__ import annotations

import itertools
from collections import Counter

from scenario_player import Player
from scenario_script import (
    HEARD,
    SILENCE,
    Ask,
    Hum,
    Say,
    Speak,
    Tell,
    numbers,
)
from scenario_tokens import call_key, is_error, responses, shown_tokens, texts, wire_tokens

from reconnect import Lost, Resumed
from reconnect.events import Restarted
from reconnect.testing import PROFILES


class Play(Player):
    """One conversation, and in what it differs from an undisturbed one."""

    def problems(self):
        """Return in what the conversation differs from what must hold; nothing if it is whole."""
        found = []
        for check in (
            self._replies,
            self._interruptions,
            self._stream,
            self._known,
            self._tools,
            self._answers,
            self._audio,
            self._activity,
            self._spoken,
            self._honest,
        ):
            found += check()
        return found

    @property
    def lost(self):
        """How many connections were lost."""
        return sum(isinstance(event, Lost) for event in self.events)

    def _replies(self):
        """Check that every reply is shown once in full, but for one to sound that was lost."""
        for expected, said in self.replies:
            if said == expected:
                continue
            # Nothing of it may be left but the marks, whose turn ends with nothing said.
            lost_speech = expected == HEARD and not said and self.lost and not self.vertexai
            if not lost_speech:
                yield f"the caller was shown {said!r} for {expected!r}"

    def _interruptions(self):
        """Check that an interruption comes after a part of a reply, and only there.

        A call whose result is known is a part that is not shown: see `superfluous`.
        """
        hidden = self._calls() - sum(self.runs.values())
        if self.superfluous > hidden:
            yield f"{self.superfluous} interruptions where nothing had been shown"

    def _calls(self):
        return sum("toolCall" in message for c in self.connections for message in c.sent)

    @property
    def superfluous(self):
        """How many interruptions came where the caller had been shown nothing."""
        open_reply = False
        found = 0
        for message in self.shown:
            tokens = shown_tokens(message)
            for token in tokens:
                if token[0] in {"text", "call"}:
                    open_reply = True
                elif token[0] == "end":
                    open_reply = False
                elif token[0] == "interrupted":
                    found += not open_reply
                    open_reply = False
        return found

    def _stream(self):
        """Check that what is shown is what the server sent, in order, each message once.

        Left out are the ends of lost calls, calls whose result is known, and the second replies to
        speech that was written again though its reply had been shown.
        """
        own = {"interrupted", "cancel"}
        shown = [
            tokens
            for tokens in map(shown_tokens, self.shown)
            if tokens and not {token[0] for token in tokens} & own
        ]
        ran, answered = set(), set()
        ends = {0}
        covered = {None: None}
        for connection, log in zip(self._opened, self.tap.logs, strict=True):
            spoken, handles = self._spoken_turns(log, covered[connection.handle])
            covered |= handles
            repeated = len(answered & spoken.keys())
            answered |= {turn for turn, complete in spoken.items() if complete}
            sent = self._visible(connection, log, ran, repeated)
            reached = set()
            for start in ends:
                same = 0
                while (
                    same < len(sent)
                    and start + same < len(shown)
                    and sent[same] == shown[start + same]
                ):
                    same += 1
                if connection.close_code == 1006:
                    reached |= set(range(start, start + same + 1))
                elif same == len(sent) or start + same == len(shown):
                    reached.add(start + same)
            # The end of a turn that was lost between the reply and its own end.
            made_up = {place for place in reached if shown[place : place + 1] == [(("end",),)]}
            ends = reached | {place + 1 for place in made_up}
        if len(shown) not in ends:
            yield f"the caller was shown {shown}, the server sent {self._sent()}"

    def _spoken_turns(self, log, newest):
        """Return the spoken turns of a connection, and what its handles cover.

        Args:
            log: The log of the connection.
            newest: The newest frame that its session had heard before it.

        Returns:
            Of each turn that was marked, or whose reply began, by its last frame, whether it was
            answered; and by each handle the newest frame that it covers.
        """
        turns, covered = {}, {}
        turn = None
        written = [newest]
        for direction, *what in log:
            if direction == "in":
                tokens = shown_tokens(what[0])
                says = [token[1] for token in tokens if token[0] == "text"]
                replied = any(HEARD.startswith(text) for text in says)
                if replied and turn is None and self.vertexai and self._is_of(written[-1], Speak):
                    turn = written[-1]
                    turns[turn] = False
                if turn is not None and ("end",) in tokens:
                    turns[turn], turn = True, None
                update = what[0].session_resumption_update
                if update is not None and update.new_handle:
                    index = update.last_consumed_client_message_index
                    covered[update.new_handle] = written[-1 if index is None else index]
                continue
            audio = what[0] == "send_realtime_input" and what[1].get("audio")
            written.append(next(iter(numbers([audio["data"]] if audio else [])), written[-1]))
            if what[0] == "send_realtime_input" and what[1].get("activity_end") is not None:
                # Marks may be all that is left of it: then it is none that was answered before.
                turn = written[-1] if len(set(written)) > 1 else None
                turns[turn] = False
        return turns, covered

    @property
    def _opened(self):
        """The connections whose setup was completed to the client."""
        opened = [connection for connection in self.connections if connection.session is not None]
        return opened[: len(self.tap.logs)]

    def _sent(self):
        return [[wire_tokens(m) for m in c.sent[1:] if wire_tokens(m)] for c in self._opened]

    def _visible(self, connection, log, ran, repeated):
        """Return what a connection sent, without what is hidden of it."""
        first = next((entry for entry in log if entry[0] == "out" and is_error(entry)), None)
        closing = first is not None
        visible = []
        hides_end = False
        wire = [(wire_tokens(message)) for message in connection.sent[1:]]
        said = [tokens for tokens in wire if {token[0] for token in tokens} - {"handle"}]
        empty = 1 if not closing else 2
        if connection.handle is not None and said[:empty] == [(("end",),)] * empty:
            # A session that answers nothing at first is asked once more.
            wire.remove((("end",),))
        for tokens in wire:
            kinds = {token[0] for token in tokens}
            if hides_end and kinds == {"end"}:
                hides_end = False
                continue
            if closing and kinds == {"end"}:
                closing = False
                continue
            if kinds & {"text", "call"}:
                closing = False
            if repeated and kinds & {"text", "end", "interrupted"}:
                repeated -= "end" in kinds
                continue
            if "call" in kinds:
                (call,) = (token for token in tokens if token[0] == "call")
                if call[2] in ran:
                    # Where a call ends its turn, the end of one that is not shown is not either.
                    hides_end = not PROFILES[self.profile].holds_turn
                    continue
                ran.add(call[2])
            if tokens:
                visible.append(tokens)
        return visible

    def _expected(self):
        """Return what the newest session must know: typed, said, and heard, without the tools."""
        expected = [(turn["role"], turn["parts"][0]["text"]) for turn in self.history]
        replies = iter(self.replies)
        for step in self.script:
            match step:
                case Tell():
                    expected.append(("user", step.text))
                case Ask():
                    next(replies)
                    expected += [("user", step.text), ("model", step.reply)]
                case Say() | Speak():
                    _, said = next(replies)
                    frames = range(step.first, step.first + step.frames)
                    expected += [("user", number) for number in frames]
                    if said:
                        expected.append(("model", said))
                case Hum():
                    frames = range(step.first, step.first + step.frames)
                    expected += [("user", number) for number in frames]
        return expected

    def _known(self):
        """Check that the model knows all once, in order; what was in doubt it may know twice."""
        known = [
            (role, numbers([value])[0] if isinstance(value, bytes) else value)
            for role, value in self.context
            if not isinstance(value, dict) and value != SILENCE
        ]
        expected = self._expected()
        if self.vertexai:
            # Speech that was answered is replayed in words, where somebody wrote them down; where
            # nobody did, an event says that it is lost.
            told = self._told()
            heard = {value for _, value in known}
            words = {words for words, _ in told}
            known = [(role, value) for role, value in known if value not in words]
            replaced = {number for _, frames in told for number in frames}
            expected = [
                (role, value)
                for role, value in expected
                if not isinstance(value, int)
                or value in heard
                or (self._whole and value not in replaced)
            ]
            if known != expected:
                yield f"the model knows {known}, and should {expected}"
            return
        # Sound that was on its way is lost where resumption is not transparent, or its words are
        # told in its place.
        told = {words for words, _ in self._told()}
        known = [(r, value) for r, value in known if not isinstance(value, int)]
        known = [(r, value) for r, value in known if value not in told]
        expected = [item for item in expected if not isinstance(item[1], int)]
        if known == expected:
            return
        doubts = self._doubts()
        last = {item: place for place, item in enumerate(known)}
        if not any(item == ("model", HEARD) for item in expected):
            deduplicated = [item for place, item in enumerate(known) if last[item] == place]
        else:
            # Replies to sound are all the same.
            deduplicated = [
                item
                for place, item in enumerate(known)
                if item == ("model", HEARD) or last[item] == place
            ]
        if deduplicated != expected:
            yield f"the model knows {known}, and should {expected}"
        for item, count in Counter(known).items():
            role, value = item
            times = expected.count(item)
            if role == "user" and count > times + doubts[value]:
                yield f"the model knows {value!r} {count} times, {doubts[value]} in doubt: {known}"

    def _doubts(self):
        """Return how often each text was in doubt when its connection was lost.

        It was if the handle came after it was written, and before any output.
        """
        doubts = Counter()
        seen = set()
        for log in self.tap.logs:
            pending, proven, doubtful, handle = [], set(), [], None
            for direction, *what in log:
                if direction == "out":
                    pending += texts(*what)
                    continue
                (message,) = what
                tokens = shown_tokens(message)
                # An end alone may be that of a session that waits on a call, and answers nothing.
                if any(token[0] in {"text", "call"} for token in tokens):
                    proven |= set(pending)
                update = message.session_resumption_update
                if update is not None and update.new_handle:
                    handle = update.new_handle
                    pending = [text for text in pending if text not in proven]
                    doubtful = list(pending)
            for text in doubtful:
                if (text, handle) not in seen:
                    seen.add((text, handle))
                    doubts[text] += 1
        return doubts

    def _tools(self):
        """Check that a tool runs once for each thing that is asked of it."""
        wanted = Counter(
            call_key("book", {"for": step.text, "table": table})
            for step in self.script
            if isinstance(step, Ask)
            for table in range(step.calls)
        )
        if self.runs != wanted:
            yield f"the tools ran {dict(self.runs)}, and should {dict(wanted)}"

    def _answers(self):
        """Check that a result goes to who has asked for it, or closes a call that was lost.

        That is closed with its result where the session may have had it, and else with an error.
        """
        given = {None: set()}
        for connection, log in zip(self._opened, self.tap.logs, strict=True):
            asked, had = set(), set(given[connection.handle])
            for direction, *what in log:
                if direction == "in":
                    calls = what[0].tool_call.function_calls if what[0].tool_call else ()
                    asked |= {call.id or call.name for call in calls}
                    if what[0].session_resumption_update is not None:
                        given[what[0].session_resumption_update.new_handle] = set(had)
                elif what[0] == "send_tool_response":
                    for response in responses(what[1]):
                        key, result = response["id"] or response["name"], response["response"]
                        if "error" in result:
                            wrong = key in asked
                        else:
                            wrong = key not in asked and (key, *result.items()) not in had
                        if wrong:
                            yield f"connection {connection.number} was sent {response}"
                        had.add((key, *result.items()))

    def _audio(self):
        """Check that no frame is heard twice or out of order, and none of an outage is missing."""
        heard = numbers(value for _, value in self.context)
        if heard != sorted(set(heard)):
            yield f"frames are heard as {heard}"
        if missing := set(self.sure) - set(heard):
            yield f"frames of an outage are missing: {sorted(missing)}"

    def _activity(self):
        """Check that on each connection an activity is begun before its sound, and ended once."""
        for number, group in itertools.groupby(self.heard, key=lambda item: item.connection):
            active = False
            for item in group:
                if item.kind == "activity_start":
                    if active:
                        yield f"connection {number}: an activity is begun twice"
                    active = True
                elif item.kind == "activity_end":
                    if not active:
                        yield f"connection {number}: an activity is ended that was not begun"
                    active = False
                elif item.kind == "audio" and not active:
                    for it in numbers([item.value]):
                        if not self._is_of(it, Hum | Speak):
                            yield f"connection {number}: frame {it} without an activity"

    def _is_of(self, number, kind):
        """Tell whether a frame is one of a kind of step; None is not."""
        return number is not None and any(
            isinstance(step, kind) and step.first <= number < step.first + step.frames
            for step in self.script
        )

    def _told(self):
        """Return the words of speech that the model was told, each with the frames in them."""
        return [
            (value, [int(number) for number in value.split()[1:]])
            for _, value in self.context
            if isinstance(value, str) and value.startswith("heard")
        ]

    def _spoken(self):
        """Check what became of each turn that was spoken without marks.

        It is known by its sound, or else by its words, and by both only where that was in doubt; it
        has a reply where words of it were seen; and where anything of it is missing, an event says
        that something is.
        """
        replies = iter(self.replies)
        heard = set(numbers(value for _, value in self.context))
        understood = self._understood()
        for step in self.script:
            if not isinstance(step, Ask | Say | Speak):
                continue
            _, said = next(replies)
            if not isinstance(step, Speak):
                continue
            frames = set(range(step.first, step.first + step.frames))
            told = [set(found) for _, found in self._told() if frames & set(found)]
            if told and self.vertexai and said != HEARD:
                yield f"{step} was told as {told}, though its sound need not be lost"
            if len(told) + (frames <= heard) > 1 and not self._may_be_known(frames):
                yield f"{step} is known as {sorted(frames & heard)} and as {told}"
            missing = frames - heard - set().union(*told)
            if missing and self._whole:
                yield f"{sorted(missing)} of {step} are missing, and no event says so"
            if said != HEARD and self._whole:
                yield f"{step} has no reply, and no event says so"
            if said != HEARD and understood & frames:
                yield f"{step} has no reply, though its words were seen"

    def _understood(self):
        """Return the last frame of each turn whose words the client has seen.

        Where the silence after a turn is lost, the next one is heard as a part of it.
        """
        texts = [
            entry[1].server_content.input_transcription.text
            for log in self.tap.logs
            for entry in log
            if entry[0] == "in"
            and entry[1].server_content is not None
            and entry[1].server_content.input_transcription is not None
        ]
        return {int(text.split()[-1]) for text in texts}

    def _honest(self):
        """Check that nothing is said to be lost where resumption is transparent.

        But for speech that was answered, and of which nobody has the words.
        """
        spoken = any(isinstance(step, Speak) for step in self.script)
        if spoken and self.vertexai and self.transcription and not self._whole:
            yield f"something is said to be lost: {self.events}"

    @property
    def _whole(self):
        """Whether no event says that something is lost."""
        returns = [event for event in self.events if isinstance(event, Resumed | Restarted)]
        return all(event.continuity.whole for event in returns)

    def _may_be_known(self, frames):
        """Tell whether a handle came that covers some of the sound, before the reply to it."""
        for log in self.tap.logs:
            written = False
            for direction, *what in log:
                if direction == "out" and what[0] == "send_realtime_input":
                    audio = what[1].get("audio")
                    written |= audio is not None and bool(frames & set(numbers([audio["data"]])))
                elif direction == "in" and written:
                    update = what[0].session_resumption_update
                    if update is not None and update.new_handle:
                        return True
                    if any(token[0] == "text" for token in shown_tokens(what[0])):
                        break
        return False
