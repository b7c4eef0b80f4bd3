"""What a typed line means."""

import pytest
from hypothesis import given, strategies as st

from reconnect._cli.chat.commands import (
    BREAKS,
    Break,
    Help,
    Quit,
    Say,
    Wrong,
    read_line,
    usage,
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Hello there.\n", Say("Hello there.")),
        ("not /a command", Say("not /a command")),
        ("  ", None),
        ("/drop", Break("drop")),
        ("/reject ", Break("reject")),
        ("/cut", Break("cut")),
        ("/outage", Break("outage", 5.0)),
        ("/outage 2.5", Break("outage", 2.5)),
        ("/goaway", Break("goaway", 10.0)),
        ("/goaway  3", Break("goaway", 3.0)),
        ("/help", Help()),
        ("/quit", Quit()),
    ],
)
def test_lines(text, line):
    """A line is for the model, or a command, or nothing."""
    assert read_line(text) == line


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("/", "There is no command /:"),
        ("/dropp", "There is no command /dropp:"),
        ("/help me", "There is no command /help me:"),
        ("/drop 3", "/drop takes nothing after it, not '3'."),
        ("/outage 3 s", "/outage takes one number of seconds after it, not '3 s'."),
        ("/outage long", "from 0.1 to 3600, not 'long'."),
        ("/outage 0", "from 0.1 to 3600, not '0'."),
        ("/goaway nan", "from 0.1 to 3600, not 'nan'."),
        ("/goaway inf", "from 0.1 to 3600, not 'inf'."),
    ],
)
def test_wrong_commands(text, complaint):
    """A command that cannot be carried out is named, with what is wrong."""
    line = read_line(text)
    assert isinstance(line, Wrong)
    assert complaint in line.complaint


@given(text=st.text() | st.builds("/{} {}".format, st.sampled_from([*BREAKS]), st.text()))
def test_every_line_means_something(text):
    """Whatever is typed, it is read."""
    line = read_line(text)
    assert (line is None) is (not text.strip())
    if isinstance(line, Break) and BREAKS[line.fault].seconds is not None:
        assert 0.1 <= line.seconds <= 3600


def test_usage_can_be_typed():
    """Every command of the help is one, and there is no other."""
    commands = [line[:11] for line in usage(breaks=True)]
    read = [read_line(command) for command in commands]
    assert not any(isinstance(line, Wrong | Say) for line in read)
    assert {line.fault for line in read if isinstance(line, Break)} == {*BREAKS}
    assert all(len(line) < 80 for line in usage(breaks=True))


def test_usage_without_faults():
    """Where the line cannot be broken no such command is shown."""
    assert [line.split()[0] for line in usage(breaks=False)] == ["/help", "/quit"]
