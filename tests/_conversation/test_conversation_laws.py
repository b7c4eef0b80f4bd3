"""The conversation: what holds of it at any time, whatever is said and what the server sends."""

import itertools

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from messages import (
    ANSWER,
    ASK_ON,
    CONTENT,
    END,
    LOST,
    START,
    Core,
    audio,
    calling,
    cancelling,
    complete,
    context_update,
    generated,
    heard,
    interrupted,
    realtime,
    result,
    said,
    sound,
    transcribed,
    turn,
    update,
)

from reconnect._conversation import ends, server
from reconnect._conversation.exchanges import ENDS, Effect, Known

DECIDES = {Effect.WHOLE, Effect.EMPTY, Effect.CUT}
"""The effects of the table that make a reply over; after an empty end it need not be."""

FRAMES = st.sampled_from(
    [said("r"), sound(), transcribed("r"), generated(), complete(), interrupted()]
)


class Noted(dict):
    """The table of ends, which notes what was looked up in it."""

    def __init__(self):
        super().__init__(ENDS)
        self.effects = []

    def __getitem__(self, row):
        """Look up a row."""
        self.effects.append(super().__getitem__(row))
        return self.effects[-1]


class Talk(RuleBasedStateMachine):
    """A caller, the core as the driver drives it, and a server that sends whatever it likes."""

    @initialize(transparent=st.booleans(), vertex=st.booleans(), reuse=st.booleans())
    def begin(self, transparent, vertex, reuse):
        """Begin with a connection."""
        self.vertex = vertex
        self.table = ends.ENDS = server.ENDS = Noted()
        self.numbers = itertools.count(1)
        self.core = Core(transparent=transparent, reuse_tool_results=reuse)
        self.known = {}
        # The places of what was sent, by its text or the number of its audio.
        self.places = {}
        # Of this connection: what was asked and told, how often the model may be asked to continue,
        # the calls that are open at the server, and what a handle covered by number.
        self.texts = []
        self.asked_on = self.may_ask_on = self.consumed = 0
        self.open = []
        # The calls that the caller works on, oldest first.
        self.shown = []

    def teardown(self):
        """Leave the table as it was."""
        ends.ENDS = server.ENDS = ENDS

    # The caller

    @rule(kind=st.sampled_from(["turn", "context", "realtime", "update"]))
    def say(self, kind):
        """Send a message of the conversation."""
        text = f"{kind}{next(self.numbers)}"
        call = {"realtime": realtime, "update": context_update}.get(kind, turn)(text)
        if kind == "context":
            call = turn(text, asks=False)
        direct = self.core.direct and not self.core.conversation.due
        self.core.say(call)
        self.places[text] = self.core.conversation.place()
        if direct:
            self.read([call])

    @rule(kind=st.sampled_from(["audio", "mark"]))
    def speak(self, kind):
        """Send realtime input."""
        arguments = END if self.core.media.speaking else START
        if kind == "audio":
            number = next(self.numbers) % 256
            arguments = audio(number)
            self.places[number] = self.core.conversation.place()
        self.core.speak(arguments)

    @precondition(lambda self: self.shown)
    @rule(data=st.data())
    def answer(self, data):
        """Give the result of a call; of calls that are named alike, of the oldest."""
        key = data.draw(st.sampled_from(sorted({it[:2] for it in self.shown}, key=str)))
        made = next(it for it in self.shown if it[:2] == key)
        self.shown.remove(made)
        given = result(made[0], list(made[1:]), name=made[1])
        direct = self.core.direct and not self.core.conversation.due
        wanted = self.core.answer(given)
        for it in wanted if direct else ():
            self.arrive(it)

    @precondition(lambda self: self.core.direct)
    @rule(frames=st.lists(FRAMES, max_size=3), data=st.data())
    def converse(self, frames, data):
        """Type a turn, and receive a part of a reply and a handle."""
        self.say("turn")
        for frame in (said("r"), *frames):
            self.receive(frame)
        self.issue(data, resumable=True)

    # The server

    def receive(self, message):
        """Take in a message, and write what is due then; check what it changed."""
        before = {it: it.over for it in self.core.conversation.exchanges}
        self.table.effects.clear()
        reading = self.core.receive(message)
        for exchange in self.core.conversation.exchanges:
            if exchange.asks and exchange.over and not before.get(exchange):
                assert DECIDES.intersection(self.table.effects), "the table has decided it"
        if reading is not None:
            self.may_ask_on += reading.hidden
            self.leave(reading.left)
        if self.core.direct and self.core.conversation.due:
            self.write()
        return reading

    def leave(self, keys):
        """Work no more on calls that the caller is told to leave, of each key on the oldest."""
        for key in keys:
            left = next((it for it in self.shown if key == (it[0] or it[1])), None)
            if left is not None:
                self.shown.remove(left)

    connected = precondition(lambda self: self.core.connected)

    @connected
    @rule(message=FRAMES)
    def reply(self, message):
        """Send a piece of a reply, or an end."""
        self.receive(message)

    @connected
    @rule()
    def hear(self):
        """Send words of the user's."""
        self.receive(heard(f"w{next(self.numbers)} "))

    @connected
    @rule(id_=st.integers(1, 3), name=st.sampled_from("fg"), n=st.integers(0, 1))
    def call(self, id_, name, n):
        """Make a call; on Vertex none that is named like one that is open."""
        key = None if self.vertex else str(id_)
        if any(it[0] == key and (not self.vertex or it[1] == name) for it in self.open):
            return
        self.open.append((key, name, n))
        reading = self.receive(calling(key, name=name, n=n))
        if not reading.unseen:
            self.shown.append((key, name, n))

    @precondition(lambda self: self.core.connected and self.open and not self.vertex)
    @rule()
    def cancel(self):
        """Cancel a call."""
        made = self.open.pop(0)
        if made in self.shown:
            # The caller obeys.
            self.shown.remove(made)
        self.receive(cancelling(made[0]))

    @connected
    @rule(data=st.data(), resumable=st.booleans())
    def issue(self, data, resumable):
        """Issue a handle, with a number where the server counts."""
        consumed = None
        if self.core.transparent:
            newest = self.core.conversation.number() - 1
            self.core.conversation.unnumber()
            consumed = data.draw(st.integers(self.consumed, newest))
        handle = f"h{next(self.numbers)}"
        self.receive(update(handle, resumable=resumable, consumed=consumed))
        if resumable:
            self.consumed = consumed or 0
            conversation = self.core.conversation
            oldest = conversation.exchanges[:1]
            assert not any(it.done and it is not conversation.newest for it in oldest), "it is past"

    # The driver

    def arrive(self, response):
        """Check that a result is for the call that the server takes it for."""
        key = response.id or response.name
        named = [it for it in self.open if (it[0] or it[1]) == key]
        if named:
            self.open.remove(named[0])
            assert response.response["result"] == list(named[0][1:]), "it is for this call"

    def read(self, calls):
        """Check what was written to this connection."""
        for call in calls:
            if call == ASK_ON:
                self.asked_on += 1
            elif call.method == ANSWER:
                for response in call.arguments["function_responses"]:
                    if not isinstance(response, dict):
                        self.arrive(response)
                    elif response["response"] != {"error": LOST}:
                        assert response["response"]["result"][0] == response["name"]
            elif call.method == CONTENT or "text" in call.arguments:
                turns = [it for it in call.turns if it["role"] == "user"]
                self.texts += [part["text"] for it in turns for part in it["parts"]]
        assert self.asked_on <= self.may_ask_on, "nothing is asked again without an empty end"
        assert len(set(self.texts)) == len(self.texts), "nothing is said twice to one session"

    def write(self):
        """Write what is due."""
        calls = self.core.write()
        self.read(calls)
        return calls

    @precondition(lambda self: self.core.connected and not self.core.direct)
    @rule(late=st.booleans())
    def go_on(self, late):
        """Write what is due, at once or when nothing is waited for any more."""
        self.read(self.core.wait() if late else self.core.write())

    @connected
    @rule(fails=st.integers(0, 2))
    def lose(self, fails):
        """Lose the connection, and fail to open others."""
        handle = self.core.conversation.handle
        for _ in range(1 + fails):
            self.leave(self.core.lose().calls)
        if self.core.conversation.handle is None:
            self.known.clear()
        assert self.core.conversation.handle in (handle, None)
        conversation = self.core.conversation
        owed = [it for it in conversation.exchanges if not it.over]
        assert owed in ([], [conversation.newest]), "only the newest is owed"
        items = [item for it in conversation.exchanges for item in it.inputs]
        assert {item.index for item in items} <= {None}, "nothing has a number"
        assert all(not it.continued for it in conversation.exchanges)
        assert conversation.number() == 1
        conversation.unnumber()
        assert conversation.calls.awaited == ()

    @precondition(lambda self: not self.core.connected)
    @rule()
    def restart(self):
        """Decide for a new session."""
        self.core.outbox.restarted()
        self.known.clear()

    @precondition(lambda self: not self.core.connected)
    @rule()
    def connect(self):
        """Open a connection, and write to it what is due, in order."""
        self.texts, self.asked_on, self.may_ask_on, self.consumed = [], 0, 1, 0
        self.open = []
        fresh = self.core.conversation.handle is None
        calls = self.core.connect(*(self.core.past if fresh else ()))
        self.read(calls)
        written = list(map(self.place_of, calls[fresh and bool(self.core.past) :]))
        kinds = [(True, False)] if self.core.transparent else [(True,), (False,)]
        for kind in kinds:
            places = [place for is_audio, place in written if is_audio in kind and place]
            assert places == sorted(places), "it is in order of place"

    @connected
    @rule()
    def resume(self):
        """Lose the connection and take up another at once."""
        self.lose(fails=0)
        self.connect()

    def place_of(self, call):
        """Return whether a message is audio, and its place; None where that is not known."""
        if "audio" in call.arguments:
            return True, self.places[call.arguments["audio"]["data"][0]]
        if call.method == CONTENT or "text" in call.arguments:
            texts = [part["text"] for it in call.turns for part in it["parts"]]
            if not (call.asks or texts[0].startswith("context")):
                # What is over is replayed in the place of the last that was said in it.
                return False, None
            places = [self.places[text] for text in texts if text in self.places]
            return False, max(places, default=None)
        return False, None

    # The laws

    @invariant()
    def what_is_known_stays_known(self):
        """Find as much known as before, on one connection and over those that are resumed."""
        now = {item: item.known for it in self.core.conversation.exchanges for item in it.inputs}
        for item, known in now.items():
            assert known >= self.known.get(item, Known.NO), "nothing is forgotten"
        self.known = now

    @invariant()
    def exchanges_are_sound(self):
        """Find the exchanges as they must be."""
        conversation = self.core.conversation
        exchanges = conversation.exchanges
        assert all(it.inputs for it in exchanges), "an exchange has something said"
        assert all(it.over for it in exchanges if not it.asks), "what asks nothing is over"
        current = conversation.current
        assert current is None or (current.asks and not current.over)
        items = [item for it in exchanges for item in it.inputs]
        assert len(set(items)) == len(items), "nothing is said in two exchanges"

    @invariant()
    def everything_is_written(self):
        """Find nothing kept back that the session certainly does not have."""
        if not self.core.direct or self.core.conversation.due:
            return
        for exchange in self.core.conversation.exchanges:
            for item in exchange.inputs:
                assert item.call is None or item.index is not None or item.known is not Known.NO


test_laws = Talk.TestCase
test_laws.settings = settings(max_examples=300, stateful_step_count=50)
