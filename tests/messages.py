"""Server messages as the SDK hands them over, and the pure core, driven by hand."""

import copy

from google.genai import types

from reconnect._conversation.calls import LOST
from reconnect._conversation.conversation import Conversation
from reconnect._conversation.exchanges import ANSWER, CONTENT, REALTIME, UPDATE, Call
from reconnect._conversation.limits import Limit
from reconnect._conversation.media import Media
from reconnect._conversation.messages import PART_OF_MESSAGE, PART_OF_REPLY
from reconnect._conversation.outbox import CLOSING_TIMEOUT, Outbox, Write

# The server's part


def content(**fields):
    """Return a message with server content."""
    return types.LiveServerMessage(server_content=types.LiveServerContent(**fields))


def model(*parts):
    """Return a piece of a reply."""
    return content(model_turn=types.Content(role="model", parts=list(parts)))


def said(text):
    """Return a piece of a written reply."""
    return model(types.Part(text=text))


def sound(words=None):
    """Return a piece of a spoken reply, with its transcription unless that is None."""
    blob = types.Blob(mime_type="audio/pcm", data=b"\\0\\0")
    turn = types.Content(role="model", parts=[types.Part(inline_data=blob)])
    transcription = None if words is None else types.Transcription(text=words)
    return content(model_turn=turn, output_transcription=transcription)


def transcribed(words):
    """Return words of a spoken reply on their own."""
    return content(output_transcription=types.Transcription(text=words))


def heard(words):
    """Return words of the user's."""
    return content(input_transcription=types.Transcription(text=words))


def complete(**fields):
    """Return the end of a turn."""
    return content(turn_complete=True, **fields)


def generated():
    """Return that a reply is whole, before its turn ends."""
    return content(generation_complete=True)


def interrupted(**fields):
    """Return that a reply is cut short."""
    return content(interrupted=True, **fields)


def update(handle, *, resumable=True, consumed=None):
    """Return a resumption update."""
    news = types.LiveServerSessionResumptionUpdate(
        new_handle=handle, resumable=resumable, last_consumed_client_message_index=consumed
    )
    return types.LiveServerMessage(session_resumption_update=news)


def calling(*ids, name="f", **arguments):
    """Return tool calls of one tool with the same arguments."""
    return calls(*[types.FunctionCall(id=id_, name=name, args=arguments) for id_ in ids])


def calls(*made):
    """Return one message with these tool calls."""
    return types.LiveServerMessage(tool_call=types.LiveServerToolCall(function_calls=list(made)))


def cancelling(*ids):
    """Return the cancellation of tool calls."""
    cancelled = types.LiveServerToolCallCancellation(ids=list(ids))
    return types.LiveServerMessage(tool_call_cancellation=cancelled)


# The caller's part

START = {"activity_start": {}}
END = {"activity_end": {}}


def user(text):
    """Return a turn of the user's."""
    return {"role": "user", "parts": [{"text": text}]}


def turn(text, *, asks=True):
    """Return a typed turn of the caller's."""
    return Call(CONTENT, {"turns": [user(text)], "turn_complete": asks})


def realtime(text):
    """Return a text that is sent as realtime input."""
    return Call(REALTIME, {"text": text})


def context_update(text):
    """Return a change of the system instruction."""
    return Call(UPDATE, {"system_instruction": text, "tools": None})


def audio(number=0, seconds=1.0):
    """Return a frame of audio that carries a number."""
    data = bytes([number, 0]) * round(seconds * 16000)
    return {"audio": {"data": data, "mime_type": "audio/pcm;rate=16000"}}


def image(number):
    """Return a frame of video that carries a number."""
    return {"video": {"data": bytes([number]), "mime_type": "image/jpeg"}}


def streamed(*inputs):
    """Return the messages that realtime inputs are written as."""
    return [Call(REALTIME, arguments) for arguments in inputs]


def result(id_, value=3, *, name="f", scheduling=None):
    """Return the result of a tool call."""
    response = {"result": value}
    return types.FunctionResponse(id=id_, name=name, response=response, scheduling=scheduling)


def answered(*results):
    """Return the message that answers calls."""
    return Call(ANSWER, {"function_responses": list(results)})


# The driver's part

ASK_ON = Call(CONTENT, {"turn_complete": True})
ROOM = Limit(messages=1000, bytes=2**24, full="drop")


def told(*turns):
    """Return the message that tells turns without asking for a reply."""
    return Call(CONTENT, {"turns": list(turns), "turn_complete": False})


