"""Requests made from our own OpenAPI document, right ones and wrong ones, against the running server."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.http.house import make_house
from tests.http.running import Running
from tests.sources.installed import installed, made_by
from tocsin.engine.verbs import VERBS

EXAMPLES_EACH = 12
SECONDS_MAX = 20
"""No request takes nearly as long; one that does hangs."""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    made = Running()
    yield made
    made.stop()


def operations() -> list[Any]:
    document = schemathesis.openapi.from_dict(make_house().app.openapi_schema.to_schema())
    return [result.ok() for result in document.get_all_operations()]


OPERATIONS = {operation.label: operation for operation in operations()}
KNOWN: dict[str, list[str]] = {
    "kind": [source.kind for name in installed() for source in made_by(name)],
    "incident": ["INC-1"],
    "verb": list(VERBS),
}
"""Parts of paths that lead somewhere; others are made up."""

CASES = [
    (label, mode)
    for label, operation in sorted(OPERATIONS.items())
    for mode in GenerationMode
    # Where nothing can be given, nothing can be wrong.
    if mode is GenerationMode.POSITIVE or list(operation.iter_parameters()) or operation.body
]


def test_the_document_names_every_place_of_the_api() -> None:
    assert len(OPERATIONS) >= 15
    assert "POST /in/{kind}" in OPERATIONS


@pytest.mark.parametrize(("label", "mode"), CASES, ids=[f"{label} {mode.value}" for label, mode in CASES])
def test_no_request_brings_a_fault(running: Running, label: str, mode: GenerationMode) -> None:
    operation = OPERATIONS[label]

    @given(operation.as_strategy(generation_mode=mode), st.data())
    @settings(
        max_examples=EXAMPLES_EACH,
        deadline=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: Any, data: st.DataObject) -> None:
        for name in case.path_parameters or {}:
            if name in KNOWN and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(KNOWN[name]))
        # Whoever follows a timeline is answered for as long as they like.
        (case.query or {}).pop("follow", None)
        headers = {"Authorization": f"Bearer {running.token}"}
        answer = case.call(base_url=running.url, headers=headers, timeout=SECONDS_MAX)
        assert answer.status_code < 500, answer.text
        assert "Traceback" not in answer.text
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"], answer.text
            assert answer.json()["status"] == answer.status_code

    holds()
