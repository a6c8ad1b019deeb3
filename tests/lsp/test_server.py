"""The language server, over its real standard input and output."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pygls", reason="the language server needs pygls, an extra of its own")

ROOT = Path(__file__).parents[2]
URI = "file:///playbooks/my%20runbook.md"
TEXT = """---
tocsin:
  vars:
    A: x
---
# T

| Level | Response time |
|-|-|
| P1 | 5 min |
| P2 | 9 min |

## Diagnosis

```bash
# Look at <HOST>
#@ effect=destroy
curl "https://<HOST>/" -H "$API_TOKEN"
```
"""


class Client:
    """A language client by hand: frames on a pipe."""

    def __init__(self, documentation: str = "") -> None:
        path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tocsin", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._number = 0
        options = {"documentation": documentation}
        params = {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": options}
        self.server = self.ask("initialize", params)
        self.tell("initialized", {})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the server has gone"
        return json.loads(self._process.stdout.read(length))

    def tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: Any = None) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while (answer := self._receive()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, text: str) -> list[dict[str, Any]]:
        item = {"uri": URI, "languageId": "markdown", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": item})
        return self.diagnostics()

    def diagnostics(self) -> list[dict[str, Any]]:
        while (told := self._receive()).get("method") != "textDocument/publishDiagnostics":
            pass
        return told["params"]["diagnostics"]

    def at(self, method: str, line: int, character: int) -> Any:
        place = {"line": line, "character": character}
        return self.ask(f"textDocument/{method}", {"textDocument": {"uri": URI}, "position": place})

    def close(self) -> int:
        self.ask("shutdown")
        self.tell("exit", None)
        code = self._process.wait(10)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream
            stream.close()
        return code


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client(documentation="https://tocsin.example.org")
    yield made
    assert made.close() == 0


def labels(offered: Any) -> list[str]:
    items = offered["items"] if isinstance(offered, dict) else offered
    return [each["label"] for each in items or []]


def test_findings_are_diagnostics(client: Client) -> None:
    assert client.server["capabilities"]["textDocumentSync"]["change"] == 1
    found = {each["code"]: each for each in client.open(TEXT)}
    told = found["PB012"]
    assert told["source"] == "tocsin"
    assert told["severity"] == 2
    assert told["codeDescription"]["href"].endswith("docs/reference/findings.md#pb012")
    assert told["range"]["start"]["character"] == 0
    assert told["range"]["end"]["character"] > 0


def test_a_change_is_read_and_a_closed_document_is_forgotten(client: Client) -> None:
    client.open(TEXT)
    for version, text in enumerate(["# T", "# T\n\n- x", "x\n"], 2):
        change = {"textDocument": {"uri": URI, "version": version}, "contentChanges": [{"text": text}]}
        client.tell("textDocument/didChange", change)
    codes = {each["code"] for each in client.diagnostics()}
    assert "PB093" in codes
    client.tell("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert client.diagnostics() == []


def test_hover_says_what_was_understood(client: Client) -> None:
    client.open(TEXT)
    assert "**Severity** P1" in client.at("hover", 9, 3)["contents"]["value"]
    step = client.at("hover", 17, 0)["contents"]["value"]
    assert "**destroy**" in step
    assert "`HOST` (hostname)" in step
    assert client.at("hover", 5, 0) is None


def test_completion_of_directives_and_of_the_front_matter(client: Client) -> None:
    text = TEXT.replace("#@ effect=destroy", "#@ effect=")
    client.open(text)
    assert labels(client.at("completion", 16, 10)) == ["read", "change", "destroy"]
    keys = labels(client.at("completion", 16, 3))
    assert {"timeout", "approvals"} <= set(keys)
    assert "group_by" in labels(client.at("completion", 3, 2))
    assert labels(client.at("completion", 7, 2)) == []


def test_a_megabyte_and_marks_outside_the_first_plane(client: Client) -> None:
    client.open("# 🔴 T\n\n#@ ")
    began = time.monotonic()
    lines = "Some words of prose, and a 🔴.\n" * 30_000
    client.tell("textDocument/didChange", {
        "textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"text": f"# T\n\n{lines}"}],
    })  # fmt: skip
    assert client.diagnostics()
    assert time.monotonic() - began < 15


def test_without_pygls_a_plain_sentence_says_what_to_do() -> None:
    from typer.testing import CliRunner

    from tocsin.faces.cli.main import build

    class Services:
        def language_server(self) -> None:
            raise ModuleNotFoundError("No module named 'pygls'", name="pygls")

    services: Any = Services()
    result = CliRunner().invoke(build(services), ["lsp"])
    assert result.exit_code == 1
    assert "tocsin[lsp]" in result.stderr
