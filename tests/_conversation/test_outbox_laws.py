"""The outbox: what a server has in the end, whatever was lost on the way."""

import itertools

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from messages import END, REALTIME, START, Call, complete, realtime, said, turn, update

from reconnect._conversation.conversation import Conversation
from reconnect._conversation.limits import Limit
from reconnect._conversation.media import Media
from reconnect._conversation.outbox import Outbox, Pause

IMAGE = {"video": {"data": b"", "mime_type": "image/jpeg"}}


def audio(number):
    """Return a frame of audio that carries a number."""
    data = number.to_bytes(2, "big") * 160
    return {"audio": {"data": data, "mime_type": "audio/pcm"}}


def read(calls):
    """Return what a server makes of messages: typed texts, and sounds with whether one speaks."""
    items, speaking = [], False
    for call in calls:
        arguments = call.arguments
        if call.method != REALTIME:
            turns = [it for it in arguments.get("turns", ()) if it["role"] == "user"]
            items += [part["text"] for it in turns for part in it["parts"]]
        elif "text" in arguments:
            items.append(arguments["text"])
        elif "audio" in arguments:
            items.append((int.from_bytes(arguments["audio"]["data"][:2], "big"), speaking))
        elif "video" not in arguments:
            speaking = "activity_start" in arguments
    return items


def sounds(items):
    """Return the sounds among what was sent."""
    return [item for item in items if isinstance(item, tuple)]


def texts(items):
    """Return the typed texts among what was sent."""
    return [item for item in items if isinstance(item, str)]


