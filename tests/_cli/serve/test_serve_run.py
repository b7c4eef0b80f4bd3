"""The emulator in a process of its own."""

import asyncio
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reconnect._cli import main as cli
from reconnect._cli.serve import run as serve
from reconnect.testing import LiveServer

ROOT = Path(__file__).parents[3]

CLIENT = """
import asyncio
from google import genai
from reconnect import ResumableSession

async def main():
    live, config = genai.Client().aio.live, {"response_modalities": ["TEXT"]}
    async with ResumableSession(live, model="m", config=config, draw=lambda: 0.0) as session:
        for text in ("One.", "Two."):
            await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]})
            print("".join([message.text or "" async for message in session.receive()]), flush=True)
            input()

asyncio.run(main())
"""
"""A client of somebody else's, who is told what to do by an Enter."""


class Process:
    """A process that is talked to by lines."""

    def __init__(self, *command, env=None):
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, *command],
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # Nothing hangs: what does not come is the end of the output.
        self._watch = threading.Timer(50, self._process.kill)
        self._watch.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._watch.cancel()
        self._process.kill()
        self._process.communicate()

    def until(self, pattern):
        """Read up to a line that matches, and return the match."""
        read = []
        for line in self._process.stdout:
            read.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern} did not come: {''.join(read)}")

    def type(self, line):
        """Type a line."""
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end(self, number):
        """Send a signal; return the exit code and what is left to read."""
        self._process.send_signal(number)
        left = self._process.stdout.read()
        return self._process.wait(), left


def environment_of(script):
    """Return what a shell exports that reads the script."""
    command = ["sh", "-c", f". {script} && env -0"]
    exported = subprocess.check_output(command, text=True)  # noqa: S603
    return dict(line.split("=", 1) for line in exported.split("\0") if line)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_client_elsewhere_is_served(tmp_path, number):
    """A client of another process talks to it, through what is planned and what is typed."""
    ca = tmp_path / "ca.pem"
    options = ["--port", "0", "--model", "2.5", "--fault", "abort-after_sent-3", "--ca", str(ca)]
    with Process("-m", "reconnect", "serve", *options) as server:
        server.until(r"listens on https://127\.0\.0\.1:\d+$")
        assert server.until(r"authority +(.*)$")[1] == str(ca)
        assert ca.read_text().startswith("-----BEGIN CERTIFICATE-----")
        script = Path(server.until(r"google-genai +\. (.*)$")[1])
        environment = environment_of(script)
        assert "RECONNECT_TESTING" not in environment.keys() - os.environ.keys()
        with Process("-c", CLIENT, env=environment) as client:
            assert client.until(r"^You said")
            server.until(r"^\d\d:\d\d:\d\d #1 client  connects \(gemini\)$")
            server.until(r"#1 fault   abort-after_sent-3$")
            server.until(r"#2 server  ends the turn$")
            server.type("close-1011")
            server.until(r"#2 server  closes: 1011 Internal error encountered\.$")
            client.type("")
            assert (
                client.until("Two").string
                == 'You said "Two.". That is turn 2; before it: "One.".\n'
            )
        server.type("boom")
        server.until("no fault is named 'boom'")
        code, left = server.end(number)
    assert code == 0
    assert "Traceback" not in left
    assert ca.exists()
    assert not script.exists()


class Typed:
    """Lines as of a person, or of a script if they are waited for."""

    def __init__(self, *lines, waits=False):
        self._lines = lines
        self.waits = waits

    async def read(self):
        """Yield them."""
        for line in self._lines:
            yield line

    def show(self, partial):
        """Show nothing."""


async def test_a_person_ends_it():
    """The end of what a person types is the end of the server; empty lines say nothing."""
    for lines in (Typed("", "rate"), Typed("rate", "quit", "rate", waits=True)):
        shown = []
        await serve.run(LiveServer(), lines, shown.append, ca=None)
        assert len(shown) == 5
        assert shown[-1] == "reads without a limit"


async def test_the_end_of_a_script_is_not_the_end():
    """Where nobody can type any more, as in a service, it goes on."""
    shown = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await serve.run(LiveServer(), Typed(waits=True), shown.append, ca=None)
    assert len(shown) == 4


async def test_the_log_is_as_it_was():
    """What is logged is shown while it serves, and goes where it went afterwards."""
    logger = logging.getLogger("reconnect.testing")
    before = (logger.level, logger.propagate, [*logger.handlers])
    shown = []
    await serve.run(LiveServer(), Typed("reject"), shown.append, ca=None)
    assert re.fullmatch(r"\d\d:\d\d:\d\d the server has forgotten every handle", shown[-1])
    assert (logger.level, logger.propagate, logger.handlers) == before


@pytest.fixture
def _nobody_types(monkeypatch):
    """Let nobody type: the tests' own input is none."""
    monkeypatch.setattr(serve, "typed", Typed)


@pytest.mark.usefixtures("_nobody_types")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--model", "9"], "profile must be one of .* not '9'"),
        (["--fault", "boom"], "no fault is named 'boom'"),
        (["--port", "99999"], "port must be a number from 0 to 65535, not 99999"),
        (
            ["--port", "0", "--ca", "no/such/folder/ca.pem"],
            "cannot write the file of --ca .*no/such",
        ),
    ],
)
def test_a_wrong_argument_is_a_sentence(arguments, complaint, capsys):
    """What cannot be served is said, without a traceback."""
    assert cli.main(["serve", *arguments]) == cli.USAGE
    assert re.search(f"^reconnect: .*{complaint}", capsys.readouterr().err)


@pytest.mark.usefixtures("_nobody_types")
def test_a_port_that_is_taken_is_a_sentence(capsys):
    """So is a port that somebody else has."""
    with LiveServer() as server:
        assert cli.main(["serve", "--port", str(server.port)]) == cli.USAGE
    assert "cannot listen on the port" in capsys.readouterr().err


@pytest.mark.usefixtures("_nobody_types")
def test_the_options_reach_the_server(monkeypatch):
    """The defaults and the options are what the server is made with."""
    made = []

    async def note(server, lines, show, *, ca):
        made.append((server.port, server._memory.profile, len(server._plan), ca))
        raise KeyboardInterrupt

    monkeypatch.setattr(serve, "run", note)
    assert cli.main(["serve"]) == 0
    options = ["--port", "7", "--model", "2.5", "--fault", "none", "--fault", "abort", "--ca", "x"]
    assert cli.main(["serve", *options]) == 0
    (port, profile, planned, ca), other = made
    assert (port, profile.turn_gap > 0, planned, ca) == (8443, True, 0, None)
    assert (other[0], other[1].turn_gap, other[2], other[3]) == (7, 0, 2, Path("x"))
