"""The part of `tocsin check --live` that asks the real world, with its progress on standard error."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.base.problems import Problem
from tocsin.faces.cli.paper import one_line
from tocsin.faces.cli.services import CliServices

if TYPE_CHECKING:
    from tocsin.oncall.model import Roster
    from tocsin.playbook.model import Playbook

Progress = Callable[[int, int, str], None]


def live_findings(
    playbook: "Playbook",
    roster: "Roster | None",
    services: CliServices,
    progress: Progress | None = None,
    folder: Path = Path(),
) -> tuple[Problem, ...]:
    """What is wrong with a playbook and its roster in the real world, by the lines of the playbook.

    `folder` is where relative paths in the steps begin. Nothing is written, started or sent; each question
    has three seconds, and many are asked at once.

    Raises:
        ProblemsError: the settings are refused.
    """
    from tocsin.engine.live import ask, questions, schedule_gaps

    world = services.world(folder)
    asked = questions(playbook, roster, world)
    found = asyncio.run(ask(asked, world, progress or tell_progress))
    gaps = schedule_gaps(roster, services.clock().now()) if roster is not None else ()
    return tuple(sorted([*found, *gaps], key=lambda each: (each.line, each.code)))


def tell_progress(done: int, count: int, what: str) -> None:
    """One line on standard error; on a terminal each takes the place of the one before."""
    line = f"[{done}/{count}] {one_line(what)[:70]}"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}" if done < count else "\r\x1b[K")
    else:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
