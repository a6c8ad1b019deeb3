"""The commands that work on the database itself: proving it, and the tokens."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tocsin.adapters.store.address import read_address
from tocsin.adapters.store.migrate import upgrade
from tocsin.adapters.store.sql import connect
from tocsin.engine.ports import Store, StoreUnavailableError
from tocsin.faces.cli.services import ServeOptions, StoreOptions
from tocsin.incident.evolve import fold
from tocsin.testing.store_samples import noted, open_one

NOW = datetime(2026, 12, 25, 2, 0, tzinfo=UTC)


class Clock:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW


class Chance:
    """Secrets that differ, and can be told from each other."""

    drawn = 0

    def secret(self) -> str:
        Chance.drawn += 1
        return f"secret-number-{Chance.drawn:032}"


class Services:
    """The composition root over one SQLite file."""

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self.served: list[ServeOptions] = []
        self.opened: list[StoreOptions] = []

    def serve(self, options: ServeOptions) -> None:
        self.served.append(options)

    @asynccontextmanager
    async def open_store(self, options: StoreOptions) -> AsyncGenerator[Store, None]:
        self.opened.append(options)
        store = await connect(self.url, fold)
        try:
            yield store
        finally:
            await store.close()

    def clock(self) -> Clock:
        return Clock()

    def randomness(self) -> Chance:
        return Chance()


@pytest.fixture
def local(terminal: Any, tmp_path: Path) -> Any:
    """A terminal on the server's machine, whose environment names no server."""
    services = Services(tmp_path / "tocsin.db")
    upgrade(read_address(services.url))

    async def fill() -> None:
        store = await connect(services.url, fold)
        try:
            await open_one(store, noted("one"), noted("two"))
        finally:
            await store.close()

    asyncio.run(fill())
    terminal.services = services
    terminal.env["TOCSIN_URL"] = None
    return terminal


def test_verify_proves_an_untouched_database(local: Any) -> None:
    result = local("verify")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("Verified: 1 incident and the audit log.")
    assert json.loads(local("verify", "--json").stdout) == {"ok": True, "incidents": 1, "faults": []}


def test_verify_names_the_event_that_was_changed(local: Any, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "tocsin.db") as database:
        changed = database.execute("UPDATE events SET data = replace(data, 'one', 'ons') WHERE seq = 2")
        assert changed.rowcount == 1
    database.close()
    result = local("verify")
    assert result.exit_code == 1
    assert result.stderr.startswith("The database does not verify:")
    assert "INC-1, event 2: " in result.stderr
    told = local("verify", "--json")
    assert told.exit_code == 1
    document = json.loads(told.stdout)
    assert document["ok"] is False
    assert ("INC-1", 2) in {(each["incident"], each["seq"]) for each in document["faults"]}


def test_a_database_that_cannot_be_read_is_told_plainly(local: Any) -> None:
    @asynccontextmanager
    async def fails(options: StoreOptions) -> AsyncGenerator[Store, None]:
        raise StoreUnavailableError("the disk is full")
        yield

    local.services.open_store = fails
    for words in (("verify",), ("token", "list")):
        result = local(*words)
        assert result.exit_code == 1
        assert result.stderr.splitlines() == [
            "The disk is full.",
            "  If another one is meant, name it with --data or --database-url.",
        ]


def test_a_token_is_made_listed_and_revoked(local: Any) -> None:
    made = local("token", "create", "--name", "ci", "--scope", "source", "--person", "alice")
    assert made.exit_code == 0, made.stderr
    secret = next(line.split()[1] for line in made.stdout.splitlines() if line.startswith("Token:"))
    assert secret.startswith("tsn_")
    listed = json.loads(local("token", "list", "--json").stdout)["tokens"]
    (token,) = listed
    assert (token["name"], token["scope"], token["person"]) == ("ci", "source", "alice")
    assert "secret_hash" not in token
    assert secret not in local("token", "list").stdout
    assert local("token", "revoke", token["id"]).stdout == f"Token {token['id']} is revoked.\n"
    assert json.loads(local("token", "list", "--json").stdout)["tokens"][0]["revoked_at"] is not None
    missing = local("token", "revoke", "nonsense")
    assert (missing.exit_code, missing.stderr.splitlines()[0]) == (1, "There is no token 'nonsense'.")


def test_a_token_as_json_has_the_fields_of_the_api(local: Any) -> None:
    made = json.loads(local("token", "create", "--name", "x", "--scope", "viewer", "--json").stdout)
    assert set(made) == {
        "token", "id", "name", "scope", "person", "created_at", "last_used_at", "revoked_at",
    }  # fmt: skip


def test_a_bad_name_is_refused(local: Any) -> None:
    result = local("token", "create", "--name", " ", "--scope", "viewer")
    assert (result.exit_code, "characters" in result.stderr) == (1, True)
    assert local("token", "create", "--name", "x", "--scope", "emperor").exit_code == 2


def test_tokens_of_a_running_server(stub: Any, local: Any) -> None:
    token = {
        "id": "abc",
        "name": "ci",
        "scope": "source",
        "person": None,
        "created_at": "2026-12-25T02:00:00Z",
    }
    stub.answer("POST", "/tokens", token | {"token": "tsn_abc_secret"}, 201)
    stub.answer("GET", "/tokens", {"tokens": [token]})
    stub.answer("DELETE", "/tokens/abc", "", 204)
    made = local("token", "create", "--name", "ci", "--scope", "source", "--server", stub.url)
    assert stub.last == ("POST", "/tokens", {"name": "ci", "scope": "source"})
    assert "tsn_abc_secret" in made.stdout
    local.env["TOCSIN_URL"] = stub.url
    assert local("token", "list").stdout.splitlines()[1].startswith("abc  ci    source")
    assert local("token", "revoke", "abc").exit_code == 0
    assert local.services.opened == []
    local("token", "list", "--database-url", "sqlite:///x.db")
    assert local.services.opened[0].database_url == "sqlite:///x.db"
    both = local("token", "list", "--server", stub.url, "--data", "x")
    assert both.exit_code == 2


def test_serve_hands_its_flags_on(local: Any) -> None:
    assert local("serve").exit_code == 0
    local(
        "serve", "--playbook", "p.md", "--roster", "r.toml", "--host", "0.0.0.0", "--port", "1", "--data", "d"
    )
    first, second = local.services.served
    assert first == ServeOptions()
    wanted = ServeOptions(
        playbook=Path("p.md"), roster=Path("r.toml"), host="0.0.0.0", port=1, data=Path("d")
    )
    assert second == wanted
    assert local("serve", "--port", "70000").exit_code == 2
