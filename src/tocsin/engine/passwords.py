"""Passwords: argon2id off the event loop, and the patience with wrong ones."""

import asyncio
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 1_024

FAILURES_KEPT_FOR = timedelta(minutes=15)
FAILURES_PER_VISITOR_MAX = 10
"""By one network for one account."""

FAILURES_PER_ADDRESS_MAX = 30
FAILURES_PER_ACCOUNT_MAX = 200
"""By all the world for one account: so high that a stranger does not lock its owner out in passing."""

KEYS_MAX = 10_000
"""How many accounts and addresses with failures are remembered; the oldest are forgotten first."""

_AT_ONCE = 2
"""Each hash takes 64 MiB while it is computed, so only a few are at the same time."""


def weakness(password: str) -> str | None:
    """Why a password will not do, in one sentence; None when it will."""
    if len(password) < PASSWORD_CHARS_MIN:
        return f"The password has {len(password)} characters; it takes at least {PASSWORD_CHARS_MIN}."
    if len(password) > PASSWORD_CHARS_MAX:
        return f"The password has {len(password)} characters; at most {PASSWORD_CHARS_MAX} are taken."
    return None


class Passwords:
    """Hashes and checks passwords in threads."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The argon2id hash, with its salt and costs in it."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def check(self, kept: str | None, password: str) -> bool:
        """Whether this is the password. An unknown name (None) takes as long as a known one."""
        if kept is None:
            self._nobody = self._nobody or await self.hash("the password of nobody")
        async with self._turns:
            right = await asyncio.to_thread(self._verify, kept or self._nobody or "", password)
        return right and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether the hash was made with costs that are too low by now."""
        return self._hasher.check_needs_rehash(kept)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password[: PASSWORD_CHARS_MAX + 1])
        except (VerificationError, InvalidHashError):
            return False


class Patience:
    """Counts failed sign-ins by account and by address, in memory. All times are UTC."""

    def __init__(self) -> None:
        self._failures: dict[str, deque[datetime]] = {}

    def locked_until(self, name: str, address: str, now: datetime) -> datetime | None:
        """When the next try is allowed; None when it is allowed now."""
        ends = [
            failures[-most] + FAILURES_KEPT_FOR
            for key, most in _keys(name, address)
            if len(failures := self._recent(key, now)) >= most
        ]
        return max(ends, default=None)

    def trying(self, name: str, address: str, now: datetime) -> None:
        """Count a try as failed until it has succeeded, so that many at once are counted as many."""
        for key, most in _keys(name, address):
            failures = self._failures.pop(key, None) or deque(maxlen=most)
            failures.append(now)
            self._failures[key] = failures
        while len(self._failures) > KEYS_MAX:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, name: str, address: str) -> None:
        """Take the try back, and forget the failures of this visitor for the account; others' stay."""
        for key, _ in _keys(name, address):
            if failures := self._failures.get(key):
                failures.pop()
        self._failures.pop(_visitor(name, address), None)

    def _recent(self, key: str, now: datetime) -> deque[datetime]:
        failures = self._failures.get(key)
        if failures is None:
            return deque()
        while failures and failures[0] <= now - FAILURES_KEPT_FOR:
            failures.popleft()
        return failures


def _visitor(name: str, address: str) -> str:
    return f"visitor:{_network(address)}:{name.casefold()}"


def _keys(name: str, address: str) -> Iterable[tuple[str, int]]:
    yield _visitor(name, address), FAILURES_PER_VISITOR_MAX
    yield f"account:{name.casefold()}", FAILURES_PER_ACCOUNT_MAX
    yield f"address:{_network(address)}", FAILURES_PER_ADDRESS_MAX


def _network(address: str) -> str:
    """One customer of an IPv6 provider has a whole /64 to try from."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Address(int(found) >> 64 << 64)) if isinstance(found, IPv6Address) else str(found)
