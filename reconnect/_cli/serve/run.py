"""``reconnect serve``: the emulator in a process of its own, for clients in any language."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from reconnect._cli.arguments import UsageError
from reconnect._cli.chat.typed import Lines, typed
from reconnect._driver.waiting import VARIABLE
from reconnect.testing import LiveServer
from reconnect.testing._certificates import authority_pem

from .commands import act

__all__ = ["main", "run"]

_QUIT: Final = "quit"


def main(*, port: int, profile: str, faults: Sequence[str], ca: Path | None) -> int:
    """Serve until Ctrl-C, and return the exit code.

    Args:
        port: The port to listen on; 0 for any that is free.
        profile: Which model to behave as: the name of a profile.
        faults: What goes wrong with the connections, in order: names of faults.
        ca: Where the certificate of its authority is written; None for a temporary file.

    Raises:
        UsageError: If a name or the port is not one, or the port is taken.
    """
    try:
        server = LiveServer(profile=profile, port=port, faults=faults, vad=True)
    except ValueError as error:
        raise UsageError(str(error)) from error
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(run(server, typed(), _show, ca=ca))
    except KeyboardInterrupt:
        # This is how one ends a server: nothing has gone wrong.
        _show("")
    return 0


async def run(
    server: LiveServer, lines: Lines, show: Callable[[str], None], *, ca: Path | None
) -> None:
    """Serve on the running loop until somebody types quit.

    Args:
        server: The server, which does not run yet.
        lines: What is typed. After the end of a script the server goes on; Ctrl-D at a terminal
            ends it.
        show: Shows a line.
        ca: Where the certificate of its authority is written; None for a temporary file.

    Raises:
        UsageError: If it cannot listen on the port, or cannot write the file.
    """
    _end_on_sigterm()
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(server)
        except OSError as error:
            raise UsageError(
                f"cannot listen on the port ({error}): choose another with --port, or 0 for any"
            ) from error
        for line in _greeting(server, ca):
            show(line)
        stack.enter_context(_logged(show))
        async with contextlib.aclosing(lines.read()) as typed_lines:
            async for line in typed_lines:
                if line.strip() == _QUIT:
                    return
                if line.strip() and (answer := act(server, line)):
                    show(answer)
        if lines.waits:
            await asyncio.Event().wait()


def _greeting(server: LiveServer, ca: Path | None) -> Iterator[str]:
    """Write the files that clients need, and say where the server and they are."""
    environment = server.environment()
    # Who watches a client wants to see it wait.
    del environment[VARIABLE]
    directory = Path(environment["SSL_CERT_FILE"]).parent
    ca = ca or directory / "ca.pem"
    try:
        ca.write_bytes(authority_pem())
    except OSError as error:
        raise UsageError(f"cannot write the file of --ca ({error})") from error
    script = directory / "environment.sh"
    exports = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
    script.write_text("".join(exports))
    yield f"An emulator of the Live API listens on {server.url}"
    yield f"  its certificate authority   {ca}"
    yield f"  for google-genai            . {script}"
    yield "Type a fault such as abort, or help, and press Enter; stop with Ctrl-C."


@contextlib.contextmanager
def _logged(show: Callable[[str], None]) -> Iterator[None]:
    """Show what the server logs."""
    logger = logging.getLogger("reconnect.testing")
    handler = _Shown(show)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates


class _Shown(logging.Handler):
    """Shows what is logged."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        self._show(self.format(record))


def _show(line: str) -> None:
    print(line, flush=True)


def _end_on_sigterm() -> None:
    """Let whoever stops a service do so in good order."""
    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):  # as on Windows
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
