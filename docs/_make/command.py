"""What a command of this library prints, as a console shows it."""

import contextlib
import io
import shlex
from typing import Final

from reconnect._cli.main import main

__all__ = ["output"]

PREFIX: Final = ["python", "-m", "reconnect"]


def output(*words: str) -> str:
    """Run a command and return it with what it prints.

    Args:
        words: It, from ``python -m reconnect`` on.

    Raises:
        ValueError: If it is no command of this library, or fails.
    """
    if list(words[:3]) != PREFIX:
        raise ValueError(f"a command begins with {shlex.join(PREFIX)}, got {shlex.join(words)}")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = main(words[3:])
    if code:
        raise ValueError(f"{shlex.join(words)} ended with exit code {code}")
    # Quoted as people do it.
    command = " ".join(f'"{word}"' if " " in word else word for word in words)
    return f"```console\n$ {command}\n{printed.getvalue().rstrip()}\n```"
