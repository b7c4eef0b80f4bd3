"""Server messages as the SDK hands them over, and a ledger that is driven by hand."""

from google.genai import types

from reconnect._conversation.calls import LOST
from reconnect._conversation.ledger import Ledger, Losses
from reconnect._conversation.turns import ANSWER, CONTENT, REALTIME, UPDATE, Call, State

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


def update(handle, *, resumable=True, consumed=None):
    """Return a resumption update."""
    news = types.LiveServerSessionResumptionUpdate(
        new_handle=handle, resumable=resumable, last_consumed_client_message_index=consumed
    )
    return types.LiveServerMessage(session_resumption_update=news)


def calling(*ids, name="f"):
    """Return tool calls."""
    calls = [types.FunctionCall(id=id_, name=name, args={}) for id_ in ids]
    return types.LiveServerMessage(tool_call=types.LiveServerToolCall(function_calls=calls))


def cancelling(*ids):
    """Return the cancellation of tool calls."""
    cancelled = types.LiveServerToolCallCancellation(ids=list(ids))
    return types.LiveServerMessage(tool_call_cancellation=cancelled)


# The caller's part


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


# The driver's part

ASK_ON = Call(CONTENT, {"turn_complete": True})
NOTHING = Losses(reply=False, calls=())


def told(*turns):
    """Return the message that tells turns without asking for a reply."""
    return Call(CONTENT, {"turns": list(turns), "turn_complete": False})


def write(ledger):
    """Write what is unwritten, as the driver does, and return it."""
    return [ledger.write(entry) for entry in ledger.backlog.unwritten()]


def receive(ledger, *messages):
    """Hand server messages to a ledger."""
    for message in messages:
        ledger.received(message)


def talking(*messages, asking="q"):
    """Return a ledger after a turn was written and messages came."""
    ledger = Ledger()
    ledger.backlog.record(turn(asking))
    write(ledger)
    receive(ledger, *messages)
    return ledger


def closed(id_):
    """Return the response that closes a lost tool call."""
    response = {"id": id_, "name": "f", "response": {"error": LOST}}
    return Call(ANSWER, {"function_responses": [response]})


def check(ledger, *, lost=False):
    """Check what holds of a ledger at any time."""
    entries = [entry for entry in ledger.backlog.entries if entry.state is not State.SETTLED]
    written = [not entry.to_write for entry in entries]
    assert written == sorted(written, reverse=True), "what is written precedes what is not"
    assert not (lost and any(written)), "nothing is written to a connection that is lost"
    assert sum(entry.replying for entry in ledger.backlog.entries) <= 1, "one reply comes at a time"
    assert not any(entry.over for entry in entries), "what is over is forgotten"
    first = ledger.backlog.entries[:1]
    assert not any(entry.over for entry in first), "what is settled waits for something"
    assert not ledger.quiet or not ledger.backlog.entries, "quiet means that nothing is open"
