"""Messages and post-mortems: what is known is filled in, what is not stays and is told."""

import pytest

from tests.playbook.golden import codes, harbour, read
from tocsin.base.ids import LevelId
from tocsin.playbook.model import MessageKind, MessageTemplate
from tocsin.playbook.render import PostmortemFacts, fill, fill_postmortem, template_for
from tocsin.playbook.slots import field_names

S1, S3 = LevelId("S1"), LevelId("S3")


def template(body: str) -> MessageTemplate:
    return MessageTemplate(level=S1, kind=MessageKind.UPDATE, body=body, fields=field_names(body))


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("🔴 P1 INCIDENT: [Brief description]", ("Brief description",)),
        ("Root cause: [Brief description]\nFix: [Brief description]", ("Root cause", "Fix")),
        ("Impact: [Service] is [down/degraded]", ("Service", "down/degraded")),
        ("**Commander:** [Name]", ("Commander",)),
        ("Duration: {start} - {end}", ("start", "end")),
        ("SUBJECT: [P1-CRITICAL] [RESOLVED] news of {{ service }}", ("service",)),
        ("- [ ] task\n- [x] done\n[text](https://x.example)", ()),
        ("INCIDENT UPDATE: [What]", ("What",)),
        ("Next update: [Time]", ("Next update",)),
    ],
)
def test_names_of_fields(body: str, fields: tuple[str, ...]) -> None:
    assert field_names(body) == fields


def test_filling_by_name_by_words_and_not_at_all() -> None:
    made = template("News: [What]\nRoot cause: [Brief]\nFix: [Brief]\nBy [Name], [Name]")
    filled = fill(made, {"news": "all is well", "root-cause": "rain [heavy]", "fix": "  ", "NAME": "Anna"})
    assert filled.text == "News: all is well\nRoot cause: rain [heavy]\nFix: [Brief]\nBy Anna, Anna"
    assert filled.missing == ("Fix",)
    assert fill(made, {"What": "by its own words"}).text.startswith("News: by its own words")


def test_a_template_of_the_nearest_level_stands_in() -> None:
    playbook = harbour()
    own = template_for(playbook, S1, MessageKind.INITIAL)
    other = template_for(playbook, S3, MessageKind.INITIAL)
    assert own is not None
    assert other is not None
    assert own.body.startswith("🚢 S1 INCIDENT")
    assert other.body.startswith("🚢 S3 INCIDENT")
    assert (other.level, other.fields) == ("S3", own.fields)
    assert template_for(read("# T\n"), S1, MessageKind.INITIAL) is None


def test_messages_under_a_set_of_levels() -> None:
    text = (
        "| Level | Response time |\n|--|--|\n| P1 | 5 m |\n| P2 | 9 m |\n| P3 | 1 h |\n\n## Communication\n\n"
    )
    playbook = read(text + "### P2–P3 — Update\n\n```\nStatus: [x y]\nNext update in 25 minutes\n```\n")
    assert [(each.level, each.kind.value) for each in playbook.templates] == [
        ("P2", "update"),
        ("P3", "update"),
    ]
    assert [str(each.update_every) for each in playbook.severities] == ["None", "0:25:00", "0:25:00"]
    assert "PB072" in codes(playbook)


FACTS = PostmortemFacts(
    title="Cranes stood still",
    date="2026-12-25",
    duration="1 hour 5 minutes",
    severity="S1",
    commander="Anna",
    moments={"opened": "03:00", "triage": "03:04", "cause-identified": "03:20", "resolved": "04:05"},
    root_cause="A cable was cut.",
    impact="No ship was served.",
    entries=(("03:01", "Anna was paged."), ("03:30", "The cable was joined.")),
    actions=(("Lay a second cable", "Ben", "2027-01-31"), ("Write it down", "", "")),
)


def test_the_authors_own_postmortem_is_filled() -> None:
    playbook = harbour()
    assert playbook.postmortem is not None
    draft = fill_postmortem(playbook.postmortem.template, FACTS)
    lines = draft.text.split("\n")
    assert lines[0] == "## Retrospective: Cranes stood still"
    for line in (
        "**Date:** 2026-12-25",
        "**Duration:** 1 hour 5 minutes",
        "**Severity:** S1",
        "**Incident Commander:** Anna",
        "- 03:00 — First alert",
        "- 03:04 — Triage began",
        "- 03:20 — Cause found",
        "- HH:MM — Workaround in place",
        "- 04:05 — Fix shipped",
        "- 03:01 — Anna was paged.",
        "A cable was cut.",
        "No ship was served.",
        "- [ ] Lay a second cable — Owner: Ben — Due: 2027-01-31",
        "- [ ] Write it down — Owner: nobody yet — Due: no date",
    ):
        assert line in lines
    assert draft.unbound == ("HH:MM — Workaround in place", "HH:MM — Service back to normal", "X", "[Item]")


def test_a_postmortem_of_which_nothing_is_known_stays_as_it_is() -> None:
    playbook = harbour()
    assert playbook.postmortem is not None
    draft = fill_postmortem(playbook.postmortem.template, PostmortemFacts(title=""))
    assert draft.text == playbook.postmortem.template
    assert "HH:MM — First alert" in draft.unbound


def test_a_timeline_as_a_table_and_values_with_marks() -> None:
    facts = PostmortemFacts(title=r"\1 [x]", root_cause=r"\g<0>", entries=(("03:01", "It began."),))
    draft = fill_postmortem(
        "# [TITLE]\n\n## Timeline\n| Time | Event |\n|--|--|\n| HH:MM | [Event] |\n\n## Root cause\n[Why]\n",
        facts,
    )
    assert "| HH:MM |" not in draft.text
    assert draft.text.split("\n")[0] == "# \\1 [x]"
    assert "|--|--|\n| 03:01 | It began. |\n" in draft.text
    assert draft.text.endswith("## Root cause\n\\g<0>\n")
