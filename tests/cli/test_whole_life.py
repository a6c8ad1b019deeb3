"""The whole life of an incident from the command line, against the real API over the real engine."""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import structlog
import uvicorn

from tocsin.adapters.clock import SystemClock, SystemRandomness
from tocsin.adapters.store.memory import MemoryStore
from tocsin.base.ids import PersonId
from tocsin.engine.engine import Engine, assemble
from tocsin.engine.library import read_document
from tocsin.engine.ports import Outgoing
from tocsin.faces.http.app import create_app
from tocsin.incident.events import SYSTEM
from tocsin.incident.evolve import fold
from tocsin.incident.rules import Clocks
from tocsin.oncall.model import Audience, ContactMethod, Person, RoleFill, Roster

PLAYBOOK = b"""# Runbook: Small Playbook

## Severity Levels
| Level | Description | Response Time | Examples |
|---|---|---|---|
| P1 - Critical | Service down | < 15 minutes | Database unreachable |
| P2 - High | Degraded | < 1 hour | Slow answers |

## Incident Response Process
### Phase 2: Triage (5-15 minutes)
- [ ] Is the service completely down? -> **P1**

**Assign incident commander:**
- P1/P2: Senior engineer

### Phase 4: Resolve (1-24 hours)
1. **Identify root cause** - review logs
2. **Implement fix** - change code

### Phase 5: Post-Mortem (Within 48 hours)
```markdown
## Incident Post-Mortem: [TITLE]

**Severity:** P1/P2

### Root Cause
[Description of what caused the incident]
```

## Communication Templates
### P1 - Update
```
P1 UPDATE: [Brief description]
Feeling: [Mood of the team]
```

## Escalation Path
```
On-Call Engineer
    |
    +-- Cannot resolve in 30 min -> Senior Engineer
```

## Key Contacts
| Role | Responsibility | Escalation Trigger |
|---|---|---|
| On-Call Engineer | First response | All alerts |
| Senior Engineer | Debugging | P2+ unresolved > 30 min |
"""


class Quiet:
    """A channel that delivers at once, to nowhere."""

    kind = "outbox"

    def check(self, address: str) -> str | None:
        return None

    async def send(self, outgoing: Outgoing) -> str:
        return "kept"

    async def close(self) -> None:
        pass


def roster() -> Roster:
    def reach(name: str) -> tuple[ContactMethod, ...]:
        return (ContactMethod(id="outbox", kind="outbox", address=name),)

    alice, bob = PersonId("alice"), PersonId("bob")
    return Roster(
        people=(
            Person(id=alice, name="Alice", methods=reach("alice")),
            Person(id=bob, name="Bob", methods=reach("bob")),
        ),
        roles=(
            RoleFill(role="On-Call Engineer", people=(alice,)),
            RoleFill(role="Senior Engineer", people=(bob,)),
        ),
        audiences=(Audience(name="customers", methods=reach("customers")),),
    )


def assembled() -> Engine:
    return assemble(
        store=MemoryStore(fold),
        clock=SystemClock(),
        randomness=SystemRandomness(),
        document=read_document("playbook.md", PLAYBOOK),
        roster=roster(),
        clocks=Clocks(),
        channels={"outbox": Quiet()},
        public_url="http://tocsin.test",
        bundle_window=timedelta(0),
    )


@pytest.fixture
def server(terminal: Any) -> Iterator[Any]:
    """A terminal whose environment names a real server, with Alice's token of a commander."""
    # The server logs within this process, where a command's output is captured.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    ready, servers, tokens = threading.Event(), list[uvicorn.Server](), list[str]()

    async def run() -> None:
        engine = assembled()
        await engine.start()
        try:
            tokens.append(await engine.access.create_token("alice", "admin", PersonId("alice"), SYSTEM))
            app = create_app(engine, sources={}, public_url=url)
            config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
            servers.append(uvicorn.Server(config))
            ready.set()
            await servers[0].serve(sockets=[listening])
        finally:
            await engine.stop()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asyncio.run, run())
        while not ready.wait(0.05) and not running.done():
            pass
        if running.done():
            running.result()
        terminal.env.update(TOCSIN_URL=url, TOCSIN_TOKEN=tokens[0])
        yield terminal
        servers[0].should_exit = True
        running.result(20)
    listening.close()
    structlog.reset_defaults()


def said(result: Any) -> str:
    assert result.exit_code == 0, result.stderr
    return str(result.stdout)


