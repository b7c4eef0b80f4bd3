"""No handle or key stays in an error or a text, wherever a server quotes one."""

import dataclasses
import traceback

import pytest
from google import genai
from google.genai import errors, types
from google.genai.live import AsyncSession
from hypothesis import given, strategies as st
from telling import told
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from reconnect._driver import sdk
from reconnect._driver.secrets import Secrets

NEWEST = "CiQzMDk1YzQ2Zi1hbm90aGVyLWhhbmRsZQ"
OLDER = "CiQ0YjdlZjI5MC10aGUtZmlyc3QtaGFuZGxl"
CUT = NEWEST[:12]
QUOTED = {
    "newest": f"session {NEWEST} not found",
    "older": f"session {OLDER} not found",
    "both": f"{OLDER}, then {NEWEST}",
    "twice": f"{NEWEST}{NEWEST}",
    "cut": f"there is no session with the handle {CUT}",
}


@pytest.fixture
def secrets():
    """Return what knows two handles, and a short one that is in every text."""
    known = Secrets()
    for handle in (OLDER, NEWEST, NEWEST, "e", ""):
        known.add(handle)
    return known


def raised(error, *, cause=None, context=None):
    """Return an error as it is when it was raised, from another or during one."""
    try:
        try:
            if context is not None:
                raise context
        finally:
            raise error from cause
    except BaseException as caught:
        if context is not None and cause is None:
            caught.__cause__, caught.__suppress_context__ = None, False
        return caught


class FailingWebSocket:
    """A WebSocket on which nothing more comes."""

    def __init__(self, *, frame=None, error=None):
        self.frame, self.error = frame, error

    async def recv(self, decode=None):
        if self.error is not None:
            raise self.error
        return self.frame


async def received(*, frame=None, error=None):
    """Return what the SDK raises over a frame, or over the close of its connection."""
    client = genai.Client(api_key="none")
    websocket = FailingWebSocket(frame=frame, error=error)
    session = AsyncSession(api_client=client._api_client, websocket=websocket)
    with pytest.raises(Exception) as caught:
        await anext(session.receive())
    return caught.value


def closed(reason):
    """Return what websockets raises of a connection that is closed by either side."""
    return ConnectionClosedError(Close(1008, reason), Close(1008, reason), rcvd_then_sent=True)


# Close reasons


@pytest.mark.parametrize("reason", QUOTED.values(), ids=QUOTED)
def test_close_of_websockets(reason, secrets):
    """A handle is in no text of what websockets raises, nor in its close frames."""
    error = raised(closed(reason))
    secrets.hide(error)
    assert CUT not in told(error)
    assert OLDER not in told(error)
    for frame in (error.rcvd, error.sent):
        assert "<handle>" in frame.reason
        assert frame.code == 1008


@pytest.mark.parametrize("reason", QUOTED.values(), ids=QUOTED)
async def test_close_as_the_sdk_tells_it(reason, secrets):
    """A handle is in no text of the SDK's error, nor of what it was raised during."""
    error = await received(error=closed(reason))
    assert isinstance(error, errors.APIError)
    assert isinstance(error.__context__, ConnectionClosedError)
    secrets.hide(error)
    assert CUT not in told(error)
    assert OLDER not in told(error)
    assert "<handle>" in str(error)
    assert "<handle>" in error.details
    assert error.code == 1008


def test_response_of_a_refused_handshake(secrets):
    """A handle is in nothing of an HTTP response, and what is repeated in it stays so."""
    headers = Headers([("X-Of", NEWEST), ("X-Of", "b"), ("Retry-After", "5")])
    response = Response(403, f"no {OLDER}", headers, bytearray(b"\xff" + NEWEST.encode()))
    error = raised(RuntimeError("refused"), cause=InvalidStatus(response))
    secrets.hide(error)
    assert NEWEST not in told(error)
    assert OLDER not in told(error)
    assert list(response.headers.raw_items()) == [
        ("X-Of", "<handle>"),
        ("X-Of", "b"),
        ("Retry-After", "5"),
    ]
    assert (response.reason_phrase, response.body) == ("no <handle>", b"\xff<handle>")


