"""The error table: what each failure is taken for."""

import asyncio
import builtins
import socket
import ssl
import string
from dataclasses import replace

import pytest
import websockets.exceptions
from failures import (
    CODES,
    FOREIGN,
    NETWORK,
    STATUSES,
    TEXTS,
    closed,
    exceptions_of,
    losses,
    refused,
    wrapped,
)
from google.auth import exceptions as auth
from google.auth.exceptions import DefaultCredentialsError
from google.genai import errors
from hypothesis import given, strategies as st

from reconnect import FailureKind, Loss, Phase, classify
from reconnect._failures.classify import TABLE, explain
from reconnect._failures.loss import TEST_BROKE, read
from reconnect.errors import ResumeUnconfirmed

INTERNAL = wrapped(1011, "Internal error encountered.")
AUDIO = "The audio content type (CONTENT_TYPE_AUDIO) is not supported for this model configuration."
BAD_SCHEME = type("UnsupportedProtocol", (ConnectionError,), {})("no http:// in the URL")
EXAMPLES = [
    Loss(wrapped(1011, "API key not valid"), closing=True, handle=True),
    Loss(DefaultCredentialsError("Your default credentials were not found."), Phase.CONNECT),
    Loss(ValueError("api key not valid"), go_away=True),
    Loss(closed(4919, "Throttled: session not found"), resumed=True, handle=True, go_away=True),
    Loss(ResumeUnconfirmed(5.0), resumed=True, handle=True, go_away=True),
    Loss(wrapped(1008, "quota exceeded"), go_away=True),
    Loss(closed(1008, "Throttled: the session handle is not valid"), resumed=True),
    Loss(closed(1011, "Your prepayment credits are depleted.")),
    Loss(refused(429, "Quota exceeded for metric x, limit: 0, model: y"), Phase.CONNECT),
    Loss(refused(403, "You exceeded your current quota"), Phase.CONNECT),
    Loss(wrapped(1007, "The input token count exceeds the maximum number of tokens")),
    Loss(wrapped(1011, "The service is currently unavailable."), resumed=True, repeats=9),
    Loss(closed(1007, AUDIO), handle=True, age=36.0, repeats=1),
    Loss(closed(1007, AUDIO), handle=True, age=36.0),
    Loss(wrapped(1007, "setup.tools[0].name: Invalid"), Phase.SETUP, resumed=True),
    Loss(wrapped(1008, "BidiGenerateContent session expired"), resumed=True, age=9.9),
    Loss(refused(400, "API key not valid"), Phase.CONNECT),
    Loss(wrapped(1008, "Operation is not implemented, or supported, or enabled."), age=60),
    Loss(wrapped(1008, "models/x is not found for API version v1"), Phase.SETUP, resumed=True),
    Loss(wrapped(1007, "Request contains an invalid argument."), Phase.SETUP, resumed=True),
    Loss(wrapped(1007, "Request contains an invalid argument."), Phase.SETUP),
    Loss(wrapped(1007, "Request contains an invalid argument."), resumed=True, age=2),
    Loss(wrapped(1009, "message too big")),
    Loss(wrapped(1000, "The operation was cancelled."), age=60),
    Loss(INTERNAL, age=2),
    Loss(INTERNAL, resumed=True, handle=True, repeats=2),
    Loss(INTERNAL, handle=True, repeats=2),
    Loss(closed(1006, sent="keepalive ping timeout")),
    Loss(closed(1006)),
    Loss(closed(1013)),
    Loss(closed(3000)),
    Loss(refused(429), Phase.CONNECT),
    Loss(wrapped(503), age=60),
    Loss(refused(200), Phase.CONNECT),
    Loss(refused(404), Phase.CONNECT),
    Loss(websockets.exceptions.InvalidUpgrade("Upgrade"), Phase.CONNECT),
    Loss(websockets.exceptions.InvalidMessage("no HTTP"), Phase.CONNECT),
    Loss(ssl.SSLCertVerificationError(1, "x"), Phase.CONNECT),
    Loss(ConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED]"), Phase.CONNECT),
    Loss(FileNotFoundError(2, "No such file"), Phase.CONNECT),
    Loss(BAD_SCHEME, Phase.CONNECT),
    Loss(ConnectionRefusedError(111, "refused"), Phase.CONNECT),
    Loss(closed(4999), handle=True),
    Loss(closed(4999)),
]


