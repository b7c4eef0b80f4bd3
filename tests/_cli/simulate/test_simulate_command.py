"""Simulating a herd on the command line."""

import argparse
import importlib.util
import io
import json
import sys

import pytest
from paths import paths

from reconnect import ReconnectPolicy
from reconnect._cli.arguments import UsageError
from reconnect._cli.simulate import command, herd as _herd
from reconnect._cli.simulate.command import add_arguments, run
from reconnect.backoff import constant

FEW = ["--clients", "100", "--outage", "5", "--capacity", "10"]


def parser():
    """Return the parser of the command."""
    made = argparse.ArgumentParser()
    add_arguments(made)
    return made


def simulated(*words):
    """Carry out the command."""
    run(parser().parse_args(words))


def test_prints(capsys):
    """A simulation prints what came of it, the same for the same seed."""
    said = []
    for seed in ("1", "1", "2"):
        simulated(*FEW, "--seed", seed)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] != said[2]
    assert said[0].startswith("100 clients, an outage of 5 s, a server that accepts 10 attempts")


def test_takes_a_policy(capsys):
    """Another policy, and a server that hangs up, can be simulated."""
    simulated("--clients", "10", "--policy", "google-cloud", "--hangs-up")
    assert "6.0 on average, 6 at most" in capsys.readouterr().out


AT_ONCE = ReconnectPolicy(wait=constant(0.0))


def test_policy_that_does_not_wait():
    """A simulation that would never end is given up, and the reason is said."""
    with pytest.raises(UsageError, match="make the policy wait longer than 0 s"):
        simulated("--clients", "1", "--policy", f"{__name__}:AT_ONCE")


def test_json(capsys):
    """As JSON it has the keys that the help names, and the same figures."""
    simulated(*FEW, "--json")
    data = json.loads(capsys.readouterr().out)
    assert paths(data) == [*_herd.KEYS]
    assert (data["policy"], data["clients"], data["outage"], data["ideal"]) == (
        "default",
        100,
        5.0,
        10.0,
    )
    assert sum(count for _, count in data["arrivals"]) == data["attempts"]
    assert max(count for second, count in data["arrivals"] if second >= 0) == data["peak"]
    assert [*data["back"]] == ["50%", "99%", "100%"]
    assert data["back"]["50%"] <= data["back"]["100%"]
    assert (data["gave_up"], data["first_gave_up"]) == (0, None)


def test_json_of_clients_that_give_up(capsys):
    """Who never comes back has null, and the first who gave up is timed from the loss."""
    simulated("--clients", "10", "--outage", "600", "--json")
    data = json.loads(capsys.readouterr().out)
    assert data["back"] == {"50%": None, "99%": None, "100%": None}
    assert data["gave_up"] == 10
    assert 300 <= data["first_gave_up"] <= 600


def test_help_names_the_keys():
    """The help text has every key of the JSON."""
    text = parser().format_help()
    assert all(f"\n  {key}  " in text for key in _herd.KEYS)


def test_draws(tmp_path, capsys):
    """A simulation is drawn into a file."""
    file = tmp_path / "herd.svg"
    simulated("--clients", "10", "--plot", str(file))
    assert file.read_text(encoding="utf-8").startswith("<?xml")
    assert "nobody" in capsys.readouterr().out


@pytest.fixture
def not_run(monkeypatch):
    """Fail if anything is simulated."""

    def run(*_, **__):
        pytest.fail("it was simulated")

    monkeypatch.setattr(_herd, "run", run)


@pytest.mark.usefixtures("not_run")
@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (["--clients", "0"], "clients must be 1 or more, got 0"),
        (["--outage", "-1"], "outage must be a number of seconds, 0 or more, got -1.0"),
        (["--policy", "luck"], "unknown policy 'luck'"),
        (["--policy", "math:pi"], "math:pi: policy must have a method decide"),
        (["--plot", "herd.pdf"], "--plot must be a .png or .svg file, got herd.pdf"),
        (["--plot", "/no/such/folder/herd.png"], "--plot must be in a folder that there is"),
    ],
)
def test_names_what_is_wrong(wrong, complaint):
    """What cannot be simulated is named before anything is."""
    with pytest.raises(UsageError, match=complaint):
        simulated(*wrong)


@pytest.mark.usefixtures("not_run")
@pytest.mark.parametrize("missing", ["matplotlib", "numpy", "reconnect._cli.simulate.simulation"])
def test_without_the_extra(monkeypatch, tmp_path, missing):
    """That matplotlib is missing is said before it runs; another gap is a bug."""

    def load_plot():
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr(_herd, "load_plot", load_plot)
    command_line = ["--clients", "10", "--plot", str(tmp_path / "herd.png")]
    if missing.startswith("reconnect"):
        with pytest.raises(ModuleNotFoundError, match="simulation"):
            simulated(*command_line)
    else:
        complaint = rf'the plot needs {missing}: pip install "\.\[plot\]" in a clone'
        with pytest.raises(UsageError, match=complaint):
            simulated(*command_line)


class Terminal(io.StringIO):
    """A terminal that keeps what it shows."""

    def isatty(self):
        """Tell that it is one."""
        return True


@pytest.fixture
def slow(monkeypatch):
    """Take a hundred clients for many, and be without numpy."""
    monkeypatch.setattr(command, "_MANY", 100)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_fast_says_nothing(monkeypatch, capsys):
    """With numpy, which takes seconds, and for few clients, nothing is said of the time."""
    monkeypatch.setattr(command, "_MANY", 100)
    simulated(*FEW)
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize(
    ("policy", "advice"),
    [
        ("default", 'numpy makes it seconds: pip install ".[plot]" in a clone of reconnect'),
        ("websockets", "only the default formula has a faster simulation"),
    ],
)
def test_many_clients(capsys, policy, advice):
    """That it takes long is said before, and whether numpy would help."""
    simulated(*FEW, "--policy", policy)
    long = "100 clients take about a minute for each 100,000"
    assert capsys.readouterr().err == f"reconnect: {long}; {advice}\n"


@pytest.mark.usefixtures("slow")
def test_progress(monkeypatch, capsys):
    """A terminal is shown how far it is, in one line that is gone at the end."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    simulated(*FEW)
    _, shown = terminal.getvalue().split("\n")
    lines = [line.removeprefix("\x1b[K") for line in shown.split("\r")]
    assert lines[1] == "5 s before the server's return: 0% of the clients settled"
    assert "1 s after the server's return: 10% of the clients settled" in lines
    assert lines[-2].endswith("100% of the clients settled")
    assert lines[-1] == ""
    assert capsys.readouterr().out.startswith("100 clients")
