"""The table of programs: which of their verbs only look, and which cannot be undone."""

import re

import msgspec


class Program(msgspec.Struct, frozen=True):
    """How to judge a program by its words (arguments joined by one space, options left out).

    A match of `destroys` decides first, then `reads`, else it changes something. `looks` says that the
    program only ever reads.
    """

    reads: re.Pattern[str] | None = None
    destroys: re.Pattern[str] | None = None
    looks: bool = False


def _reads(verbs: str, destroys: str = "") -> Program:
    return Program(
        reads=re.compile(rf"^(?:{verbs})(?:\s|$)"),
        destroys=re.compile(rf"^(?:{destroys})(?:\s|$)") if destroys else None,
    )


_LOOK = Program(looks=True)
# The verb of these programs stands anywhere, so a name that reads like a verb must not hide another one.
_ONLY = (
    r"(?!.*\b(?:create|update|set|add|start|stop|restart|deploy|resize|run|import|apply|move|scale|enable"
    r"|reset|restore|failover)\b)"
)
_CLOUD_DESTROYS = r".*\b(?:delete|disable|destroy|purge|remove\S*|revoke)"
_COMPOSE = _reads(
    "ps|logs|config|images|top|stats|events|ls|version|port|volumes",
    r"down|rm|kill",
)

PROGRAMS: dict[str, Program] = {
    **dict.fromkeys(
        [
            "cat",
            "head",
            "tail",
            "less",
            "more",
            "grep",
            "egrep",
            "fgrep",
            "rg",
            "zgrep",
            "zcat",
            "wc",
            "sort",
            "uniq",
            "cut",
            "tr",
            "awk",
            "gawk",
            "sed",
            "jq",
            "yq",
            "column",
            "diff",
            "cmp",
            "ls",
            "stat",
            "file",
            "du",
            "df",
            "free",
            "uptime",
            "top",
            "htop",
            "vmstat",
            "iostat",
            "mpstat",
            "sar",
            "ps",
            "pgrep",
            "pstree",
            "lsof",
            "who",
            "w",
            "last",
            "id",
            "whoami",
            "groups",
            "hostname",
            "uname",
            "date",
            "cal",
            "env",
            "printenv",
            "pwd",
            "which",
            "type",
            "whereis",
            "echo",
            "printf",
            "true",
            "false",
            "test",
            "ping",
            "traceroute",
            "tracepath",
            "mtr",
            "dig",
            "nslookup",
            "host",
            "whois",
            "netstat",
            "ss",
            "arp",
            "basename",
            "dirname",
            "realpath",
            "readlink",
            "md5sum",
            "sha256sum",
            "sha1sum",
            "base64",
            "xxd",
            "od",
            "strings",
            "openssl",
            "sleep",
            "seq",
            "cd",
            "pushd",
            "popd",
            "read",
            "export",
            "set",
            "shopt",
            "local",
            "declare",
            "unset",
            "source-highlight",
            "getent",
            "lscpu",
            "lsblk",
            "lspci",
            "dmesg",
            "journalctl",
            "pg_isready",
            "redis-info",
            "nproc",
            "tac",
            "nl",
            "fold",
            "rev",
            "tree",
            "find",
            "locate",
            "history",
            "wait",
            "time",
            "exit",
            "return",
        ],
        _LOOK,
    ),
    "docker-compose": _COMPOSE,
    "docker": _reads(
        r"ps|logs|stats|inspect|images|image (?:ls|inspect|history)|version|info|top|port|events|diff|history"
        r"|container (?:ls|inspect|logs|stats|top)|network (?:ls|inspect)|volume (?:ls|inspect)"
        r"|system (?:df|info)"
        r"|service (?:ls|ps|logs|inspect)|node (?:ls|ps|inspect)|stack (?:ls|ps|services)",
        r"rm|rmi|kill|system prune|image (?:rm|prune)|container (?:rm|prune|kill)|volume (?:rm|prune)"
        r"|network (?:rm|prune)|service rm|stack rm|secret rm",
    ),
    "kubectl": _reads(
        r"get|describe|logs|top|explain|version|cluster-info|api-resources|api-versions|diff|events"
        r"|rollout (?:history|status)|config (?:view|get-contexts|current-context)|auth can-i",
        r"delete|drain",
    ),
    "helm": _reads(r"list|ls|status|history|get|show|search|version|template|lint", r"uninstall|delete|un"),
    "git": _reads(
        r"log|status|diff|show|blame|branch$|remote$|fetch|describe|rev-parse|shortlog|ls-files|ls-remote"
        r"|stash list|tag$|reflog$|grep",
        r"push|reset|clean|filter-branch|reflog expire|gc|update-ref",
    ),
    "gh": _reads(
        r"(?:run|pr|issue|release|repo|workflow|gist|secret|variable|cache) (?:list|view|status|diff"
        r"|checks|watch)"
        r"|auth status|search|browse|status",
        r"(?:run|pr|issue|release|repo|workflow|gist|secret|variable|cache) delete|secret set",
    ),
    "vault": _reads(
        r"status|read (?!\S*(?:creds|issue|sign))\S+|list|kv (?:get|list)|audit list|auth list"
        r"|policy (?:list|read)|secrets list"
        r"|token lookup|version"
        r"|operator (?:raft list-peers|members|key-status|usage)|lease lookup|print",
        r".*revoke.*|.*rotate.*|delete|kv (?:put|delete|destroy|metadata delete)|operator (?:seal"
        r"|rekey|generate-root)"
        r"|(?:audit|auth|secrets) disable|policy delete|lease revoke",
    ),
    "systemctl": _reads(
        r"status|is-active|is-enabled|is-failed|list-\S+|show|cat", r"mask|poweroff|reboot|kill"
    ),
    "service": _reads(r"\S+ status|--status-all"),
    "aws": _reads(
        r"\S+ (?:describe|get|list|ls|head|lookup|filter|tail|batch-get)\S*|logs tail"
        r"|sts get-caller-identity",
        r"\S+ (?:delete|terminate|deregister|revoke|purge|rotate|rb|rm|remove|disable"
        r"|schedule-key-deletion)\S*",
    ),
    "gcloud": _reads(rf"{_ONLY}.*\b(?:list|describe|read|get-\S+|info)", _CLOUD_DESTROYS),
    "az": _reads(rf"{_ONLY}.*\b(?:list|show|get-\S+)", _CLOUD_DESTROYS),
    "wrangler": _reads(
        r"tail|deployments (?:list|status|view)|versions (?:list|view)|whoami", r"delete|secret.*|\S+ delete"
    ),
    "terraform": _reads(
        r"plan|show|output|state (?:list|show)|validate|version|providers|graph", r"destroy|state rm|taint"
    ),
    "psql": _LOOK,
    "mysql": _LOOK,
    "redis-cli": _reads(
        r"(?:INFO|PING|GET|MGET|TTL|DBSIZE|LLEN|HGET\S*|SCAN|CLIENT LIST|SLOWLOG GET|MEMORY \S+"
        r"|LATENCY \S+|CONFIG GET|info|ping|dbsize)",
        r"(?:FLUSHALL|FLUSHDB|SHUTDOWN|DEL|UNLINK|DEBUG|CLIENT KILL|flushall|flushdb|shutdown|del)",
    ),
    "rabbitmqctl": _reads(
        r"list_\S+|status|cluster_status|environment|node_health_check",
        r"delete_\S+|purge_queue|reset|force_reset|stop",
    ),
    "nft": _reads(r"list", r"flush|delete|destroy"),
    "iptables": _reads(r"-L|-S|--list|--list-rules", r"-F|--flush|-D|--delete"),
    "ip": _reads(r"(?:addr|a|route|r|link|neigh|-s|-br)(?: (?:show|list|ls))?$", r".*\b(?:del|flush)"),
    "crontab": _reads(r"-l", r"-r"),
    "npm": _reads(r"ls|list|view|outdated|audit$|why", r"unpublish|deprecate"),
    "certbot": _reads(r"certificates", r"revoke|delete"),
    "rm": Program(destroys=re.compile("")),
    "shred": Program(destroys=re.compile("")),
    "dd": Program(destroys=re.compile("")),
    "mkfs": Program(destroys=re.compile("")),
    "truncate": Program(destroys=re.compile("")),
    "kill": Program(destroys=re.compile("")),
    "killall": Program(destroys=re.compile("")),
    "pkill": Program(destroys=re.compile("")),
    "dropdb": Program(destroys=re.compile("")),
    "reboot": Program(destroys=re.compile("")),
    "shutdown": Program(destroys=re.compile("")),
    "poweroff": Program(destroys=re.compile("")),
    "userdel": Program(destroys=re.compile("")),
    "pg_resetwal": Program(destroys=re.compile("")),
}
"""Programs by name; one that is not here counts as changing something."""

