"""Whatever a sender sends goes through the whole application without a fault, kept or refused."""

import asyncio

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from tests.http.helpers import assert_problem
from tests.http.house import Client, open_house
from tests.sources.installed import installed, made_by
from tests.sources.test_fuzz import bodies, headers


async def let_in(_: object) -> bool:
    """In place of the proof, so that what comes after it is reached."""
    return True


async def send(client: Client, kind: str, body: bytes, named: dict[str, str]) -> None:
    raw = {name: value.encode(errors="replace") for name, value in named.items()}
    answer = await client.post(f"/in/{kind}", headers=raw, content=body)
    if answer.status_code == 503:
        assert_problem(answer, 503, "source-unavailable")
    elif answer.status_code != 200:
        assert answer.status_code < 500, answer.text
        assert_problem(answer, answer.status_code)


def hold(client: Client, runner: asyncio.Runner, kind: str) -> None:
    """Try very many requests on one source."""

    @given(bodies(kind), headers)
    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    def holds(body: bytes, named: dict[str, str]) -> None:
        runner.run(send(client, kind, body, named))

    holds()


@pytest.mark.parametrize("name", installed())
def test_no_request_brings_a_fault(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def cut_off(*_: object) -> None:
        raise httpx.ConnectError("no test asks the real vendors")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", cut_off)
    with asyncio.Runner() as runner:
        opened = open_house(open_sources=True)
        house, client = runner.run(opened.__aenter__())
        for source in made_by(name):
            monkeypatch.setattr(source, "admit", let_in)
            house.app.state.face.sources[source.kind] = source
            hold(client, runner, source.kind)
        runner.run(opened.__aexit__(None, None, None))
