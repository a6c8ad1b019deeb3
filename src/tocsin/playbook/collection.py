"""Several documents as one: which are playbooks, which are service runbooks, which alert goes where, and
what is wrong between them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import combinations, islice

import msgspec

from tocsin.alerts.matchers import Matcher, Matchers, Operator
from tocsin.base.problems import Problem
from tocsin.playbook.alertrules import AlertRule, read_alert_rules
from tocsin.playbook.codes import problem
from tocsin.playbook.model import Playbook
from tocsin.playbook.places import place_of
from tocsin.playbook.read import read_playbook

SUFFIXES = (".md", ".markdown", ".txt")
DOCUMENTS_MAX = 500
"""More documents than this are no playbooks of one team."""
COMPARED_MAX = 20_000
"""How many pairs of routes are compared for an alert that both would take."""

_FOREIGN = frozenset({"node_modules", "vendor", "site-packages"})
_LITERALS = re.compile(r"[\w.:/ -]{1,200}(?:\|[\w.:/ -]{1,200})*")
_NOT_WORD = re.compile(r"[\W_]+")


class Kind(StrEnum):
    """What a document of a folder is for."""

    PLAYBOOK = "playbook"
    RUNBOOK = "runbook"
    REFERENCE = "reference"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A document of a folder. `name` is its path in the folder, with slashes."""

    name: str
    kind: Kind
    content: bytes
    playbook: Playbook


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """All documents of a folder by name, and what is wrong between them; the findings of each document
    stand in its `playbook`."""

    members: tuple[Member, ...]
    findings: tuple[Problem, ...] = ()

    def of(self, kind: Kind) -> tuple[Member, ...]:
        """The documents of one kind."""
        return tuple(each for each in self.members if each.kind is kind)

    @property
    def default(self) -> Member | None:
        """The playbook for alerts that no route names; None where there is not exactly one."""
        found = _defaults(self.of(Kind.PLAYBOOK))
        return found[0] if len(found) == 1 else None


def is_document(parts: Sequence[str]) -> bool:
    """Whether a file of a folder is read, by its path within the folder: Markdown or text, and neither it
    nor a folder on the way hidden or full of what others wrote."""
    if not parts or not parts[-1].casefold().endswith(SUFFIXES):
        return False
    return not any(part.startswith(".") or part in _FOREIGN for part in parts)


def kind_of(playbook: Playbook) -> Kind:
    """What a document is for. One with routes is a playbook whatever else it has; one that names alerts is
    a service runbook, even where it has a table of severities."""
    if playbook.severities and playbook.options.routes:
        return Kind.PLAYBOOK
    if playbook.alerts:
        return Kind.RUNBOOK
    return Kind.PLAYBOOK if playbook.severities else Kind.REFERENCE


def read_collection(
    files: Sequence[tuple[str, bytes]], rule_files: Sequence[tuple[str, bytes]] = ()
) -> Collection:
    """Read the documents of a folder, given as (path in the folder, bytes), and look what is wrong between
    them; with Prometheus rule files also between them and the alerts that there are.

    Never raises. The same files in any order give the same value.
    """
    members: list[Member] = []
    for name, content in sorted(files)[:DOCUMENTS_MAX]:
        playbook = read_playbook(content, name)
        members.append(Member(name=name, kind=kind_of(playbook), content=content, playbook=playbook))
    known = Collection(members=tuple(members))
    books, runbooks = known.of(Kind.PLAYBOOK), known.of(Kind.RUNBOOK)
    findings = [
        *_without_default(books),
        *_same_routes(books),
        *_same_alerts(runbooks),
        *_other_levels(books),
        *_against_rules(runbooks, rule_files),
    ]
    if len(files) > DOCUMENTS_MAX:
        said = f"the folder has {len(files)} documents, of which the first {DOCUMENTS_MAX} are read"
        findings.append(problem("PB009", 0, said))
    return Collection(members=tuple(members), findings=tuple(findings))


def choose(routes: Sequence[Sequence[Matchers]], labels: Mapping[str, str]) -> int | None:
    """Which of several playbooks takes an alert with these labels, given the routes of each: the one whose
    matching route has the most matchers, the first of those that have as many; None where none matches."""
    best: tuple[int, int] | None = None
    for at, own in enumerate(routes):
        for route in own:
            if route.all and route.matches(labels) and (best is None or len(route.all) > best[0]):
                best = (len(route.all), at)
    return best[1] if best else None


def runbooks_of(alert: str, runbooks: Sequence[Playbook]) -> tuple[int, ...]:
    """Which service runbooks are for an alert of this name: those that name it exactly; without any, those
    that write it in other case; without any, those that write it in other words (`vault-sealed`)."""
    for form in (str, str.casefold, _plain):
        wanted = form(alert)
        found = tuple(
            at for at, each in enumerate(runbooks) if wanted in {form(name) for name in each.alerts}
        )
        if found:
            return found
    return ()


def _plain(name: str) -> str:
    return _NOT_WORD.sub("", name).casefold()


def _filed(found: Problem, name: str) -> Problem:
    return msgspec.structs.replace(found, file=name)


def is_default(playbook: Playbook) -> bool:
    """Whether a playbook takes what no route names: it has no routes, or one that matches everything."""
    routes = playbook.options.routes
    return not routes or any(not route.all for route in routes)


