"""The documents: the playbooks and the roster as of now, and every version that an incident is pinned to."""

from datetime import date, datetime

import msgspec
from msgspec.structs import replace

from tocsin.alerts.model import Alert
from tocsin.engine.ports import Clock, Reader, Store
from tocsin.engine.records import PlaybookVersion
from tocsin.engine.shelf import SET_MARK, Book, Document, Listed, Named, Shelf, keyed, read_document, shelf_of
from tocsin.incident.events import SYSTEM
from tocsin.incident.rules import Clocks, Rules, Runbook
from tocsin.oncall.model import Roster
from tocsin.playbook.model import Playbook
from tocsin.playbook.policy import apply_policy
from tocsin.playbook.read import read_playbook

__all__ = ["Document", "Library", "UnknownPlaybookError", "read_document"]


class UnknownPlaybookError(LookupError):
    """An incident is pinned to a version of the playbook that the store does not hold."""


class _Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind a hash: a playbook by the name of its file, and the runbooks of its set."""

    name: str
    playbook: Playbook
    runbooks: tuple[Runbook, ...] = ()


def _pinned(book: Book) -> _Pinned:
    runbooks = keyed([(each.name, each.playbook) for each in book.runbooks])
    return _Pinned(name=book.name, playbook=book.playbook, runbooks=runbooks)


class Library:
    """Hands out the rules for a decision. What is current changes by `replace`, never under a decision.

    An incident is pinned to the version of its documents. The roster and the policy are as of now: whoever
    leaves the team is no longer paged, and what is no longer allowed is not done, in open incidents too.
    """

    def __init__(
        self, store: Store, clock: Clock, current: Document | Shelf, roster: Roster, clocks: Clocks
    ) -> None:
        self._store = store
        self._clock = clock
        self._roster = roster
        self._clocks = clocks
        self._known: dict[str, _Pinned] = {}
        self._ruled: dict[str, tuple[date, Rules]] = {}
        self._set_current(current if isinstance(current, Shelf) else shelf_of(current))

    def _set_current(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._known.update({book.hash: _pinned(book) for book in self._shelf.books})
        self._ruled.clear()

    @property
    def current(self) -> Shelf:
        """The documents under which new incidents are opened."""
        return self._shelf

    def now(self) -> datetime:
        """The present (UTC), by which the rules are handed out."""
        return self._clock.now()

    @property
    def roster(self) -> Roster:
        """The roster as of now."""
        return self._roster

    async def keep(self) -> None:
        """Store the current versions, so that they can be found again after the files have changed."""
        await self._keep(self._shelf)

    async def _keep(self, shelf: Shelf) -> None:
        now = self._clock.now()
        for book in shelf.books:
            kept = [(each.hash, each.name, each.content) for each in (book.document, *book.runbooks)]
            if book.runbooks:
                kept.append((book.hash, f"{book.name}{SET_MARK}", book.listed))
            async with self._store.transaction() as unit:
                if await unit.playbook(book.hash) is not None:
                    continue
                for sha256, name, content in kept:
                    version = PlaybookVersion(hash=sha256, name=name, content=content, seen_at=now)
                    await unit.save_playbook(version)
                detail = {"name": book.name, "sha256": book.hash}
                await unit.record_audit(now, SYSTEM, "playbook-loaded", detail)

    async def replace(self, current: Document | Shelf, roster: Roster) -> None:
        """Make other documents and another roster current. Open incidents keep the versions they are
        pinned to."""
        shelf = current if isinstance(current, Shelf) else shelf_of(current)
        # In this order: no incident may be pinned to a version that the store does not hold.
        await self._keep(shelf)
        self._roster = roster
        self._set_current(shelf)

    def rules(self) -> Rules:
        """The rules of the playbook for everything that no route names."""
        return self._rules(self._shelf.default.hash)

    def rules_for_alert(self, alert: Alert) -> Rules:
        """The rules for an incident that this alert opens."""
        return self._rules(self._shelf.for_alert(alert).hash)

    def rules_named(self, name: str) -> Rules | None:
        """The rules of the playbook of this file name or title, those for everything else without a name;
        None where there is no such playbook."""
        book = self._shelf.named(name) if name.strip() else self._shelf.default
        return None if book is None else self._rules(book.hash)

    def successor(self, pinned: str) -> str:
        """The hash of the current version of what an incident is pinned to, whose rules have been asked for
        before: the playbook of the same file, else the one for everything else."""
        known = self._known.get(pinned)
        book = self._shelf.named(known.name) if known else None
        return (book or self._shelf.default).hash

    async def rules_for(self, playbook: str, reader: Reader) -> Rules:
        """The rules for an incident that is pinned to this version: its documents, today's roster and policy.

        Raises:
            UnknownPlaybookError: the store does not hold the version.
        """
        if playbook not in self._known:
            self._known[playbook] = await _read_version(playbook, reader)
        return self._rules(playbook)

    def _rules(self, pinned: str) -> Rules:
        # The day matters only to the policy, whose entries end with one.
        now = self._clock.now()
        before = self._ruled.get(pinned)
        if before is not None and before[0] == now.date():
            return before[1]
        known, policy = self._known[pinned], self._shelf.policy
        rules = Rules(
            playbook=apply_policy(known.playbook, policy, now, known.name),
            playbook_hash=pinned,
            roster=self._roster,
            clocks=self._clocks,
            runbooks=tuple(
                replace(each, playbook=apply_policy(each.playbook, policy, now, each.name))
                for each in known.runbooks
            ),
        )
        self._ruled[pinned] = (now.date(), rules)
        return rules


async def _read_version(playbook: str, reader: Reader) -> _Pinned:
    version = await _version(playbook, reader)
    if not version.name.endswith(SET_MARK):
        return _Pinned(name=version.name, playbook=read_playbook(version.content, version.name))
    listed = msgspec.json.decode(version.content, type=Listed)
    runbooks = [(each.name, await _read_member(each, reader)) for each in listed.runbooks]
    return _Pinned(
        name=listed.playbook.name,
        playbook=await _read_member(listed.playbook, reader),
        runbooks=keyed(runbooks),
    )


async def _read_member(member: Named, reader: Reader) -> Playbook:
    # The store keeps bytes once, under the name they first had; the set knows the name they have in it.
    return read_playbook((await _version(member.sha256, reader)).content, member.name)


async def _version(sha256: str, reader: Reader) -> PlaybookVersion:
    version = await reader.playbook(sha256)
    if version is None:
        raise UnknownPlaybookError(f"playbook {sha256[:12]} is not in the store")
    return version
