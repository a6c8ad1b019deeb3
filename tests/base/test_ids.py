"""Identifiers and the names by which roles are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.base.ids import incident_id, incident_number, parse_incident_id, role_key, slug
from tocsin.base.problems import Problem, ProblemsError, Weight


@pytest.mark.parametrize(
    ("text", "incident"),
    [
        ("INC-7", "INC-7"),
        (" inc-7 ", "INC-7"),
        ("7", "INC-7"),
        ("INC-123456789012", "INC-123456789012"),
        ("INC-0", None),
        ("0", None),
        ("007", None),
        ("INC-07", None),
        ("-7", None),
        ("INC-", None),
        ("", None),
        ("INC-7x", None),
        ("1234567890123", None),
        ("٧", None),
        ("²", None),
    ],
)
def test_an_incident_is_named_by_its_number(text: str, incident: str | None) -> None:
    assert parse_incident_id(text) == incident


@given(st.integers(1, 10**12 - 1))
def test_a_number_survives(number: int) -> None:
    assert incident_number(incident_id(number)) == number
    assert parse_incident_id(incident_id(number)) == incident_id(number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Team Lead", "team-lead"),
        ("  Team — Lead! ", "team-lead"),
        ("team_lead", "team-lead"),
        ("Größe prüfen", "grosse-prufen"),
        ("Señor Engineer", "senor-engineer"),
        ("当番", "5f53756a"),
        ("", "untitled"),
        ("!!!", "untitled"),
    ],
)
def test_slugs(text: str, expected: str) -> None:
    assert slug(text) == expected


@given(st.text(max_size=40))
def test_a_slug_is_ascii_and_stays_as_it_is(text: str) -> None:
    made = slug(text)
    assert made.isascii()
    assert made
    assert slug(made) == made


def test_roles_agree_across_spellings_and_differ_across_scripts() -> None:
    assert role_key("Team Lead") == role_key("team-lead") == role_key(" TEAM  LEAD")
    assert len({role_key(name) for name in ("当番", "責任者", "Дежурный", "מנהל", "रक्षक")}) == 5


def test_problems_are_told_all_at_once_with_place_and_mend() -> None:
    problem = Problem(code="bad", message="It is bad.", mend="Mend it.", file="a.toml", line=3, field="x.y")
    other = Problem(code="odd", message="It is odd.", mend="Look.", severity=Weight.WARNING)
    assert str(problem) == "a.toml:3: x.y: bad error It is bad.\n    mend: Mend it."
    assert str(other) == "odd warning It is odd.\n    mend: Look."
    refused = ProblemsError([problem, other])
    assert refused.problems == (problem, other)
    assert str(refused) == f"{problem}\n{other}"
