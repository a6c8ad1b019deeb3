"""The documents: the playbook and the roster as of now, and every version that an incident is pinned to."""

import hashlib

import msgspec

from tocsin.engine.ports import Clock, Reader, Store
from tocsin.engine.records import PlaybookVersion
from tocsin.incident.events import SYSTEM
from tocsin.incident.rules import Clocks, Rules
from tocsin.oncall.model import Roster
from tocsin.playbook.model import Playbook
from tocsin.playbook.read import read_playbook


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A playbook as it was read, with the name and the bytes that it was read from."""

    name: str
    content: bytes
    hash: str
    playbook: Playbook


def read_document(name: str, content: bytes) -> Document:
    """Read a playbook. `hash` is the SHA-256 of the bytes as they were received, in hexadecimal."""
    return Document(
        name=name,
        content=content,
        hash=hashlib.sha256(content).hexdigest(),
        playbook=read_playbook(content, name),
    )


class UnknownPlaybookError(LookupError):
    """An incident is pinned to a version of the playbook that the store does not hold."""


class Library:
    """Hands out the rules for a decision. What is current changes by `replace`, never under a decision."""

    def __init__(self, store: Store, clock: Clock, current: Document, roster: Roster, clocks: Clocks) -> None:
        self._store = store
        self._clock = clock
        self._roster = roster
        self._clocks = clocks
        self._current = current
        self._known: dict[str, Playbook] = {current.hash: current.playbook}

    @property
    def current(self) -> Document:
        """The playbook under which new incidents are opened."""
        return self._current

    @property
    def roster(self) -> Roster:
        """The roster as of now."""
        return self._roster

    async def keep(self) -> None:
        """Store the current version, so that it can be found again after the file has changed."""
        await self._keep(self._current)

    async def _keep(self, document: Document) -> None:
        async with self._store.transaction() as unit:
            if await unit.playbook(document.hash) is not None:
                return
            now = self._clock.now()
            await unit.save_playbook(
                PlaybookVersion(hash=document.hash, name=document.name, content=document.content, seen_at=now)
            )
            detail = {"name": document.name, "sha256": document.hash}
            await unit.record_audit(now, SYSTEM, "playbook-loaded", detail)

    async def replace(self, document: Document, roster: Roster) -> None:
        """Make another playbook and roster current. Open incidents keep the playbook they are pinned to."""
        # In this order: no incident may be pinned to a version that the store does not hold.
        await self._keep(document)
        self._known[document.hash] = document.playbook
        self._current, self._roster = document, roster

    def rules(self) -> Rules:
        """The rules for a new incident."""
        return self._rules(self._current.hash, self._current.playbook)

    async def rules_for(self, playbook: str, reader: Reader) -> Rules:
        """The rules for an incident that is pinned to this version: its playbook, today's roster.

        Raises:
            UnknownPlaybookError: the store does not hold the version.
        """
        known = self._known.get(playbook)
        if known is None:
            version = await reader.playbook(playbook)
            if version is None:
                raise UnknownPlaybookError(f"playbook {playbook[:12]} is not in the store")
            known = read_playbook(version.content, version.name)
            self._known[playbook] = known
        return self._rules(playbook, known)

    def _rules(self, playbook_hash: str, playbook: Playbook) -> Rules:
        return Rules(playbook=playbook, playbook_hash=playbook_hash, roster=self._roster, clocks=self._clocks)
