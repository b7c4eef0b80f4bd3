"""Unchanged clients talk to the server by their environment."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from google import genai

from reconnect.testing import LiveServer, is_testing

APP = """
import asyncio, json, sys
from google import genai
from reconnect import ResumableSession

async def ask(client, text):
    config = {"response_modalities": ["TEXT"]}
    async with ResumableSession(client.aio.live, model="any-model", config=config) as session:
        await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]})
        return "".join([message.text or "" async for message in session.receive()])

if __name__ == "__main__":
    for text in sys.argv[1:]:
        print(asyncio.run(ask(genai.Client(), text)))
"""
"""An application, which knows nothing of tests."""

ALL_CLIENTS = (
    APP
    + """
    for arguments in [
        {"api_key": ""}, {"vertexai": False}, {"vertexai": True},
        {"vertexai": True, "api_key": "k"},
        {"vertexai": True, "project": "p", "location": "europe-west4"},
        {"http_options": {"api_version": "v1alpha"}},
    ]:
        print(asyncio.run(ask(genai.Client(**arguments), "hello")))
"""
)


def run(code, *arguments, env):
    """Run an application in a process of its own, and return the lines that it prints."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **env},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def reply(text):
    """Return what the built-in model says to the first turn of a conversation."""
    return f'You said "{text}". That is turn 1.'


def test_an_application_is_tested_from_start_to_end():
    """An application in a process of its own talks to the server, and gets over its faults."""
    with LiveServer(profile="2.5", faults=["abort-after_sent-2", "refuse-429"]) as server:
        assert run(APP, "hello", env=server.environment()) == [reply("hello")]
        assert [record.status for record in server.connections] == [101, 429, 101]
        assert {record.credential for record in server.connections} == {"test-key"}


@pytest.mark.parametrize("profile", ["2.5", "2.5-vertex"])
def test_every_client_talks_to_the_server(profile):
    """However a client is made, it talks to the server, in its own dialect."""
    with LiveServer(profile=profile) as server:
        lines = run(ALL_CLIENTS, "first", env=server.environment())
        dialects = [record.dialect for record in server.connections]
        credentials = [record.credential for record in server.connections]
    assert lines == [reply("first"), *[reply("hello")] * 6]
    default = "vertex" if profile == "2.5-vertex" else "gemini"
    assert dialects == [default, default, "gemini", "vertex", "vertex", "vertex", default]
    assert credentials == [*["test-key"] * 4, "k", "test-token", "test-key"]


def test_what_the_machine_has_set_makes_no_difference():
    """A real key, a project and a proxy of the developer's are not used."""
    before = {
        "GEMINI_API_KEY": "a-real-key",
        "GOOGLE_CLOUD_PROJECT": "a-real-project",
        "GOOGLE_CLOUD_LOCATION": "us-central1",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    with LiveServer(profile="2.5") as server:
        env = server.environment(vertexai=True)
        assert run(APP, "hello", env={**before, **env}) == [reply("hello")]
        assert server.connections[0].credential == "test-key"


def test_an_async_test_needs_no_process(monkeypatch):
    """In the process of the test the variables do the same."""

    async def talk():
        async with LiveServer(profile="2.5") as server:
            for name, value in server.environment().items():
                monkeypatch.setenv(name, value)
            assert is_testing()
            namespace = {}
            exec(compile(APP, "app", "exec"), namespace)  # noqa: S102
            assert await namespace["ask"](genai.Client(), "hello") == reply("hello")

    asyncio.run(talk())


def test_others_are_still_trusted(monkeypatch, tmp_path):
    """The authorities that were trusted before stay so, and proxies are left out as before."""
    (tmp_path / "company.pem").write_text("COMPANY")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "company.pem"))
    monkeypatch.setenv("no_proxy", "intranet")
    with LiveServer() as server:
        env = server.environment()
        trusted = Path(env["SSL_CERT_FILE"]).read_text()
        assert trusted.startswith("COMPANY\n-----BEGIN CERTIFICATE-----")
        assert env["no_proxy"] == env["NO_PROXY"] == "intranet,127.0.0.1"
        assert json.loads(Path(env["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())["token"]
        assert server.environment() == env


def test_files_are_removed_with_the_server():
    """What the variables name is gone when the server is, and there is none before it is there."""
    server = LiveServer()
    with pytest.raises(RuntimeError, match="the server is not running"):
        server.environment()
    with server:
        trusted = Path(server.environment()["SSL_CERT_FILE"])
        assert trusted.exists()
    assert not trusted.parent.exists()
