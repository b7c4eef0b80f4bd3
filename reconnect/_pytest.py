"""The pytest plugin: a server for tests, a mark, and names for faults.

Found through the entry point ``pytest11``. It costs next to nothing until a test asks for the
server: that needs the extra ``reconnect[testing]``, and the SDK, which takes half a second to
import.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from .testing import LiveServer

__all__: list[str] = []

_EXTRA: Final = frozenset({"certifi", "trustme"})


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line(
        "markers",
        "live_faults(*faults): what goes wrong with the connections to `live_server`, one item per"
        " connection in order: None, a fault of reconnect.testing or its short name, such as"
        " 'abort-after_sent-3', or a list of these.",
    )


def pytest_make_parametrize_id(val: object) -> str | None:
    """Give a fault its short name as the id of a parametrised test."""
    # Nobody can have made a fault before this module was imported.
    names: Any = sys.modules.get("reconnect.testing._names")
    return names.name_of(val) if names is not None and names.is_fault(val) else None


@pytest.fixture
def live_server_options() -> dict[str, Any]:
    """Say what `live_server` is made with, such as ``{"profile": "2.5"}``: override it."""
    return {}


@pytest.fixture
def live_server(
    request: pytest.FixtureRequest,
    live_server_options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[LiveServer]:
    """Give a `reconnect.testing.LiveServer` that runs, in a thread of its own.

    While the test runs, an unchanged ``genai.Client()`` talks to it, and reconnects do not wait.
    What it is made with is in the fixture ``live_server_options``, and what goes wrong in the mark
    ``live_faults``. A fault that is planned and never happens is an error: the test asks less than
    it says. What the server sees is logged, and so is a part of the report of a test that fails.
    """
    try:
        from .testing import LiveServer
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in _EXTRA:
            raise
        pytest.fail(
            f'live_server needs {missing}: pip install ".[testing]" in a clone of reconnect',
            pytrace=False,
        )
    server = LiveServer(**live_server_options)
    mark = request.node.get_closest_marker("live_faults")
    if mark is not None:
        if mark.kwargs:
            pytest.fail(
                "the mark live_faults takes one item per connection, in order, and no keyword"
                f" arguments, got {mark.kwargs!r}",
                pytrace=False,
            )
        try:
            server.plan(*mark.args)
        except (TypeError, ValueError) as error:
            pytest.fail(f"the mark live_faults: {error}", pytrace=False)
    planned = server.pending
    with _logged(), server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server
        left = server.pending
    # Of what is repeated, as in ["refuse-503"] * 10, there may be more than is needed.
    never = [name for name in dict.fromkeys(planned) if left.count(name) >= planned.count(name)]
    if never:
        pytest.fail(
            f"planned, but never happened: {', '.join(never)}; the test opens too few connections,"
            " or they end too early",
            pytrace=False,
        )


@contextmanager
def _logged() -> Iterator[None]:
    """Log what the server sees, for the report of a test that fails."""
    logger = logging.getLogger("reconnect.testing")
    before = logger.level
    logger.setLevel(min(before or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        logger.setLevel(before)
