"""What a server keeps."""

from reconnect.testing import PROFILES
from reconnect.testing._model import Parrot
from reconnect.testing._records import Connection, Shared, Timing
from reconnect.testing._sessions import Memory


def test_connections_are_told_apart():
    """Two records are never the same, whatever they hold."""
    first, second = Connection(1, 0.0), Connection(1, 0.0)
    assert first != second
    assert len({first, second}) == 2
    assert first.received is not second.received


def test_no_key_is_shown():
    """The key of a client is kept for a test to compare, and shown nowhere."""
    record = Connection(1, 0.0, path="/v1?key=secret", credential="secret")
    assert "secret" not in repr(record)


def test_call_ids_are_counted():
    """Every tool call of a server has an id of its own."""
    memory = Memory(profile=PROFILES["3.8"], handle_lifetime=1.0)
    shared = Shared(memory, Parrot(), Timing(0.0, 0.0, 0.0), binary=False)
    assert [shared.new_id(), shared.new_id()] == ["call-0001", "call-0002"]
