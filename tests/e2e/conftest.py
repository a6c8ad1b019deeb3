"""Every test here has a bound: whatever hangs is ended, and its processes with it."""

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

BOUND_SECONDS = 180


@pytest.fixture(autouse=True)
def bound(request: pytest.FixtureRequest) -> Iterator[None]:
    """End the test after `BOUND_SECONDS` of its module, so that its own `finally` blocks still run."""
    seconds = getattr(request.module, "BOUND_SECONDS", BOUND_SECONDS)

    def ended(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"the test took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, ended)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
