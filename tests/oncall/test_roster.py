"""The roster file: what it means, and that everything wrong with it is told at once with its place."""

import re
import tomllib
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.base import limits
from tocsin.base.problems import Problem, ProblemsError
from tocsin.oncall.model import ContactMethod
from tocsin.oncall.read import read_roster
from tocsin.oncall.resolve import on_call
from tocsin.oncall.roster import parse_roster

GOOD = """\
[people.alice]
name = "Alice Adler"
zone = "Europe/Berlin"
email = "alice@example.org"
phone = "+49 30 123456"
methods = [
  { kind = "email" },
  { kind = "webhook", address = "https://hooks.example.org/a", after = "5m" },
  { kind = "email", address = "private@example.org", after = "1h 30m", id = "private" },
]

[people.ben]
name = "Ben"
email = "ben@example.org"

[roles."On-Call Engineer".rotation]
people = ["alice", "ben"]
starts_on = 2026-01-05
handover = "09:30"
zone = "Europe/Paris"
days = 14
overrides = [
  { person = "ben", starts_at = 2026-07-01T09:00:00, ends_at = "2026-07-02T09:00:00Z" },
]

[roles.CISO]
people = ["ben", "alice"]

[audiences.stakeholders]
methods = [{ kind = "email", address = "all@example.org" }]

[fallback]
methods = [{ kind = "outbox", address = "everyone" }]
"""


def problems(text: str, **more: object) -> tuple[Problem, ...]:
    with pytest.raises(ProblemsError) as caught:
        parse_roster(text, "roster.toml", **more)  # type: ignore[arg-type]
    return caught.value.problems


def told(text: str, **more: object) -> list[tuple[int, str, str]]:
    return [(each.line, each.field, each.code) for each in problems(text, **more)]


def test_a_whole_roster() -> None:
    roster = parse_roster(GOOD, "roster.toml")
    alice, ben = roster.people
    assert (alice.id, alice.name, alice.zone, alice.phone) == (
        "alice",
        "Alice Adler",
        "Europe/Berlin",
        "+49 30 123456",
    )
    assert [(each.id, each.address, each.after) for each in alice.methods] == [
        ("email-1", "alice@example.org", timedelta(0)),
        ("webhook-1", "https://hooks.example.org/a", timedelta(minutes=5)),
        ("private", "private@example.org", timedelta(minutes=90)),
    ]
    assert ben.methods == (ContactMethod(id="email-1", kind="email", address="ben@example.org"),)
    assert ben.zone == "UTC"
    turns = roster.roles[0].rotation
    assert turns is not None
    assert (turns.people, turns.starts_on, turns.handover, turns.zone, turns.days) == (
        ("alice", "ben"),
        date(2026, 1, 5),
        time(9, 30),
        "Europe/Paris",
        14,
    )
    (override,) = turns.overrides
    # Without an offset a time is by the clocks of the rotation's zone.
    assert override.starts_at == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert override.ends_at == datetime(2026, 7, 2, 9, tzinfo=UTC)
    assert roster.roles[1].people == ("ben", "alice")
    assert roster.audiences[0].name == "stakeholders"
    assert roster.fallback[0].id == "outbox-1"


def test_what_may_be_left_out() -> None:
    roster = parse_roster(
        '[people.a]\nname = "A"\nemail = "a@example.org"\n'
        '[roles.x]\nrotation = {people = ["a"], starts_on = "2026-01-05", zone = "UTC"}\n',
        "roster.toml",
    )
    turns = roster.roles[0].rotation
    assert turns is not None
    assert (turns.handover, turns.days, turns.overrides) == (time(9), 7, ())
    assert (roster.audiences, roster.fallback) == ((), ())


