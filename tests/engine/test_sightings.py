"""What was heard of the sources: counted, a few of it kept, without its secrets, and never in the way."""

import json
from datetime import timedelta

import pytest

from tests.http.house import HandClock
from tocsin.adapters.store.memory import MemoryStore
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.sightings import SAMPLE_BYTES_MAX, SAMPLES_PER_SOURCE, Sightings, pretty
from tocsin.incident.evolve import fold


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(fold)


@pytest.fixture
def sightings(store: MemoryStore, clock: HandClock) -> Sightings:
    return Sightings(store, clock)


async def test_counts_add_up_over_a_restart(store: MemoryStore, clock: HandClock) -> None:
    for _ in range(2):
        sightings = Sightings(store, clock)
        sightings.saw("nagios", b"{}", kept=2, refused=0)
        sightings.saw("nagios", b"{}", kept=0, refused=1)
        clock.move(timedelta(minutes=1))
        assert (await sightings.counts())["nagios"].last_seen_at < clock.now()
    count = (await Sightings(store, clock).counts())["nagios"]
    assert (count.kept, count.refused) == (4, 2)


async def test_the_last_few_are_kept_without_their_secrets(sightings: Sightings, clock: HandClock) -> None:
    for number in range(SAMPLES_PER_SOURCE + 3):
        sightings.saw("nagios", json.dumps({"n": number, "token": "hush"}).encode(), kept=1, refused=0)
        clock.move(timedelta(minutes=1))
    sightings.saw("zabbix", b"no JSON, password=hush", kept=0, refused=1)
    samples = await sightings.samples("nagios")
    assert [json.loads(each.body)["n"] for each in samples] == [7, 6, 5, 4, 3]
    (other,) = await sightings.samples("zabbix")
    assert "hush" not in "".join(each.body for each in [*samples, other])
    assert (other.body, other.refused) == ("no JSON, password=***", 1)


async def test_a_sender_that_sends_all_the_time_is_looked_at_now_and_then(
    sightings: Sightings, clock: HandClock
) -> None:
    for number in range(100):
        sightings.saw("nagios", b"{}", kept=1, refused=0)
        if number == 50:
            sightings.saw("nagios", b"{", kept=0, refused=1)
        clock.move(timedelta(milliseconds=100))
    assert len(await sightings.samples("nagios")) == 2, "a refusal is not lost among the others"
    assert (await sightings.counts())["nagios"].kept == 100


async def test_of_a_large_request_only_the_size_is_kept(sightings: Sightings) -> None:
    sightings.saw("nagios", b"x" * (SAMPLE_BYTES_MAX + 1), kept=0, refused=1)
    (sample,) = await sightings.samples("nagios")
    assert (sample.body, sample.size) == ("", SAMPLE_BYTES_MAX + 1)


async def test_what_cannot_be_written_is_written_later(
    store: MemoryStore, sightings: Sightings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise StoreUnavailableError("The disk is full.")

    sightings.saw("nagios", b"{}", kept=1, refused=0)
    with monkeypatch.context() as broken:
        broken.setattr(store, "transaction", fails)
        await sightings.write()
    sightings.saw("nagios", b"{}", kept=1, refused=0)
    assert (await sightings.counts())["nagios"].kept == 2
    assert len(await sightings.samples("nagios")) == 1


@pytest.mark.parametrize(
    "body", [b"", b"\xff\x00", b"[" * 10_000, b'{"a": 1e400}', '{"ä": "\\u0000"}'.encode()]
)
def test_any_body_can_be_shown(body: bytes) -> None:
    assert "\0" not in pretty(body)
