"""The outbox file: whole lines, on the disk, whatever happens."""

import asyncio
import json
import stat
from pathlib import Path

import pytest

from tests.channels.sample import PAGE, outgoing
from tocsin.adapters.channels.outbox import OutboxChannel, channel
from tocsin.config import load_settings
from tocsin.engine.ports import DeliveryError
from tocsin.testing.fakes import ManualClock


async def test_each_delivery_is_a_line(tmp_path: Path, clock: ManualClock) -> None:
    file = tmp_path / "new" / "outbox.jsonl"
    box = OutboxChannel(file, clock)
    assert await box.send(PAGE) == f"written to {file}"
    await box.send(outgoing(key="INC-7/p3/1", link=None, urgent=False))
    first, second = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    assert first == {
        "at": "2026-03-02T09:00:00.000000Z",
        "key": "INC-7/p3/0",
        "to": "alice@example.org",
        "incident": "INC-7",
        "urgent": True,
        "subject": PAGE.letter.subject,
        "lines": list(PAGE.letter.lines),
        "link": PAGE.link,
    }
    assert (second["key"], second["link"], second["urgent"]) == ("INC-7/p3/1", None, False)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_many_at_once_do_not_mix(tmp_path: Path, clock: ManualClock) -> None:
    file = tmp_path / "outbox.jsonl"
    boxes = [OutboxChannel(file, clock) for _ in range(4)]
    await asyncio.gather(*(boxes[n % 4].send(outgoing(key=f"k{n}")) for n in range(80)))
    keys = {json.loads(line)["key"] for line in file.read_text(encoding="utf-8").splitlines()}
    assert keys == {f"k{n}" for n in range(80)}


async def test_a_line_that_a_crash_cut_short_spoils_no_other(tmp_path: Path, clock: ManualClock) -> None:
    file = tmp_path / "outbox.jsonl"
    file.write_text('{"at":"2026')
    await OutboxChannel(file, clock).send(PAGE)
    broken, whole = file.read_text(encoding="utf-8").splitlines()
    assert broken == '{"at":"2026'
    assert json.loads(whole)["key"] == PAGE.key


async def test_a_full_disk_is_told_and_tried_again(clock: ManualClock) -> None:
    full = Path("/dev/full")
    assert full.exists(), "this test writes to the device that is always full"
    with pytest.raises(DeliveryError) as caught:
        await OutboxChannel(full, clock).send(PAGE)
    assert caught.value.retry
    assert "No space left on device" in caught.value.reason
    assert "outbox_file" in caught.value.mend


async def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file" / "outbox.jsonl"):
        with pytest.raises(DeliveryError) as caught:
            await OutboxChannel(place, clock).send(PAGE)
        assert caught.value.retry


def test_addresses(tmp_path: Path, clock: ManualClock) -> None:
    box = OutboxChannel(tmp_path / "x", clock)
    assert box.check("alice") is None
    assert box.check(" ")
    assert box.check("a\nb")


def test_the_settings_make_the_channel(tmp_path: Path, clock: ManualClock) -> None:
    settings = load_settings({"data": str(tmp_path)}, {}, None, "tocsin.toml")
    made = channel(settings, lambda ref, field: "", clock)
    assert isinstance(made, OutboxChannel)
