"""The pytest plugin, as a project that tests an application with it sees it."""

import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

# pytester forgets what was imported in a run, and cryptography cannot be imported twice.
import reconnect.testing  # noqa: F401

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]

INSTALLED = importlib.metadata.entry_points(group="pytest11", name="reconnect")
PLUGIN = [] if INSTALLED else ["-p", "reconnect._pytest"]
"""A checkout may have been installed before it had the plugin."""

APP = '''
from google import genai
from reconnect import ResumableSession

async def ask(*texts):
    """Talk to the model, and return the replies; it knows nothing of tests."""
    replies, config = [], {"response_modalities": ["TEXT"]}
    live = genai.Client().aio.live
    async with ResumableSession(live, model="any-model", config=config) as session:
        for text in texts:
            reply = []
            await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]})
            async for message in session.receive():
                if message.server_content and message.server_content.interrupted:
                    reply.clear()
                reply.append(message.text or "")
            replies.append("".join(reply))
    return replies
'''
QUICK = """
import pytest

@pytest.fixture
def live_server_options():
    return {"profile": "2.5"}
"""


@pytest.fixture
def run(pytester):
    """Return what runs pytest over a test module, beside the application."""
    pytester.makefile(
        ".ini", pytest="[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n"
    )
    pytester.makepyfile(app=APP)
    pytester.makeconftest(QUICK)
    pytester.syspathinsert()

    def run(code, *arguments, without=("asyncio", "timeout", "xdist")):
        pytester.makepyfile(test_app=code)
        others = [word for plugin in without for word in ("-p", f"no:{plugin}")]
        return pytester.runpytest(*PLUGIN, *others, *arguments)

    yield run
    sys.modules.pop("app", None)


def test_a_test_needs_no_plugin_for_asyncio(run):
    """A plain test and a loop of its own are enough."""
    result = run("""
        import asyncio
        from app import ask

        def test_it(live_server):
            assert asyncio.run(ask("One.")) == ['You said "One.". That is turn 1.']
            assert [heard.value for heard in live_server.heard] == ["One."]
        """)
    result.assert_outcomes(passed=1)


def test_an_async_test_runs_with_anyio(run):
    """The fixture serves tests that run with anyio's plugin, in a loop of theirs."""
    result = run("""
        import pytest
        from app import ask

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_it(live_server):
            assert await ask("One.") == ['You said "One.". That is turn 1.']
            live_server.inject
        """)
    result.assert_outcomes(passed=1)


def test_an_async_test_runs_with_pytest_asyncio(run):
    """The fixture serves tests that run with pytest-asyncio, in a loop of theirs."""
    pytest.importorskip("pytest_asyncio")
    result = run(
        """
        from app import ask

        async def test_it(live_server):
            assert await ask("One.") == ['You said "One.". That is turn 1.']
        """,
        "-o",
        "asyncio_mode=auto",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        without=(),
    )
    result.assert_outcomes(passed=1)


def test_faults_are_planned_by_a_mark(run):
    """The mark takes faults and their names, one item per connection, and nothing waits."""
    result = run("""
        import asyncio, time
        import pytest
        from app import ask
        from reconnect.testing import Abort, Refuse

        @pytest.mark.live_faults(Abort(after_sent=2), "refuse-429", None)
        def test_it(live_server):
            assert asyncio.run(ask("One.")) == ['You said "One.". That is turn 1.']
            assert [record.status for record in live_server.connections] == [101, 429, 101]

        @pytest.mark.live_faults("refuse-503")
        class TestClass:
            def test_the_class(self, live_server):
                with pytest.raises(Exception, match="503"):
                    asyncio.run(ask("One."))
                assert live_server.connections[0].status == 503

            @pytest.mark.live_faults(["reject", Refuse()])
            def test_the_nearest(self, live_server):
                with pytest.raises(OSError):
                    asyncio.run(ask("One."))

        @pytest.mark.live_faults("boom")
        def test_a_name_that_is_none(live_server):
            pass
        """)
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(
        ["the mark live_faults: no fault is named 'boom'; names start with *"]
    )


def test_fault_that_never_happens(run):
    """It is an error: the test asks less than it says."""
    result = run("""
        import asyncio
        import pytest
        from app import ask

        @pytest.mark.live_faults("abort-after_sent-99", None, "refuse-503")
        def test_it(live_server):
            assert asyncio.run(ask("One.")) == ['You said "One.". That is turn 1.']
        """)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["planned, but never happened: abort-after_sent-99, refuse-503; *"])


