"""SQL read by its tokens: its statements, what each does, and the comments that stand between them."""

import re
from itertools import pairwise

import msgspec
import sqlglot
from sqlglot.errors import SqlglotError

from tocsin.playbook.model import Effect

_DESTROYS = frozenset(["DROP", "TRUNCATE", "DELETE", "KILL", "REVOKE", "SHUTDOWN", "PURGE"])
_CHANGES = frozenset(
    [
        "INSERT",
        "UPDATE",
        "MERGE",
        "ALTER",
        "CREATE",
        "GRANT",
        "REPLACE",
        "COPY",
        "VACUUM",
        "ANALYZE",
        "REINDEX",
        "CLUSTER",
        "REFRESH",
        "CALL",
        "DO",
        "EXECUTE",
        "LOCK",
        "SET",
        "RESET",
        "LOAD",
        "IMPORT",
        "INTO",
        "OPTIMIZE",
        "FLUSH",
        "NOTIFY",
        "CHECKPOINT",
        "COMMENT",
        "RENAME",
        "ATTACH",
        "DETACH",
        "PRAGMA",
        "BEGIN",
        "COMMIT",
    ]
)
_READS = frozenset(["SELECT", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "VALUES", "TABLE", "WITH", "USE"])
_DEADLY_CALL = re.compile(r"^(?:pg_terminate_backend|pg_promote|pg_drop_\w+|lo_unlink|pg_wal_replay_\w+)$")
_CHANGING_CALL = re.compile(
    r"^(?:pg_cancel_backend|pg_reload_conf|pg_rotate_logfile|pg_switch_wal|pg_create_\w+"
    r"|pg_advisory_\w*lock\w*"
    r"|pg_try_advisory\w*|pg_stat_reset\w*|pg_stat_statements_reset|pg_start_backup|pg_stop_backup"
    r"|pg_backup_\w+"
    r"|pg_replication_\w+|pg_logical_\w+|set_config|setval|nextval|lo_\w+|dblink\w*|pg_read_\w+|pg_file_\w+"
    r"|pg_ls_dir|txid_current|pg_notify|query_to_xml|xp_\w+|sp_\w+|sleep|pg_sleep\w*|load_file)$"
)
START = re.compile(
    r"^\s*(?:SELECT\s.+\sFROM\s|INSERT\s+INTO\s|UPDATE\s+\S+\s+SET\s|DELETE\s+FROM\s|ALTER\s+(?:TABLE"
    r"|SYSTEM)\s"
    r"|CREATE\s+(?:TABLE|INDEX)\s|DROP\s+(?:TABLE|INDEX)\s|SHOW\s+\w+;?\s*$|EXPLAIN\s+SELECT\s)",
    re.IGNORECASE,
)
"""A line that can only be the beginning of SQL."""


class Statement(msgspec.Struct, frozen=True):
    """One statement: where its text begins and ends, its words in upper case, the functions it calls."""

    start: int
    end: int
    words: tuple[str, ...]
    calls: tuple[str, ...]


class _Word(msgspec.Struct, frozen=True):
    """A token of the library, in our own words."""

    kind: str
    text: str
    start: int
    end: int


def statements(text: str) -> tuple[Statement, ...] | None:
    """The statements of a text; None where it cannot be read."""
    try:
        tokens = sqlglot.tokenize(text, read="postgres")
    except (SqlglotError, ValueError, RecursionError):
        return None
    found: list[Statement] = []
    run: list[_Word] = []
    for token in tokens:
        if token.token_type.name == "SEMICOLON":
            if run:
                found.append(_statement(run, token.end + 1))
            run = []
        else:
            run.append(_Word(token.token_type.name, token.text, token.start, token.end))
    if run:
        found.append(_statement(run, run[-1].end + 1))
    return tuple(found)


def _statement(run: list[_Word], end: int) -> Statement:
    words = tuple(word.text.upper() for word in run if word.kind not in ("STRING", "IDENTIFIER"))
    calls = tuple(
        word.text.casefold()
        for word, following in pairwise(run)
        if following.kind == "L_PAREN" and word.kind != "STRING"
    )
    return Statement(run[0].start, end, words, calls)


def effect_of_sql(text: str) -> Effect:
    """What running this SQL does; what cannot be read counts as a change."""
    found = statements(text)
    if found is None:
        return Effect.CHANGE
    worst = Effect.READ
    for statement in found:
        effect = _effect(statement)
        if effect is Effect.DESTROY:
            return effect
        worst = effect if effect is Effect.CHANGE else worst
    return worst


def _effect(statement: Statement) -> Effect:
    words = set(statement.words)
    if words & _DESTROYS or any(_DEADLY_CALL.match(call) for call in statement.calls):
        return Effect.DESTROY
    first = next(iter(statement.words[0].split()), "") if statement.words else ""
    reads = first in _READS and not words & (_CHANGES - {"SET", "ANALYZE", "COMMENT", "REPLACE", "BEGIN"})
    if not reads or any(_CHANGING_CALL.match(call) for call in statement.calls):
        return Effect.CHANGE
    return Effect.READ
