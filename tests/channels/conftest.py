"""What every test of a channel needs: a clock that stands still."""

import pytest

from tests.channels.sample import AT
from tocsin.testing.fakes import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)
