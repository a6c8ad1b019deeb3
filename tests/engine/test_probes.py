"""Probes at work: in their own time, a bounded number at once, told once, and never ended by a fault."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
import pytest_asyncio
from msgspec.structs import replace

from tests.core.sample import PLAYBOOK
from tests.engine.house import House, document, until
from tocsin.alerts.model import AlertStatus
from tocsin.alerts.probes import FromPlaybook, HttpCheck, Looked, Probe, TcpCheck
from tocsin.base import limits
from tocsin.engine.ports import StoreUnavailableError
from tocsin.engine.probes import REVIEW_EVERY, Probes
from tocsin.playbook.model import Detection, Mode

SHOP = Probe(name="shop", check=TcpCheck(host="shop.example", port=80), target="shop.example:80")


class Script:
    """A prober that finds what it is told to; `block` makes it wait, `broken` makes it fail itself."""

    def __init__(self) -> None:
        self.reason = ""
        self.broken = False
        self.block: asyncio.Event | None = None
        self.looks: list[str] = []
        self.at_once = self.most_at_once = 0

    async def look(self, probe: Probe) -> str:
        self.looks.append(probe.name)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.broken:
                raise ZeroDivisionError("a fault of ours")
            if self.block is not None:
                await self.block.wait()
            await asyncio.sleep(0)
            return self.reason
        finally:
            self.at_once -= 1


@pytest_asyncio.fixture
async def house() -> AsyncGenerator[House, None]:
    house = House()
    async with house.taking():
        yield house


async def test_an_outage_opens_one_incident_and_ends_it(house: House) -> None:
    script, probes = Script(), house.engine.probes
    probes.follow([SHOP], script)
    script.reason = "the connection was refused"
    await probes.look(SHOP)
    assert await house.engine.queries.alerts() == []
    for _ in range(5):
        house.clock.advance(SHOP.every)
        await probes.look(SHOP)
    (record,) = await house.engine.queries.alerts()
    assert record.alert.summary == "shop: the connection was refused."
    assert record.times == 1
    script.reason = ""
    house.clock.advance(SHOP.every)
    await probes.look(SHOP)
    assert (await house.engine.queries.alerts())[0].alert.status is AlertStatus.FIRING
    house.clock.advance(SHOP.every)
    await probes.look(SHOP)
    assert (await house.engine.queries.alerts())[0].alert.status is AlertStatus.RESOLVED
    assert (await house.incident("INC-1")).firing == ()
    (shown,) = await probes.list()
    assert len(shown.looked.results) == 8


async def test_what_is_known_outlives_a_restart(house: House) -> None:
    script = Script()
    script.reason = "no"
    for _ in range(2):
        # Each look by a process of its own.
        engine = house.engine
        probes = Probes(engine.store, house.clock, engine.randomness, engine.intake, engine.library)
        probes.follow([SHOP], script)
        await probes.look(SHOP)
        house.clock.advance(SHOP.every)
    assert len(await house.engine.queries.alerts()) == 1


async def test_a_fault_in_the_look_is_a_failure_and_ends_nothing(house: House) -> None:
    script = Script()
    script.broken = True
    house.engine.probes.follow([SHOP], script)
    looked = await house.engine.probes.look(SHOP)
    assert looked.results[0].reason == "the look itself failed; the server's log says why"


async def test_a_look_has_a_time_limit(house: House) -> None:
    script = Script()
    script.block = asyncio.Event()
    quick = Probe(name="q", check=SHOP.check, target="x", timeout=timedelta(milliseconds=30))
    house.engine.probes.follow([quick], script)
    looked = await house.engine.probes.look(quick)
    assert looked.results[0].reason == "no answer within 0.03 s"


async def test_a_store_that_is_away_loses_no_alert(house: House) -> None:
    script = Script()
    script.reason = "no"
    house.engine.probes.follow([SHOP], script)
    house.fail("keep", *[StoreUnavailableError("away")] * 2)
    house.fail("save_alert", *[StoreUnavailableError("away")] * 2)
    for _ in range(8):
        await house.engine.probes.look(SHOP)
        house.clock.advance(SHOP.every)
    assert len(await house.engine.queries.alerts()) == 1


async def test_the_loop_looks_at_all_in_their_own_time_and_not_too_many_at_once(house: House) -> None:
    script = Script()
    script.block = asyncio.Event()
    many = [
        Probe(name=f"p{number}", check=SHOP.check, target="x", every=timedelta(seconds=20))
        for number in range(limits.probes_at_once_max + 10)
    ]
    house.engine.probes.follow(many, script)
    loop = asyncio.create_task(house.engine.probes.run())
    try:
        for _ in range(20):
            await asyncio.sleep(0.005)
            house.clock.advance(timedelta(seconds=1))
        await until(lambda: script.at_once == limits.probes_at_once_max)
        script.block.set()
        await until(lambda: len(set(script.looks)) == len(many))
        assert script.most_at_once == limits.probes_at_once_max
        for _ in range(24):
            await asyncio.sleep(0.005)
            house.clock.advance(timedelta(seconds=1))
        await until(lambda: all(script.looks.count(each.name) >= 2 for each in many))
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    assert script.at_once == 0


async def test_a_loop_of_one_probe_that_dies_ends_the_part(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the engine reports it, as it does for every other part."""
    house.engine.probes.follow([SHOP], Script())

    async def dies(probe: Probe) -> Looked:
        raise ZeroDivisionError(probe.name)

    monkeypatch.setattr(house.engine.probes, "look", dies)
    loop = asyncio.create_task(house.engine.probes.run())
    for _ in range(40):
        await asyncio.sleep(0.002)
        house.clock.advance(timedelta(seconds=1))
    with pytest.raises(ZeroDivisionError):
        await loop