@pytest.mark.parametrize(
    ("row", "loss"), [*zip(TABLE, EXAMPLES, strict=True)], ids=[row.why[:40] for row in TABLE]
)
def test_every_row_is_reached(row, loss):
    """Each row of the table is the first to match some loss."""
    assert explain(loss) is row
    assert classify(loss) is row.kind


def test_rows_are_written_as_they_are_read():
    """Fragments are in lower case, as the texts are, and every row says why and from where."""
    for row in TABLE:
        assert all(part == part.lower() and part for part in row.text or ())
        assert row.why[-1] in string.punctuation
        assert row.source.startswith(("https://", "public GitHub file", "the default"))


@given(loss=losses())
def test_total(loss):
    """There is a verdict for every failure, and always the same."""
    assert classify(loss) is classify(loss)
    assert classify(loss) is explain(loss).kind


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("resumed", [False, True])
def test_every_code_and_status(phase, resumed):
    """There is a verdict for every close code and every HTTP status there can be."""
    every = [face(code) for code in range(1000, 5000) for face in (closed, wrapped)]
    every += [face(status) for status in range(100, 600) for face in (refused, wrapped)]
    assert {type(classify(Loss(error, phase, resumed=resumed))) for error in every} == {FailureKind}


CLOSES = {
    **dict.fromkeys((1000, 1001, 1002, 1005, 1006, 1008, 1011, 1012, 1014, 1015), "transient"),
    **dict.fromkeys((1003, 1007, 1009, 1010, 3000, 3003, 4919), "fatal"),
    1013: "throttled",
    3008: "transient",
}
"""What a bare close in the middle of a session means, by its code."""


@pytest.mark.parametrize("face", [closed, wrapped])
def test_every_close_of_a_session(face):
    """A bare close means what is registered; a code that nobody has registered, a careful retry."""
    for code in range(1000, 5000):
        with_handle, without = (
            classify(Loss(face(code), handle=handle, age=120)) for handle in (True, False)
        )
        assert (with_handle, without) == (CLOSES.get(code, "transient"), CLOSES.get(code, "fatal"))


@pytest.mark.parametrize("face", [closed, wrapped])
def test_every_close_of_a_setup(face):
    """A refused setup is the handle's fault where one was sent, and its own where none was."""
    for code in range(1000, 5000):
        resumed = classify(Loss(face(code), Phase.SETUP, resumed=True, handle=True))
        fresh = classify(Loss(face(code), Phase.SETUP))
        if code in {1000, 1002, 1003, 1007, 1008, 1009, 1010} or code >= 4000:
            assert (resumed, fresh) == ("handle_rejected", "fatal")
        else:
            assert (resumed, fresh) == (CLOSES.get(code, "transient"), CLOSES.get(code, "fatal"))


FATAL_HANDSHAKES = (
    websockets.exceptions.InvalidHeader,
    websockets.exceptions.NegotiationError,
    websockets.exceptions.SecurityError,
)
FATAL_FILES = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


def expected_of(error):
    """Return the verdict on an exception of a class, while a handle is held."""
    if getattr(getattr(error, "response", None), "status_code", None) == 407:
        return "fatal"
    if isinstance(error, BaseExceptionGroup):
        return "fatal"  # made of ValueErrors
    if isinstance(error, auth.GoogleAuthError):
        network = auth.TransportError, auth.TimeoutError, auth.ResponseError
        return "transient" if isinstance(error, network) else "fatal"
    if isinstance(error, (*FATAL_HANDSHAKES, *FATAL_FILES, ssl.SSLCertVerificationError)):
        return "fatal"
    transport = OSError, websockets.exceptions.InvalidHandshake
    if isinstance(error, (*transport, websockets.exceptions.ConnectionClosed)):
        return "transient"
    return "fatal"


@pytest.mark.parametrize(
    "error",
    exceptions_of(websockets.exceptions, errors, ssl, socket, asyncio, builtins, auth),
    ids=lambda error: type(error).__name__,
)
def test_every_exception(error):
    """Each exception class of the libraries involved has the verdict that it should have."""
    assert classify(Loss(error, Phase.CONNECT, handle=True)) == expected_of(error)


@given(code=CODES, text=TEXTS, rest=losses())
def test_faces_agree(code, text, rest):
    """A close is classified the same raw and wrapped."""
    first, second = (
        Loss(face(code, text), rest.phase, rest.resumed, rest.handle, rest.age, rest.go_away)
        for face in (closed, wrapped)
    )
    if code != 1006:
        assert classify(first) is classify(second)


