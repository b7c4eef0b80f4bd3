"""Tests of the command line."""

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from reconnect._cli.demo import run as demo
from reconnect._cli.main import main
from reconnect._cli.simulate import herd as _herd


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put something harmless in the place of the demo, and return what it is called with."""
    arguments: dict[str, Any] = {}

    def note(**given: Any) -> int:
        arguments.update(given)
        return 1

    monkeypatch.setattr(demo, "main", note)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    return arguments


def test_demo_returns_its_exit_code(called: dict[str, Any]) -> None:
    """The exit code is the demo's."""
    assert main(["demo"]) == 1
    assert called == {"seed": None, "model": None, "key": None}


def test_demo_is_given_its_options(called: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed, the model and the key reach the demo."""
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    main(["demo", "--seed", "7", "--model", "gemini"])
    assert called == {"seed": 7, "model": "gemini", "key": "k"}


@pytest.mark.parametrize("key", [None, ""])
def test_model_needs_key(
    called: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    key: str | None,
) -> None:
    """A model of the real API without a key is a usage error that says what to do."""
    if key is not None:
        monkeypatch.setenv("GOOGLE_API_KEY", key)
    assert main(["demo", "--model", "gemini"]) == 2
    assert "GOOGLE_API_KEY" in capsys.readouterr().err
    assert not called


def forget_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the next import of the demo a real one."""
    monkeypatch.delattr("reconnect._cli.demo")
    for name in [name for name in sys.modules if name.startswith(("reconnect._cli.demo", "rich."))]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("missing", ["rich", "trustme"])
def test_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    """Without the extra the command says how to install it."""
    forget_demo(monkeypatch)
    for name in [name for name in sys.modules if name.startswith("reconnect.testing")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["demo"]) == 2
    complaint = f'the demo needs {missing}: pip install "reconnect[testing]"'
    assert complaint in capsys.readouterr().err


def test_other_missing_module_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that the extra does not bring is missed with a traceback."""
    forget_demo(monkeypatch)
    monkeypatch.setitem(sys.modules, "reconnect._cli.demo.script", None)
    with pytest.raises(ModuleNotFoundError, match="script"):
        main(["demo"])


def test_interrupt_is_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ends the command without a traceback."""

    def interrupted(**given: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "main", interrupted)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "reconnect: interrupted\n"


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    """A failure is explained."""
    assert main(["explain", "1011", "You exceeded your current quota", "--phase", "setup"]) == 0
    assert capsys.readouterr().out.startswith("throttled: ")


def test_explain_nonsense(capsys: pytest.CaptureFixture[str]) -> None:
    """What is no failure is a usage error that names it."""
    assert main(["explain", "nonsense"]) == 2
    assert "got 'nonsense'" in capsys.readouterr().err


def test_command_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the usage is shown."""
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    assert "python -m reconnect" in capsys.readouterr().err


def test_package_is_run(called: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """``python -m reconnect`` is the command line."""
    monkeypatch.setattr(sys, "argv", ["reconnect", "demo", "--seed", "3"])
    monkeypatch.delitem(sys.modules, "reconnect.__main__", raising=False)
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("reconnect", run_name="__main__")
    assert stop.value.code == 1
    assert called["seed"] == 3


def test_simulate_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """A simulation prints what came of it, the same for the same seed."""
    command = ["simulate", "--clients", "100", "--outage", "5", "--capacity", "10"]
    said = []
    for seed in ("1", "1", "2"):
        assert main([*command, "--seed", seed]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] != said[2]
    assert said[0].startswith("100 clients, an outage of 5 s, a server that takes 10 attempts")


def test_simulate_takes_a_policy(capsys: pytest.CaptureFixture[str]) -> None:
    """Another policy, and a server that hangs up, can be simulated."""
    command = ["simulate", "--clients", "10", "--policy", "google-cloud", "--hangs-up"]
    assert main(command) == 0
    assert "6.0 on average, 6 at most" in capsys.readouterr().out


def test_simulate_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A simulation is drawn into a file."""
    file = tmp_path / "herd.svg"
    assert main(["simulate", "--clients", "10", "--plot", str(file)]) == 0
    assert file.read_text(encoding="utf-8").startswith("<?xml")
    assert "nobody" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (["--clients", "0"], "clients must be 1 or more, got 0"),
        (["--outage", "-1"], "outage must be a number of seconds from 0 up, got -1.0"),
        (["--policy", "luck"], "no policy is called 'luck'"),
        (["--policy", "math:pi"], "math:pi must be a ReconnectPolicy, got 3.14"),
        (["--plot", "herd.pdf"], "--plot must be a .png or .svg file, got herd.pdf"),
    ],
)
def test_simulate_names_what_is_wrong(
    capsys: pytest.CaptureFixture[str], wrong: list[str], complaint: str
) -> None:
    """What cannot be simulated is a usage error that names it."""
    assert main(["simulate", *wrong]) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["matplotlib", "reconnect._cli.simulate.rivals"])
def test_simulate_without_the_extra(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    missing: str,
) -> None:
    """Without matplotlib the command says how to install it; another gap is a bug."""

    def plot_to(*_: object) -> None:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr(_herd, "plot_to", plot_to)
    command = ["simulate", "--clients", "10", "--plot", str(tmp_path / "herd.png")]
    if missing == "matplotlib":
        assert main(command) == 2
        complaint = 'the plot needs matplotlib: pip install "reconnect[plot]"'
        assert complaint in capsys.readouterr().err
    else:
        with pytest.raises(ModuleNotFoundError, match="rivals"):
            main(command)
