"""Rules about SQL, in blocks of its own and in what shell steps hand to a database client."""

import re
from collections.abc import Callable, Iterator

import msgspec

from tocsin.base.problems import Problem
from tocsin.playbook.codes import problem
from tocsin.playbook.effects import given_sql, program_of
from tocsin.playbook.model import Action, Effect
from tocsin.playbook.sql import Statement, effect_of_sql, statements
from tocsin.playbook.subject import Rule, Subject

_CLIENTS = frozenset(["psql", "mysql", "mariadb", "cockroach", "sqlite3"])
_ENDS_SESSIONS = frozenset(["pg_terminate_backend", "pg_cancel_backend"])
_DANGEROUS = re.compile(
    r"^(?:pg_promote|pg_reload_conf|pg_rotate_logfile|pg_switch_wal|pg_wal_replay_\w+|pg_drop_\w+"
    r"|pg_stat_reset\w*|pg_read_(?:binary_)?file|pg_ls_dir|pg_file_\w+|lo_(?:import|export|unlink|put)"
    r"|dblink(?:_\w+)?|xp_cmdshell|sp_oacreate|load_file|pg_advisory_lock\w*)$"
)
_READING = re.compile(r"read|replica|standby|secondary|(?:^|_)ro(?:_|$)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{?(?P<name>[A-Za-z_]\w*)")


class Query(msgspec.Struct, frozen=True):
    """A statement with the step and the line at which it stands."""

    action: Action
    statement: Statement
    line: int


def queries(subject: Subject) -> Iterator[Query]:
    """Every statement of SQL that a step runs, and where it stands."""
    for action in subject.actions:
        if action.language == "sql":
            yield from _in_text(action, action.script, 0)
    for each in subject.shelled:
        at = row = 0
        for command in each.calls():
            if program_of(command) in _CLIENTS:
                for text in given_sql(command):
                    found = each.action.script.find(text[:80], at)
                    if found >= 0:
                        row += each.action.script.count("\n", at, found)
                        at = found
                    yield from _in_text(each.action, text, row)


def _in_text(action: Action, text: str, row: int) -> Iterator[Query]:
    position = counted = 0
    for statement in statements(text) or ():
        counted += text.count("\n", position, statement.start)
        position = statement.start
        yield Query(action, statement, action.line + row + counted)


def about_queries(subject: Subject) -> Iterator[Problem]:
    """What is wrong with single statements, each read once."""
    for query in queries(subject):
        for rule in QUERY_RULES:
            yield from rule(query)


def killing_everybody(query: Query) -> Iterator[Problem]:
    """Ending sessions without saying whose."""
    words, calls = set(query.statement.words), set(query.statement.calls)
    ends = calls & _ENDS_SESSIONS
    narrowed = "DATNAME" in words and words & {"USENAME", "BACKEND_TYPE", "APPLICATION_NAME"}
    if not ends or "PG_STAT_ACTIVITY" not in words or narrowed:
        return
    if "pg_terminate_backend" in ends:
        yield problem("PB050", query.line)
    else:
        said = "the query cancels the work of every matching session in all databases, not only your own"
        mend = "Add `datname = current_database()` and the user or `backend_type` to the WHERE clause."
        yield problem("PB051", query.line, said, mend=mend)


def dangerous_calls(query: Query) -> Iterator[Problem]:
    """Functions that make a query more than a question."""
    found = sorted(call for call in set(query.statement.calls) if _DANGEROUS.match(call))
    if found and query.action.effect is not Effect.DESTROY:
        said = f"the query calls {', '.join(found[:5])}, which does more than select data"
        yield problem("PB051", query.line, said)


def every_row(query: Query) -> Iterator[Problem]:
    """Statements that change a whole table."""
    words = query.statement.words
    verb = next(iter(words[0].split()), "") if words else ""
    if verb in ("DELETE", "UPDATE") and "WHERE" not in words and "LIMIT" not in words:
        yield problem("PB053", query.line, f"the {verb} has no WHERE clause, so it changes every row")
    elif verb == "TRUNCATE":
        yield problem("PB053", query.line, "TRUNCATE empties the whole table, and waits for its lock")


QUERY_RULES: tuple[Callable[[Query], Iterator[Problem]], ...] = (
    killing_everybody,
    dangerous_calls,
    every_row,
)
"""The rules about one statement."""


def unseen_errors(subject: Subject) -> Iterator[Problem]:
    """`psql` that goes on after errors in a file or a here-document."""
    for each in subject.shelled:
        for command in each.calls():
            if program_of(command) != "psql":
                continue
            text = " ".join(command.arguments)
            is_script = bool(command.input) or re.search(r"(?:^|\s)(?:-f|--file)\b", text)
            if is_script and "ON_ERROR_STOP" not in text + command.input:
                yield problem("PB052", each.line(command))
                break


def reading_where_others_write(subject: Subject) -> Iterator[Problem]:
    """Connections with which some steps read and others write; one finding a connection."""
    reads: dict[str, tuple[int, str]] = {}
    writes: set[str] = set()
    for each in subject.shelled:
        for command in each.calls():
            if program_of(command) not in _CLIENTS:
                continue
            named = {found["name"] for word in command.arguments for found in _VARIABLE.finditer(word)}
            named = {name for name in named if not _READING.search(name)}
            texts = given_sql(command)
            if texts and all(effect_of_sql(text) is Effect.READ for text in texts):
                for name in named:
                    reads.setdefault(name, (each.line(command), each.action.title))
            else:
                writes |= named
    for name, (line, title) in sorted(reads.items()):
        if name in writes:
            said = f"the step {title!r} only reads, and uses ${name}, with which other steps write"
            yield problem("PB054", line, said)


SQL_RULES: tuple[Rule, ...] = (
    about_queries,
    unseen_errors,
    reading_where_others_write,
)
"""The rules about SQL."""