def test_faults_that_would_be_left_out_are_an_error(run):
    """A fault that is given by a name, such as faults=, is refused: it would never act."""
    result = run("""
        import pytest

        @pytest.mark.live_faults(faults=["abort-after_sent-2"])
        def test_it(live_server):
            pass
        """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*live_faults takes one item per connection*faults*"])


def test_faults_are_the_ids_of_parametrised_tests(run):
    """A fault among the parameters of a test is its id, and other parameters keep theirs."""
    result = run(
        """
        import pytest
        from reconnect.testing import Abort, Close, Refuse

        @pytest.mark.parametrize("fault", [Abort(after_sent=2), [Close(1008), Refuse(503)], None])
        @pytest.mark.parametrize("other", [7, object()])
        def test_it(fault, other):
            pass
        """,
        "--collect-only",
        "-q",
    )
    result.stdout.fnmatch_lines(
        [
            "test_app.py::test_it[[]7-abort-after_sent-2[]]",
            "test_app.py::test_it[[]7-close-1008+refuse-503[]]",
            "test_app.py::test_it[[]7-None[]]",
            "test_app.py::test_it[[]other1-abort-after_sent-2[]]",
        ]
    )


def test_a_test_that_fails_shows_what_the_server_saw(run):
    """The server's log is in the report, and the level of its logger is as it was."""
    result = run("""
        import asyncio, logging
        from app import ask

        def test_it(live_server):
            asyncio.run(ask("One."))
            assert not live_server.heard

        def test_after():
            assert logging.getLogger("reconnect.testing").level == logging.NOTSET
        """)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*Captured log call*", '*#1 client  turn "One."'])


def test_a_mistake_in_the_model_is_in_the_report(run, pytester):
    """The exception of a test's own model is shown, where the client and the server meet it."""
    pytester.makeconftest("""
        import pytest

        @pytest.fixture
        def live_server_options():
            return {"model": lambda question: question.txet}
        """)
    result = run("""
        import asyncio
        from app import ask

        def test_it(live_server):
            asyncio.run(ask("One."))
        """)
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*AttributeError: 'Question' object has no attribute 'txet'",
            "*APIError: 4919 *LiveServer raised AttributeError: 'Question' object has *",
        ]
    )


def test_the_environment_is_as_it_was(run):
    """After the test nothing is left of the variables."""
    result = run("""
        import os

        def test_it(live_server):
            assert os.environ["GOOGLE_GEMINI_BASE_URL"] == live_server.url

        def test_after():
            assert "GOOGLE_GEMINI_BASE_URL" not in os.environ
        """)
    result.assert_outcomes(passed=2)


def test_the_example_of_the_documentation_works(pytester):
    """The application and the tests of the page run as they stand there."""
    page = (ROOT / "docs" / "test.md").read_text()
    blocks = re.findall(r"<!-- file: (\w+)\.py -->\n```py\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in blocks] == ["app", "test_app"]
    pytester.makepyfile(**dict(blocks))
    result = pytester.runpytest_subprocess(*PLUGIN, "-p", "no:asyncio", "-W", "error", "-v")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["*::test_whatever_breaks[[]abort-after_sent-2[]] PASSED*"])


def test_the_extra_is_asked_for_where_it_is_used(pytester):
    """Without the extra other tests run, and the one that needs it says so."""
    pytester.makeconftest("import sys\nsys.modules['trustme'] = None\n")
    pytester.makepyfile("""
        def test_it(live_server):
            pass

        def test_other():
            pass
        """)
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(['live_server needs trustme: pip install ".[[]testing[]]" in a *'])


def test_a_mark_that_is_wrong_is_told_in_a_line(pytester):
    """A mark that names no fault fails its test with a sentence, and without a traceback."""
    pytester.makepyfile("""
        import pytest

        @pytest.mark.live_faults("abort-aftersent-3")
        def test_a_name(live_server):
            pass

        @pytest.mark.live_faults(7)
        def test_a_number(live_server):
            pass
        """)
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(errors=2)
    complaints = [
        "'aftersent' in 'abort-aftersent-3' is unknown; abort can have *",
        "a fault must be an object such as Abort(), or its short name, not 7",
    ]
    result.stdout.fnmatch_lines([f"the mark live_faults: {said}" for said in complaints])
    result.stdout.no_fnmatch_line("*_names.py*")


def test_other_modules_are_not_said_to_be_of_the_extra(pytester):
    """What is missing for another reason is raised as it is."""
    pytester.makeconftest("import sys\nsys.modules['websockets.frames'] = None\n")
    pytester.makepyfile("def test_it(live_server): pass")
    result = pytester.runpytest_subprocess(*PLUGIN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E *ModuleNotFoundError: *websockets.frames*"])


def test_the_plugin_is_light():
    """Whoever has the library installed does not wait for it when pytest starts."""
    script = (
        "import sys, reconnect._pytest;"
        "heavy = {'google.genai', 'trustme', 'websockets', 'hypothesis', 'reconnect.testing'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-c", script]
    assert subprocess.check_output(command, text=True, cwd=ROOT).strip() == "[]"  # noqa: S603


def test_the_plugin_is_where_it_is_said_to_be():
    """The entry point names the module."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (name,) = project["entry-points"]["pytest11"].values()
    assert hasattr(importlib.import_module(name), "live_server")
