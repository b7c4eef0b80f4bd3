"""The matrix of what reconnect works with: ``nox -f .ci/noxfile.py``; needs ``nox[uv]``.

Each session tests what is published: the built wheel, with the tests of the source distribution,
and the checkout out of sight. CI runs ``-s oldest`` beside the test command of the README, which
takes the newest of everything.
"""

import os
import pathlib
import shutil
import tarfile

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "loops"]

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHONS = ["3.11", "3.12", "3.13"]
SDKS = ["2.34", "3.6"]
WEBSOCKETS = ["13", "14", "15", "16", "17"]
LESS = [
    "--deselect=tests/_failures/test_classify.py",
    "--deselect=tests/_failures/test_reports.py",
]
"""What takes long, and asks the library rather than the libraries it stands on."""

PARALLEL = ["-n", "3", "--dist", "worksteal"]
"""As in the README; ``-- -n 0`` after the name of a session runs its tests in one process."""

LOOPS = ["plain", "eager", "uvloop"]
"""What the session's tests run on besides; ``tests/loops.py`` has them."""

ASYNC = [
    "tests/_driver",
    "tests/testing/test_dial.py",
    "tests/testing/test_server.py",
    "tests/testing/test_uplink.py",
    "tests/test_adk_pr_5007.py",
    "tests/test_callers_code.py",
    "tests/test_endings.py",
    "tests/test_gate.py",
    "tests/test_judged_sessions.py",
    "tests/test_session.py",
]
"""The tests that ask how a loop treats the session, but for those that take minutes."""

STANDING = [
    "tests/_adapters",
    "tests/_cli/test_main.py",
    "tests/_failures",
    "tests/test_announced_history.py",
    "tests/test_client.py",
    "tests/test_hypothesis.py",
    "tests/test_init.py",
    "tests/test_install.py",
    "tests/test_otel.py",
]
"""The tests that ask, besides, what the library does with the libraries that it stands on.

Not those of the plugin: each starts pytest anew, and every session loads the plugin as it is.
"""

FRAMEWORKS = ["google-adk", "livekit-agents", "pipecat-ai", "pydantic-ai"]
"""The agent frameworks: each has a dependency group and an example app."""


def build(session):
    """Build the source distribution, and the wheel from that; return the path of each."""
    out = pathlib.Path(session.create_tmp(), "dist")
    shutil.rmtree(out, ignore_errors=True)
    session.run("uv", "build", "--quiet", "--out-dir", str(out), str(ROOT))
    (source,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return source, wheel


def run_tests(session, *arguments, tests=(), env=None):
    """Test the built wheel, installed with these arguments, as the source distribution tests it."""
    source, wheel = build(session)
    with tarfile.open(source) as archive:
        archive.extractall(source.parent, filter="data")
    session.chdir(source.parent / source.name.removesuffix(".tar.gz"))
    shutil.rmtree("reconnect")  # else some tests would import it from there
    declared = ["-r", "pyproject.toml", "--all-extras", "--group", "test"]
    session.install(str(wheel), *declared, *arguments)
    session.run("pytest", "-q", *PARALLEL, *tests, *session.posargs, env=env)


@nox.session(python=PYTHONS)
@nox.parametrize("websockets", WEBSOCKETS)
@nox.parametrize("sdk", SDKS)
def tests(session, sdk, websockets):
    """Run the tests on one combination."""
    run_tests(session, f"google-genai=={sdk}.*", f"websockets=={websockets}.*")


@nox.session(python=PYTHONS[0])
def oldest(session):
    """Run the tests of what the libraries do on the lowest version of each that is declared.

    They are in asyncio's debug mode, as the test command of the README is not.
    """
    lowest = ["--resolution", "lowest-direct"]
    run_tests(session, *lowest, tests=[*ASYNC, *STANDING, *LESS], env={"RECONNECT_DEBUG": "1"})


@nox.session(python=PYTHONS[1:])
@nox.parametrize("debug", [True, False])
@nox.parametrize("loop", LOOPS)
def loops(session, loop, debug):
    """Run the session's tests on one kind of loop; tasks can start at once from Python 3.12 on."""
    env = {"RECONNECT_LOOP": loop, "RECONNECT_DEBUG": str(int(debug))}
    run_tests(session, tests=[*ASYNC, *LESS], env=env)


@nox.session(python=PYTHONS[0])
@nox.parametrize("framework", FRAMEWORKS, ids=FRAMEWORKS)
def frameworks(session, framework):
    """Put a framework through what goes wrong; ``-- --table`` measures, for docs/frameworks.md."""
    session.chdir(ROOT)
    declared = ["-r", "pyproject.toml", "--extra", "testing", "--group", f"framework-{framework}"]
    session.install(".", *declared)
    if "--table" in session.posargs:
        session.run("python", "tests/frameworks/table.py")
        return
    files = ["tests/frameworks", "tests/docs/test_examples.py"]
    chosen = "migrate or not (sample or examples)"
    session.run("pytest", "-q", *files, "-k", chosen, *session.posargs)
    app = f"tests/frameworks/apps/{framework.replace('-', '_')}_app.py"
    # Without a cache: none is there, and to write one that nobody reads takes a fifth of the time.
    session.run("mypy", "--strict", f"--cache-dir={os.devnull}", app)
    session.run("pyright", "--pythonpath", f"{session.bin}/python", app)


@nox.session(python=PYTHONS[0])
def long(session):
    """Run the property tests on other examples each time, and the sweeps with all their cuts."""
    drawn = ["-m", "hypothesis", "--hypothesis-profile=long", "--timeout=1200"]
    run_tests(session, tests=drawn)
    swept = [f"tests/test_{name}.py" for name in ("scenarios", "speech", "sweep")]
    run_tests(session, tests=[*swept, "--timeout=1200"], env={"RECONNECT_SWEEP": "all"})


@nox.session
def package(session):
    """Check what is published, and leave it in ``dist``."""
    files = build(session)
    session.run("uvx", "twine", "check", "--strict", *map(str, files))
    (ROOT / "dist").mkdir(exist_ok=True)
    for file in files:
        shutil.copy(file, ROOT / "dist")
