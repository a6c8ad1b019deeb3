"""Runs `tocsin` on a clock that is ahead by the seconds in the file AHEAD_FILE; it can change at any time.

    python later.py serve --port 8800

Hours of an incident pass in seconds, and the same real process is asked; only its clock is ours.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tocsin.__main__ import main
from tocsin.adapters.clock import SystemClock


def _now(_: SystemClock) -> datetime:
    ahead = float(Path(os.environ["AHEAD_FILE"]).read_text(encoding="utf-8"))
    return datetime.now(UTC) + timedelta(seconds=ahead)


if __name__ == "__main__":
    SystemClock.now = _now
    main()