def test_the_example_names_everybody_that_its_playbook_needs() -> None:
    content = files("tocsin.examples").joinpath("roster.toml").read_bytes()
    roster = read_roster(content, "roster.toml", lambda kind, _: None if kind == "outbox" else "no")
    roles = (
        "On-Call Engineer",
        "Senior Engineer",
        "Team Lead",
        "Platform Lead",
        "Security Engineer",
        "CISO",
        "Legal",
    )
    at = datetime(2026, 12, 25, 3, tzinfo=UTC)
    assert all(on_call(roster, role, at).people for role in roles)
    assert [each.id for each in on_call(roster, "On-Call Engineer", at).people] == ["tomas"]
    assert roster.fallback
    assert [each.name for each in roster.audiences] == ["stakeholders"]


def test_the_comments_of_the_example_are_right_as_well() -> None:
    text = files("tocsin.examples").joinpath("roster.toml").read_text(encoding="utf-8")
    with_mail = text.replace("  # { kind", "  { kind")
    roster = parse_roster(with_mail, "roster.toml")
    assert {method.kind for person in roster.people for method in person.methods} == {"outbox", "email"}


BASE = '[people.a]\nname = "A"\nemail = "a@example.org"\n'
ROLE = '[roles.x]\npeople = ["a"]\n'


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", [(0, "people", "no-people"), (0, "roles", "no-roles")]),
        ("[people]\n[roles]\n", [(1, "people", "no-people"), (2, "roles", "no-roles")]),
        ("people = 5\n" + ROLE, [(1, "people", "wrong-type"), (3, "roles.x.people[0]", "unknown-person")]),
        (BASE + ROLE + "[person.b]\n", [(6, "person", "unknown-key")]),
        (BASE + "[people.b]\n" + ROLE, [(4, "people.b", "missing-key"), (4, "people.b", "no-method")]),
        (
            BASE + ROLE + '[people."ö b"]\nname = "O"\nemail = "o@example.org"\n',
            [(6, 'people."ö b"', "bad-person-id")],
        ),
        ('[people.a]\nname = "A"\nemail = "nobody"\n' + ROLE, [(3, "people.a.email", "bad-email")]),
        (BASE + 'phone = "call me"\n' + ROLE, [(4, "people.a.phone", "bad-phone")]),
        (
            '[people.a]\nname = "A\\nBcc: x"\nemail = "a@example.org"\n' + ROLE,
            [(2, "people.a.name", "bad-text")],
        ),
        ('[people.a]\nname = "  "\nemail = "a@example.org"\n' + ROLE, [(2, "people.a.name", "empty")]),
        (BASE + 'zone = "Mars/Base"\n' + ROLE, [(4, "people.a.zone", "bad-zone")]),
        (BASE + "zone = 5\n" + ROLE, [(4, "people.a.zone", "bad-zone")]),
        (BASE + "methods = []\n" + ROLE, [(4, "people.a.methods", "no-method")]),
        (BASE + 'methods = ["email"]\n' + ROLE, [(4, "people.a.methods[0]", "wrong-type")]),
        (BASE + "methods = [\n{ },\n]\n" + ROLE, [(5, "people.a.methods[0]", "missing-key")] * 2),
        (
            BASE
            + 'methods = [\n{kind = "outbox", address = "a"},\n'
            + '{kind = "outbox", address = "b", id = "outbox-1"},\n]\n'
            + ROLE,
            [(6, "people.a.methods[1].id", "duplicate-id")],
        ),
        (
            BASE + 'methods = [{kind = "email", id = "a b"}]\n' + ROLE,
            [(4, "people.a.methods[0].id", "bad-id")],
        ),
        *(
            (
                BASE + f'methods = [{{kind = "email", after = {after}}}]\n' + ROLE,
                [(4, "people.a.methods[0].after", "bad-duration")],
            )
            for after in ('"soon"', '"x 5m"', '"-5m"', "5", '"25h"', '"99999999999d"', '"5 parsecs"', '"P"')
        ),
        (
            BASE + 'methods = [{kind = "email", when = "5m"}]\n' + ROLE,
            [(4, "people.a.methods[0].when", "unknown-key")],
        ),
        (BASE + "[roles.x]\n", [(4, "roles.x", "bad-role")]),
        (
            BASE + ROLE + 'rotation = {people = ["a"], starts_on = 2026-01-05, zone = "UTC"}\n',
            [(4, "roles.x", "bad-role")],
        ),
        (BASE + "[roles.x]\npeople = []\n", [(5, "roles.x.people", "no-people")]),
        (BASE + '[roles.x]\npeople = ["a", "a"]\n', [(5, "roles.x.people[1]", "duplicate-person")]),
        (
            BASE + '[roles.x]\npeople = [\n"a",\n"A",\n7,\n]\n',
            [(7, "roles.x.people[1]", "unknown-person"), (8, "roles.x.people[2]", "wrong-type")],
        ),
        (BASE + ROLE + '[roles."X "]\npeople = ["a"]\n', [(6, 'roles."X "', "duplicate-role")]),
        (BASE + "[roles.x.rotation]\n", [(4, "roles.x.rotation", "missing-key")] * 3),
        (BASE + "[fallback]\n" + ROLE, [(4, "fallback", "no-method")]),
        (BASE + ROLE + "[audiences.all]\n", [(6, "audiences.all", "no-method")]),
        (BASE + ROLE + "[audiences]\nall = 1\n", [(7, "audiences.all", "wrong-type")]),
    ],
)
def test_each_fault_has_its_place(text: str, wanted: list[tuple[int, str, str]]) -> None:
    assert told(text) == wanted


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("people = []", "no-people"),
        ('people = ["b"]', "unknown-person"),
        ("people = 5", "wrong-type"),
        ("starts_on = 5", "bad-date"),
        ('starts_on = "5 May"', "bad-date"),
        ("starts_on = 2026-01-05T00:00:00", "bad-date"),
        ("starts_on = 0001-01-01", "bad-date"),
        ("starts_on = 9999-12-31", "bad-date"),
        ('handover = "24:00"', "bad-time"),
        ("handover = 9", "bad-time"),
        ('zone = ""', "bad-zone"),
        ('zone = "../../etc/passwd"', "bad-zone"),
        ("days = 0", "out-of-range"),
        ("days = 367", "out-of-range"),
        ("days = true", "wrong-type"),
        ("days = 7.5", "wrong-type"),
        ("hand_over = 5", "unknown-key"),
        ("overrides = 5", "wrong-type"),
        (
            'overrides = [{person = "a", starts_at = 2026-02-01T00:00:00, ends_at = 2026-01-01T00:00:00}]',
            "bad-override",
        ),
        (
            'overrides = [{person = "a", starts_at = 2026-02-01T00:00:00, ends_at = 2026-02-01T00:00:00}]',
            "bad-override",
        ),
        ('overrides = [{person = "a", starts_at = "soon", ends_at = 2026-02-01T00:00:00}]', "bad-time"),
        ('overrides = [{person = "a", starts_at = 2026-02-01, ends_at = 2026-02-01T00:00:00}]', "bad-time"),
        (
            'overrides = [{person = "z", starts_at = 2026-02-01T00:00:00, ends_at = 2026-02-02T00:00:00}]',
            "unknown-person",
        ),
        ('overrides = [{person = "a", starts_at = 2026-02-01T00:00:00}]', "missing-key"),
    ],
)
def test_each_fault_of_a_rotation(line: str, wanted: str) -> None:
    lines = {
        "people": 'people = ["a"]',
        "starts_on": "starts_on = 2026-01-05",
        "zone": 'zone = "Europe/Paris"',
    }
    lines[line.split(" ")[0]] = line
    text = BASE + "[roles.x.rotation]\n" + "\n".join(lines.values()) + "\n"
    number = text.splitlines().index(line) + 1
    assert [(each.line, each.code) for each in problems(text)] == [(number, wanted)]