async def test_error_that_the_server_sends(secrets):
    """A handle is not in what the SDK makes of an error, at any depth."""
    message = {"code": 404, "message": QUOTED["newest"], "details": [{"of": [OLDER]}, 5]}
    error = raised(errors.APIError(404, {"error": message}))
    secrets.hide(error)
    assert NEWEST not in told(error)
    assert OLDER not in told(error)
    hidden = "session <handle> not found"
    details = [{"of": ["<handle>"]}, 5]
    assert error.details["error"] == {"code": 404, "message": hidden, "details": details}
    # What was given to it is not changed.
    assert message["message"] == QUOTED["newest"]


# Chains


def test_groups(secrets):
    """A handle is in none of the errors of a group, however deep they are."""
    inner = ExceptionGroup("inner", [closed(QUOTED["newest"]), KeyError(NEWEST)])
    error = raised(ExceptionGroup("outer", [raised(ValueError("x"), cause=inner), OSError(OLDER)]))
    secrets.hide(error)
    assert NEWEST not in told(error)
    assert OLDER not in told(error)
    assert str(error) == "outer (2 sub-exceptions)"


def test_message_of_a_group(secrets):
    """The message of a group stays as it is: it cannot be changed, and no server writes it."""
    error = raised(BaseExceptionGroup(f"of {NEWEST}", [KeyboardInterrupt(NEWEST)]))
    secrets.hide(error)
    assert error.message == f"of {NEWEST}"
    assert error.exceptions[0].args == ("<handle>",)


@pytest.mark.parametrize("link", ["cause", "context"])
def test_chains(link, secrets):
    """A handle is in none of the errors of a chain, however long it is."""
    error = ValueError(f"0 {NEWEST}")
    for number in range(1, 50):
        error = raised(RuntimeError(f"{number} {OLDER}"), **{link: error})
    secrets.hide(error)
    text = told(error)
    assert NEWEST not in text
    assert OLDER not in text
    assert "0 <handle>" in text
    assert error.args == ("49 <handle>",)


def test_chain_that_returns_to_its_beginning(secrets):
    """Errors that are raised from each other are each cleaned once."""
    first, second = ValueError(NEWEST), KeyError(OLDER)
    first.__context__, second.__context__, second.__cause__ = second, first, second
    secrets.hide(first)
    assert (first.args, second.args) == (("<handle>",), ("<handle>",))


def test_error_that_an_error_holds(secrets):
    """A handle is not in an error that another one was made of, or keeps, as aiohttp's do."""
    system = OSError(111, QUOTED["newest"])
    error = raised(ValueError("cannot connect", system))
    error.last = closed(QUOTED["older"])
    secrets.hide(error)
    text = told(error) + str(error.last) + str(system)
    assert NEWEST not in text
    assert OLDER not in text
    assert error.args[1] is system


# Errors of all kinds


class Refusing(Exception):
    """An error that lets nobody change it."""

    def __init__(self, text):
        super().__init__(text)
        self.__dict__["text"] = text

    def __setattr__(self, name, value):
        if not name.startswith("__"):
            raise dataclasses.FrozenInstanceError(name)
        super().__setattr__(name, value)


class Mute(Exception):
    """An error that fails over what it was made of."""

    @property
    def args(self):
        raise LookupError("args")


class Slotted(Exception):
    """An error that holds a text in a slot, and another in none."""

    __slots__ = ("empty", "text")

    def __init__(self, text):
        super().__init__()
        self.text = text

    def __str__(self):
        return self.text


class Answer:
    """What some libraries hang on an error: not everything that has a reason may be changed."""

    @property
    def reason(self):
        return NEWEST


def _holding(value):
    error = ValueError("it holds something")
    error.value = value
    return error


def _noted():
    error = ValueError("with a note")
    error.add_note(f"of {NEWEST}")
    return error