@given(loss=losses(closing=True))
def test_asked_to_close(loss):
    """Whatever happens after the caller has asked to close is the end it asked for."""
    assert classify(loss) is FailureKind.CLEAN


@given(loss=losses(FOREIGN, closing=False))
def test_foreign_is_fatal(loss):
    """What is no failure of a connection is never tried again."""
    assert classify(loss) is FailureKind.FATAL


@given(loss=losses(closing=False, go_away=True, phase=Phase.SESSION))
def test_going_away(loss):
    """After a go_away any end of the connection is what was announced, but for a test's mistake."""
    code = read(loss.error).code
    if code is None or code < 1000 or code == TEST_BROKE:
        return
    assert classify(loss) is FailureKind.TRANSIENT


@given(loss=losses(resumed=False, closing=False))
def test_no_handle_no_rejection(loss):
    """No handle is rejected where none was sent."""
    assert classify(loss) is not FailureKind.HANDLE_REJECTED


@given(loss=losses(NETWORK, closing=False))
def test_network_is_transient(loss):
    """The network comes back, unless it shows a certificate that cannot be verified."""
    certificate = isinstance(loss.error, ssl.SSLCertVerificationError)
    going_away = loss.go_away and loss.phase is Phase.SESSION
    expected = FailureKind.FATAL if certificate and not going_away else FailureKind.TRANSIENT
    assert classify(loss) is expected


@given(status=STATUSES)
def test_statuses(status):
    """A handshake is tried again over what passes: a few of 4xx and most of 5xx."""
    kind = classify(Loss(refused(status), Phase.CONNECT))
    if (300 <= status < 500 and status not in {408, 409, 425, 429, 499}) or status in {501, 505}:
        assert kind is FailureKind.FATAL
    else:
        assert kind is (FailureKind.THROTTLED if status == 429 else FailureKind.TRANSIENT)


PASSING = [408, 409, 425, 499, 500, *range(502, 505), *range(506, 600), *range(100, 300)]
"""What a server says that is not ready, and what something else says that answers in its place."""


@pytest.mark.parametrize("face", [refused, wrapped])
@pytest.mark.parametrize("phase", [Phase.CONNECT, Phase.SETUP])
def test_statuses_with_a_handle(face, phase):
    """A status says nothing of the handle that was sent: each is what it is without one."""
    kinds = {
        status: classify(Loss(face(status), phase, resumed=True, handle=True))
        for status in range(100, 600)
    }
    assert kinds.pop(429) is FailureKind.THROTTLED
    assert [status for status, kind in kinds.items() if kind is FailureKind.TRANSIENT] == sorted(
        PASSING
    )
    assert {kinds[status] for status in kinds.keys() - set(PASSING)} == {FailureKind.FATAL}


@pytest.mark.parametrize(
    ("age", "kind"),
    [(9.99, FailureKind.HANDLE_REJECTED), (10.0, FailureKind.TRANSIENT)],
)
def test_young_connections(age, kind):
    """A handle is to blame only for what ends before its connection has proven anything."""
    error = closed(1008, "BidiGenerateContent session not found")
    assert classify(Loss(error, resumed=True, handle=True, age=age)) is kind


@given(loss=losses(st.just(ResumeUnconfirmed(5.0)), closing=False, resumed=True))
def test_unconfirmed_resume(loss):
    """A resume that the caller has waited for long enough condemns the handle, in any case."""
    assert classify(loss) is FailureKind.HANDLE_REJECTED


@pytest.mark.parametrize(
    ("age", "kind"), [(419.9, FailureKind.CLEAN), (420.0, FailureKind.TRANSIENT)]
)
def test_idle_or_old(age, kind):
    """A cancelled operation ends an idle session, but at the age limit only its connection."""
    error = wrapped(1000, "The operation was cancelled.")
    assert classify(Loss(error, handle=True, age=age)) is kind


@given(text=st.sampled_from(["Session Expired", "SESSION NOT FOUND", "invalid session handle"]))
def test_case_does_not_matter(text):
    """Texts are matched whatever their case."""
    assert classify(Loss(closed(1011, text), resumed=True)) is FailureKind.HANDLE_REJECTED


