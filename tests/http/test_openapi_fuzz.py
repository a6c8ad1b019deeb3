"""Requests made from our own OpenAPI document, right ones and wrong ones, against the running server."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.http.house import House, make_house
from tests.sources.installed import installed, made_by
from tocsin.engine.verbs import VERBS

EXAMPLES_EACH = 12
SECONDS_MAX = 20
"""No request takes nearly as long; one that does hangs."""


class Running:
    """A house behind a real server, on a thread of its own."""

    def __init__(self) -> None:
        self.url = ""
        self.token = ""
        self.house: House | None = None
        self.failed: list[BaseException] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(30)

    async def _serve(self) -> None:
        house = self.house = make_house()
        for name in installed():
            for source in made_by(name):
                house.app.state.face.sources[source.kind] = source
        await house.engine.start()
        await house.alert()
        self.token = await house.token("admin")
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(house.app, log_config=None, access_log=False, lifespan="off")
        self.server = uvicorn.Server(config)
        self._ready.set()
        await self.server.serve([listening])
        await house.engine.stop()

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join()


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
    if mode is GenerationMode.POSITIVE or operation.query or operation.headers or operation.body
]
COMPATIBLE = ("/api/v2/", "/v2/")
"""Addresses that answer as the products do in whose place they stand, in errors as well."""


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
        if answer.status_code >= 400 and operation.method.upper() != "HEAD":
            if operation.path.startswith(COMPATIBLE):
                assert answer.headers["content-type"][0].startswith("application/json"), answer.text
                return
            assert answer.headers["content-type"] == ["application/problem+json"], answer.text
            assert answer.json()["status"] == answer.status_code

    holds()
