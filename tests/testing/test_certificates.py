"""The throw-away certificate authority."""

import importlib.util
import ssl
import threading
import time
from unittest import mock

import trustme

from reconnect.testing import _certificates
from reconnect.testing._certificates import contexts


def test_contexts_are_made_once():
    """The contexts are the same for the whole process, and the client checks the server."""
    server, client = contexts()
    assert contexts() == (server, client)
    assert client.verify_mode is ssl.CERT_REQUIRED
    assert client.check_hostname


def test_contexts_are_made_once_by_threads_that_ask_at_a_time():
    """A server and a client that are made in two threads are of one authority."""
    spec = importlib.util.spec_from_file_location("_fresh", _certificates.__file__)
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    made, found = [], []

    def slow():
        made.append(trustme.CA.__new__(trustme.CA))
        time.sleep(0.05)
        made[-1].__init__()
        return made[-1]

    with mock.patch.object(fresh, "trustme", mock.Mock(CA=slow)):
        asking = [
            threading.Thread(target=lambda ask=ask: found.append(ask()))
            for ask in [fresh.contexts, fresh.authority_pem] * 3
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
    assert len(made) == 1
    assert len(set(found)) == 2
