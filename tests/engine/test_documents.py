"""Several documents in the running engine: alerts routed, runbooks attached, an edit, a restart, a policy."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.core.sample import ALICE, ROSTER, alert
from tocsin.adapters.store.memory import MemoryStore
from tocsin.base.ids import IncidentId, PersonId
from tocsin.engine.desk import RefusedError
from tocsin.engine.engine import Engine, assemble
from tocsin.engine.intake import Taken
from tocsin.engine.shelf import Shelf, put_on_shelf
from tocsin.engine.views import Room
from tocsin.incident import commands as c
from tocsin.incident.evolve import fold
from tocsin.incident.rules import Clocks
from tocsin.playbook.model import Effect, RunMode
from tocsin.playbook.policy import Policy, read_policy

LEVELS = "| Level | Response time |\n|---|---|\n| P1 | 15 min |\n| P2 | 1 h |\n"
MAIN = f"# Main\n\n{LEVELS}\n## Mitigation\n\n### Down\n\n```bash\n# Restart\nsystemctl restart x\n```\n"
SECURITY = (
    "---\ntocsin:\n  group_by: [alertname]\n  routes:\n    - 'team=\"security\"'\n---\n"
    f"# Security\n\n{LEVELS}\n## Contacts\n\n"
    "| Role | Trigger |\n|---|---|\n| Security Engineer | All alerts |\n"
)
VAULT = (
    "# Runbook: Vault sealed\n\n**Alert:** `VaultSealed`\n\n## Diagnosis\n\n```bash\n# Look\n#@ id=look\n"
    "vault status\n```\n\n## Resolution\n\n```bash\n# Unseal\n#@ verify=look\nvault operator unseal\n```\n\n"
    "## Verification\n\n- [ ] Services answer\n"
)
FILES = {
    "main.md": MAIN,
    "security.md": SECURITY,
    "runbooks/vault.md": VAULT,
    "notes.md": "# Notes\n\nText.\n",
}


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    async def wait(self, until: datetime | None, wake: asyncio.Event) -> None:
        await asyncio.Event().wait()


class Randomness:
    def secret(self) -> str:
        return "s" * 43

    def jitter(self) -> float:
        return 0.5


def shelf(files: dict[str, str], policy: Policy | None = None) -> Shelf:
    found, fatal = put_on_shelf(
        [(name, text.encode()) for name, text in files.items()], True, policy or Policy()
    )
    assert fatal == []
    assert found is not None
    return found


class House:
    """An engine on a store that outlives it."""

    def __init__(self) -> None:
        self.store = MemoryStore(fold)
        self.clock = Clock()

    async def boot(self, documents: Shelf) -> Engine:
        engine = assemble(
            store=self.store,
            clock=self.clock,
            randomness=Randomness(),
            document=documents,
            roster=ROSTER,
            clocks=Clocks(),
            channels={},
            public_url="http://localhost",
            bundle_window=timedelta(0),
        )
        await engine.catch_up()
        return engine


async def take(engine: Engine, name: str, firing: bool = True, **labels: str) -> Taken:
    running = asyncio.create_task(engine.intake.run())
    (taken,) = await engine.intake.take([alert(name, engine.clock.now(), firing=firing, **labels)])
    running.cancel()
    return taken


async def room(engine: Engine, incident: IncidentId | None) -> Room:
    assert incident is not None
    found = await engine.queries.room(incident)
    assert found is not None
    return found


def ids(found: Room) -> list[str]:
    return [each.id for each in found.actions]


def run(life: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(life(), 30))


def test_alerts_go_to_the_playbook_of_their_route() -> None:
    async def life() -> None:
        engine = await House().boot(shelf(FILES))
        one = await take(engine, "Breach", team="security", service="a")
        same = await take(engine, "Breach", team="security", service="b")
        other = await take(engine, "Breach", service="a")
        assert one.incident == same.incident
        assert other.incident != one.incident
        assert (await room(engine, one.incident)).playbook_title == "Security"
        assert (await room(engine, other.incident)).playbook_title == "Main"
        incident = (await room(engine, other.incident)).incident
        assert incident.group_key == "alertname=Breach/service=a"
        assert (await room(engine, one.incident)).incident.group_key == "[security.md] alertname=Breach"

    run(life)


def test_a_declaration_may_name_its_playbook() -> None:
    async def life() -> None:
        engine = await House().boot(shelf(FILES))
        for name, title in (("", "Main"), ("security.md", "Security"), ("SECURITY", "Security")):
            answer = await engine.desk.open(c.Declare(title="Odd", playbook=name), ALICE)
            assert (await room(engine, answer.incident.id)).playbook_title == title
        with pytest.raises(RefusedError) as refused:
            await engine.desk.open(c.Declare(title="Odd", playbook="none.md"), ALICE)
        assert refused.value.code == "unknown-playbook"
        assert "main.md, security.md" in refused.value.message

    run(life)


def test_a_runbook_is_there_when_its_alert_fires_and_stays() -> None:
    async def life() -> None:
        engine = await House().boot(shelf(FILES))
        plain = await room(engine, (await take(engine, "Slow")).incident)
        assert (plain.runbooks, ids(plain)) == ((), ["down/restart"])
        taken = await take(engine, "VaultSealed")
        found = await room(engine, taken.incident)
        assert found.runbooks == ("Vault sealed",)
        assert ids(found) == ["down/restart", "runbooks-vault/look", "runbooks-vault/resolution/unseal"]
        assert [each.phase for each in found.actions[1:]] == ["Vault sealed"] * 2
        assert found.actions[2].handling.verify == "runbooks-vault/look"
        phase = found.phases[-1]
        assert (phase.name, phase.checklist[0].id) == (
            "Vault sealed: Verification",
            "runbooks-vault/services-answer",
        )
        await take(engine, "VaultSealed", firing=False)
        assert taken.incident is not None
        ticked = c.CheckItem(item=phase.checklist[0].id)
        await engine.desk.handle(taken.incident, ticked, ALICE)
        after = await room(engine, taken.incident)
        assert after.incident.checked == ("runbooks-vault/services-answer",)
        assert after.runbooks == ("Vault sealed",)

    run(life)


def test_an_edit_leaves_open_incidents_and_survives_a_restart() -> None:
    async def life() -> None:
        house = House()
        engine = await house.boot(shelf(FILES))
        opened = (await take(engine, "VaultSealed")).incident
        secured = (await take(engine, "Breach", team="security")).incident
        assert opened is not None
        before = await room(engine, opened)
        assert before.playbook_is_current
        edited = {**FILES, "runbooks/vault.md": VAULT.replace("vault status", "vault status -format=json")}
        edited["security.md"] = SECURITY.replace("# Security", "# Security, second edition")
        await engine.reload(shelf(edited), ROSTER)
        for _ in range(2):
            kept = await room(engine, opened)
            assert kept.actions == before.actions
            assert not kept.playbook_is_current
            assert (await room(engine, secured)).playbook_title == "Security"
            # A new process knows nothing but what the store holds.
            engine = await house.boot(shelf(edited))
        fresh = await room(engine, (await take(engine, "VaultSealed", service="other")).incident)
        assert "json" in fresh.actions[1].script
        await engine.desk.handle(opened, c.Repin(), ALICE)
        followed = await room(engine, opened)
        assert followed.playbook_is_current
        assert "json" in followed.actions[1].script
        assert secured is not None
        await engine.desk.handle(secured, c.Repin(), ALICE)
        assert (await room(engine, secured)).playbook_title == "Security, second edition"
        assert await engine.store.verify() == []

    run(life)


def test_a_playbook_that_is_gone_leaves_its_incidents_running() -> None:
    async def life() -> None:
        house = House()
        engine = await house.boot(shelf(FILES))
        secured = (await take(engine, "Breach", team="security")).incident
        assert secured is not None
        engine = await house.boot(shelf({"main.md": MAIN}))
        assert (await room(engine, secured)).playbook_title == "Security"
        await engine.desk.handle(secured, c.Acknowledge(person=PersonId("anna")), ALICE)
        await engine.desk.handle(secured, c.Repin(), ALICE)
        assert (await room(engine, secured)).playbook_title == "Main"

    run(life)


def test_the_policy_is_that_of_today_in_open_incidents_too() -> None:
    async def life() -> None:
        house = House()
        text = (
            '[steps."down/restart"]\neffect="read"\nrun="auto"\nreason="A stub"\nowner="ops"\n'
            'expires=2026-03-04\n\n[steps.look]\nrun="never"\n'
        )
        ruled = shelf(FILES, read_policy(text.encode(), "policy.toml"))
        engine = await house.boot(ruled)
        opened = (await take(engine, "VaultSealed")).incident
        restart, look, _ = (await room(engine, opened)).actions
        assert (restart.effect, restart.run, look.run) == (Effect.READ, RunMode.AUTO, RunMode.NEVER)
        house.clock.at += timedelta(days=2)
        assert house.clock.at.date() == date(2026, 3, 4)
        assert (await room(engine, opened)).actions[0].effect is Effect.CHANGE
        house.clock.at -= timedelta(days=2)
        await engine.reload(replace(ruled, policy=Policy()), ROSTER)
        assert (await room(engine, opened)).actions[0].effect is Effect.CHANGE

    run(life)


def test_what_refuses_a_folder() -> None:
    def refused(files: dict[str, str]) -> list[str]:
        found, fatal = put_on_shelf([(name, text.encode()) for name, text in files.items()], True, Policy())
        assert found is None
        return [each.code for each in fatal]

    assert refused({"a.md": MAIN, "b.md": MAIN}) == ["PB112"]
    assert refused({"vault.md": VAULT}) == ["PB110"]
    assert refused({"a.md": MAIN, "b.md": SECURITY, "c.md": SECURITY}) == ["PB113"]
    nameless = VAULT.replace("**Alert:** `VaultSealed`\n\n", "")
    assert shelf({"main.md": MAIN, "vault.md": nameless}).books, (
        "a runbook for no alert stands in nobody's way"
    )
    for alone in (VAULT, nameless):
        found, fatal = put_on_shelf([("vault.md", alone.encode())], False, Policy())
        assert found is None
        assert [(each.code, each.file) for each in fatal] == [("PB090", "vault.md")]
    wrong = MAIN.replace("# Restart", "# Restart\n#@ efect=read")
    assert [each.playbook.actions[0].runnable for each in shelf({"a.md": wrong}).books] == [False]
