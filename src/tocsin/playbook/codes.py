"""Every code of a finding, with its weight, what is wrong in general, and what to do about it."""

from collections.abc import Iterable

from tocsin.base.problems import Problem, Weight
from tocsin.playbook.codes_document import DOCUMENT_CODES
from tocsin.playbook.codes_steps import STEP_CODES
from tocsin.playbook.kinds import Code, Profile

_E, _W, _I = Weight.ERROR, Weight.WARNING, Weight.INFO

CODES: dict[str, Code] = {
    **DOCUMENT_CODES,
    **STEP_CODES,
    "PB001": Code(
        _W,
        "the text was UTF-8 read as Windows-1252 and encoded again; it was repaired for reading",
        "Save the file again as UTF-8 with the characters that were meant.",
    ),
    "PB004": Code(
        _E,
        "a code block holds invisible characters that can make it read as something else",
        "Remove the control and bidirectional characters from the code block.",
    ),
    "PB006": Code(
        _W,
        "the file is not UTF-8 and its encoding was guessed",
        "Save the file as UTF-8.",
    ),
    "PB007": Code(
        _E, "an annotation cannot be read", "Write it as the guide to annotations shows, or remove it."
    ),
    "PB008": Code(_E, "the front matter cannot be read", "Write it as YAML: one `key: value` a line."),
    "PB009": Code(
        _E, "the file is too large to be a playbook", "Split it, or link to what is for reading only."
    ),
    "PB010": Code(
        _E,
        "a placeholder stands outside quotes, where the shell reads it as redirections",
        "Put the word in double quotes, or give the name a value under `tocsin: vars:` in the front matter.",
    ),
    "PB011": Code(
        _W,
        "a placeholder stands inside quoted data, where a value could change the meaning of the data",
        "Let the value be of a closed type such as a number, or pass it as a variable of its own.",
    ),
    "PB012": Code(
        _W,
        "a name is used that no variable defines",
        "Give it a value under `tocsin: vars:` in the front matter, or let the runner supply it.",
    ),
    "PB014": Code(
        _W,
        "a code block cannot be parsed in its language, so its steps are shown and not run",
        "Mend the syntax of the block, or name its language behind the opening ticks.",
    ),
    "PB015": Code(
        _W,
        "a line of SQL stands in a shell block, where it is run as a program",
        "Move it to a block marked `sql`, or hand it to a client program in quotes.",
    ),
    "PB020": Code(
        _E,
        "the step revokes the token of the caller, so every later step that needs it must fail",
        "Revoke the compromised credential by its accessor, and the own token in the last step only.",
    ),
    "PB021": Code(
        _W,
        "`vault kv put` replaces every key at the path, not only those it names",
        "Use `vault kv patch`, which changes the named keys only.",
    ),
    "PB023": Code(
        _W,
        "the command names no compose file although the others do",
        "Name the same file with `-f` as in the other steps.",
    ),
    "PB024": Code(
        _W,
        "a secret stands on a command line, where the process list shows it",
        "Hand it over on standard input or in a file that only the program can read.",
    ),
    "PB030": Code(
        _E,
        "Cloudflare has replaced the firewall rules endpoint by rulesets, and it no longer answers",
        "Add a rule to the zone's `http_request_firewall_custom` ruleset with the rulesets endpoint.",
    ),
    "PB040": Code(
        _E,
        "the title says rollback, but the command names no earlier version, so it starts the same one again",
        "Name the image tag or digest to go back to, as a placeholder.",
    ),
    "PB041": Code(
        _W,
        "`docker-compose` version 1 has reached its end of life and is missing on many hosts",
        "Use `docker compose`.",
    ),
    "PB043": Code(_W, "the command never ends by itself", "Let it print once and end."),
    "PB044": Code(
        _I,
        "`open` shows a page to a person; it is a link, and no program is run for it",
        "Nothing needs to change; the link is shown with the step.",
    ),
    "PB050": Code(
        _E,
        "the query terminates every matching session in all databases, replication and other users included",
        "Add `backend_type = 'client backend'`, the database and the user to the WHERE clause; cancel first.",
    ),
    "PB062": Code(
        _W,
        "`git revert` opens an editor for its message",
        "Add `--no-edit`, and name the commit that went wrong instead of HEAD.",
    ),
    "PB070": Code(
        _W,
        "a role of the escalation path or of the command rules has no row among the contacts",
        "Add the role to the contacts, or use the name that it has there.",
    ),
    "PB071": Code(
        _W,
        "a role has nobody in the roster",
        "Say in the roster who fills the role, by name or by a rotation.",
    ),
    "PB072": Code(
        _W,
        "a level has no message templates of its own",
        "Write the messages for the level, or accept those of the level that stands in for it.",
    ),
    "PB073": Code(
        _W,
        "the trigger of a contact cannot be read, so the role is paged by hand only",
        "Say levels, a category or a time unresolved: `P2+ unresolved > 30 min`, `Any security alert`.",
    ),
    "PB074": Code(
        _I,
        "an escalation hop has no condition, so it is taken when the hop before does not acknowledge",
        "Say when it is taken: a time unresolved, or a category.",
    ),
    "PB075": Code(
        _E,
        "nobody can be reached for a level",
        "Fill a role whose trigger or place in the escalation path covers the level.",
    ),
    "PB076": Code(
        _W,
        "an item of the severity checklist leads to no level",
        "Write a level that the severity table has, or `Downgrade by 1 level`.",
    ),
    "PB077": Code(
        _W,
        "the escalation path cannot be read",
        "Draw it as a tree, write it as a list of roles, or as a table with a condition and a role.",
    ),
    "PB078": Code(
        _W,
        "the response times do not grow from the most severe level to the least",
        "Look whether two response times are swapped.",
    ),
    "PB090": Code(
        _E,
        "no severities were recognised, so nothing has a clock",
        "Add a table with a column for the level and one for the response time.",
    ),
    "PB091": Code(
        _W,
        "no escalation path and no contacts were recognised, so nobody is paged",
        "Add a table of contacts with a role and a trigger, or an escalation path.",
    ),
    "PB092": Code(
        _I,
        "a section was not recognised and is kept as text",
        "Nothing needs to change if it is meant for reading only.",
    ),
    "PB093": Code(
        _W,
        "the document has no title, so it goes by the name of its file",
        "Begin it with a heading of the first level.",
    ),
    "PB110": Code(
        _E,
        "no document is a playbook, so nothing has a clock",
        "Put a document with a table of severities into the folder, without a line `**Alert:**`.",
    ),
    "PB111": Code(
        _E,
        "no playbook takes the alerts that no route names",
        "Let one playbook have no `routes` in its front matter; it takes the rest.",
    ),
    "PB112": Code(
        _E,
        "two playbooks have no routes, and nothing else says which of them an alert goes to",
        "Give all but one of them `tocsin: routes:` in the front matter.",
    ),
    "PB113": Code(
        _E,
        "two playbooks have the same route",
        "Remove the route from one of them, or make it narrower.",
    ),
    "PB114": Code(
        _W,
        "an alert can match the routes of two playbooks",
        "Make one of the routes narrower, so that it says which playbook is meant.",
    ),
    "PB115": Code(
        _W,
        "a service runbook is for an alert that no rule file defines",
        "Correct the name of the alert, or remove the runbook.",
    ),
    "PB116": Code(
        _I,
        "an alert has no service runbook",
        "Write one that says what to look at first, with `**Alert:**` and the alert's name under its title.",
    ),
    "PB117": Code(
        _W,
        "an alert has more than one service runbook, and all of them are shown",
        "Join them, or name other alerts in one of them.",
    ),
    "PB118": Code(
        _I,
        "playbooks call their levels differently",
        "Use one set of levels, so that people need not learn two.",
    ),
    "PB119": Code(
        _E,
        "a rule file cannot be read",
        "Give a Prometheus rule file: YAML with `groups`, each with `rules`.",
    ),
    "PB120": Code(
        _W,
        "the policy speaks of a step that is not there",
        "Correct the id of the step; `tocsin show FILE --json` lists them.",
    ),
    "PB121": Code(
        _E,
        "the policy loosens a step without a reason or an owner, and is not followed",
        "Say why in `reason`, and who answers for it in `owner`.",
    ),
    "PB122": Code(
        _W,
        "an entry of the policy has expired, and is not followed",
        "Look at the step again, then give the entry a later day or remove it.",
    ),
    "PB123": Code(
        _E,
        "the policy asks for what no step may do, and is not followed",
        "Only what reads runs by itself; a change takes one person, and what destroys takes two.",
    ),
    "PB124": Code(
        _E,
        "the policy speaks of a step that several documents have, and is not followed",
        "Name the file in `document`.",
    ),
    "PB125": Code(
        _E,
        "the script of a step is not the one that the policy was written for, and is not followed",
        "Read the script, then put its SHA-256 into `script_sha256`.",
    ),
}
"""The table of all codes; one weight and one mend each."""


def problem(code: str, line: int, message: str = "", field: str = "", mend: str = "") -> Problem:
    """A finding at a line (from 1; 0 for the whole file). `message` says exactly what is wrong, `mend`
    what to do; without them, the general words of the code are used."""
    known = CODES[code]
    text = (message or known.what).rstrip(".")
    return Problem(
        code=code,
        message=f"{text[:1].upper()}{text[1:]}.",
        mend=mend or known.mend,
        line=line,
        field=field,
        severity=known.weight,
    )


def shown_in(findings: Iterable[Problem], profile: Profile) -> tuple[Problem, ...]:
    """The findings that a profile shows, in their order. One whose code is not in the table is shown."""
    return tuple(
        each for each in findings if (known := CODES.get(each.code)) is None or profile.holds(known.profile)
    )
