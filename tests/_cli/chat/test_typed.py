"""Where the lines come from."""

import contextlib
import io
import os
import sys

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from reconnect._cli.chat.typed import Script, Terminal, typed


async def lines_of(typist):
    """Return all lines."""
    return [line async for line in typist.read()]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"One.\nTwo.\n", ["One.", "Two."]),
        (b"One.\n\nTwo.", ["One.", "", "Two."]),
        ("Zoë\n".encode(), ["Zoë"]),
        (b"\xff\n", ["\ufffd"]),
        (b"a" * 5000 + b"\nb\n", ["a" * 5000, "b"]),
        ("aë".encode() * 4000 + b"\n", ["aë" * 4000]),
    ],
)
async def test_script(data, lines):
    """A script is read line by line to its end, whatever its pieces."""
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    script = Script(reader)
    script.show("nothing")
    assert await lines_of(script) == lines
    assert script.waits
    os.close(reader)


async def test_script_that_nobody_reads_on(monkeypatch):
    """A thread that still reads when the loop is closed ends without a word."""
    reader, writer = os.pipe()
    script = Script(reader)
    async with contextlib.aclosing(script.read()) as lines:
        os.write(writer, b"One.\n")
        assert await anext(lines) == "One."

    def closed(line):
        raise RuntimeError("Event loop is closed")

    os.write(writer, b"Two.\n")
    os.close(writer)
    script._read(closed)


class Tty(io.StringIO):
    """A terminal."""

    def isatty(self):
        """Tell that it is one."""
        return True

    def fileno(self):
        """Return a number that is no standard stream's."""
        return 99


@pytest.fixture
def keyboard():
    """Return a keyboard that a terminal reads."""
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


@pytest.mark.usefixtures("keyboard")
@pytest.mark.parametrize(
    ("stdout", "kind"), [(Tty, Terminal), (io.StringIO, Script)], ids=["terminal", "pipe"]
)
def test_standard_input(monkeypatch, stdout, kind):
    """A person who sees what is typed edits lines; else they are read as they come."""
    monkeypatch.setattr(sys, "stdin", Tty())
    monkeypatch.setattr(sys, "stdout", stdout())
    found = typed()
    assert isinstance(found, kind)
    assert not found.waits


async def test_terminal(keyboard):
    """Lines are edited and read until Ctrl-D."""
    terminal = Terminal()
    keyboard.send_text("One.\rTwoo\x7f.\r\x04")
    assert await lines_of(terminal) == ["One.", "Two."]


async def test_interrupt(keyboard):
    """Ctrl-C is an interrupt."""
    keyboard.send_text("One.\rhalf a li\x03")
    terminal, found = Terminal(), []
    with pytest.raises(KeyboardInterrupt):
        found += [line async for line in terminal.read()]


async def test_partial_reply(keyboard):
    """What there is of a reply stands above the line, its end where it is too long."""
    terminal = Terminal()
    assert terminal._prompt() == "> "
    terminal.show("You said")
    assert terminal._prompt() == "You said\n> "
    terminal.show("x" * 100 + "y")
    above, line = terminal._prompt().split("\n")
    assert above == "x" * 78 + "y"
    assert line == "> "
    terminal.show("")
    assert terminal._prompt() == "> "
