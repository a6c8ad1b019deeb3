"""The real world: local servers, files and the PATH. Nothing is changed by asking."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tocsin.adapters.live import LiveWorld, _aside
from tocsin.base.problems import Problem, ProblemsError
from tocsin.config.load import load_settings
from tocsin.config.settings import references_of
from tocsin.faces.cli.main import build
from tocsin.testing.fakes import ManualClock


class Strict:
    """A channel that takes one address."""

    kind = "strict"

    def check(self, address: str) -> str | None:
        return None if address.startswith(("good", "http")) else "It is not good."


def no_secret(ref: str, field: str) -> str:
    if ref == "env:THERE":
        return "swordfish"
    raise ProblemsError([Problem(code="no-secret", message="It is not set.", mend="Set it.", field=field)])


def world(folder: Path, environ: Mapping[str, str] | None = None, **more: Any) -> LiveWorld:
    channels: Any = {"strict": Strict(), "email": Strict()}
    return LiveWorld(folder, environ or {}, channels, no_secret, [], **more)


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_programs(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    here = world(tmp_path, {"PATH": str(tmp_path)})
    assert asyncio.run(here.program("tool")) == ""
    assert asyncio.run(here.program("other")) != ""


def test_hosts(tmp_path: Path, listening: int) -> None:
    here = world(tmp_path)
    assert asyncio.run(here.reach("127.0.0.1", listening)) == ""
    assert "no connection" in asyncio.run(here.reach("127.0.0.1", closed_port()))
    assert "nowhere" in asyncio.run(here.reach("no-such-host.invalid", 80))
    assert "nowhere" in asyncio.run(here.reach("a" * 70 + ".invalid", 80))


def test_contacts(tmp_path: Path, listening: int) -> None:
    here = world(tmp_path, mail=("127.0.0.1", closed_port()))
    assert asyncio.run(here.contact("strict", "good")) == ""
    assert asyncio.run(here.contact("strict", "bad")) == "It is not good."
    assert "no channel" in asyncio.run(here.contact("pigeon", "good"))
    assert "mail server" in asyncio.run(here.contact("email", "good"))
    assert asyncio.run(here.contact("strict", f"http://127.0.0.1:{listening}/x")) == ""
    assert "connection" in asyncio.run(here.contact("strict", f"http://127.0.0.1:{closed_port()}/x"))


def test_secrets_and_names(tmp_path: Path) -> None:
    here = world(tmp_path, {"SET": "1", "EMPTY": ""})
    assert asyncio.run(here.secret("env:THERE", "x")) == ""
    assert asyncio.run(here.secret("env:GONE", "x")) == "It is not set."
    assert asyncio.run(here.variable("SET")) == ""
    assert asyncio.run(here.variable("EMPTY")) != ""


@pytest.mark.parametrize(
    ("text", "defined"),
    [
        ("services:\n  web: {}\n  db: {}\n", {"web", "db"}),
        ("services:\n", set()),
        ("include: [x.yml]\nservices: {web: {}}\n", None),
    ],
)
def test_compose_files(tmp_path: Path, text: str, defined: set[str] | None) -> None:
    (tmp_path / "compose.yml").write_text(text)
    for name in ("compose.yml", ""):
        assert asyncio.run(world(tmp_path).services(name)) == defined


@pytest.mark.parametrize("content", [b"- a", b"a: [", b"services: [a]", b"\xff\xfe\x00", b"a" * 1_100_000])
def test_what_is_no_compose_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.yml").write_bytes(content)
    with pytest.raises(ValueError, match=r"it|its"):
        asyncio.run(world(tmp_path).services("x.yml"))


def test_a_file_that_is_none_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")
    with pytest.raises(ValueError, match="no file"):
        asyncio.run(world(tmp_path).services("pipe.yml"))
    with pytest.raises(FileNotFoundError):
        asyncio.run(world(tmp_path).services("gone.yml"))
    assert asyncio.run(world(tmp_path).services("")) is None


def test_an_answer_that_comes_too_late_keeps_nothing_waiting() -> None:
    release = threading.Event()

    async def impatient() -> None:
        await asyncio.wait_for(_aside(release.wait), 0.05)

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    assert time.monotonic() - began < 2
    release.set()


def test_every_reference_of_the_settings_is_asked_for() -> None:
    text = (
        '[webhook]\nsecret_ref = "env:A"\n[smtp]\nhost = "mail.example.org"\nfrom = "a@example.org"\n'
        'username = "u"\npassword_ref = "env:B"\n[sources.generic]\ntoken_ref = "env:C"\n'
    )
    found = dict(references_of(load_settings({}, {}, text, "tocsin.toml")))
    assert set(found) == {"env:A", "env:B", "env:C"}


def test_check_live_asks_and_tells(tmp_path: Path) -> None:
    text = "# T\n\n## Diagnosis\n\n```bash\n# A\nno-such-tool --now\n```\n"
    (tmp_path / "x.md").write_text(text)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    class Services:
        def world(self, folder: Path) -> LiveWorld:
            assert folder == tmp_path
            return world(folder, {"PATH": ""})

        def clock(self) -> ManualClock:
            return ManualClock(datetime(2026, 11, 24, tzinfo=UTC))

    services: Any = Services()
    result = CliRunner().invoke(build(services), ["check", "--live", str(tmp_path / "x.md")])
    assert "PL001 warning The program no-such-tool" in result.stdout
    assert "[1/1] program no-such-tool" in result.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