def _defaults(books: Sequence[Member]) -> list[Member]:
    found = [each for each in books if is_default(each.playbook)]
    # A playbook that is the only one takes everything, whatever its routes say.
    return found or (list(books) if len(books) == 1 else [])


def _without_default(books: Sequence[Member]) -> Iterator[Problem]:
    found = _defaults(books)
    if not books:
        yield problem("PB110", 0)
    elif not found:
        names = ", ".join(each.name for each in books)
        yield problem("PB111", 0, f"every playbook has routes ({names}), so nobody takes the other alerts")
    for other in found[1:]:
        said = f"neither {found[0].name} nor {other.name} has routes, so nothing says which is followed"
        at = place_of(other.playbook.places, "tocsin.routes", "tocsin")
        yield _filed(problem("PB112", at, said), other.name)


def _same_routes(books: Sequence[Member]) -> Iterator[Problem]:
    routes = [
        (book, route, _route_line(book, at))
        for book in books
        for at, route in enumerate(book.playbook.options.routes)
        if route.all
    ]
    first: dict[frozenset[Matcher], Member] = {}
    for book, route, line in routes:
        before = first.setdefault(frozenset(route.all), book)
        if before is not book:
            said = f"the route {route.text} is also one of {before.name}"
            yield _filed(problem("PB113", line, said), book.name)
    for (one, mine, _), (two, other, line) in islice(combinations(routes, 2), COMPARED_MAX):
        if one is two or _is_narrower(mine, other) or (labels := _both(mine, other)) is None:
            continue
        shown = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
        chosen = two if len(other.all) > len(mine.all) else one
        said = f"an alert with {shown} matches {other.text} and also {mine.text} of {one.name}"
        yield _filed(problem("PB114", line, f"{said}; it goes to {chosen.name}"), two.name)


def _route_line(book: Member, at: int) -> int:
    return place_of(book.playbook.places, f"tocsin.routes.{at}", "tocsin.routes", "tocsin")


def _is_narrower(one: Matchers, two: Matchers) -> bool:
    """Whether one says all that the other says, so that it is the exception to the other, or the same."""
    return set(one.all) <= set(two.all) or set(two.all) <= set(one.all)


def _both(one: Matchers, two: Matchers) -> dict[str, str] | None:
    """Labels that match both, where some are found by trying the values that the matchers name."""
    every = (*one.all, *two.all)
    if any(_values(each) is None for each in every):
        return None
    labels: dict[str, str] = {}
    for name in dict.fromkeys(each.name for each in every):
        own = [each for each in every if each.name == name]
        tried = ["", *(value for each in own for value in _values(each) or ())]
        fitting = next((value for value in tried if all(each.matches({name: value}) for each in own)), None)
        if fitting is None:
            return None
        if fitting:
            labels[name] = fitting
    return labels


def _values(matcher: Matcher) -> list[str] | None:
    """The values that a matcher names; None for a regular expression that is more than alternatives, which
    is not run here, because it could take for ever."""
    if matcher.operator in (Operator.EQUAL, Operator.NOT_EQUAL):
        return [matcher.value]
    return matcher.value.split("|") if _LITERALS.fullmatch(matcher.value) else None


def _same_alerts(runbooks: Sequence[Member]) -> Iterator[Problem]:
    first: dict[str, Member] = {}
    for each in runbooks:
        for name in dict.fromkeys(each.playbook.alerts):
            before = first.setdefault(_plain(name), each)
            if before is not each:
                said = f"the alert {name} has a runbook in {before.name} as well"
                yield _filed(problem("PB117", place_of(each.playbook.places, "alert"), said), each.name)


def _other_levels(books: Sequence[Member]) -> Iterator[Problem]:
    for each in books[1:]:
        mine = [level.level for level in each.playbook.severities]
        theirs = [level.level for level in books[0].playbook.severities]
        if {level.casefold() for level in mine} != {level.casefold() for level in theirs}:
            said = f"the levels are {', '.join(mine)}, and those of {books[0].name} are {', '.join(theirs)}"
            yield _filed(problem("PB118", each.playbook.severities[0].line or 1, said), each.name)


def _against_rules(runbooks: Sequence[Member], rule_files: Sequence[tuple[str, bytes]]) -> Iterator[Problem]:
    rules: list[tuple[str, AlertRule]] = []
    readable = bool(rule_files)
    for name, content in rule_files:
        read = read_alert_rules(content)
        rules += [(name, rule) for rule in read.rules]
        for line, why in read.faults:
            readable = False
            yield _filed(problem("PB119", line, f"the rule file cannot be read: {why}"), name)
    playbooks = [each.playbook for each in runbooks]
    served: set[int] = set()
    told: set[str] = set()
    for name, rule in rules:
        found = runbooks_of(rule.alert, playbooks)
        served.update(found)
        if not found and rule.alert not in told:
            told.add(rule.alert)
            said = f"the alert {rule.alert} has no service runbook"
            yield _filed(problem("PB116", rule.line, said), name)
    defined = {_plain(rule.alert) for _, rule in rules}
    for each in runbooks if readable else ():
        missing = [name for name in each.playbook.alerts if _plain(name) not in defined]
        if missing:
            said = f"no rule file defines the alert {', '.join(missing)}"
            yield _filed(problem("PB115", place_of(each.playbook.places, "alert"), said), each.name)
