"""Reading the failures of HTTP clients, by which credentials and addresses are fetched."""

import inspect

import pytest

from reconnect._failures.loss import Family, Symptom, read
from reconnect._failures.retry_after import retry_after


def look_alike(module, name, *bases):
    """Return an exception class that has the name of a library's."""
    return type(name, bases or (Exception,), {"__module__": module})


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("httpx", "TransportError"),
        ("httpx2", "TransportError"),
        ("httpx2._exceptions", "TransportError"),
        ("aiohttp.client_exceptions", "ClientConnectionError"),
        ("aiohttp", "ClientPayloadError"),
        ("anyio", "BrokenResourceError"),
        ("anyio._core._exceptions", "ClosedResourceError"),
    ],
)
def test_requests(module, name):
    """What HTTP clients raise over the network is a failure of the network."""
    derived = look_alike("elsewhere", "Derived", look_alike(module, name))
    assert read(derived("gone")) == Symptom(Family.TRANSPORT, None, "gone")


@pytest.mark.parametrize(
    ("module", "name"),
    [("httpxtras", "TransportError"), ("my.httpx", "TransportError"), ("anyio", "WouldBlock")],
)
def test_other_libraries(module, name):
    """What another library raises under the same name is its own affair."""
    assert read(look_alike(module, name)("gone")).family is Family.FOREIGN


@pytest.fixture(params=["httpx", "httpx2"])
def httpx(request):
    """Return the HTTP client that a google-genai uses, where it is installed."""
    return pytest.importorskip(request.param)


def test_httpx(httpx):
    """Of all that httpx raises, the network's failures are those of the network."""
    kinds = [kind for kind in vars(httpx).values() if inspect.isclass(kind)]
    kinds = [kind for kind in kinds if issubclass(kind, httpx.RequestError)]
    assert len(kinds) > 10
    for kind in kinds:
        transport = issubclass(kind, httpx.TransportError)
        assert (read(kind("gone")).family is Family.TRANSPORT) is transport
    assert read(httpx.InvalidURL("no scheme")).family is Family.FOREIGN


@pytest.mark.parametrize("status", [401, 429, 503])
def test_status_of_httpx(httpx, status):
    """An HTTP status that httpx raises over is read as such, with its body and its headers."""
    request = httpx.Request("POST", "https://example.com/token")
    answer = {"headers": {"Retry-After": "7"}, "json": {"error": "Quota EXHAUSTED"}}
    response = httpx.Response(status, request=request, **answer)
    with pytest.raises(httpx.HTTPStatusError) as raised:
        response.raise_for_status()
    symptom = read(raised.value)
    assert (symptom.family, symptom.code) == (Family.STATUS, status)
    assert "quota exhausted" in symptom.text
    assert retry_after(raised.value) == 7


def test_status_of_an_unread_response(httpx):
    """A response whose body has not been read is read as far as it goes."""
    request = httpx.Request("GET", "https://example.com/token")
    response = httpx.Response(503, request=request, stream=httpx.ByteStream(b"busy"))
    symptom = read(httpx.HTTPStatusError("Service Unavailable", request=request, response=response))
    assert symptom == Symptom(Family.STATUS, 503, "service unavailable")


def aiohttp_look_alikes(status):
    """Return what aiohttp raises over a status, by look-alikes of its classes."""
    response = look_alike("aiohttp.client_exceptions", "ClientResponseError")
    handshake = look_alike("aiohttp.client_exceptions", "WSServerHandshakeError", response)
    for kind in (response, handshake):
        error = kind("Invalid response status")
        error.status, error.headers = status, {"Retry-After": "7"}
        yield error


def aiohttp_itself(status):
    """Return what aiohttp raises over a status."""
    aiohttp = pytest.importorskip("aiohttp")
    multidict = pytest.importorskip("multidict")
    headers = multidict.CIMultiDict({"Retry-After": "7"})
    info = aiohttp.RequestInfo("https://example.com", "GET", headers, "https://example.com")
    for kind in (aiohttp.ClientResponseError, aiohttp.WSServerHandshakeError):
        yield kind(info, (), status=status, message="Invalid response status", headers=headers)


@pytest.mark.parametrize("errors", [aiohttp_look_alikes, aiohttp_itself])
@pytest.mark.parametrize("status", [401, 429, 503])
def test_status_of_aiohttp(errors, status):
    """A status that aiohttp raises over, in a handshake too, is read as such."""
    for error in errors(status):
        symptom = read(error)
        assert (symptom.family, symptom.code) == (Family.STATUS, status)
        assert "invalid response status" in symptom.text
        assert retry_after(error) == 7


def test_no_status_of_aiohttp():
    """An error of aiohttp's that names no status has none."""
    assert {read(error).code for error in aiohttp_look_alikes(0)} == {None}
