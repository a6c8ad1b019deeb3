"""A small real HTTP server that speaks the API, and a runner of commands against it."""

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner, Result

from tocsin.faces.cli.main import build

TOKEN = "tocsin_test"

INCIDENT: dict[str, Any] = {
    "id": "INC-7",
    "title": "Database is unreachable",
    "state": "open",
    "level": "P1",
    "opened_at": "2026-12-25T02:00:00Z",
    "commander": None,
    "acknowledged_by": None,
    "drill": False,
}

LINES: list[dict[str, Any]] = [
    {
        "seq": 1,
        "at": "2026-12-25T02:00:00Z",
        "who": "alertmanager",
        "kind": "Opened",
        "text": "Opened as P1 by alert DatabaseDown: Database is unreachable.",
        "weight": "state",
    },
    {
        "seq": 2,
        "at": "2026-12-25T02:00:00Z",
        "who": "Tocsin",
        "kind": "Paged",
        "text": "Paging Alice (On-Call Engineer): first to hear of every incident.",
        "weight": "page",
    },
]


@dataclass
class Stub:
    """The server's answers by method and path, and what it was asked."""

    url: str = ""
    answers: dict[tuple[str, str], tuple[int, str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, list[str]], Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(
        self, method: str, path: str, document: Any, status: int = 200, kind: str = "application/json"
    ) -> None:
        """Give this document to whoever asks so."""
        self.answers[method, f"/api/v1{path}"] = (status, kind, document)

    def refuse(self, method: str, path: str, status: int, **problem: Any) -> None:
        """Refuse with a problem document."""
        self.answer(method, path, {"status": status, **problem}, status, "application/problem+json")

    @property
    def last(self) -> tuple[str, str, Any]:
        """Method, path and body of the last question."""
        method, path, _, body = self.asked[-1]
        return method, path.removeprefix("/api/v1"), body

    @property
    def query(self) -> dict[str, list[str]]:
        """The query of the last question."""
        return self.asked[-1][2]


class _Handler(BaseHTTPRequestHandler):
    stub: Stub

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        self.stub.asked.append((self.command, parts.path, parse_qs(parts.query), body))
        self.stub.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            problem = {"status": 401, "title": "Unauthorized", "detail": "Send a bearer token."}
            self._send(401, "application/problem+json", problem)
            return
        missing = (404, "application/problem+json", {"status": 404, "detail": "There is no such incident."})
        key = parts.path + ("#events" if "event-stream" in self.headers.get("Accept", "") else "")
        self._send(*self.stub.answers.get((self.command, key), missing))

    do_GET = do_POST = do_DELETE = _serve

    def _send(self, status: int, kind: str, document: Any) -> None:
        body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if "event-stream" not in kind:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: what was asked is kept in the stub."""


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A running server that knows INC-7."""
    stub = Stub()
    handler = type("Handler", (_Handler,), {"stub": stub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    stub.url = f"http://127.0.0.1:{server.server_port}"
    stub.answer("GET", "/incidents", {"incidents": [INCIDENT]})
    stub.answer("GET", "/incidents/INC-7", {"incident": INCIDENT})
    stub.answer("GET", "/incidents/INC-7/timeline", {"lines": LINES})
    stub.answer(
        "GET", "/incidents/INC-7/postmortem", "## Incident Post-Mortem\n\nGone.\n", kind="text/markdown"
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stub
    server.shutdown()
    server.server_close()
    thread.join()


class NoServices:
    """Remote commands need nothing of the composition root; asking for it is a fault."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a remote command asked for {name}")


@dataclass
class Terminal:
    """Types commands, as a person does."""

    env: dict[str, str | None]
    services: Any = field(default_factory=NoServices)

    def __call__(self, *words: str, input: str | None = None) -> Result:
        result = CliRunner().invoke(build(self.services), list(words), env=self.env, input=input)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result


@pytest.fixture
def paris() -> Iterator[None]:
    """The local zone is Europe/Paris."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Paris"
    time.tzset()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture
def terminal(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paris: None) -> Terminal:
    """A terminal in an empty directory, whose environment names the stub and its token."""
    monkeypatch.chdir(tmp_path)
    return Terminal({"TOCSIN_URL": stub.url, "TOCSIN_TOKEN": TOKEN, "TOCSIN_DATA": None, "COLUMNS": "200"})
