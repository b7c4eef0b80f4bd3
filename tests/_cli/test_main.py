"""Tests of the command line."""

import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pytest

from reconnect import __version__
from reconnect._cli.chat import run as chat
from reconnect._cli.demo import run as demo
from reconnect._cli.main import PROFILES, main
from reconnect.testing import PROFILES as EMULATED


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put something harmless in the place of the commands, and return what it is called with."""
    arguments: dict[str, Any] = {}

    def note(**given: Any) -> int:
        arguments.update(given)
        return 1

    for command in (demo, chat):
        monkeypatch.setattr(command, "main", note)
    for variable in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    return arguments


def test_demo_returns_its_exit_code(called: dict[str, Any]) -> None:
    """The exit code is the demo's."""
    assert main(["demo"]) == 1
    assert called == {"seed": None, "model": None, "key": None, "picture": None}


def test_demo_is_given_its_options(called: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed, the model, the key and the picture's file reach the demo."""
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    main(["demo", "--seed", "7", "--model", "gemini", "--svg", "demo.svg"])
    assert called == {"seed": 7, "model": "gemini", "key": "k", "picture": Path("demo.svg")}


def test_chat_is_given_its_options(called: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The model and the key reach the chat, which has its own exit code."""
    assert main(["chat"]) == 1
    assert called == {"model": None, "key": None}
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    main(["chat", "--model", "gemini"])
    assert called == {"model": "gemini", "key": "k"}


def test_help_of_the_chat_has_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """What can be typed is in the help text, which needs no extra."""
    with pytest.raises(SystemExit):
        main(["chat", "--help"])
    assert (
        "\n  /outage 5   takes the server down for this many seconds\n" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ("demo.png", "--svg must be a .svg file, got demo.png"),
        ("/no/such/folder/demo.svg", "--svg must be in a folder that there is, got /no/such"),
    ],
)
def test_picture_that_cannot_be_written(
    called: dict[str, Any], capsys: pytest.CaptureFixture[str], file: str, complaint: str
) -> None:
    """That the picture cannot be drawn is said before the demo runs."""
    assert main(["demo", "--svg", file]) == 2
    assert complaint in capsys.readouterr().err
    assert not called


def test_bug_is_no_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ValueError of a command that was given nothing wrong has its traceback."""

    def broken(**given: Any) -> int:
        raise ValueError("a bug")

    monkeypatch.setattr(demo, "main", broken)
    with pytest.raises(ValueError, match="a bug"):
        main(["demo"])


@pytest.mark.parametrize("command", ["demo", "chat"])
@pytest.mark.parametrize("key", [None, ""])
def test_model_needs_key(
    called: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    key: str | None,
    command: str,
) -> None:
    """A model of the real API without a key is a usage error that says what to do."""
    if key is not None:
        monkeypatch.setenv("GOOGLE_API_KEY", key)
    assert main([command, "--model", "gemini"]) == 2
    assert "GOOGLE_API_KEY" in capsys.readouterr().err
    assert not called


def forget(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Make the next import of packages a real one."""
    for name in [name for name in sys.modules if f"{name}.".startswith(packages)]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        *((command, missing) for command in ("demo", "chat") for missing in ("rich", "trustme")),
        ("chat", "prompt_toolkit"),
    ],
)
def test_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, missing: str
) -> None:
    """Without the extra the command says how to install it."""
    forget(monkeypatch, f"reconnect._cli.{command}.", "reconnect._cli.demo.", "reconnect.testing.")
    forget(monkeypatch, f"{missing}.")
    monkeypatch.setitem(sys.modules, missing, None)
    assert main([command]) == 2
    complaint = f'reconnect {command} needs {missing}: pip install ".[testing]" in a clone'
    assert complaint in capsys.readouterr().err


def test_other_missing_module_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that the extra does not bring is missed with a traceback."""
    forget(monkeypatch, "reconnect._cli.demo.")
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
    assert "no failure found in 'nonsense'" in capsys.readouterr().err


def test_explain_in_no_phase(capsys: pytest.CaptureFixture[str]) -> None:
    """A phase that there is not is a usage error that lists those that there are."""
    with pytest.raises(SystemExit):
        main(["explain", "1011", "--phase", "later"])
    assert "choose from 'connect', 'setup', 'session'" in capsys.readouterr().err


def test_models_of_the_emulator_are_listed() -> None:
    """The help of ``serve`` lists every profile, though it can be read without the extra."""
    assert sorted(PROFILES) == sorted(EMULATED)


def test_command_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the usage is shown."""
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    assert "python -m reconnect" in capsys.readouterr().err


def test_package_is_run() -> None:
    """``python -m reconnect`` is the command line, and exits with its code."""
    # Not by runpy: pytest's loader of what has a plugin, as this package has, has no code for it.
    command = [sys.executable, "-m", "reconnect", "simulate", "--clients", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "reconnect: clients must be 1 or more, got 0\n"


def test_simulate(capsys: pytest.CaptureFixture[str]) -> None:
    """A herd is simulated, and what cannot be is a usage error that names it."""
    assert main(["simulate", "--clients", "10"]) == 0
    assert capsys.readouterr().out.startswith("10 clients")
    assert main(["simulate", "--clients", "0"]) == 2
    assert capsys.readouterr().err == "reconnect: clients must be 1 or more, got 0\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The version is the package's, and the distribution has the same."""
    assert version("reconnect") == __version__
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert not stop.value.code
    assert capsys.readouterr().out == f"reconnect {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "name"),
    [("/usr/bin/reconnect", "reconnect"), ("/x/reconnect/__main__.py", "python -m reconnect")],
)
def test_name_in_the_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: str, name: str
) -> None:
    """The help names the command as it was called."""
    monkeypatch.setattr(sys, "argv", [argv])
    with pytest.raises(SystemExit):
        main(["explain", "--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"usage: {name} explain")
    assert f"\n  {name} explain 1011\n" in text


def test_script_is_the_command_line() -> None:
    """The script on the PATH is the command line."""
    (script,) = (e for e in entry_points(group="console_scripts") if e.name == "reconnect")
    assert script.load() is main


def test_reader_that_has_seen_enough() -> None:
    """Output that is cut off, as by head, is no traceback."""
    source = (
        "import sys; from reconnect._cli.main import main;"
        " sys.exit(main(['simulate', '--clients', '10', '--json']))"
    )
    with subprocess.Popen(  # noqa: S603 (this very Python)
        [sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