def closed(id_, *, name="f", response=None):
    """Return what closes a lost tool call: an error, unless its result is known."""
    response = {"error": LOST} if response is None else response
    return Call(ANSWER, {"function_responses": [{"id": id_, "name": name, "response": response}]})


def asks(calls):
    """Return those of the messages that a model would reply to."""
    return [call for call in calls if call.method != ANSWER and call.asks]


def is_part(message):
    """Tell whether a message is a part of a reply and nothing else, as the reader does."""
    content = message.server_content
    return (
        content is not None
        and content.model_fields_set == PART_OF_REPLY
        and message.model_fields_set == PART_OF_MESSAGE
    )


class Core:
    """A conversation, its media and its outbox, driven by hand as the driver drives them.

    It begins on a connection that is up to date, the first of a new session unless there is a
    handle.
    """

    def __init__(self, *, transparent=False, limit=ROOM, **options):
        self.transparent = transparent
        self.media = Media(seconds=3.0, limit=limit)
        self.conversation = Conversation(audio=lambda: self.media.line.progress, **options)
        self.calls = self.conversation.calls
        self.outbox = Outbox(self.conversation, self.media)
        self.now = 0.0
        self.connected = self.direct = False
        self.connect()

    # The caller

    def say(self, *calls):
        """Send messages of the conversation, or the turns of these texts."""
        for given in calls:
            call = turn(given) if isinstance(given, str) else given
            assert self.conversation.has_room(call)
            if self.direct and not self.conversation.due:
                self.outbox.direct(call, given=call)
            else:
                self.conversation.record(call)
        return self

    def speak(self, *inputs):
        """Send realtime input."""
        for arguments in inputs:
            if self.direct and not self.conversation.due:
                self.outbox.streamed(arguments)
            else:
                self.outbox.hold(arguments)
        return self

    def answer(self, *results):
        """Answer calls; return the results that somebody waits for."""
        wanted = self.outbox.answer(results)
        if wanted and self.direct and not self.conversation.due:
            self.outbox.answered(answered(*wanted), results)
        else:
            self.outbox.hold_results(wanted)
        return wanted

    # The connection

    def connect(self, *seed):
        """Open a connection and bring it up to date; return what was written to it."""
        self.outbox.connected(list(seed), asks=False, transparent=self.transparent)
        self.connected = True
        return self.write()

    def write(self):
        """Write what is due, up to a pause; return it."""
        calls = []
        while isinstance(due := self.outbox.next(self.now), Write):
            calls.append(due.call)
        self.direct = due is None
        return calls

    def wait(self):
        """Let the time pass for which an end is awaited, and write what is due then."""
        self.now += CLOSING_TIMEOUT
        return self.write()

    def receive(self, *messages):
        """Take in server messages as the reader does; return what the last of them was."""
        reading = None
        for message in messages:
            if is_part(message) and self.conversation.goes_on(message.server_content):
                reading = None
                continue
            reading = self.conversation.received(message)
            if reading is not None and reading.covered:
                self.outbox.covered()
        return reading

    def lose(self):
        """Lose the connection; return what that takes from the caller."""
        self.connected = self.direct = False
        return self.outbox.lost()

    def resume(self):
        """Lose the connection and open another; return what is written to it, up to a pause."""
        self.lose()
        return self.connect()

    def restart(self):
        """Lose the connection, drop the handle, and open a new session without a history."""
        self.lose()
        self.outbox.restarted()
        return self.connect()

    @property
    def past(self):
        """What a new session is told, besides what is said again."""
        past = copy.deepcopy(self.conversation.past)
        for exchange in self.conversation.exchanges:
            if exchange.done:
                past.add(exchange)
        return past.turns

    @property
    def newest(self):
        """The newest exchange that asks something."""
        return self.conversation.newest


def begun(*sent, **options):
    """Return a core with a handle that knows nothing, and these messages sent after it."""
    core = Core(**options)
    core.receive(update("h0"))
    return core.say(*sent)


def held(*, seed=(), asks=False, **options):
    """Return a core on a new connection, to which nothing was written yet."""
    core = Core(**options)
    core.outbox.connected(list(seed), asks=asks, transparent=core.transparent)
    core.direct = False
    return core


WHOLE = [generated(), complete()]


def turn_of(words):
    """Return the message that speech is told as, where the model is to reply."""
    return Call(CONTENT, {"turns": [user(words)], "turn_complete": True})


def overs(core):
    """Tell of each exchange that asks something whether it is over."""
    return [it.over for it in core.conversation.exchanges if it.asks]