STRONGER = [
    # (the stronger signal, what it changes, the verdict that it forces)
    ({"closing": True}, {"go_away": True}, "clean"),
    ({"go_away": True}, {"age": 1.0, "resumed": True, "repeats": 9}, "transient"),
    ({"phase": Phase.SETUP, "resumed": True}, {"repeats": 0}, "handle_rejected"),
    ({"phase": Phase.SETUP, "resumed": False}, {"repeats": 9}, "fatal"),
]


@pytest.mark.parametrize(("strong", "weak", "kind"), STRONGER)
def test_order_of_strength(strong, weak, kind):
    """A stronger signal decides, whatever the weaker ones say."""
    assert classify(Loss(closed(1008), handle=True, **strong)) == kind
    assert classify(Loss(closed(1008), handle=True, **{**weak, **strong})) == kind


@pytest.mark.parametrize("code", [1011, 1005, 3500])
@pytest.mark.parametrize("text", ["Internal error encountered.", "", "something new"])
def test_repetition(code, text):
    """The third failure in a row condemns the handle; on fresh connections it is fatal."""
    for count, resumed, fresh in [
        (0, "transient", "transient"),
        (1, "transient", "transient"),
        (2, "handle_rejected", "fatal"),
        (3, "handle_rejected", "fatal"),
    ]:
        facts = {"handle": True, "repeats": count}
        assert classify(Loss(closed(code, text), resumed=True, **facts)) == resumed
        assert classify(Loss(closed(code, text), resumed=False, **facts)) == fresh


