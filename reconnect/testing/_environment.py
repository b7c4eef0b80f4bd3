"""The environment in which an unchanged ``genai.Client()`` talks to a server.

What the SDK reads: the key and the choice of the API in ``google/genai/_api_client.py``, the base
URL in ``_base_url.py``. Where the variables choose Vertex AI, and not an argument, it asks for the
Gemini API's base URL all the same; so both are set. Its TLS contexts, those of WebSockets and of
httpx alike, trust the one file that ``SSL_CERT_FILE`` names.
"""

import json
import os
from pathlib import Path
from typing import Final

import certifi

from reconnect._driver.waiting import VARIABLE

from ._certificates import HOST, authority_pem

API_KEY: Final = "test-key"

_CREDENTIALS: Final = {
    "type": "authorized_user",
    "token": "test-token",
    "expiry": "2999-12-31T23:59:59Z",
    "client_id": "test-client",
    "client_secret": "test-secret",
    "refresh_token": "test-refresh-token",
    "quota_project_id": "test-project",
}
"""Application default credentials whose token is good for ever: nobody is asked for another."""


def environment(*, url: str, vertexai: bool, directory: Path) -> dict[str, str]:
    """Give the variables, and write the files that they name.

    Args:
        url: The server's base URL.
        vertexai: Whether a client that is not told speaks the Vertex dialect.
        directory: Where the files go.
    """
    trusted = directory / "trusted.pem"
    before = os.environ.get("SSL_CERT_FILE") or certifi.where()
    # Whoever was trusted still is: an application may talk to others too.
    trusted.write_bytes(Path(before).read_bytes() + b"\n" + authority_pem())
    credentials = directory / "credentials.json"
    credentials.write_text(json.dumps(_CREDENTIALS))
    # websockets goes through a proxy if one is set; a name in lower case goes first.
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    direct = f"{direct},{HOST}" if direct else HOST
    use_vertexai = str(vertexai).lower()
    return {
        "GOOGLE_API_KEY": API_KEY,
        "GEMINI_API_KEY": "",  # a real one is not shown to a test, and two cause a warning
        "GOOGLE_GEMINI_BASE_URL": url,
        "GOOGLE_VERTEX_BASE_URL": url,
        "GOOGLE_GENAI_USE_VERTEXAI": use_vertexai,
        "GOOGLE_GENAI_USE_ENTERPRISE": use_vertexai,
        "GOOGLE_CLOUD_PROJECT": "",  # a project that is not an argument would displace the key
        "GOOGLE_CLOUD_LOCATION": "",
        "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
        "SSL_CERT_FILE": str(trusted),
        "NO_PROXY": direct,
        "no_proxy": direct,
        VARIABLE: "1",
    }
