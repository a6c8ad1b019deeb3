"""How fast alerts are taken in, beside a real Alertmanager on the same machine and from the same sender.

Tocsin answers when an alert is on the disk (SQLite, synchronous=FULL), routed, grouped and in its history;
Alertmanager keeps alerts in memory. Figures are shown, never asserted; that nothing was lost is asserted.
`BENCH_SECONDS` is how long each measurement takes (3), `BENCH_STORM` how large the storm is (a million).
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.bench.load import Result, alert
from tests.e2e.alertmanager import PROGRAM
from tests.e2e.house import ROOT, House, die_with_parent, free_port, house, until

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
STORM = int(os.environ.get("BENCH_STORM", "1000000"))
ROUNDS = 2
SETTINGS = """\
allow_unauthenticated_sources = true
page_bundle_window = "0s"
[log]
level = "warning"
[sources.prometheus]
requests_per_minute = 10000000
"""
CASES = (
    ("one a request, 32 connections, distinct", 1, 32, "distinct"),
    ("one a request, 32 connections, 10,000 repeating", 1, 32, "repeating"),
    ("100 a request, 8 connections, distinct", 100, 8, "distinct"),
    ("100 a request, 8 connections, 10,000 repeating", 100, 8, "repeating"),
)
ALERTMANAGER = """\
route: {receiver: nobody, group_by: [alertname, service], group_wait: 1s, group_interval: 5s}
receivers: [{name: nobody}]
"""
DISTINCT = 100_000
PROBES = 40


@contextmanager
def house_in(folder: Path, *, gathers: bool = True) -> Iterator[House]:
    """A server with a database of its own; one that does not gather storms opens incidents without end."""
    folder.mkdir()
    examples = files("tocsin") / "examples"
    playbook = (examples / "playbook.md").read_text(encoding="utf-8")
    if not gathers:
        playbook = f"---\ntocsin:\n  storm: false\n---\n{playbook}"
    roster = (examples / "roster.toml").read_text(encoding="utf-8")
    with house(folder, settings=SETTINGS, playbook=playbook, roster=roster) as made:
        yield made


@contextmanager
def alertmanager_in(folder: Path) -> Iterator[int]:
    """The port of an Alertmanager that groups alerts as the playbook does, and tells nobody."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"{PROGRAM} is not installed")
    folder.mkdir()
    config, port = folder / "alertmanager.yml", free_port()
    config.write_text(ALERTMANAGER, encoding="utf-8")
    listening = (f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=error")
    files = (f"--config.file={config}", f"--storage.path={folder / 'data'}")
    process = subprocess.Popen(
        [PROGRAM, *files, *listening], stderr=subprocess.DEVNULL, preexec_fn=die_with_parent
    )
    url = f"http://127.0.0.1:{port}/-/ready"

    def ready() -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(url, trust_env=False).status_code == 200
        return False

    try:
        until(ready, 20, "Alertmanager is not ready")
        yield port
    finally:
        process.kill()
        process.wait(10)


def sender(port: int, each: int, connections: int, kind: str, seconds: float, *more: str) -> list[str]:
    """The command that sends."""
    numbers = (port, each, connections, kind, seconds)
    return [sys.executable, "-m", "tests.bench.load", *map(str, numbers), *more]


def send(port: int, each: int, connections: int, kind: str, seconds: float, *more: str) -> Result:
    """Send, and say what came of it."""
    command = sender(port, each, connections, kind, seconds, *more)
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    result = msgspec.json.decode(done.stdout, type=Result)
    assert result.failed == 0
    return result


def rate(result: Result) -> float:
    return result.alerts / result.seconds


def memory_of(pid: int) -> float:
    """What a process holds in memory, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(each for each in status.splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def kept(house: House) -> dict[str, Any]:
    """What stands in the database of a server that runs."""
    file = house.data / "tocsin.db"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as base:
        alerts, lost = base.execute(
            "SELECT count(*), sum(incident IS NULL AND because = '') FROM alerts"
        ).fetchone()
        (times,) = base.execute("SELECT sum(times) FROM alerts").fetchone()
        (incidents,) = base.execute("SELECT count(*) FROM incidents").fetchone()
    return {"alerts": alerts, "lost": lost, "times": times, "incidents": incidents}


def test_rates_beside_alertmanager(tmp_path: Path) -> None:
    lines: list[str] = []
    with house_in(tmp_path / "house") as server, alertmanager_in(tmp_path / "other") as other:
        for name, each, connections, kind in CASES:
            pairs = []
            for number in range(ROUNDS + (kind == "repeating")):
                tag = f"{each}-{kind}" if kind == "repeating" else f"{each}-{kind}-{number}"
                theirs = send(other, each, connections, kind, SECONDS, tag)
                pairs.append((theirs, send(server.port, each, connections, kind, SECONDS, tag)))
            # The first round of those that repeat is the one in which they are new.
            pairs = pairs[-ROUNDS:]
            theirs, ours = max(pairs, key=lambda pair: rate(pair[1]) / rate(pair[0]))
            ratios = " ".join(f"{rate(b) / rate(a):.2f}" for a, b in pairs)
            lines.append(
                f"  {name:<48} {rate(ours):>9,.0f} {ours.p50:>7.2f} {ours.p99:>7.2f}   "
                f"{rate(theirs):>9,.0f} {theirs.p50:>7.2f} {theirs.p99:>7.2f}   x {ratios}"
            )
        assert kept(server)["lost"] == 0
    print(
        f"\nAlerts a second, p50 and p99 in ms: Tocsin (on disk), {PROGRAM} (in memory); ratios of each round"
    )
    print("\n".join(lines))


def test_memory_and_nothing_lost_after_many_distinct_alerts(tmp_path: Path) -> None:
    with house_in(tmp_path / "house") as server:
        assert server.process is not None
        before = memory_of(server.process.pid)
        result = send(server.port, 100, 8, f"storm:{DISTINCT}", 600, "memory")
        assert result.alerts == DISTINCT
        found = kept(server)
        assert (found["alerts"], found["lost"]) == (DISTINCT, 0)
        print(f"\nMemory: {before:.0f} MB at rest, {memory_of(server.process.pid):.0f} MB after {DISTINCT:,}")


def test_from_request_to_page(tmp_path: Path) -> None:
    with house_in(tmp_path / "house", gathers=False) as server:
        highest = send(server.port, 1, 32, "distinct", SECONDS, "highest")
        half = rate(highest) / 2
        command = sender(server.port, 1, 32, "distinct", PROBES * 0.3 + 2, "half", str(half))
        load = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        time.sleep(1)
        took = [_page(server, f"PageMe{number}") for number in range(PROBES)]
        load.communicate()
        took.sort()
        print(
            f"\nFrom request to page at {half:,.0f} alerts/s: p50 {took[len(took) // 2]:.0f} ms, "
            f"p99 {took[int(len(took) * 0.99)]:.0f} ms, of {len(took)} pages"
        )


def _page(house: House, name: str) -> float:
    """Milliseconds from an alert to the page about it."""
    outbox = house.data / "outbox.jsonl"
    begins = outbox.stat().st_size if outbox.exists() else 0
    one = alert(0, name, name)
    labels = one["labels"]
    assert isinstance(labels, dict)
    labels["severity"] = "critical"
    began = time.perf_counter()
    httpx.post(f"{house.url}/api/v2/alerts", json=[one], trust_env=False).raise_for_status()

    def paged() -> float:
        if not outbox.exists():
            return 0.0
        with outbox.open("rb") as file:
            file.seek(begins)
            return time.perf_counter() if name.encode() in file.read() else 0.0

    while not (at := paged()):
        assert time.perf_counter() - began < 30, "no page came"
        time.sleep(0.001)
    time.sleep(0.2)
    return (at - began) * 1000


def test_a_storm(tmp_path: Path) -> None:
    with house_in(tmp_path / "house") as server:
        assert server.process is not None
        result = send(server.port, 500, 4, f"storm:{STORM}", 3_000, "storm")
        assert result.alerts == STORM
        found = until(lambda: kept(server), 30)
        assert (found["alerts"], found["lost"]) == (STORM, 0)
        said = json.dumps(found)
        print(
            f"\nA storm of {STORM:,} alerts in 1,000 groups: {result.seconds:.0f} s, {rate(result):,.0f} "
            f"alerts/s, {memory_of(server.process.pid):.0f} MB; {said}"
        )
