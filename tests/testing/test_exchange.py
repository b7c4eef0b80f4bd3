"""What passes between a client and the model."""

from reconnect.testing._exchange import Exchange, Heard, Known, Snapshot


def test_records_compare():
    """What is known equals the plain pair, and what was heard has names."""
    assert Known("user", "a") == ("user", "a")
    assert Heard(1, 2, "turn", "a") == Heard(connection=1, index=2, kind="turn", value="a")


def test_snapshots_wait_for_what_was_called_since():
    """A handle waits if its session did, or if its exchange has made more calls than were sent."""
    exchange = Exchange(shown=1, made=1)
    assert not Snapshot().waits
    assert Snapshot(waiting=True).waits
    assert not Snapshot(exchange=exchange, shown=1).waits
    assert Snapshot(exchange=exchange, shown=0).waits
