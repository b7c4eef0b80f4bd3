"""The matrix of what reconnect works with: ``nox -f .ci/noxfile.py``; needs nox 2025.5 or newer.

``nox -f .ci/noxfile.py -s oldest`` is what CI runs beside the test command of the README, which
takes the newest of everything.
"""

import pathlib

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "loops"]

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHONS = ["3.11", "3.12", "3.13"]
SDKS = ["2.34", "3.6"]
WEBSOCKETS = ["13", "14", "15", "16", "17"]
LONG = [
    "--ignore=tests/docs",
    "--ignore=tests/test_sweep.py",
    "--ignore=tests/test_scenarios.py",
    "--ignore=tests/test_speech.py",
]
"""What takes minutes, and asks the library rather than the libraries it stands on. Besides, what is
unread when a connection closes is lost with websockets 13, and these miss it. The examples of the
pages are written for the newest libraries."""

PARALLEL = ["-n", "2", "--dist", "worksteal"]
"""As in the README; ``-- -n 0`` after the name of a session runs its tests in one process."""

LOOPS = ["plain", "eager", "uvloop"]
"""What the session's tests run on besides; ``tests/loops.py`` has them."""

ASYNC = [
    "tests/_driver",
    "tests/testing",
    "tests/test_adk_pr_5007.py",
    "tests/test_endings.py",
    "tests/test_gate.py",
    "tests/test_judged_sessions.py",
    "tests/test_session.py",
]
"""The tests that ask how a loop treats the session, but for those that take minutes."""

OLDEST = ["google-genai==2.34.0", "websockets==13.0", "tenacity==8.2.3"]


def run_tests(session, *pinned, tests=(), env=None):
    """Install the built wheel beside what is pinned, and test that."""
    session.chdir(ROOT)
    session.install("--upgrade", "pip>=25.1", silent=True)
    session.install(".[testing]", *pinned)
    session.install(*nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "test"))
    session.run("pytest", "-q", *PARALLEL, *tests, *session.posargs, env=env)


@nox.session(python=PYTHONS)
@nox.parametrize("websockets", WEBSOCKETS)
@nox.parametrize("sdk", SDKS)
def tests(session, sdk, websockets):
    """Run the tests on one combination."""
    run_tests(session, f"google-genai=={sdk}.*", f"websockets=={websockets}.*")


@nox.session(python=PYTHONS[0])
def oldest(session):
    """Run the tests, but for the long ones, on the oldest of everything."""
    run_tests(session, *OLDEST, tests=LONG)


@nox.session(python=PYTHONS[1:])
@nox.parametrize("debug", [True, False])
@nox.parametrize("loop", LOOPS)
def loops(session, loop, debug):
    """Run the session's tests on one kind of loop; tasks can start at once from Python 3.12 on."""
    env = {"RECONNECT_LOOP": loop, "RECONNECT_DEBUG": str(int(debug))}
    run_tests(session, tests=ASYNC, env=env)
