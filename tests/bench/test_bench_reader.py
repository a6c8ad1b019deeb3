"""How long a playbook takes to read, against parsing its Markdown alone."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from markdown_it import MarkdownIt

from tests.playbook.golden import HARBOUR
from tocsin.playbook.read import read_playbook

SEED = Path(__file__).resolve().parents[3] / "shared" / "seed" / "incident-response-playbook.txt"
ROUNDS = 15
RATIO_MOST = 25
"""Reading also parses every shell block, every statement and every span, and then reviews all of it."""


def seconds(work: Callable[[], object]) -> float:
    """The median of several rounds."""
    work()
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def test_reading_against_parsing_alone() -> None:
    for path in (HARBOUR, SEED):
        if not path.is_file():
            continue
        source = path.read_bytes()
        text = source.decode("utf-8", "replace")
        parsing = seconds(lambda text=text: MarkdownIt("commonmark").enable("table").parse(text))
        reading = seconds(lambda source=source: read_playbook(source, "playbook.md"))
        ratio = reading / parsing
        print(
            f"\n{path.name}: {len(source)} bytes, read in {reading * 1e3:.1f} ms, "
            f"parsed in {parsing * 1e3:.1f} ms, ratio {ratio:.1f}"
        )
        assert ratio < RATIO_MOST
