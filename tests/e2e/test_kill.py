"""`kill -9` of the server under load, at random moments: nothing that was answered is lost, no page is
decided twice, and every clock goes on. TOCSIN_KILLS says how often, TOCSIN_KILL_SEED repeats the moments."""

import json
import os
import random
import sqlite3
import statistics
import time
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.e2e import people
from tests.e2e.house import House, empty_house, until
from tests.e2e.load import Load
from tocsin.base import limits

KILLS = int(os.environ.get("TOCSIN_KILLS", "8"))
SEED = int(os.environ.get("TOCSIN_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
BOUND_SECONDS = 120 + 12 * KILLS
SENDERS = 3
SETTINGS = 'page_bundle_window = "0s"\n[log]\nlevel = "warning"\n'
ACTIVE = ("open", "acknowledged", "mitigating", "mitigated")


def test_killed_again_and_again_under_load(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    kills: list[datetime] = []
    starts: list[float] = []
    print(f"\nTOCSIN_KILL_SEED={SEED}")
    with empty_house(tmp_path, roster=people.roster(), settings=SETTINGS, own_clock=True) as tocsin:
        starts.append(tocsin.start())
        with Load(tocsin, SENDERS, SEED) as load:
            for number in range(KILLS):
                time.sleep(chance.uniform(0.05, 1.5))
                _kill(tocsin, kills)
                if number % 4 == 3:
                    # Also while it starts: catching up must be as safe as everything else.
                    tocsin.spawn()
                    time.sleep(chance.uniform(0.2, 1.5))
                    _kill(tocsin, kills)
                starts.append(tocsin.start())
            time.sleep(0.5)
        # What was being delivered at a kill is taken up again when its lease has run out.
        tocsin.be_ahead(limits.outbox_lease)
        until(lambda: _nothing_waits(tocsin), 90, "the outbox does not become empty")
        assert tocsin.run("verify").code == 0
        code, took = tocsin.stop()
        assert code == 0
        assert load.odd == []
        assert "[critical" not in tocsin.log
        assert "Traceback" not in tocsin.log, tocsin.log
        _report(load, kills, starts, took)
        with closing(sqlite3.connect(tocsin.database)) as database:
            _alerts_are_kept(database, load)
            _work_is_kept(database, load)
            _clocks_go_on(database)
            _pages_went_out(database, tocsin.outbox(), kills)


def _kill(tocsin: House, kills: list[datetime]) -> None:
    tocsin.kill()
    kills.append(datetime.now(UTC))


def _nothing_waits(tocsin: House) -> bool:
    with closing(sqlite3.connect(f"file:{tocsin.database}?mode=ro", uri=True, timeout=10)) as database:
        return database.execute("SELECT count(*) FROM outbox WHERE status = 'pending'").fetchone()[0] == 0


def _report(load: Load, kills: list[datetime], starts: list[float], stopped: float) -> None:
    print(
        f"{len(kills)} kills; {len(load.alerts)} alerts, {len(load.notes)} notes and "
        f"{len(load.acknowledged)} acknowledged incidents were answered, {load.unanswered} requests were "
        f"not; ready after {starts[0]:.2f} s at first, {statistics.median(starts):.2f} s in the median, "
        f"{max(starts):.2f} s at most; stopped in {stopped:.2f} s"
    )


def _alerts_are_kept(database: sqlite3.Connection, load: Load) -> None:
    kept: dict[str, str] = {}
    for fingerprint, body, incident, because in database.execute(
        "SELECT fingerprint, body, incident, because FROM alerts"
    ):
        kept[json.loads(body)["labels"]["n"]] = fingerprint
        assert because
        assert incident
    print(f"{len(kept)} alerts are kept")
    assert sorted(load.alerts - kept.keys()) == []
    open_ones = {name for (name,) in database.execute("SELECT id FROM incidents WHERE state != 'merged'")}
    counted = dict(database.execute("SELECT incident, count(*) FROM alerts GROUP BY incident"))
    assert counted.keys() <= open_ones, "what a merged incident held is part of the other one"
    for name, body in database.execute("SELECT id, body FROM incidents WHERE state != 'merged'"):
        held = json.loads(body)
        told = held.get("alerts_in_all")
        assert (len(held["alerts"]) if told is None else told) == counted.get(name, 0), name


def _work_is_kept(database: sqlite3.Connection, load: Load) -> None:
    noted = {
        json.loads(data)["text"]: name
        for name, data in database.execute("SELECT incident, data FROM events WHERE kind = 'Noted'")
    }
    assert {text: noted.get(text) for text in load.notes} == load.notes
    found = [name for (name,) in database.execute("SELECT incident FROM events WHERE kind = 'Acknowledged'")]
    assert sorted(found) == sorted(set(found)), "an incident is acknowledged once"
    bodies = {name: json.loads(body) for name, body in database.execute("SELECT id, body FROM incidents")}
    assert {bodies[name]["merged_into"] or name for name in load.acknowledged} <= set(found)


def _clocks_go_on(database: sqlite3.Connection) -> None:
    incidents = list(database.execute("SELECT id, state, next_due_at FROM incidents"))
    print(f"{len(incidents)} incidents")
    assert incidents
    assert [row for row in incidents if row[1] in ACTIVE and row[2] is None] == []
    numbers = sorted(int(row[0].partition("-")[2]) for row in incidents)
    assert numbers == list(range(1, len(numbers) + 1)), "no number is left out"


def _pages_went_out(database: sqlite3.Connection, lines: list[Any], kills: list[datetime]) -> None:
    at: dict[str, list[datetime]] = {}
    for line in lines:
        at.setdefault(line["key"], []).append(datetime.fromisoformat(line["at"]))
    again = {key: times for key, times in at.items() if len(times) > 1}
    for key, times in again.items():
        for before, after in pairwise(times):
            assert any(before <= kill <= after for kill in kills), f"{key} went out twice: {times}"
    print(f"{len(lines)} deliveries, {len(again)} of them again after a kill")
    said = [(line["to"], " ".join([line["subject"], *line["lines"], ""])) for line in lines]
    rows = list(database.execute("SELECT key, effect FROM outbox WHERE status = 'delivered'"))
    for key, text in rows:
        effect = json.loads(text)
        assert key in at or any(
            to == effect["address"] and f"{effect['incident']} " in words for to, words in said
        ), f"{key} counts as delivered and is not in the file"