def test_from_declaration_to_the_end(server: Any) -> None:
    assert said(server("incidents")) == "No incident is open.\n"
    assert said(server("declare", "Database is unreachable")).startswith("INC-1 (P1, open): ")
    assert "Database is unreachable" in said(server("incidents"))
    assert said(server("ack", "1")).startswith("INC-1 (P1, acknowledged): You have acknowledged INC-1.")
    assert "Bob" in said(server("assign", "1", "bob"))
    assert said(server("note", "1", "Primary's disk is full")).endswith("Noted.\n")
    shown = said(server("incident", "1"))
    assert "by Alice" in shown
    document = json.loads(said(server("incident", "1", "--json")))
    question, item = document["triage"][0]["id"], document["phases"][-2]["checklist"][0]["id"]
    assert question in shown
    assert item in shown
    said(server("triage", "1", question, "yes"))
    said(server("checkoff", "1", item))
    assert said(server("severity", "1", "p1", "--reason", "all are down")).startswith("INC-1 (P1,")
    assert "Bob is being paged" in said(server("escalate", "1", "Senior Engineer", "--reason", "help"))
    assert "--set 'Feeling=…'" in said(server("message", "1", "update", "--preview"))
    refused = server("message", "1", "update")
    assert (refused.exit_code, "Feeling" in refused.stderr) == (1, True)
    said(server("message", "1", "update", "--set", "Feeling=calm"))
    said(server("message", "1", "update", "--text", "We are on it."))
    assert said(server("mitigated", "1", "--summary", "replica")).startswith("INC-1 (P1, mitigated)")
    assert "resolved" in said(server("resolve", "1", "--root-cause", "disk full", "--fix", "larger disk"))
    assert "disk full" in said(server("postmortem", "1"))
    said(server("postmortem", "1", "--publish"))
    assert said(server("reopen", "1", "--reason", "again")).startswith("INC-1 (P1, open)")
    said(server("ack", "1"))
    said(server("resolve", "1", "--root-cause", "disk full", "--fix", "larger disk"))
    said(server("postmortem", "1", "--publish", "--link", "https://wiki.example/1"))
    assert said(server("close", "1")).startswith("INC-1 (P1, closed)")
    assert said(server("incidents")) == "No incident is open.\n"
    assert "closed" in said(server("incidents", "--all"))
    told = said(server("timeline", "1"))
    for words in (
        "Opened as P1",
        "Alice acknowledged",
        "Primary's disk is full",
        "Feeling: calm",
        "We are on it.",
        "Closed.",
    ):
        assert words in told


def test_dismissing_merging_and_refusals(server: Any) -> None:
    for title in ("One", "Two", "Three"):
        said(server("declare", title, "--level", "P2"))
    assert said(server("dismiss", "1", "--reason", "a test")).startswith("INC-1 (P2, dismissed)")
    assert said(server("merge", "2", "3")).startswith("INC-2 (P2, merged)")
    assert "Two" in said(server("timeline", "3"))
    late = server("note", "9", "x")
    assert (late.exit_code, late.stderr) == (1, "There is no incident INC-9.\n")
    refused = server("severity", "3", "P9", "--reason", "x")
    assert refused.exit_code == 1
    assert "P9" in refused.stderr
    assert "that version already" in said(server("repin", "3"))
    assert server("ack", "3", "--as", "nobody").exit_code == 1
    assert server("incidents", "--state", "asleep").exit_code == 1
    assert said(server("ack", "3", "--as", "bob")).startswith("INC-3 (P2, acknowledged)")


def test_who_is_on_call_alerts_and_tokens(server: Any) -> None:
    duty = said(server("oncall", "--at", "2026-12-25T03:00+01:00"))
    assert "On-Call Engineer  Alice" in duty
    assert said(server("alerts")) == "No alert was taken in yet.\n"
    made = json.loads(said(server("token", "create", "--name", "ci", "--scope", "viewer", "--json")))
    assert "ci" in said(server("token", "list"))
    server.env["TOCSIN_TOKEN"] = made["token"]
    assert server("incidents").exit_code == 0
    denied = server("declare", "x")
    assert denied.exit_code == 1
    assert "responder" in denied.stderr


def test_a_timeline_is_followed_live(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.faces.cli.options import connect

    said(server("declare", "Database is unreachable"))
    for name, value in server.env.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    remote = connect(None, None)
    lines = remote.follow("/incidents/INC-1/timeline", 0)
    assert next(lines)["kind"] == "Opened"
    remote.post("/incidents/INC-1/note", {"text": "now"})
    assert next(line["text"] for line in lines if line["kind"] == "Noted") == "now"
    lines.close()  # type: ignore[attr-defined]
