"""The documents that are current: the playbooks with their routes, and the service runbooks beside them.

An incident is pinned to one hash. Where a playbook stands alone that is the hash of its bytes. With service
runbooks beside it, it is the hash of a list of the set: the names and hashes of the playbook and of every
runbook. The list is kept like a document, and so is each of its members under its own hash, so that a set can
be read again whatever has been edited since.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath

import msgspec

from tocsin.alerts.model import Alert
from tocsin.base.ids import slug
from tocsin.base.problems import Problem, Weight
from tocsin.incident.rules import Runbook
from tocsin.playbook.codes import problem
from tocsin.playbook.collection import Collection, Kind, choose, read_collection
from tocsin.playbook.model import Playbook
from tocsin.playbook.phases import unique
from tocsin.playbook.policy import Policy, ambiguous, lint_policy
from tocsin.playbook.read import read_playbook

SET_MARK = "/"
"""Ends the name under which the list of a set is kept; the name of a file never ends so."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A playbook or a service runbook as it was read, with the name and the bytes that it was read from."""

    name: str
    content: bytes
    hash: str
    playbook: Playbook


def read_document(name: str, content: bytes) -> Document:
    """Read a document. `hash` is the SHA-256 of the bytes as they were received, in hexadecimal."""
    return Document(name=name, content=content, hash=digest(content), playbook=read_playbook(content, name))


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class Named(msgspec.Struct, frozen=True):
    """A member of a set: the name of its file, and the SHA-256 of its bytes."""

    name: str
    sha256: str


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """The list of a set, as it is kept: JSON with these keys in this order."""

    playbook: Named
    runbooks: tuple[Named, ...]


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A playbook with the service runbooks beside it: what an incident is pinned to, by `hash`."""

    document: Document
    runbooks: tuple[Document, ...] = ()

    @property
    def name(self) -> str:
        """The name of the playbook's file."""
        return self.document.name

    @property
    def playbook(self) -> Playbook:
        """The playbook."""
        return self.document.playbook

    @property
    def hash(self) -> str:
        """The hash of the document, or of the list of the set."""
        return digest(self.listed) if self.runbooks else self.document.hash

    @property
    def listed(self) -> bytes:
        """The list of the set; the same members always give the same bytes."""
        own = Named(self.document.name, self.document.hash)
        beside = tuple(Named(each.name, each.hash) for each in self.runbooks)
        return msgspec.json.encode(Listed(playbook=own, runbooks=beside))


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """Every current playbook, the one for everything else first, and the policy over them. `findings` are
    those between the documents."""

    books: tuple[Book, ...]
    policy: Policy = Policy()
    findings: tuple[Problem, ...] = ()

    def findings_at(self, at: datetime) -> tuple[Problem, ...]:
        """What is wrong between the documents, and with the policy at a time."""
        every = {each.name: each.playbook for book in self.books for each in (book.document, *book.runbooks)}
        return (*self.findings, *lint_policy(tuple(every.items()), self.policy, at))

    @property
    def default(self) -> Book:
        """The playbook for alerts that no route names."""
        return self.books[0]

    def for_alert(self, alert: Alert) -> Book:
        """The playbook that an alert goes to."""
        return self.for_labels(alert.labels)

    def for_labels(self, labels: Mapping[str, str]) -> Book:
        """The playbook for an alert with these labels."""
        chosen = choose([each.playbook.options.routes for each in self.books[1:]], labels)
        return self.default if chosen is None else self.books[chosen + 1]

    def group_of(self, book: Book) -> str:
        """What sets the groups of a playbook apart; "" for the default, whose groups keep their keys when
        other playbooks come and go."""
        return "" if book is self.default else book.name

    def named(self, name: str) -> Book | None:
        """The playbook of this file name or title, compared without case; None where there is none."""
        wanted = name.strip().casefold()
        by_name = (each for each in self.books if each.name.casefold() == wanted)
        by_title = (each for each in self.books if each.playbook.title.casefold() == wanted)
        return next(by_name, None) or next(by_title, None)


def shelf_of(document: Document, policy: Policy | None = None) -> Shelf:
    """A single playbook, as a shelf."""
    return Shelf(books=(Book(document=document),), policy=policy or Policy())


def shelf_of_collection(collection: Collection, policy: Policy | None = None) -> Shelf:
    """The shelf of a folder, which must have a default playbook."""
    default = collection.default
    assert default is not None, "a folder without a default playbook is refused before"
    runbooks = tuple(
        Document(name=each.name, content=each.content, hash=digest(each.content), playbook=each.playbook)
        for each in collection.of(Kind.RUNBOOK)
    )
    books = [each for each in collection.of(Kind.PLAYBOOK) if each is not default]
    read = [(each.name, each.playbook) for each in collection.members]
    return Shelf(
        books=tuple(
            Book(
                document=Document(
                    name=each.name, content=each.content, hash=digest(each.content), playbook=each.playbook
                ),
                runbooks=runbooks,
            )
            for each in (default, *books)
        ),
        policy=ambiguous(read, policy) if policy else Policy(),
        findings=collection.findings,
    )


def keyed(runbooks: Sequence[tuple[str, Playbook]]) -> tuple[Runbook, ...]:
    """The runbooks of a set, given as (file name, content read), each with a key of its own."""
    taken: dict[str, int] = {}
    return tuple(
        Runbook(key=unique(slug(str(PurePosixPath(name).with_suffix(""))), taken), name=name, playbook=each)
        for name, each in runbooks
    )


FATAL = frozenset({"PB008", "PB009", "PB090", "PB110", "PB111", "PB112", "PB113"})
"""Findings with which no incident could be run as its team means it. A fault in one step is none of them: the
step is not run, and a team must not be kept from being paged for it."""


def put_on_shelf(
    documents: Sequence[tuple[str, bytes]], is_folder: bool, policy: Policy
) -> tuple[Shelf | None, list[Problem]]:
    """The shelf of documents given as (name, bytes), or None with what refuses them. A single file is the
    playbook whatever it holds; a folder must say which of its playbooks takes what no route names."""
    if not is_folder:
        (name, content), *_ = documents
        document = read_document(name, content)
        fatal = [each for each in document.playbook.findings if _is_fatal(each)]
        if not document.playbook.severities and not fatal:
            # A service runbook alone: nothing is wrong with it, but it is no playbook to run incidents by.
            fatal = [msgspec.structs.replace(problem("PB090", 0), file=name)]
        return (None if fatal else shelf_of(document, policy)), fatal
    collection = read_collection(documents)
    books = collection.of(Kind.PLAYBOOK)
    found = [*collection.findings, *(each for book in books for each in book.playbook.findings)]
    fatal = [each for each in found if _is_fatal(each)]
    return (None if fatal else shelf_of_collection(collection, policy)), fatal


def _is_fatal(found: Problem) -> bool:
    return found.code in FATAL and found.severity is Weight.ERROR