class Talk(RuleBasedStateMachine):
    """A caller who types and speaks, an outbox as the driver drives it, and a server."""

    transparent = True

    @initialize(base=st.integers(0, 1))
    def begin(self, base):
        """Begin without a connection."""
        self.base = base
        self.numbers = itertools.count(1)
        limit = Limit(messages=10**6, bytes=10**9, full="drop")
        media = Media(seconds=10**6, limit=limit)
        self.conversation = Conversation(index_base=base, audio=lambda: media.line.progress)
        self.outbox = Outbox(self.conversation, media)
        self.now = 0.0
        self.sent = []
        # What the session knew that was resumed, what was written since, and how much of it is
        # covered; whether there is a connection, and something to be written to it.
        self.known, self.written, self.covered = (), [], 0
        self.connected = self.busy = False
        self.issued = {}
        # What only a session knew whose handle was dropped, and whether this one is a fresh one.
        self.gone, self.told = [], False
        # The sounds that were written to any connection, and the places of all.
        self.heard, self.places = [], {}

    # The caller

    def hand_over(self, arguments):
        """Send realtime input: past the outbox where nothing is due."""
        self.sent.append(Call(REALTIME, arguments))
        if self.connected and not self.busy:
            self.arrive(self.sent[-1])
            self.outbox.streamed(arguments)
        else:
            self.outbox.hold(arguments)
        self.note_place(arguments)

    def note_place(self, arguments):
        """Note the place of what was sent just now, if it is audio."""
        place = self.conversation.place() - 1
        self.places |= {number: place for number, _ in sounds(read([Call(REALTIME, arguments)]))}

    @rule(count=st.integers(1, 3))
    def speak(self, count):
        """Send frames of audio."""
        for _ in range(count):
            self.hand_over(audio(next(self.numbers)))

    @rule()
    def mark(self):
        """Change that the user begins to speak, or ends."""
        self.hand_over(END if self.outbox.media.speaking else START)

    @rule()
    def show(self):
        """Send a picture."""
        self.hand_over(IMAGE)

    @rule(kind=st.sampled_from([turn, realtime]))
    def type(self, kind):
        """Type a turn, or a text as realtime input."""
        call = kind(f"q{next(self.numbers)}")
        self.sent.append(call)
        if self.connected and not self.busy:
            self.arrive(self.outbox.direct(call, given=call).call)
        else:
            self.conversation.record(call)
            self.busy = True

    @precondition(lambda self: self.connected and not self.busy)
    @rule(speech=st.sampled_from([None, IMAGE, audio(0)]))
    def refuse(self, speech):
        """Send what the SDK refuses: a turn or realtime input. Marks have nothing to refuse."""
        refused = (
            self.outbox.direct(turn("bad"), given=turn("bad"))
            if speech is None
            else (self.outbox.streamed(speech))
        )
        self.outbox.refused(refused)

    # The driver

    def arrive(self, call):
        """Note a message as written."""
        self.written.append(call)
        self.heard += sounds(read([call]))

    @precondition(lambda self: not self.connected)
    @rule()
    def dial(self):
        """Open a connection: resume from the handle, or tell a fresh session the past."""
        handle = self.conversation.handle
        if handle is None:
            self.outbox.restarted()
        seed = self.conversation.past.turns if handle is None else []
        self.known = self.issued.get(handle, ())
        self.told = handle is None or self.told
        self.written, self.covered = [], 0
        self.connected = self.busy = True
        self.outbox.connected(seed, asks=False, transparent=self.transparent)

    @precondition(lambda self: self.connected and self.busy)
    @rule(count=st.integers(1, 5))
    def write(self, count):
        """Write some of what is due; where there is something to wait for, it never comes."""
        for _ in range(count):
            match due := self.outbox.next(self.now):
                case None:
                    assert not self.outbox.replaying
                    assert not (self.transparent and self.outbox.replay.maybe_twice)
                    self.busy = False
                    return
                case Pause():
                    assert due.until > self.now
                    self.now = due.until
                case _:
                    if due.chunk is not None and not self.transparent:
                        assert not self.conversation.unwritten(), "messages precede the sound"
                    self.arrive(due.call)

    @precondition(lambda self: self.connected)
    @rule()
    def lose(self):
        """Lose the connection, and with it what no handle covers."""
        self.connected = False
        losses = self.outbox.lost()
        # The audio of what was answered is told in words.
        for said_ in losses.told:
            self.gone += [number for number, place in self.places.items() if place in said_]

    @precondition(lambda self: self.connected and self.busy)
    @rule()
    def fail(self):
        """Fail to write what is due, and lose the connection."""
        due = self.outbox.next(self.now)
        if due is not None and not isinstance(due, Pause):
            self.outbox.failed(due)
        self.lose()

    @precondition(lambda self: self.connected and not self.busy)
    @rule()
    def fail_to_stream(self):
        """Lose the connection while sound is on its way to it."""
        arguments = audio(next(self.numbers))
        self.sent.append(Call(REALTIME, arguments))
        write = self.outbox.streamed(arguments)
        self.note_place(arguments)
        self.outbox.failed(write)
        self.lose()

    @precondition(lambda self: self.connected and not self.busy)
    @rule()
    def fail_to_type(self):
        """Lose the connection while a turn is on its way to it."""
        call = turn(f"q{next(self.numbers)}")
        self.sent.append(call)
        self.outbox.failed(self.outbox.direct(call, given=call))
        self.lose()

    @precondition(lambda self: not self.connected)
    @rule()
    def dial_in_vain(self):
        """Fail to open a connection."""
        self.outbox.lost()

    @precondition(lambda self: not self.connected and self.conversation.handle)
    @rule()
    def restart(self):
        """Drop the handle, and with it the sound that only its session knew."""
        self.gone += [number for number, _ in sounds(read(self.issued[self.conversation.handle]))]
        self.told = True
        self.outbox.restarted()

    # The server

    @precondition(lambda self: self.connected and len(self.written) + self.base > 0)
    @rule(data=st.data())
    def issue(self, data):
        """Issue a handle that covers as many messages as the server has consumed."""
        least = max(self.covered, 1 - self.base)
        self.covered = data.draw(st.integers(least, len(self.written)))
        handle = f"h{next(self.numbers)}"
        self.issued[handle] = (*self.known, *self.written[: self.covered])
        consumed = self.covered - 1 + self.base if self.transparent else None
        self.conversation.received(update(handle, consumed=consumed))
        self.outbox.covered()
        self.busy = True

    @precondition(lambda self: self.connected and self.conversation.current)
    @rule(whole=st.booleans())
    def reply(self, whole):
        """Reply to what is open, to its end or not."""
        for message in (said("r"), *[complete()] * whole):
            self.conversation.received(message)
        self.busy = True

    # The laws

    def everything_is_written(self):
        """Bring the server up to date."""
        if not self.connected:
            self.dial()
        while self.busy:
            self.write(1)

    @rule()
    def server_has_all(self):
        """Find everything at the server: once, and in the order of the caller."""
        self.everything_is_written()
        has, sent = read([*self.known, *self.written]), read(self.sent)
        sent = [item for item in sent if not (sounds([item]) and item[0] in self.gone)]
        has = [item for item in has if not (sounds([item]) and item[0] in self.gone)]
        assert sounds(has) == sounds(sent)
        assert self.outbox.media.dropped == 0
        if not self.told:
            assert has == sent
            return
        assert texts(has) == texts(sent)


class Elsewhere(Talk):
    """The same with a server that does not say what it has consumed."""

    transparent = False

    def server_has_all(self):
        """Find no sound written twice, nor before another one that the caller sent before it."""

    @rule()
    def nothing_is_heard_twice(self):
        """Find each sound written at most once, and in the order of the caller."""
        self.everything_is_written()
        numbers = [number for number, _ in self.heard]
        assert numbers == sorted(set(numbers))
        assert self.outbox.media.dropped == 0


test_transparent = Talk.TestCase
test_transparent.settings = settings(max_examples=150, stateful_step_count=40)
test_elsewhere = Elsewhere.TestCase
test_elsewhere.settings = test_transparent.settings