WRITING_OPTIONS: dict[str, re.Pattern[str]] = {
    "awk": re.compile(r"system\s*\(|print\S*[^|]*>|\binplace\b"),
    "gawk": re.compile(r"system\s*\(|print\S*[^|]*>|\binplace\b"),
    "date": re.compile(r"(?:^|\s)(?:-s|--set)"),
    "dmesg": re.compile(r"(?:^|\s)(?:-[cCD]|--clear|--read-clear|--console-\w+)\b"),
    "hostname": re.compile(r"^[^-]"),
    "journalctl": re.compile(r"--(?:vacuum|rotate|flush|sync|update-catalog)"),
    "openssl": re.compile(r"(?:^|\s)-out\b"),
    "sed": re.compile(r"(?:^|\s)(?:-[a-zA-Z]*i|--in-place)"),
    "sort": re.compile(r"(?:^|\s)(?:-o|--output)"),
    "tree": re.compile(r"(?:^|\s)-o\b"),
    "xxd": re.compile(r"(?:^|\s)-r\b"),
    "yq": re.compile(r"(?:^|\s)(?:-[a-zA-Z]*i\b|--inplace)"),
}
"""How programs that look can be made to write all the same."""

BUILTINS = frozenset(
    [
        "cd",
        "echo",
        "printf",
        "true",
        "false",
        "test",
        "[",
        "export",
        "set",
        "shopt",
        "local",
        "declare",
        "typeset",
        "readonly",
        "unset",
        "read",
        "exit",
        "return",
        "wait",
        "source",
        ".",
        "eval",
        "exec",
        "trap",
        "pushd",
        "popd",
        "alias",
        "type",
        "command",
        "builtin",
        "let",
        "shift",
        "getopts",
        "umask",
        "ulimit",
        "break",
        "continue",
        ":",
        "time",
        "history",
        "jobs",
        "fg",
        "bg",
    ]
)
"""Words that the shell itself knows, so that no program is needed for them."""

OPENERS = frozenset(["open", "xdg-open", "start", "sensible-browser"])
"""Programs that show a page to the person in front of the screen."""

WRAPPERS = frozenset(
    [
        "sudo",
        "doas",
        "env",
        "nohup",
        "nice",
        "ionice",
        "time",
        "timeout",
        "watch",
        "stdbuf",
        "unbuffer",
        "npx",
        "bunx",
        "pnpx",
        "caffeinate",
        "chronic",
        "setsid",
        "command",
        "builtin",
        "exec",
        "xargs",
    ]
)
"""Programs whose arguments are another command."""
