"""The settings of the form for reports."""

from datetime import timedelta
from typing import Any

import pytest

from tocsin.base.problems import ProblemsError
from tocsin.config.load import load_settings
from tocsin.config.report_form import ReportForm, report_form

KEY = "an-address-to-be-kept-0815"


def read(text: str, key: str = KEY) -> ReportForm | None:
    settings = load_settings({}, {}, text, "tocsin.toml")
    return report_form(settings, lambda ref, field: key)


def test_it_is_off_until_it_is_enabled() -> None:
    assert read("") is None
    assert read("[report_form]\nper_address = 3") is None


def test_everything_that_can_be_set() -> None:
    found = read(
        '[report_form]\nenabled = true\nkey_ref = "env:KEY"\nper_address = 2\nin_all = 9\nwithin = "10m"\n'
        'places = ["shop", " search "]'
    )
    assert found == ReportForm(
        key=KEY, per_address=2, in_all=9, within=timedelta(minutes=10), places=("shop", "search")
    )
    assert KEY not in repr(found)
    assert read("[report_form]\nenabled = true") == ReportForm()


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("per_address = 0", "report_form.per_address"),
        ("in_all = 1000000", "report_form.in_all"),
        ('per_address = "five"', "report_form.per_address"),
        ('within = "soon"', "report_form.within"),
        ('places = [""]', "report_form.places"),
        ("open = true", "report_form"),
    ],
)
def test_what_is_wrong_is_named(line: str, field: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        read(f"[report_form]\nenabled = true\n{line}")
    assert field in [each.field for each in caught.value.problems]


@pytest.mark.parametrize("key", ["short", "with/slashes/and/more/of/it", "schlüssel-schlüssel", "status"])
def test_a_key_that_cannot_stand_in_an_address(key: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        read('[report_form]\nenabled = true\nkey_ref = "env:KEY"', key)
    (problem,) = caught.value.problems
    assert problem.field == "report_form.key_ref"
    told: Any = (problem.message, problem.mend)
    assert key not in str(told)
