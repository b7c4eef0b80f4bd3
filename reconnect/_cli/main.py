"""The command line: ``reconnect``, or ``python -m reconnect``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from reconnect import __version__

from .arguments import UsageError, check_file
from .chat.commands import usage
from .explain import command as explain
from .simulate import command as simulate

__all__ = ["main"]

USAGE: Final = 2
"""The exit code for a command that cannot be run as given; argparse has the same."""

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C, as shells have it."""

CUT_OFF: Final = 1
"""The exit code if nobody reads the output to its end; rich has the same."""

SCRIPT: Final = "reconnect"
"""What the script on the PATH is called."""

PROFILES: Final = ("2.0-vertex", "2.5", "2.5-vertex", "3.1", "3.8", "transcribe", "translate")
"""What the emulator behaves as; written here too, since the emulator needs the extra."""

_EXTRA: Final = frozenset({"prompt_toolkit", "rich", "trustme"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: What follows ``python -m reconnect``; None for what is on the command line.
    """
    parser = argparse.ArgumentParser(
        prog=_program(),
        description="Keeps a Gemini Live conversation alive when its connections are lost.",
    )
    parser.add_argument("--version", action="version", version=f"reconnect {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _describe_demo(
        commands.add_parser("demo", help="show a conversation that survives many failures")
    )
    _describe_chat(
        commands.add_parser("chat", help="chat with the model, and break the connection")
    )
    _describe_serve(commands.add_parser("serve", help="run the emulator for other processes"))
    explain.add_arguments(
        explained := commands.add_parser(
            "explain", help="show how a failure is classified, and why"
        )
    )
    explained.set_defaults(run=explain.run)
    simulate.add_arguments(
        simulated := commands.add_parser(
            "simulate", help="simulate many clients that reconnect at once"
        )
    )
    simulated.set_defaults(run=simulate.run)
    chosen = parser.parse_args(arguments)
    try:
        code: int | None = chosen.run(chosen)
        sys.stdout.flush()
    except UsageError as error:
        _complain(str(error))
        return USAGE
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read it, such as head, has seen enough; Python would complain at its own end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CUT_OFF
    return code or 0


def _program() -> str:
    """Return what the command was called as."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else "python -m reconnect"


def _describe_demo(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Hold a conversation with an emulator of the Live API that breaks the connection in many"
        " ways, and count what is lost. It takes about 35 seconds; the exit code is 1 if anything"
        " was lost or a tool ran twice."
    )
    parser.add_argument("--seed", type=int, help="seed for the faults and the delays")
    parser.add_argument(
        "--svg", type=Path, metavar="FILE", help="also save the output as a picture: an .svg file"
    )
    _add_model(parser, "without faults")
    parser.set_defaults(run=_demo)


def _describe_chat(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Chat with an emulator of the Live API, break the connection as you go, and see\n"
        "how the conversation carries on. If the input is a pipe or a file, each line\n"
        "waits for the reply to the previous one; the exit code is 1 if one gets none."
    )
    parser.epilog = "\n  ".join(
        ["commands (anything else goes to the model):", *usage(breaks=True)]
    )
    _add_model(parser, "which does not break on command")
    parser.set_defaults(run=_chat)


def _describe_serve(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run an emulator of the Live API for clients in any language, show what it and the clients"
        " send each other, and break their connections: with --fault, or by typing a command while"
        " it runs (type help for a list). It listens only on 127.0.0.1, until Ctrl-C."
    )
    parser.add_argument(
        "--port",
        type=int,
        default=8443,
        help="the port; 0 for any free port; default: %(default)s",
    )
    parser.add_argument(
        "--model",
        default="3.8",
        metavar="NAME",
        help=f"the model to emulate: {', '.join(PROFILES)}; default: %(default)s",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME",
        help="what goes wrong with a connection, such as abort-after_sent-3, refuse-503 or none;"
        " repeat it for further connections, in order",
    )
    parser.add_argument(
        "--ca",
        type=Path,
        metavar="FILE",
        help="where to write the certificate of its authority, which clients must trust",
    )
    parser.set_defaults(run=_serve)


def _add_model(parser: argparse.ArgumentParser, how: str) -> None:
    parser.add_argument(
        "--model",
        metavar="NAME",
        help=f"talk to this model of the real API instead, {how}; needs GOOGLE_API_KEY",
    )


def _demo(chosen: argparse.Namespace) -> int:
    key = _key(chosen.model)
    if chosen.svg is not None:
        check_file("--svg", chosen.svg, [".svg"])
    demo = _loaded("demo")
    code: int = demo.main(seed=chosen.seed, model=chosen.model, key=key, picture=chosen.svg)
    return code


def _chat(chosen: argparse.Namespace) -> int:
    key = _key(chosen.model)
    code: int = _loaded("chat").main(model=chosen.model, key=key)
    return code


def _serve(chosen: argparse.Namespace) -> int:
    code: int = _loaded("serve").main(
        port=chosen.port, profile=chosen.model, faults=chosen.fault, ca=chosen.ca
    )
    return code


def _key(model: str | None) -> str | None:
    """Return the key for the real API, if that is to be talked to.

    Raises:
        UsageError: If there is none.
    """
    if model is None:
        return None
    key = os.environ.get("GOOGLE_API_KEY") or os.environ.get("GEMINI_API_KEY")
    if not key:
        raise UsageError("--model uses the real API: set GOOGLE_API_KEY to your API key")
    return key


def _loaded(command: str) -> ModuleType:
    """Return the module of a command that needs the extra.

    Raises:
        UsageError: If the extra is missing.
    """
    try:
        return importlib.import_module(f"{__package__}.{command}.run")
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in _EXTRA:
            raise
        raise UsageError(
            f'reconnect {command} needs {missing}: pip install ".[testing]" in a clone of reconnect'
        ) from error


def _complain(text: str) -> None:
    sys.stderr.write(f"reconnect: {text}\n")