def test_everything_is_told_at_once_with_file_and_mend() -> None:
    text = (
        GOOD.replace("Europe/Berlin", "Berlin")
        .replace('"09:30"', '"9.30"')
        .replace('["ben", "a', '["bne", "a')
    )
    found = problems(text)
    assert [(each.line, each.field) for each in found] == [
        (3, "people.alice.zone"),
        (19, 'roles."On-Call Engineer".rotation.handover'),
        (27, "roles.CISO.people[0]"),
    ]
    assert all(each.file == "roster.toml" and each.mend for each in found)
    assert found[2].mend == "Did you mean 'ben'?"


def test_addresses_and_kinds_are_checked_by_the_channels() -> None:
    def check(kind: str, address: str) -> str | None:
        if kind != "email":
            return f"There is no channel {kind!r}."
        return None if address.endswith("@example.org") else "That is not ours."

    text = GOOD.replace("private@example.org", "x@example.net").replace(
        '"ben@example.org"', '"b@example.net"'
    )
    assert told(text, check_address=check) == [
        (8, "people.alice.methods[1].address", "bad-address"),
        (9, "people.alice.methods[2].address", "bad-address"),
        (14, "people.ben.email", "bad-address"),
        (33, "fallback.methods[0].address", "bad-address"),
    ]


