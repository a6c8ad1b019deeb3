"""The placeholders and variables of a script: their names, their types, and which are credentials."""

import re

from tocsin.playbook.model import Parameter, ParameterType

_TYPES: tuple[tuple[frozenset[str], ParameterType], ...] = (
    (frozenset(["url", "uri", "link", "endpoint"]), ParameterType.URL),
    (frozenset(["cidr", "subnet", "range", "netmask", "prefix"]), ParameterType.CIDR),
    (frozenset(["ip", "ips", "ipv4", "ipv6", "addr"]), ParameterType.IP),
    (frozenset(["host", "hostname", "domain", "fqdn", "server", "node"]), ParameterType.HOSTNAME),
    (
        frozenset(
            [
                "port",
                "count",
                "number",
                "num",
                "pid",
                "replicas",
                "limit",
                "size",
                "seconds",
                "minutes",
                "hours",
                "days",
                "n",
                "threshold",
                "revision",
                "attempts",
            ]
        ),
        ParameterType.INTEGER,
    ),
    (
        frozenset(
            [
                "id",
                "name",
                "service",
                "namespace",
                "pod",
                "tag",
                "version",
                "sha",
                "commit",
                "branch",
                "user",
                "username",
                "container",
                "deployment",
                "image",
                "ref",
                "account",
                "key",
                "region",
                "zone",
                "cluster",
                "db",
                "database",
                "table",
                "queue",
                "topic",
                "release",
                "app",
                "component",
                "tenant",
                "job",
                "role",
                "bucket",
            ]
        ),
        ParameterType.IDENTIFIER,
    ),
)
_CREDENTIALS = frozenset(
    [
        "token",
        "secret",
        "secrets",
        "key",
        "password",
        "passwd",
        "passphrase",
        "pass",
        "pwd",
        "credential",
        "credentials",
        "dsn",
        "private",
        "cookie",
        "pat",
        "apikey",
        "auth",
        "bearer",
        "signature",
    ]
)
_STORES = frozenset(
    [
        "database",
        "db",
        "redis",
        "postgres",
        "postgresql",
        "pg",
        "mysql",
        "mongo",
        "mongodb",
        "amqp",
        "rabbitmq",
        "broker",
        "smtp",
        "jdbc",
        "connection",
        "webhook",
    ]
)
_ADDRESSES = frozenset(["url", "uri", "string", "dsn"])
_PUBLIC = re.compile(r"(?:^|_)public(?:_|$)|_key_id$|keyspace", re.IGNORECASE)

WELL_KNOWN = frozenset(
    [
        "HOME",
        "PATH",
        "PWD",
        "OLDPWD",
        "USER",
        "LOGNAME",
        "SHELL",
        "HOSTNAME",
        "RANDOM",
        "IFS",
        "LANG",
        "LC_ALL",
        "TMPDIR",
        "TERM",
        "EDITOR",
        "UID",
        "EUID",
        "PPID",
        "SECONDS",
        "LINENO",
        "BASH",
        "BASH_SOURCE",
        "BASH_VERSION",
        "FUNCNAME",
        "OPTARG",
        "OPTIND",
        "REPLY",
        "COLUMNS",
        "LINES",
        "TZ",
        "PIPESTATUS",
    ]
)
"""Names that every shell gives a value."""


def words_of(name: str) -> list[str]:
    """The words of a name such as `CF_API_TOKEN`, `pod-name` or `userName`, in lower case."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [word for word in re.split(r"[\W_]+", spaced.casefold()) if word]


def looks_secret(name: str) -> bool:
    """Whether a name is that of a credential: a token, key or password, or the address of a store."""
    words = set(words_of(name))
    if _PUBLIC.search(name):
        return False
    return bool(words & _CREDENTIALS) or bool(words & _STORES and words & _ADDRESSES)


def parameter(name: str) -> Parameter:
    """The placeholder of this name, its type guessed from the last word that tells one."""
    if looks_secret(name):
        return Parameter(name=name, type=ParameterType.TEXT)
    for word in reversed(words_of(name)):
        for names, kind in _TYPES:
            if word in names:
                return Parameter(name=name, type=kind)
    return Parameter(name=name, type=ParameterType.TEXT)
