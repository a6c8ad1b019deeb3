"""What every test of a channel needs: a clock, and something to deliver."""

from datetime import UTC, datetime

import pytest

from tocsin.testing.fakes import ManualClock

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)