@pytest.mark.parametrize(
    ("content", "line", "code"),
    [
        (b"[people\n", 1, "not-toml"),
        (b"\n\na = 1\na = 2\n", 4, "not-toml"),
        (b'a = """', 1, "not-toml"),
        (b"a = " + b"[" * 100_000, 0, "not-toml"),
        (b"a = " + b"9" * 100_000, 0, "not-toml"),
        (b"a = 2026-02-30\n", 1, "not-toml"),
        (b"# \xff\n", 1, "not-text"),
        (b"#\n#\n# \xff\n", 3, "not-text"),
        (b"\x00", 1, "not-toml"),
        (b"#" * (limits.roster_bytes_max + 1), 0, "too-large"),
    ],
)
def test_what_is_no_toml(content: bytes, line: int, code: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        read_roster(content, "roster.toml")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.code) == ("roster.toml", line, code)
    assert problem.mend


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter() -> None:
    content = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    assert read_roster(content, "x") == parse_roster(GOOD, "x")


pieces = st.sampled_from(
    [*GOOD.splitlines(keepends=True), "[roles]\n", "=", "[[people]]\n", '"', "days = -1\n"]
)


@given(st.lists(pieces, max_size=30).map("".join))
@settings(deadline=None)
def test_no_text_brings_another_error(text: str) -> None:
    found: tuple[Problem, ...] = ()
    try:
        parse_roster(text, "roster.toml")
    except ProblemsError as error:
        found = error.problems
    lines = text.count("\n") + 1
    assert all(0 <= each.line <= lines and each.message and each.mend for each in found)


scalars = st.one_of(
    st.integers(-5, 400),
    st.booleans(),
    st.sampled_from(['""', '"a"', '"alice"', '"x\\ny"', "2026-01-05", "09:00:00"]),
)
keys = st.sampled_from(
    ["people", "name", "methods", "rotation", "zone", "days", "kind", "overrides", "email", "id"]
)


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(each) for each in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4))
)


@given(st.dictionaries(st.sampled_from(["people", "roles", "audiences", "fallback", "x"]), values))
@settings(deadline=None)
def test_no_value_of_any_type_brings_another_error(document: dict) -> None:
    text = "".join(f"{key} = {toml(value)}\n" for key, value in document.items())
    tomllib.loads(text)
    with pytest.raises(ProblemsError):
        parse_roster(text, "roster.toml")


def test_the_examples_of_the_guide_are_right() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "roster.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```toml\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    others = "".join(
        f'[people.{name}]\nname = "X"\nemail = "x@example.org"\n' for name in ("ben", "cara", "ines", "tomas")
    )
    roster = parse_roster("".join(shown) + others, "roster.md")
    assert {each.role for each in roster.roles} == {"Team Lead", "On-Call Engineer", "Platform Lead"}
    assert roster.audiences
    assert roster.fallback
