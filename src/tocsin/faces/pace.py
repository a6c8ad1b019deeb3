"""How often strangers may do something: so many within a time for each of them, and for all together."""

from collections import deque
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

NETWORKS_MAX = 10_000
"""More addresses than this at once are not told apart: those that have been quiet longest are forgotten."""


class Pace:
    """Counts in memory, so that a restart forgives. Nothing is written for it, whoever floods us."""

    def __init__(self, each: int, in_all: int, within: timedelta) -> None:
        self._each = each
        self._in_all = in_all
        self._within = within
        self._done: dict[str, deque[datetime]] = {}
        self._all: deque[datetime] = deque()

    def wait(self, address: str, now: datetime) -> timedelta | None:
        """How long this address has to wait at `now` (UTC); None where it may go on."""
        waits = [self._left(self._all, self._in_all, now)]
        if done := self._done.get(network_of(address)):
            waits.append(self._left(done, self._each, now))
        return max((each for each in waits if each is not None), default=None)

    def count(self, address: str, now: datetime) -> None:
        """Take note that the address did it at `now` (UTC)."""
        key = network_of(address)
        done = self._done.pop(key, None) or deque[datetime](maxlen=self._each)
        done.append(now)
        self._done[key] = done
        self._all.append(now)
        while len(self._done) > NETWORKS_MAX:
            del self._done[next(iter(self._done))]

    def _left(self, done: deque[datetime], most: int, now: datetime) -> timedelta | None:
        # A clock that was set back must not lock anybody out for longer than the time itself.
        while done and not now - self._within < done[0] <= now:
            done.popleft()
        return done[-most] + self._within - now if len(done) >= most else None


def network_of(address: str) -> str:
    """Whom an address counts for: one customer of an IPv6 provider has a whole /64."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(found) >> 64 << 64)) if isinstance(found, IPv6Address) else str(found)
