"""The examples of the pages, run as a reader runs them: page by page, pasted into an empty file."""

import asyncio
import importlib.metadata
import os
import signal
import sys
from pathlib import Path

import pages
import pytest

from reconnect.testing import LiveServer

STAND_INS = Path(__file__).parent / "stand_ins"
"""Modules for what a test machine lacks: a microphone and a loudspeaker."""

TYPED = "Good morning!\nHow are you?\n\n\n"
"""What is typed into a program that asks; an empty line ends it."""


CTRL_C = -signal.SIGINT
"""The exit code of a program that ends when the user presses Ctrl-C, as the stand-in's does."""


async def run(program, folder):
    """Run a program in an empty folder; return its exit code and what it printed."""
    tests = "def test_" in program.source
    file = folder / ("test_page.py" if tests else "page.py")
    file.write_text(program.source, encoding="utf-8")
    async with LiveServer(profile="2.5", vad=True) as server:
        inherited = {n: v for n, v in os.environ.items() if not n.startswith(("GOOGLE", "GEMINI"))}
        path = os.pathsep.join([str(STAND_INS), os.environ.get("PYTHONPATH", "")])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error::DeprecationWarning:__main__"),
            *(("-m", "pytest", "-q", "-s", "-p", "no:cacheprovider") if tests else ()),
            file,
            cwd=folder,
            env={**inherited, **server.environment(), "PYTHONPATH": path},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate(TYPED.encode())
        return process.returncode, printed.decode()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("program", pages.programs(), ids=str)
def test_examples_run(program, tmp_path):
    """The examples of a page run as they are shown, and print what the page says."""
    if program.needs:
        try:
            importlib.metadata.version(program.needs)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"{program.needs} is not installed")
    code, printed = asyncio.run(run(program, tmp_path))
    assert code in (0, CTRL_C), printed
    place = 0
    for line in program.prints:
        found = printed.find(line, place)
        assert found >= 0, f"{line!r} is not printed, or not in this place:\n{printed}"
        place = found + len(line)


def test_there_are_examples():
    """The pages have examples: what finds none would be content with everything."""
    assert len(pages.programs()) >= 8
