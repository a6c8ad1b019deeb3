"""Where an alert belongs, case by case."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.core.sample import START, alert, minutes
from tocsin.alerts.grouping import (
    Attaches,
    Because,
    Clears,
    Opens,
    Placement,
    Recorded,
    group_key,
    place,
)
from tocsin.alerts.holders import Holder, Holders
from tocsin.alerts.model import Alert, fingerprint
from tocsin.base.ids import IncidentId

BY = ("alertname", "service")
ONE, TWO = IncidentId("INC-1"), IncidentId("INC-2")
FIRES = alert("Down", service="api")
ENDS = alert("Down", firing=False, service="api")
KEY = "alertname=Down/service=api"


Held = tuple[Holder, tuple[Alert, ...]]
"""A holder, and the alerts that belong to it."""


def holder(
    incident: IncidentId, *alerts: Alert, key: str = "another", resolved_after: timedelta | None = None
) -> Held:
    resolved_at = None if resolved_after is None else START + resolved_after
    return Holder(id=incident, group_key=key, resolved_at=resolved_at), alerts


def placed_by(what: Alert, by: tuple[str, ...], held: list[Held]) -> Placement:
    incident_of = {alert.fingerprint: each.id for each, alerts in held for alert in alerts}
    known = Holders([each for each, _ in held], incident_of)
    return place(what, by, known.of_alert(what.fingerprint), known.of_group(group_key(what, by)))


LATER = replace(FIRES, starts_at=START + minutes(20), received_at=START + minutes(20))
MUCH_LATER = replace(FIRES, starts_at=START + minutes(60), received_at=START + minutes(60))
STILL = replace(FIRES, received_at=START + timedelta(days=3))


@pytest.mark.parametrize(
    ("what", "holders", "placed"),
    [
        (FIRES, [], Opens(KEY)),
        (FIRES, [holder(ONE)], Opens(KEY)),
        (FIRES, [holder(ONE, FIRES)], Attaches(ONE, Because.SAME_ALERT)),
        (FIRES, [holder(ONE, key=KEY)], Attaches(ONE, Because.SAME_GROUP)),
        (FIRES, [holder(TWO, key=KEY), holder(ONE, FIRES)], Attaches(ONE, Because.SAME_ALERT)),
        (FIRES, [holder(TWO, key=KEY), holder(ONE, key=KEY)], Attaches(TWO, Because.SAME_GROUP)),
        (FIRES, [holder(ONE, key="")], Opens(KEY)),
        (LATER, [holder(ONE, FIRES, resolved_after=minutes(5))], Attaches(ONE, Because.CAME_BACK)),
        (MUCH_LATER, [holder(ONE, FIRES, resolved_after=minutes(5))], Opens(KEY)),
        (STILL, [holder(ONE, FIRES, resolved_after=minutes(5))], Attaches(ONE, Because.CAME_BACK)),
        (LATER, [holder(ONE, key=KEY, resolved_after=minutes(5))], Opens(KEY)),
        (
            LATER,
            [holder(TWO, key=KEY), holder(ONE, FIRES, key=KEY, resolved_after=minutes(5))],
            Attaches(TWO, Because.SAME_GROUP),
        ),
        (ENDS, [], Recorded(Because.NOTHING_TO_CLEAR)),
        (ENDS, [holder(ONE, key=KEY)], Recorded(Because.NOTHING_TO_CLEAR)),
        (ENDS, [holder(ONE, FIRES)], Clears(ONE)),
        (ENDS, [holder(ONE, FIRES, resolved_after=minutes(5))], Clears(ONE)),
        (ENDS, [holder(TWO, key=KEY), holder(ONE, FIRES)], Clears(ONE)),
    ],
)
def test_an_alert_goes_where_it_belongs(what: Alert, holders: list[Held], placed: Placement) -> None:
    assert placed_by(what, BY, holders) == placed


@pytest.mark.parametrize("label", ["info", "INFO", "none", "debug", "notice", "Informational"])
def test_what_is_for_information_only_opens_nothing(label: str) -> None:
    quiet = alert("Down", service="api", severity=label)
    assert placed_by(quiet, BY, []) == Recorded(Because.INFORMATIONAL)
    assert placed_by(quiet, BY, [holder(ONE, key=KEY)]) == Recorded(Because.INFORMATIONAL)
    assert placed_by(quiet, BY, [holder(ONE, quiet)]) == Attaches(ONE, Because.SAME_ALERT)


def test_the_group_key_names_its_labels_and_is_never_that_of_a_declared_incident() -> None:
    assert group_key(FIRES, BY) == KEY
    assert group_key(alert("Down"), BY) == "alertname=Down/service="
    assert group_key(FIRES, ()) != ""
    assert placed_by(FIRES, (), [holder(ONE, key="")]) == Opens(group_key(FIRES, ()))
    assert placed_by(FIRES, (), [holder(ONE, key=group_key(FIRES, ()))]) == Attaches(ONE, Because.SAME_GROUP)


def test_a_fingerprint_is_of_the_labels_whatever_their_order() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
    assert fingerprint({"a": "1"}) != fingerprint({"a": "2"})
    assert fingerprint({"a": "b,c"}) != fingerprint({"a": "b", "c": ""})
    assert len(fingerprint({})) == 16


@pytest.mark.parametrize(
    ("labels", "annotations", "name", "summary"),
    [
        ({"alertname": "A", "service": "s"}, {}, "A", "A"),
        ({"service": "s"}, {}, "s", "s"),
        ({}, {}, "Unnamed alert", "Unnamed alert"),
        ({"alertname": "A"}, {"summary": " ", "description": "one\ntwo"}, "A", "one"),
        ({"alertname": "A"}, {"summary": "\n\n it burns \nbadly"}, "A", "it burns "),
    ],
)
def test_name_and_summary(
    labels: dict[str, str], annotations: dict[str, str], name: str, summary: str
) -> None:
    made = replace(FIRES, labels=labels, annotations=annotations)
    assert (made.name, made.summary.strip()) == (name, summary.strip())


def test_holders_are_found_while_they_hold() -> None:
    one, two = (Holder(id=each, group_key=KEY) for each in (ONE, TWO))
    known = Holders([one, two], {"a": ONE, "b": None})
    assert known.of_alert("a") == [one]
    assert known.of_alert("b") == known.of_alert("c") == []
    assert known.of_group(KEY) == known.all() == [two, one]
    assert known.get(TWO) == two
    assert known.get(None) is None
    known.belongs("b", TWO)
    assert known.of_alert("b") == [two]
    known.drop(TWO)
    known.drop(TWO)
    assert known.of_alert("b") == []
    assert known.of_group(KEY) == known.all() == [one]
    known.put(replace(one, resolved_at=START))
    assert known.of_alert("a") == [replace(one, resolved_at=START)]
    known.look_at({})
    assert known.of_alert("a") == []
    known.drop(ONE)
    assert known.of_group(KEY) == []