@pytest.mark.parametrize(
    "error",
    [
        wrapped(1011, "The service is currently unavailable."),
        wrapped(1011, "The model is overloaded."),
        closed(1006),
        closed(1012),
        refused(503),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("resumed", [False, True])
def test_trouble_that_passes(error, resumed):
    """What speaks of the line or of the server's load condemns nothing, however often it comes."""
    loss = Loss(error, resumed=resumed, handle=True, repeats=100)
    assert classify(loss) is FailureKind.TRANSIENT


@pytest.mark.parametrize("resumed", [False, True])
def test_refused_too_early(resumed):
    """A setup refused with an internal error says nothing: the old socket may not be closed yet."""
    loss = Loss(INTERNAL, Phase.SETUP, resumed=resumed, handle=True, repeats=100)
    assert classify(loss) is FailureKind.TRANSIENT


@pytest.mark.parametrize("age", [0.0, 0.01, 0.99, 1.0, 5.0, 600.0])
def test_internal_error_with_a_handle(age):
    """An internal error is nothing to give up over while a handle is held, at any age."""
    assert classify(Loss(INTERNAL, handle=True, age=age)) is FailureKind.TRANSIENT


@pytest.mark.parametrize(
    ("age", "kind"), [(0.0, "transient"), (0.99, "transient"), (1.0, "fatal"), (10.0, "transient")]
)
def test_first_turn(age, kind):
    """A fresh session that breaks over its first turn is not tried again."""
    assert classify(Loss(INTERNAL, age=age)) == kind


@given(loss=losses(closing=False, handle=False))
def test_unknown_is_never_tried_without_a_handle(loss):
    """What nothing is known of is tried again only where a handle makes that harmless."""
    if explain(loss) is TABLE[-1] or explain(loss) is TABLE[-2]:
        assert classify(loss) is FailureKind.FATAL


def test_same_verdict_again():
    """What is remembered of a failure depends on nothing but the failure."""
    loss = Loss(INTERNAL, resumed=True, handle=True, repeats=2)
    before = explain(loss)
    for count in (0, 1, 2):
        explain(replace(loss, repeats=count))
    assert explain(loss) is before


@pytest.mark.parametrize(
    "text",
    [
        "Throttled.",
        "Request was throttled, the session was not found",
        "throttling: session resumption handle is not valid",
        "Billing account: throttled",
        "setup.tools[0]: throttled",
    ],
)
@given(loss=losses(closing=False, go_away=False))
def test_throttled(text, loss):
    """A server that says it throttles is left alone, whatever else it says and how often."""
    for code in (1007, 1008, 1011, 1013, 4000):
        assert classify(replace(loss, error=closed(code, text))) is FailureKind.THROTTLED
    assert classify(replace(loss, error=refused(403, text))) is FailureKind.THROTTLED


PARTS = [
    "setup.tools[0].function_declarations[1].name: Invalid function name",
    "Invalid value at 'setup.generation_config.speech_config'",
    "Unknown name \"inputAudioTranscription\" at 'setup': Cannot find field.",
    "* GenerateContentRequest.tools[0].function_declarations[0].parameters: session not found",
    "setup.systemInstruction: resumption handle",
    "generation_config.response_modalities: at most one",
]


@pytest.mark.parametrize("text", PARTS)
@pytest.mark.parametrize("phase", [Phase.SETUP, Phase.SESSION])
@pytest.mark.parametrize("code", [1007, 1008, 1011])
@pytest.mark.parametrize("resumed", [False, True])
def test_part_of_the_request(code, resumed, phase, text):
    """A text that names a part of the setup speaks of the setup, also where a handle was sent."""
    for repeats_ in (0, 5):
        loss = Loss(
            wrapped(code, text), phase, resumed=resumed, handle=resumed, repeats=repeats_, age=1.0
        )
        assert classify(loss) is FailureKind.FATAL


@pytest.mark.parametrize(
    "text",
    [
        "Invalid value at 'setup.session_resumption.handle'",
        "setup.sessionResumption.handle: is not valid",
        "The setup. It failed.",
    ],
)
def test_handle_in_the_request(text):
    """A text that names the handle's own place in the setup, or no part of it, condemns it."""
    assert classify(Loss(closed(1007, text), Phase.SETUP, resumed=True)) == "handle_rejected"
    assert classify(Loss(closed(1007, text), Phase.SETUP)) == "fatal"


@pytest.mark.parametrize("text", [AUDIO, "models/x is not found for API version v1", *PARTS])
@pytest.mark.parametrize("resumed", [False, True])
def test_configuration_that_had_worked(resumed, text):
    """What had worked for ten seconds is not what is wrong; refused again at once, it is."""
    worked = Loss(closed(1007, text), resumed=resumed, handle=True, age=10.0)
    assert classify(worked) is FailureKind.TRANSIENT
    for again in (
        replace(worked, age=9.9),
        replace(worked, repeats=1),
        replace(worked, phase=Phase.SETUP, age=0.0),
        replace(worked, handle=False),
    ):
        assert classify(again) is FailureKind.FATAL


def test_what_was_sent_is_no_configuration():
    """A refusal of what was just sent is none of the configuration, at whatever age."""
    error = closed(1007, "Invalid JSON payload received.")
    assert classify(Loss(error, handle=True, age=36.0)) is FailureKind.FATAL


SEVERE_FIRST = [
    (ValueError("a bug"), "fatal"),
    (
        wrapped(1007, "The input token count exceeds the maximum number of tokens"),
        "context_exhausted",
    ),
    (closed(1008, "session expired"), "handle_rejected"),
    (wrapped(1011, "Resource exhausted"), "throttled"),
    (ConnectionResetError(), "transient"),
]


@pytest.mark.parametrize("first", range(len(SEVERE_FIRST)))
def test_group(first):
    """A group is taken for the most severe of what is in it, in whatever order and depth."""
    errors = [error for error, _ in SEVERE_FIRST[first:]]
    kind = SEVERE_FIRST[first][1]
    for group in (
        BaseExceptionGroup("x", errors),
        BaseExceptionGroup("x", errors[::-1]),
        ExceptionGroup("x", [errors[-1], ExceptionGroup("y", [ExceptionGroup("z", errors)])]),
    ):
        assert classify(Loss(group, resumed=True, handle=True)) == kind


def test_group_with_an_end():
    """A group in which the session has ended as it should is such an end, unless there is a bug."""
    idle, gone = wrapped(1000, "The operation was cancelled."), ConnectionResetError()
    assert classify(Loss(ExceptionGroup("x", [gone, idle]))) is FailureKind.CLEAN
    assert classify(Loss(ExceptionGroup("x", [idle, KeyError(1)]))) is FailureKind.FATAL


@given(loss=losses(), errors=st.lists(st.sampled_from(SEVERE_FIRST), min_size=1, max_size=4))
def test_group_is_no_more_than_its_parts(loss, errors):
    """A group has the verdict of one of its exceptions, given the same facts."""
    group = BaseExceptionGroup("x", [error for error, _ in errors])
    kinds = {classify(replace(loss, error=error)) for error, _ in errors}
    assert classify(replace(loss, error=group)) in kinds


@pytest.mark.parametrize("wrong", [OSError("gone"), OSError, None, "gone"], ids=repr)
def test_no_loss(wrong):
    """What is no loss is named, with what to do about it."""
    with pytest.raises(TypeError, match=r"take a Loss, got .*; wrap it: classify\(Loss\(error\)\)"):
        classify(wrong)
