"""Which questions follow from a playbook and a roster, and what the answers mean."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, time

import pytest

from tests.playbook.golden import read
from tocsin.base.ids import PersonId
from tocsin.base.problems import Problem
from tocsin.engine import live
from tocsin.oncall.model import ContactMethod, Person, RoleFill, Roster, Rotation
from tocsin.playbook.compose import compose_calls
from tocsin.playbook.shell import read_script

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Answers:
    """A world of which a test decides what it answers; it keeps what it was asked."""

    def __init__(self, *wrong: str, services: frozenset[str] | None = frozenset({"web", "db"})) -> None:
        self.asked: list[str] = []
        self._wrong = wrong
        self._services = services

    def references(self) -> Sequence[tuple[str, str]]:
        return [("env:MAIL", "smtp.password_ref")]

    async def _answer(self, what: str) -> str:
        self.asked.append(what)
        return "it is not there" if what in self._wrong else ""

    async def program(self, name: str) -> str:
        return await self._answer(f"program {name}")

    async def services(self, file: str) -> frozenset[str] | None:
        self.asked.append(f"services {file}")
        if file in self._wrong:
            raise FileNotFoundError(2, "No such file")
        return self._services

    async def reach(self, host: str, port: int) -> str:
        return await self._answer(f"{host}:{port}")

    async def contact(self, kind: str, address: str) -> str:
        return await self._answer(f"{kind} {address}")

    async def secret(self, reference: str, field: str) -> str:
        return await self._answer(reference)

    async def variable(self, name: str) -> str:
        return await self._answer(f"${name}")


def ask(text: str, world: Answers, people: Roster | None = None) -> tuple[Problem, ...]:
    playbook = read(text)
    told: list[tuple[int, int, str]] = []
    asked = live.questions(playbook, people, world)
    found = asyncio.run(live.ask(asked, world, lambda *each: told.append(each)))
    assert [done for done, _, _ in told] == list(range(1, len(asked) + 1))
    return found


def steps(*lines: str) -> str:
    return "# T\n\n## Diagnosis\n\n```bash\n" + "\n".join(lines) + "\n```\n"


def test_programs_are_asked_once_and_told_at_their_first_line() -> None:
    world = Answers("program jq")
    found = ask(steps("# A", "ls | jq .", "", "# B", "jq ."), world)
    assert [(each.code, each.line) for each in found] == [("PL001", 7)]
    assert world.asked.count("program jq") == 1


@pytest.mark.parametrize(
    ("line", "hosts"),
    [
        ("curl --fail https://api.acme.io/v1?x=1", ["api.acme.io:443"]),
        ("curl http://10.0.0.7:9090/-/ready", ["10.0.0.7:9090"]),
        ("curl 'http://[2001:db8::1]:80/'", ["2001:db8::1:80"]),
        ("open https://grafana.acme.io/d/1", ["grafana.acme.io:443"]),
        ('curl "https://<DOMAIN>/health"', []),
        ('curl "https://api-<REGION>.acme.io/health"', []),
        ('curl "https://acme.<ENDING>/health"', []),
        ('curl "https://acme.io/<PATH>"', ["acme.io:443"]),
        ('curl "https://$HOST/health" "https://${HOST}.acme.io"', []),
        ("curl https://{host}/x https://user:pw@acme.io/ https://www.example.com/ https://a.test", []),
        ("curl https://acme.io:99999/ https://:80/", []),
    ],
)
def test_only_hosts_that_are_written_out_are_asked(line: str, hosts: list[str]) -> None:
    world = Answers()
    ask(steps("# A", line), world)
    assert [each for each in world.asked if ":" in each and " " not in each and "env:" not in each] == hosts


@pytest.mark.parametrize(
    ("line", "files", "services"),
    [
        ("docker compose -f a.yml restart web", ("a.yml",), ("web",)),
        ("docker-compose --file=a.yml -f b.yml logs -f --tail 100 web db", ("a.yml", "b.yml"), ("web", "db")),
        ("docker compose exec -u root web sh -c ls", (), ("web",)),
        ("docker compose up -d --scale web=3", (), ("web",)),
        ("docker compose -f a.yml config", ("a.yml",), ()),
        ('docker compose up "$SERVICE" <NAME>', (), ()),
    ],
)
def test_calls_of_compose(line: str, files: tuple[str, ...], services: tuple[str, ...]) -> None:
    (call,) = compose_calls(read_script(line))
    assert (call.files, call.services) == (files, services)


def test_a_file_behind_a_variable_is_not_asked_for() -> None:
    assert not list(compose_calls(read_script('docker compose -f "$FILE" up web')))


def test_services_that_the_file_does_not_define() -> None:
    text = steps("# A", "docker compose -f a.yml restart web", "docker compose -f a.yml restart cache")
    found = ask(text, Answers())
    assert [(each.code, each.line, "cache" in each.message) for each in found] == [("PL003", 8, True)]
    assert [each.code for each in ask(text, Answers("a.yml"))] == ["PL002"]
    assert ask(text, Answers(services=None)) == ()


ANA = Person(id=PersonId("ana"), name="Ana", methods=(ContactMethod(id="a", kind="outbox", address="ana"),))
BEN = Person(id=PersonId("ben"), name="Ben")


def roster(people: tuple[str, ...] = ("ana",), starts_on: date | None = None) -> Roster:
    ids = tuple(PersonId(each) for each in people)
    fill = RoleFill(role="Lead", people=ids)
    if starts_on is not None:
        turns = Rotation(people=ids, starts_on=starts_on, handover=time(9), zone="UTC")
        fill = RoleFill(role="Lead", rotation=turns)
    return Roster(people=(ANA, BEN), roles=(fill,))


def test_contacts_and_secrets_are_asked() -> None:
    found = ask("# T\n", Answers("outbox ana", "env:MAIL"), roster())
    assert [each.code for each in found] == ["PL005", "PL007"]
    assert "Ana" in found[0].message


def test_names_of_the_environment_that_have_no_value() -> None:
    front = "---\ntocsin:\n  vars:\n    KNOWN: x\n---\n"
    world = Answers("$API_TOKEN")
    found = ask(front + steps("# A", 'curl -H "$API_TOKEN" "$KNOWN"'), world)
    assert [each.code for each in found] == ["PL008"]
    assert "$KNOWN" not in world.asked


def test_a_question_without_an_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SECONDS_MAX", 0.01)
    world = Answers()

    async def never(name: str) -> str:
        await asyncio.sleep(60)
        return ""

    monkeypatch.setattr(world, "program", never)
    assert [each.code for each in ask(steps("# A", "jq ."), world)] == ["PL009"]


def test_gaps_in_the_next_thirty_days() -> None:
    assert live.schedule_gaps(roster(), NOW) == ()
    assert live.schedule_gaps(roster(starts_on=date(2026, 11, 1)), NOW) == ()
    (found,) = live.schedule_gaps(roster(starts_on=date(2026, 11, 30)), NOW)
    assert found.code == "PL006"
    assert "from" in found.message
    (nobody,) = live.schedule_gaps(roster(people=()), NOW)
    assert "names nobody" in nobody.message
    (mute,) = live.schedule_gaps(roster(people=("ben",)), NOW)
    assert "no contact method" in mute.message


def test_a_turn_of_somebody_without_a_contact_method() -> None:
    found = live.schedule_gaps(roster(("ana", "ben"), date(2026, 11, 1)), NOW)
    assert 2 <= len(found) <= 3
