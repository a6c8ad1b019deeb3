"""The kinds of findings about a document and its rules: text, dates, levels, path, people, messages."""

from tocsin.base.problems import Weight
from tocsin.playbook.kinds import Code, Profile

_W, _I = Weight.WARNING, Weight.INFO
_RUN, _AUDIT = Profile.RUN, Profile.AUDIT

DOCUMENT_CODES: dict[str, Code] = {
    "PB002": Code(
        _W,
        "a control of ISO/IEC 27001 is named by its number of 2013, which the edition of 2022 replaced",
        "Name the control by its number of 2022.",
        _AUDIT,
    ),
    "PB003": Code(
        _W,
        "the date of the last review cannot be read, or is long ago",
        "Review the document, and write the day as YYYY-MM-DD.",
        _AUDIT,
    ),
    "PB005": Code(
        _W,
        "a character only looks like the one that is meant",
        "Type the character again, in ASCII; `tocsin check --fix` replaces no-break spaces in commands.",
    ),
    "PB013": Code(
        _W,
        "the document holds HTML or a link that could run a program in a browser",
        "Remove it; Tocsin shows it as text and never as HTML.",
    ),
    "PB018": Code(
        _I,
        "the document holds raw HTML, which is shown as text",
        "Write it as Markdown, if its looks matter.",
    ),
    "PB019": Code(
        _W,
        "the text holds control or bidirectional characters, which can make it read as something else",
        "Remove the characters.",
    ),
    "PB079": Code(
        _I,
        "the contacts name roles and no way to reach anybody, so the roster has to say who fills them",
        "Check it together with the roster: `tocsin check --roster FILE`.",
        _RUN,
    ),
    "PB080": Code(
        _I,
        "the playbook knows of data breaches and names no deadline for telling the authorities",
        "Write down the deadlines that bind you, and from when they count: under the GDPR 72 hours, under"
        " NIS2 24 hours, 72 hours and a month.",
        _AUDIT,
    ),
    "PB081": Code(
        _I,
        "no step and no checklist says how evidence is kept",
        "Add a step that copies logs and state away before anything is restarted, and say who keeps them.",
        _AUDIT,
    ),
    "PB082": Code(
        _I,
        "the response time does not say what must have happened by then, so it is taken as the time from"
        " opening to the first acknowledgement",
        "Say in the heading of the column whether it is acknowledgement, first update or mitigation.",
        _AUDIT,
    ),
    "PB083": Code(
        _W,
        "an answer lowers the level, and nothing keeps it from lowering that of a security incident",
        "Say where it does not hold, for example: Downgrade by 1 level, except for security incidents.",
    ),
    "PB084": Code(
        _I,
        "no question of the severity checklist leads to the lowest level",
        "Add a question for it; else it is the level of an incident for which every answer is no.",
    ),
    "PB085": Code(
        _I,
        "a level in brackets behind a role of the escalation path is taken as the level that the role owns,"
        " and never changes the level of the incident",
        "Nothing needs to change if that is meant; else say in words when the level is raised.",
        _RUN,
    ),
    "PB086": Code(
        _W,
        "an incident waits on the escalation path for longer than its response time until the role that owns"
        " its level is reached",
        "Page the role at once: give its contact a trigger for the level.",
    ),
    "PB087": Code(
        _I,
        "no message says for whom it is",
        "Name the audience in the heading: team, customers, status page, authorities.",
        _RUN,
    ),
    "PB088": Code(
        _I,
        "the time for the post-mortem does not say from when it counts, so it is counted from the resolution",
        "Say it: within 48 hours of the resolution.",
        _AUDIT,
    ),
    "PB089": Code(
        _I,
        "a message promises its next update in two ways: once as a fixed time, once as a field to fill in",
        "Use the fixed time in every message of the level, or the field.",
        _RUN,
    ),
    "PB094": Code(
        _I,
        "the document does not say who owns it, who approved it, or when it was last tried out",
        "Add lines such as `**Owner:**`, `**Approved by:**` and `**Last tested:**` under the title.",
        _AUDIT,
    ),
    "PB095": Code(
        _W,
        "the document has steps and neither levels nor contacts: a service runbook that names no alert",
        "Write the line `**Alert:** `Name`` under its title, so that it is shown in the incidents of that "
        "alert. If it is to be a playbook, add a table of levels with response times, and contacts.",
    ),
}
"""These codes are a part of the table in `codes`."""
