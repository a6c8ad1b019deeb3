"""A whole playbook read: the one of this project's own words always, the seed where it is at hand."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from tests.playbook.golden import HARBOUR, codes, harbour, hops, minutes
from tocsin.base.problems import Weight
from tocsin.playbook.codes import shown_in
from tocsin.playbook.kinds import Profile
from tocsin.playbook.model import Playbook
from tocsin.playbook.present import to_document
from tocsin.playbook.read import read_playbook

SEED = Path(__file__).resolve().parents[3] / "shared" / "seed" / "incident-response-playbook.txt"
EFFECTS = (
    "read read read read change change read read destroy change change destroy destroy destroy read change"
)

needs_seed = pytest.mark.skipif(
    not SEED.is_file(), reason="the first playbook is not a part of the project; CI has it at hand"
)


def seed() -> Playbook:
    return read_playbook(SEED.read_bytes(), SEED.name)


def test_metadata_and_title() -> None:
    playbook = harbour()
    assert playbook.title == "Trouble at the Harbour"
    assert playbook.metadata == {
        "Owner": "Crane software group",
        "Norm": "H.7 — What to do when the port stands still",
        "Reviewed": "2026-03-14",
    }


def test_severities() -> None:
    found = harbour().severities
    assert [(each.level, each.rank, each.name) for each in found] == [
        ("S1", 1, "Standstill"),
        ("S2", 2, "Serious"),
        ("S3", 3, "Annoying"),
        ("S4", 4, "Harmless"),
    ]
    assert [each.respond_within for each in found] == [minutes(10), minutes(45), minutes(360), minutes(2160)]
    assert [each.update_every for each in found] == [minutes(20), None, None, None]
    assert found[1].examples == ("plan delay > 9s", "rejected moves > 4%")
    assert found[0].description == "No ship is served, manifests leaked"


def test_phases_and_their_checklist() -> None:
    found = harbour().phases
    assert [(each.number, each.name) for each in found] == [
        (1, "Notice"),
        (2, "Sort"),
        (3, "Contain"),
        (4, "Repair"),
        (5, "Retrospective"),
    ]
    assert [(each.starts_after, each.ends_after) for each in found] == [
        (minutes(0), minutes(4)),
        (minutes(4), minutes(12)),
        (minutes(12), minutes(50)),
        (minutes(60), minutes(2160)),
        (None, minutes(3600)),
    ]
    assert [len(each.checklist) for each in found] == [0, 0, 0, 5, 0]
    assert found[3].checklist[0].title == "Know why"
    assert found[3].checklist[0].text == "say what changed"


def test_detection() -> None:
    assert [(each.mode.value, each.adapter) for each in harbour().detection] == [
        ("automated", "prometheus"),
        ("automated", "cloudflare"),
        ("automated", "github"),
        ("manual", "user-report"),
        ("manual", "team-report"),
    ]


def test_triage_and_command() -> None:
    playbook = harbour()
    assert [(each.sets, each.shifts) for each in playbook.triage] == [
        ("S1", None),
        ("S1", None),
        ("S2", None),
        ("S2", None),
        ("S3", None),
        (None, 1),
    ]
    assert [(each.levels, each.roles) for each in playbook.command] == [
        (("S1", "S2"), ("Harbour captain", "shift chief")),
        (("S3", "S4"), ("Duty engineer",)),
    ]


def test_actions() -> None:
    found = harbour().actions
    assert list(Counter(each.group for each in found).items()) == [
        ("Look first", 4),
        ("Planner silent", 3),
        ("Ledger slow", 2),
        ("Going back", 3),
        ("Intruder", 4),
    ]
    assert " ".join(each.effect.value for each in found) == EFFECTS
    assert [each.order for each in found] == [1, 2, 3, 4, 1, 2, 3, 1, 2, 1, 2, 3, 1, 2, 3, 4]
    assert [each.numbered for each in found] == [True] * 4 + [False] * 8 + [True] * 4
    assert {each.role.value for each in found[:4]} == {"diagnostic"}
    assert {each.role.value for each in found[4:]} == {"mitigation"}
    assert found[1].opens == "https://boards.<PORT_DOMAIN>/d/quays"
    assert [(each.name, each.type.value) for each in found[15].parameters] == [("BAD_IP", "ip")]
    assert found[15].env == ("EDGE_ZONE_ID", "EDGE_API_TOKEN")
    assert found[15].secrets == ("EDGE_API_TOKEN",)
    assert found[8].secrets == ("LEDGER_DB_URL",)
    assert found[8].script.count("\n") == 4
    lines = HARBOUR.read_text(encoding="utf-8").split("\n")
    assert all(lines[each.line - 1] == each.script.split("\n")[0] for each in found)
    assert len({each.id for each in found}) == 16


def test_postmortem_and_messages() -> None:
    playbook = harbour()
    assert playbook.postmortem is not None
    assert playbook.postmortem.due_within == minutes(3600)
    assert playbook.postmortem.template.startswith("## Retrospective: [TITLE]")
    assert [(each.level, each.kind.value, each.fields) for each in playbook.templates] == [
        ("S1", "initial", ("Short description", "Quay", "closed/slow", "Commander")),
        ("S1", "update", ("Short description", "Status", "Root cause", "Next update")),
        ("S1", "resolution", ("Short description", "Duration", "Root cause", "Fix", "Retrospective")),
    ]


def test_escalation_and_contacts() -> None:
    playbook = harbour()
    assert hops(playbook) == [
        ("Duty Engineer", "Shift Chief", 25),
        ("Shift Chief", "Harbour Captain", 90),
        ("Harbour Captain", "Port Director", "manifest leak"),
        ("Harbour Captain", "Lawyer", "manifest leak"),
        ("Shift Chief", "Network Lead", "infrastructure"),
        ("Duty Engineer", "Security Officer", "security"),
        ("Security Officer", "Port Director", None),
    ]
    assert playbook.escalation[0].owns == ("S3", "S4")
    assert playbook.escalation[0].to_owns == ("S2",)
    triggers = [each.trigger for each in playbook.contacts]
    assert [(each.levels, each.category, each.unresolved_for) for each in triggers] == [
        ((), None, None),
        (("S1", "S2"), None, minutes(25)),
        (("S1",), None, None),
        (("S1", "S2"), "infrastructure", None),
        ((), "security", None),
    ]


def test_nothing_is_left_over_and_everything_wrong_is_told() -> None:
    playbook = harbour()
    assert playbook.reference == ()
    read = """
        PB072 PB010 PB010 PB044 PB041 PB043 PB012 PB024 PB024 PB050 PB040 PB062 PB020 PB021 PB024 PB023 PB030
        PB012 PB012 PB024 PB011 PB070 PB070 PB074 PB065 PB084
    """
    run = """
        PB016 PB031 PB031 PB027 PB027 PB027 PB026 PB045 PB063 PB063 PB042 PB054 PB060 PB061 PB064 PB066 PB025
        PB017 PB087 PB089 PB085 PB079
    """
    found = playbook.findings
    assert Counter(each.code for each in shown_in(found, Profile.READ)) == Counter(read.split())
    assert Counter(each.code for each in shown_in(found, Profile.RUN)) == Counter((read + run).split())
    assert Counter(codes(playbook)) == Counter([*(read + run).split(), "PB088"])


def test_the_document_of_a_playbook_has_its_keys_in_order() -> None:
    document = to_document(harbour())
    assert list(document)[:12] == [
        "title",
        "metadata",
        "severities",
        "phases",
        "detection",
        "triage",
        "command",
        "actions",
        "postmortem",
        "templates",
        "escalation",
        "contacts",
    ]
    assert [each["respond_within"] for each in document["severities"]] == ["PT10M", "PT45M", "PT6H", "PT36H"]
    assert document["escalation"][0]["from"] == "Duty Engineer"
    assert list(document["findings"][0]) == ["code", "severity", "line", "message", "mend"]
    assert document == to_document(harbour())


@needs_seed
def test_the_seed_as_it_arrived() -> None:
    playbook = seed()
    document = to_document(playbook)
    assert playbook.title == "Incident Response Playbook"
    assert next(each.line for each in playbook.findings if each.code == "PB001") == 4
    assert [each["respond_within"] for each in document["severities"]] == ["PT15M", "PT1H", "PT4H", "PT24H"]
    assert document["severities"][0]["update_every"] == "PT15M"
    assert [each.name for each in playbook.phases] == [
        "Detect",
        "Triage",
        "Mitigate",
        "Resolve",
        "Post-Mortem",
    ]
    assert [len(each.checklist) for each in playbook.phases] == [0, 0, 0, 5, 0]
    assert Counter(each.mode.value for each in playbook.detection) == {"automated": 3, "manual": 2}
    assert [each.sets or each.shifts for each in playbook.triage] == ["P1", "P1", "P2", "P2", "P3", 1]
    assert len(playbook.command) == 2
    assert list(Counter(each.group for each in playbook.actions).values()) == [4, 3, 2, 3, 4]
    assert " ".join(each.effect.value for each in playbook.actions) == EFFECTS
    assert document["postmortem"]["due_within"] == "PT48H"
    assert [each.kind.value for each in playbook.templates] == ["initial", "update", "resolution"]
    assert playbook.reference == ()


@needs_seed
def test_the_seeds_path_and_contacts() -> None:
    playbook = seed()
    assert hops(playbook) == [
        ("On-Call Engineer", "Senior Engineer", 30),
        ("Senior Engineer", "Team Lead", 60),
        ("Team Lead", "CISO", "data breach"),
        ("Team Lead", "Legal", "data breach"),
        ("Senior Engineer", "DevOps Lead", "infrastructure"),
        ("On-Call Engineer", "Security Engineer", "security"),
        ("Security Engineer", "CISO", None),
    ]
    assert len(playbook.contacts) == 5
    assert all(each.trigger.readable for each in playbook.contacts)
    assert playbook.contacts[1].trigger.levels == ("P1", "P2")
    expected = {"PB001", "PB010", "PB011", "PB012", "PB020", "PB021", "PB023", "PB024", "PB030", "PB040"}
    expected |= {"PB041", "PB043", "PB044", "PB050", "PB062", "PB070", "PB072", "PB074", "PB022", "PB065"}
    expected |= {"PB083", "PB084"}
    assert {each.code for each in shown_in(playbook.findings, Profile.READ)} == expected
    expected |= {"PB016", "PB017", "PB025", "PB026", "PB027", "PB031", "PB042", "PB045", "PB054", "PB060"}
    expected |= {"PB061", "PB063", "PB064", "PB066", "PB079", "PB085", "PB087", "PB089"}
    assert {each.code for each in shown_in(playbook.findings, Profile.RUN)} == expected
    aged = read_playbook(SEED.read_bytes(), SEED.name, date(2026, 11, 24))
    assert set(codes(aged)) == expected | {"PB002", "PB003", "PB080", "PB082", "PB088", "PB094"}


DANGERS = {
    1: {"PB001": [4]},
    2: {"PB010": [36, 39]},
    3: {"PB011": [125]},
    4: {"PB020": [112], "PB022": [112, 118]},
    5: {"PB021": [115], "PB024": [82, 85, 115, 122]},
    6: {"PB022": [112, 118]},
    7: {"PB023": [119], "PB025": [119], "PB017": [119]},
    8: {"PB030": [122]},
    9: {"PB031": [36, 122]},
    10: {"PB016": [36]},
    11: {"PB040": [97]},
    12: {"PB041": [45]},
    13: {"PB045": [70]},
    14: {"PB042": [73]},
    15: {"PB043": [76]},
    16: {"PB050": [86]},
    17: {"PB054": [82]},
    18: {"PB044": [39]},
    19: {"PB060": [101]},
    20: {"PB061": [102], "PB064": [102]},
    21: {"PB062": [105], "PB065": [105], "PB066": [106]},
    22: {"PB063": [70, 97]},
    23: {"PB026": [45], "PB027": [42, 102, 112]},
    24: {"PB082": [11]},
    25: {"PB083": [57]},
    26: {"PB084": [52]},
    27: {"PB085": [215]},
    28: {"PB070": [219, 219]},
    29: {"PB079": [232]},
    30: {"PB072": [14], "PB087": [183], "PB089": [192]},
    31: {"PB088": [136]},
    32: {"PB080": [219]},
    33: {"PB002": [4], "PB003": [5], "PB094": [1]},
    34: {"PB012": [82, 122, 122]},
}
"""The dangers of the first playbook that its readers counted, and where each is told. The last two of
theirs, characters that deceive, do not occur in it and are proven on the page of findings."""


@needs_seed
@pytest.mark.parametrize("danger", DANGERS)
def test_every_danger_of_the_seed_is_told_at_its_line(danger: int) -> None:
    found = read_playbook(SEED.read_bytes(), SEED.name, date(2026, 11, 24)).findings
    for code, lines in DANGERS[danger].items():
        assert [each.line for each in found if each.code == code] == lines


def test_the_example_has_no_error_and_few_warnings() -> None:
    example = Path(__file__).resolve().parents[2] / "src" / "tocsin" / "examples" / "playbook.md"
    found = read_playbook(example.read_bytes(), example.name, date(2026, 11, 24)).findings
    assert Counter(each.severity for each in found)[Weight.ERROR] == 0
    warned = {each.code for each in shown_in(found, Profile.RUN) if each.severity is Weight.WARNING}
    assert warned == {"PB012", "PB042", "PB066", "PB072"}
