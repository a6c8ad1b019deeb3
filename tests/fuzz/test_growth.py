"""One megabyte of anything is read within its limits, and four times the text takes no more than about four
times as long. The time is that of the processor, so that a busy machine changes little."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.hostile import CODE, STRUCTURE, baits, byte_classes
from tocsin.playbook.present import to_document
from tocsin.playbook.read import read_playbook

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 2.0
SLACK = float(os.environ.get("TOCSIN_SLOW_MACHINE", "2"))
"""How much slower a machine under test may be than the one for which the limit is told."""

RATIO_MAX = 10.0
FLOOR_SECONDS = 0.2
MEMORY_MAX = 200 * 1024 * 1024
MEGABYTE = 1 << 20

Make = Callable[[int], str]
TABLE: dict[str, Make] = {**STRUCTURE, **CODE}


def seconds(source: bytes) -> float:
    """The time that reading takes, without that of looking through what other tests have left behind."""
    gc.collect()
    gc.freeze()
    began = time.process_time()
    to_document(read_playbook(source, "x.md"))
    took = time.process_time() - began
    gc.unfreeze()
    return took


@pytest.mark.parametrize("name", TABLE)
def test_time_grows_with_the_text(name: str) -> None:
    first = seconds(TABLE[name](15_000).encode())
    second = seconds(TABLE[name](60_000).encode())
    assert second < FLOOR_SECONDS * SLACK or second / max(first, 0.001) < RATIO_MAX, (first, second)


def test_a_megabyte_is_read_in_time() -> None:
    took = {name: seconds(make(MEGABYTE).encode()[:MEGABYTE]) for name, make in TABLE.items()}
    assert {name: each for name, each in took.items() if each > SECONDS_MAX * SLACK} == {}


def test_no_class_of_bytes_takes_long() -> None:
    made = byte_classes()
    sample = [name for at, name in enumerate(made) if at % 4 == 0 or at > 120]
    took = {name: seconds(made[name](MEGABYTE).encode("latin-1")[:MEGABYTE]) for name in sample}
    assert {name: each for name, each in took.items() if each > SECONDS_MAX * SLACK} == {}


def test_no_bait_catches_an_expression() -> None:
    """Each regular expression sees what it looks for begun ten thousand times; every place and every bait
    comes up, though not every pair."""
    made = baits()
    took = {
        name: seconds(make(20_000).encode()) for at, (name, make) in enumerate(made.items()) if at % 7 == 0
    }
    assert {name: each for name, each in took.items() if each > FLOOR_SECONDS * SLACK * 3} == {}


MEASURE = """
import resource, sys
from tests.fuzz.hostile import CODE, STRUCTURE
from tocsin.playbook.read import read_playbook
read_playbook(b"# warm", "x")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read_playbook({**STRUCTURE, **CODE}[sys.argv[1]](1 << 20).encode()[: 1 << 20], "x")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.parametrize(
    "name", ["long table", "deep list in one line", "edges in a row", "many steps", "same steps", "star runs"]
)
def test_memory_is_bounded(name: str) -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, name],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(ran.stdout) < MEMORY_MAX