async def test_one_that_is_gone_is_cleared(house: House) -> None:
    script = Script()
    script.reason = "no"
    probes = house.engine.probes
    probes.follow([SHOP], script)
    for _ in range(2):
        await probes.look(SHOP)
        house.clock.advance(SHOP.every)
    probes.follow([], script)
    loop = asyncio.create_task(probes.run())
    await asyncio.sleep(0.05)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert (await house.engine.queries.alerts())[0].alert.status is AlertStatus.RESOLVED
    assert await probes.list() == []


def detection(text: str) -> Detection:
    return Detection(mode=Mode.AUTOMATED, source=text, target="", adapter="other")


async def test_the_playbook_is_called_only_where_that_is_allowed(house: House) -> None:
    said = detection("Health checks of https://shop.example/health fail")
    playbook = replace(PLAYBOOK, detection=(said,))
    other = House(current=document(playbook))
    other.engine.probes.follow([], Script())
    assert other.engine.probes.wanted() == ()
    other.engine.probes.follow([], Script(), FromPlaybook(allowed=True))
    (found,) = other.engine.probes.wanted()
    assert found.name == "playbook-shop-example-health"
    assert found.check == HttpCheck(url="https://shop.example/health")
    own = Probe(name="own", check=HttpCheck(url="https://shop.example/health"), target="x")
    other.engine.probes.follow([own], Script(), FromPlaybook(allowed=True))
    assert other.engine.probes.wanted() == (own,)


async def test_a_changed_playbook_is_followed(house: House) -> None:
    script = Script()
    house.engine.probes.follow([], script, FromPlaybook(allowed=True, base_url="https://shop.example"))
    loop = asyncio.create_task(house.engine.probes.run())
    await asyncio.sleep(0.02)
    assert house.engine.probes.wanted() == ()
    changed = replace(PLAYBOOK, detection=(detection("Cloudflare health checks fail"),))
    await house.engine.library.replace(document(changed, "cd" * 32), house.engine.library.roster)
    for _ in range(80):
        await asyncio.sleep(0.002)
        house.clock.advance(REVIEW_EVERY / 30)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert set(script.looks) == {"playbook-shop-example-health"}
