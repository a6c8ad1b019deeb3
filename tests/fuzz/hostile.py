"""Documents made to take long: each generator gives about as many characters as it is asked for."""

import itertools
from collections.abc import Callable

SEVERITIES = "## Severities\n\n| Level | Response time | Examples |\n|-|-|-|\n"
STEPS = "## Phase 3: Mitigate\n\n```bash\n"


def repeated(text: str, head: str = "", tail: str = "") -> Callable[[int], str]:
    """The text as often as it fits."""
    return lambda n: head + text * max(1, n // len(text)) + tail


def numbered(line: str, head: str = "", tail: str = "") -> Callable[[int], str]:
    """The line with a number in it that is never the same."""

    def make(n: int) -> str:
        return head + "".join(line.replace("#n", str(at)) for at in range(n // (len(line) + 4))) + tail

    return make


def each_byte(byte: int) -> Callable[[int], str]:
    """One character, and nothing else."""
    return lambda n: bytes([byte]).decode("latin-1") * n


def fenced(line: str, language: str = "bash") -> Callable[[int], str]:
    """A code block of this line, over and over."""
    return repeated(line, f"## Phase 3: Mitigate\n\n```{language}\n", "\n```\n")


STRUCTURE: dict[str, Callable[[int], str]] = {
    "deep lists": lambda n: "\n".join("  " * (at % 40) + "- x" for at in range(n // 42)),
    "very deep list": lambda n: "\n".join(" " * at + "- x" for at in range(int((2 * n) ** 0.5))),
    "deep quotes": lambda n: ">" * n + " x",
    "quote lines": repeated("> > > x\n"),
    "deep list in one line": lambda n: "- " * (n // 2) + "x",
    "list of tasks": numbered("- [ ] Is #n down? → **P1**\n", "## Triage\n\n"),
    "long table": numbered("| P1 | 5 min | a#n, b#n |\n", SEVERITIES),
    "many levels": numbered("| P#n | 5 min | a |\n", SEVERITIES),
    "many names": numbered("| Level#n | 5 min | a |\n", SEVERITIES),
    "wide table": lambda n: "\n".join(cell * (n // 6) for cell in ("|a", "|-", "|b")),
    "wide rows": lambda n: SEVERITIES + "| " + "P1, " * (n // 4) + "| 5 min | x |\n",
    "many tables": repeated("| Level | Response time |\n|-|-|\n| P1 | 5 min |\n\n"),
    "many headings": numbered("## H #n\n\nx\n\n"),
    "many same headings": repeated("# Escalation\n\n- a -> b\n\n"),
    "deep headings": lambda n: "".join("#" * (at % 6 + 1) + " Phase 1: x\n\n" for at in range(n // 14)),
    "many phases": numbered("## Phase #n: A (0-5 minutes)\n\n- [ ] b\n\n"),
    "many steps": numbered("# T #n\nls <X_#n> $Y_#n\n\n", STEPS, "\n```\n"),
    "same steps": repeated("# T\nls <X> $Y\n\n", STEPS, "\n```\n"),
    "many fences": repeated("```bash\n# A\nls <X>\n```\n\n", "## Diagnosis\n\n"),
    "many open fences": repeated("```bash\nx\n", "## Diagnosis\n\n"),
    "directives": repeated("#@ id=a\n", STEPS + "# T\n", "ls\n```\n"),
    "one directive": repeated("id=a ", STEPS + "# T\n#@ ", "\nls\n```\n"),
    "messages": numbered("### P1 — Update\n\n```\n[a#n] [b]\n```\n\n", SEVERITIES + "| P1 | 5 min | x |\n\n"),
    "messages of levels": numbered(
        "### P#n — Update\n\n```\nHello: [b]\n```\n\n", SEVERITIES + "| P1 | 5 min | x |\n\n"
    ),
    "edges": numbered("- R#n → S#n\n", "## Escalation\n\n"),
    "edges in a row": numbered("R#n → ", "## Escalation\n\n"),
    "ladder": numbered("R#n\n↓ (15 min)\n", "## Escalation\n\n```\n", "```\n"),
    "drawing": repeated("│   ├── a → b\n", "## Escalation\n\n```\nlead\n", "```\n"),
    "wide drawing": lambda n: "## Escalation\n\n```\nlead\n" + "├──" * (n // 3) + " x\n```\n",
    "stairs": lambda n: (
        "## Escalation\n\n```\n"
        + "".join(" " * (at * 4) + "└── r" + str(at) + "\n" for at in range(int((n / 2) ** 0.5)))
        + "```\n"
    ),
    "mermaid": numbered(
        "A#n[R#n] -->|15 min| B#n[S#n]\n", "## Escalation\n\n```mermaid\nflowchart TD\n", "```\n"
    ),
    "contacts": numbered(
        "| R#n | x | P1+ unresolved > 30 min |\n", "## Contacts\n\n| Role | Duty | Trigger |\n|-|-|-|\n"
    ),
    "command rules": numbered("- P1/P2: Lead #n or other\n", "## Commander\n\n**Incident commander:**\n\n"),
    "front matter": lambda n: "---\na: " + "[" * (n // 2) + "\n---\n# T\n",
    "front matter list": numbered("- x#n\n", "---\ntocsin:\n  group_by:\n", "---\n# T\n"),
    "front matter keys": numbered("k#n: v\n", "---\n", "---\n# T\n"),
    "front matter options": numbered("  k#n: v\n", "---\ntocsin:\n", "---\n# T\n"),
    "front matter vars": numbered("    K#n: v\n", "---\ntocsin:\n  vars:\n", "---\n# T\n"),
    "metadata": numbered("**K#n:** v\n", "# T\n\n"),
    "references": repeated("[a]: <b>\n"),
    "reference uses": lambda n: "[a]: b\n\n" + "[a] " * (n // 4),
    "brackets": lambda n: "[" * n,
    "closing brackets": lambda n: "- [ ] " + "](" * (n // 2),
    "images": repeated("![a]("),
    "stars": repeated("**a "),
    "star runs": repeated("*a**b*"),
    "underscores": repeated("_a__b"),
    "backticks": lambda n: " ".join("`" * at for at in range(int((2 * n) ** 0.5))),
    "angle brackets": repeated("<a "),
    "comments": repeated("<!-- "),
    "comment ends": repeated("<!---->x"),
    "declarations": repeated("<!A "),
    "processing": repeated("<? "),
    "entities": repeated("&a"),
    "mojibake": repeated("â€” "),
    "mojibake once": lambda n: "plain words. " * (n // 13) + "â€”",
    "bidi": repeated("\u202ea\u2066b\u2069 "),
    "bidi in code": fenced("ls \u202e\u2066 x\n"),
    "nothing": repeated("\x00"),
    "combining": repeated("a\u0301\u0301"),
    "homoglyphs": fenced("сat раsswd\n"),
    "no-break spaces": repeated("\u00a0", "# T\n\n**a:**", "\n"),
    "emoji": repeated("🔴 "),
    "carriage returns": repeated("a\r"),
    "tabs": repeated("\t", "# T\n\n- ", "x\n"),
    "long word": lambda n: "a" * n,
    "long number": lambda n: "1" * n + " hours",
    "long heading": repeated("x ", "# "),
    "long title": repeated("Runbook: ", "# "),
    "long bold": lambda n: "**" + "a" * n + ":** b",
    "spaces": lambda n: " " * n + "\n# " + " " * 10 + "x\n\n**a:**" + " " * 10 + "\n",
}

CODE: dict[str, Callable[[int], str]] = {
    "open single quotes": fenced("echo '\n"),
    "open quotes": fenced("echo '\"\n"),
    "open here-documents": fenced("cat <<EOF\n"),
    "here-documents": fenced("cat <<EOF\nx <A>\nEOF\n"),
    "many here-documents": numbered("cat <<E#n\nx\nE#n\n", STEPS, "\n```\n"),
    "parentheses": fenced("("),
    "substitutions": fenced("$(echo "),
    "backquotes": fenced("`a "),
    "braces": fenced("{ "),
    "expansions": fenced("${a:-"),
    "arithmetic": fenced("$(("),
    "brackets in code": fenced("[[ "),
    "pipes": fenced("a | "),
    "pipes at the ends of lines": fenced("a|\n"),
    "blocks of pipes": lambda n: "".join(
        f"```bash\nx{at} {'a|' * 480}\n```\n\n" for at in range(max(1, n // 980))
    ),
    "long blocks of pipes": lambda n: "".join(
        f"```bash\nx{at} {'a|' * 8000}\n```\n\n" for at in range(max(1, n // 16_020))
    ),
    "and": fenced("a && "),
    "semicolons": fenced("a;"),
    "ifs": fenced("if a; then\n"),
    "cases": fenced("case a in\n"),
    "loops": fenced("for a in b; do "),
    "functions": fenced("f() {\n"),
    "redirections": fenced("a > b < c "),
    "continuations": fenced("a \\\n"),
    "comments in code": fenced("# a\n"),
    "titles": fenced("# 1. a\n\n"),
    "sudo": fenced("sudo "),
    "env": fenced("env A=b "),
    "assignments": fenced("A=b "),
    "one long command": fenced("curl "),
    "placeholders": fenced("<A> "),
    "open placeholders": fenced("<A"),
    "lower placeholders": fenced("<a b"),
    "braced placeholders": fenced("{{ a "),
    "quoted placeholders": fenced("'{a}' "),
    "urls": fenced("curl https://a.example/ \n"),
    "compose": fenced("docker compose -f a.yml up b\n"),
    "mixed compose": fenced("docker compose -f a.yml up b\ndocker compose logs c\n"),
    "vault": fenced("vault kv put a b=c\n"),
    "psql": fenced('psql -c "SELECT pg_terminate_backend(pid) FROM a"\n'),
    "nested psql": fenced("psql -c 'SELECT ("),
    "prompts": fenced("$ ls\noutput\n", "console"),
    "outputs": fenced("output\n", "console"),
    "sql": fenced("-- a\nSELECT (1);\n", "sql"),
    "sql parentheses": fenced("(", "sql"),
    "sql quotes": fenced("'", "sql"),
    "sql comments": fenced("/* ", "sql"),
    "sql unions": fenced("SELECT 1 UNION ", "sql"),
    "sql ands": fenced("SELECT a AND ", "sql"),
    "sql cases": fenced("CASE WHEN ", "sql"),
    "sql dollars": fenced("$a$ ", "sql"),
    "sql placeholders": fenced("SELECT <A>;\n", "sql"),
    "sql in shell": fenced("SELECT a FROM b;\n"),
    "powershell": fenced("Get-Process | Stop-Process\n", "powershell"),
    "powershell names": fenced("$env:A ", "powershell"),
    "attributes": lambda n: "## Diagnosis\n\n```bash {" + "id=a " * (n // 5) + "}\nls\n```\n",
    "open attributes": lambda n: "## Diagnosis\n\n```bash " + "{" * n + "\nls\n```\n",
}

# Pieces that regular expressions of the reader look for, begun over and over and never ended.
BAIT = (
    "< 15",
    "within 1 hour",
    "15 min ",
    "2 business ",
    "next business ",
    "P1/",
    "P1+ ",
    "SEV-",
    "→",
    "->",
    "- ",
    "(a",
    "[a",
    "{a",
    "<a",
    "Phase 1",
    "Phase 1: a (",
    "(0-5 ",
    "0-",
    "T+15 ",
    "Level 1",
    "if ",
    "unresolved > ",
    "a: ",
    "**a:",
    "`a",
    "|",
    "│",
    "├─",
    "└",
    "↓",
    "=>",
    "> ",
    "1. ",
    "a/",
    "a, ",
    "a or ",
    "a and ",
    "\\",
    "'",
    '"',
    "$",
    "#@ a=",
    "YYYY-",
    "HH:",
    "[a/",
    "X hours ",
    "https://",
    "<!-- tocsin:",
    "alertname=~",
    'a="',
)
PLACES: dict[str, tuple[str, str]] = {
    "prose": ("# T\n\n", "\n"),
    "heading": ("# T\n\n## ", "\n\nx\n"),
    "phase": ("# T\n\n## Phase 1: ", "\n\n- [ ] x\n"),
    "cell": (SEVERITIES + "| P1 | 5 min | ", " |\n"),
    "time cell": (SEVERITIES + "| P1 | ", " | x |\n"),
    "level cell": (SEVERITIES + "| ", " | 5 min | x |\n"),
    "triage": (SEVERITIES + "| P1 | 5 min | x |\n\n## Triage\n\n- [ ] ", "\n"),
    "escalation": ("## Escalation\n\n", "\n"),
    "drawing": ("## Escalation\n\n```\n", "\n```\n"),
    "trigger": ("## Contacts\n\n| Role | Duty | Trigger |\n|-|-|-|\n| a | b | ", " |\n"),
    "message": (SEVERITIES + "| P1 | 5 min | x |\n\n### P1 — Update\n\n```\n", "\n```\n"),
    "template": ("## Phase 5: Post-Mortem (within 48 hours)\n\n```markdown\n", "\n```\n"),
    "code": (STEPS, "\n```\n"),
    "title": (STEPS + "# ", "\nls\n```\n"),
    "detection": ("## Detection\n\n**Automated detection:**\n- ", "\n"),
    "commander": ("## Command\n\n**Incident commander:**\n- ", "\n"),
    "metadata": ("# T\n\n**Alert:** ", "\n"),
}


def baits() -> dict[str, Callable[[int], str]]:
    """Every bait in every place where a reader looks at text."""
    return {
        f"{bait!r} in a {name}": repeated(bait, head, tail)
        for bait, (name, (head, tail)) in itertools.product(BAIT, PLACES.items())
    }


def byte_classes() -> dict[str, Callable[[int], str]]:
    """Every class of bytes by one of its kind."""
    return {f"byte {byte:02x}": each_byte(byte) for byte in (*range(0, 128, 1), 0x80, 0xA0, 0xC2, 0xE2, 0xFF)}