ERRORS = {
    "argument": lambda: ValueError(NEWEST),
    "key": lambda: KeyError(NEWEST),
    "system": lambda: OSError(5, f"no {NEWEST}"),
    "file": lambda: FileNotFoundError(2, "no such file", NEWEST, None, f"to/{NEWEST}"),
    "import": lambda: ImportError(f"no {NEWEST}", name=NEWEST),
    "syntax": lambda: SyntaxError(f"bad {NEWEST}"),
    "bytes": lambda: UnicodeDecodeError("utf-8", b"\xff" + NEWEST.encode(), 0, 1, "bad start"),
    "exit": lambda: SystemExit(NEWEST),
    "note": _noted,
    "slot": lambda: Slotted(NEWEST),
    "refusing": lambda: Refusing(NEWEST),
    "tuple": lambda: _holding((1, NEWEST, ("in", NEWEST))),
    "dict": lambda: _holding({"in": [NEWEST], NEWEST: {NEWEST: b"\xff" + NEWEST.encode()}}),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_error_of_any_kind(kind, secrets):
    """A handle is in no text of an error, wherever the error keeps it."""
    error = raised(ERRORS[kind]())
    secrets.hide(error)
    assert NEWEST not in told(error)
    assert "<handle>" in told(error)


CLEAN = {
    "nothing": ValueError,
    "text": lambda: ValueError("no handle", 5, None),
    "beginning": lambda: ValueError(f"{NEWEST[:12]} is no handle, nor is {CUT} one"),
    "system": lambda: OSError(5, "Input/output error", "file"),
    "holding": lambda: _holding({"text": ["a", ("b", 5)], "bytes": b"\xff", "of": Answer()}),
    "group": lambda: ExceptionGroup("two", [ValueError("a"), closed("b")]),
    "response": lambda: InvalidStatus(Response(503, "busy", Headers(a="b"), b"\xff")),
    "timeout": TimeoutError,
}


@pytest.mark.parametrize("kind", CLEAN)
@pytest.mark.filterwarnings("error")
def test_nothing_else_is_changed(kind, secrets):
    """An error without a handle stays as it is, and all that it holds is the very same."""
    error = raised(CLEAN[kind](), cause=ValueError("its cause"))
    text, arguments, held = told(error), error.args, dict(vars(error))
    secrets.hide(error)
    assert told(error) == text
    assert error.args is arguments
    assert list(vars(error)) == list(held)
    assert all(vars(error)[name] is held[name] for name in held)


def test_error_that_fails_over_its_arguments(secrets):
    """What can be looked at of an error is cleaned, and so is the error that it was raised from."""
    error, cause = Mute(), ValueError(NEWEST)
    error.text = NEWEST
    group = ExceptionGroup("two", [raised(error, cause=cause), ValueError(OLDER)])
    secrets.hide(group)
    assert error.text == "<handle>"
    assert cause.args == group.exceptions[1].args == ("<handle>",)


def test_error_that_holds_itself(secrets):
    """What refers to itself is looked at no deeper than any error goes."""
    endless = [NEWEST]
    endless.append(endless)
    error = _holding(endless)
    secrets.hide(error)
    assert error.value[0] == "<handle>"
    assert error.value[1][0] == "<handle>"


# Frames that cannot be read

NEW = f'{{"newHandle": "{NEWEST}", "resumable": true}}'
FRAMES = {
    "half": f'{{"sessionResumptionUpdate": {{"newHandle": "{NEWEST}", "resum',
    "cut within the handle": f'{{"sessionResumptionUpdate": {{"newHandle":"{CUT}',
    "spaced": f'{{"sessionResumptionUpdate": {{"newHandle"  :  "{NEWEST}"',
    "quoted": f'x"{{\\"newHandle\\": \\"{NEWEST}\\"}}"',
    "by its other name": f"{{'new_handle': '{NEWEST}'}}",
    "a list in its place": f'{{"sessionResumptionUpdate": [{NEW}]}}',
    "a list around it": f'{{"sessionResumptionUpdate": {{"newHandle": ["{NEWEST}"]}}}}',
    "a handle in its place": f'{{"sessionResumptionUpdate": "{NEWEST}"}}',
    "an error": f'{{"error": {{"newHandle": "{NEWEST}"}}}}',
    "no text": b'\xff{"newHandle": "' + NEWEST.encode() + b'"}',
}


@pytest.mark.parametrize("connecting", [False, True])
@pytest.mark.parametrize("as_bytes", [False, True], ids=["text", "bytes"])
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
async def test_frame_that_cannot_be_read(frame, as_bytes, connecting):
    """A handle in a frame that cannot be read is not known to be one, and told to nobody."""
    if as_bytes and isinstance(frame, str):
        frame = frame.encode()
    error = sdk.readable(await received(frame=frame), connecting=connecting)
    Secrets().hide(error)
    assert CUT not in told(error)


async def test_frame_with_a_wrong_field():
    """What is wrong with a frame is told: which field it is, and where it was found to be."""
    error = sdk.readable(await received(frame=b'{"serverContent": {"modelTurn": {"parts": 7}}}'))
    Secrets().hide(error)
    text = "".join(traceback.format_exception(error))
    assert "modelTurn.parts: Input should be a valid list" in text
    assert "in _receive" in text


async def test_errors_of_the_callers_stay_what_they_are():
    """What the caller's own code has raised is not changed: nothing in it is a server's."""
    with pytest.raises(ValueError) as caught:
        types.Blob(data=5)
    error = raised(RuntimeError("no configuration"), cause=caught.value)
    Secrets().hide(error)
    assert error.__cause__ is caught.value


# Texts


def test_texts(secrets):
    """A handle is hidden where it is whole, or cut by the end of the text; no other text is."""
    hidden = {
        NEWEST: "<handle>",
        f"a {NEWEST} b {OLDER}": "a <handle> b <handle>",
        f"a {NEWEST[:8]}": "a <handle>",
        f"{OLDER}{NEWEST[:-1]}": "<handle><handle>",
        f"'newHandle': '{NEWEST[::-1]}' b": "'newHandle': '<handle>' b",
        f'NEW_HANDLE="{NEWEST[::-1]}': 'NEW_HANDLE="<handle>',
    }
    for text, expected in hidden.items():
        assert secrets.clean(text) == expected
    for text in ("", "e", f"{NEWEST[:7]}", f"{NEWEST[:8]} b", f"{NEWEST[1:]}", "newHandle is: no"):
        assert secrets.clean(text) is text


def test_handle_that_begins_as_another():
    """Of two handles that begin alike the longer one leaves nothing behind."""
    for handles in ([NEWEST, f"{NEWEST}-and-more"], [f"{NEWEST}-and-more", NEWEST]):
        secrets = Secrets()
        for handle in handles:
            secrets.add(handle)
        assert secrets.clean(f"{NEWEST}-and-more or {NEWEST}") == "<handle> or <handle>"


def test_handles_are_bounded():
    """A thousand handles are remembered, the newest ones."""
    secrets = Secrets()
    for number in range(1001):
        secrets.add(f"handle-{number:04}")
    assert secrets.clean("handle-0000 handle-0001 handle-1000") == "handle-0000 <handle> <handle>"


HANDLES = st.text("abAB01-_=", min_size=8, max_size=40)
TEXTS = st.text("abAB01-_= .:'\"{}", max_size=20)


@given(st.lists(HANDLES, min_size=1, max_size=5), st.data())
def test_no_handle_survives(handles, data):
    """No text with a handle in it survives, wherever it stands, nor one that ends with a part."""
    secrets = Secrets()
    for handle in handles:
        secrets.add(handle)
    text = "".join(data.draw(st.lists(TEXTS | st.sampled_from(handles), max_size=8)))
    error = raised(RuntimeError(text), cause=OSError(5, text))
    secrets.hide(error)
    for found in (secrets.clean(text), told(error)):
        assert not any(handle in found for handle in handles)
    handle = data.draw(st.sampled_from(handles))
    part = handle[: data.draw(st.integers(8, len(handle)))]
    assert secrets.clean(text + part).endswith("<handle>")
    if not any(handle[:8] in text for handle in handles):
        assert secrets.clean(text) is text


def test_keys_outlive_any_number_of_handles():
    """A key is hidden as one, whatever was issued since; a short one would be found in words."""
    secrets = Secrets()
    secrets.add_keys(["AIza-a-key-of-its-own"])
    secrets.add_keys(["key"])
    for number in range(2000):
        secrets.add(f"{number:08d}")
    assert secrets.clean("API key AIza-a-key-of-its-own expired") == "API key <key> expired"
    assert secrets.clean("API key AIza-a-k") == "API key <key>"
    for number in range(2000):
        secrets.add_keys([f"{number:08d}, a token"])
        secrets.add_keys(["AIza-a-key-of-its-own"])
    assert secrets.clean("AIza-a-key-of-its-own") == "<key>"
    assert secrets.clean("00001999, a token, was used") == "<key>, was used"
