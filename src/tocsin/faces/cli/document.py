"""`tocsin show`: what was understood of a playbook, and what was not."""

import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from tocsin.base.ids import role_key
from tocsin.base.limits import playbook_bytes_max
from tocsin.base.times import humane
from tocsin.faces.cli.errors import usage
from tocsin.faces.cli.paper import clean, write_json
from tocsin.faces.cli.services import CliServices
from tocsin.faces.cli.telling import summary
from tocsin.faces.cli.understood import understood, windows
from tocsin.playbook.kinds import Profile

if TYPE_CHECKING:
    from rich.console import Console
    from rich.tree import Tree

    from tocsin.playbook.model import Action, Condition, Edge, Playbook

PANEL = "Here, without a server"
WIDTH_LEAST = 100
"""Columns of a picture in a pipe; a terminal that is narrower keeps its own width."""

_EFFECT_STYLES = {"read": "green", "change": "yellow", "destroy": "bold red"}

File = Annotated[Path, typer.Argument(metavar="FILE", help="The playbook, a Markdown file.")]


def register(app: typer.Typer, services: CliServices) -> None:
    """Hang these commands into the command tree."""

    @app.command(rich_help_panel=PANEL)
    def show(
        file: File,
        as_json: Annotated[bool, typer.Option("--json", help="Print the whole playbook as JSON.")] = False,
        policy: Annotated[
            Path | None, typer.Option("--policy", metavar="FILE", help="Show it as this policy has it.")
        ] = None,
        profile: Annotated[
            Profile, typer.Option("--profile", help="Which findings belong to it; see `tocsin check`.")
        ] = Profile.READ,
    ) -> None:
        """Show what was understood of a playbook, and what was not."""
        from tocsin.playbook.codes import shown_in
        from tocsin.playbook.policy import apply_policy, read_policy
        from tocsin.playbook.present import to_document

        playbook = load(file)
        if policy is not None:
            rules = read_policy(content_of(policy, playbook_bytes_max), str(policy))
            playbook = apply_policy(playbook, rules, services.clock().now(), file.name)
        playbook = msgspec.structs.replace(playbook, findings=shown_in(playbook.findings, profile))
        if as_json:
            write_json(to_document(playbook))
        else:
            draw(playbook, services.clock().now())


def load(file: Path) -> "Playbook":
    """Read the playbook of a file; `-` is standard input.

    Raises:
        CliError: the file is not there, cannot be read, or is too large (exit code 2).
    """
    from tocsin.playbook.read import read_playbook

    return read_playbook(content_of(file, playbook_bytes_max), "-" if str(file) == "-" else file.name)


def content_of(file: Path, bytes_max: int) -> bytes:
    """The bytes of a file; `-` is standard input.

    Raises:
        CliError: the file is not there, cannot be read, or is too large (exit code 2).
    """
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(bytes_max + 1)
        else:
            with file.open("rb") as stream:
                content = stream.read(bytes_max + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise usage(f"{file} cannot be read: {why}.") from error
    if len(content) > bytes_max:
        raise usage(f"{file} has more than {bytes_max} bytes, which is too large for a document of its kind.")
    return content


def draw(playbook: "Playbook", now: datetime) -> None:
    """The readable picture of a playbook on standard output, with its windows as of `now` (UTC); without
    colours where it goes into a pipe."""
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    columns = shutil.get_terminal_size((WIDTH_LEAST, 40)).columns
    width = columns if is_terminal else max(WIDTH_LEAST, columns)
    console = Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)
    console.print(clean(playbook.title), style="bold")
    for key, value in playbook.metadata.items():
        console.print(clean(f"{key}: {value}"), style="dim")
    _draw_rules(console, playbook)
    _draw_actions(console, playbook)
    _draw_words(console, playbook)
    _draw_people(console, playbook)
    _table(console, *windows(playbook, now))
    _draw_rest(console, playbook)


def _table(console: "Console", title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A titled table that folds long cells and never cuts them; nothing where there are no rows."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    listed = [[clean(cell) for cell in row] for row in rows]
    if not listed:
        return
    console.print()
    console.print(title, style="bold cyan")
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for heading in headings:
        drawn.add_column(heading, overflow="fold")
    for row in listed:
        drawn.add_row(*(Text(cell, style=_EFFECT_STYLES.get(cell, "")) for cell in row))
    console.print(drawn)


def _span(span: timedelta | None) -> str:
    if span is None:
        return ""
    return humane(span) if span else "at once"


def _draw_rules(console: "Console", playbook: "Playbook") -> None:
    _table(
        console,
        "Severities",
        ("Level", "Name", "Respond within", "Update every", "What it means", "Examples"),
        (
            (
                each.level,
                each.name or "",
                _span(each.respond_within),
                _span(each.update_every),
                each.description,
                ", ".join(each.examples),
            )
            for each in playbook.severities
        ),
    )
    _table(
        console,
        "Phases",
        ("No.", "Phase", "From", "To", "Checklist"),
        (
            (
                str(each.number),
                each.name,
                "" if each.starts_after is None else humane(each.starts_after),
                _span(each.ends_after),
                "\n".join(f"[ ] {item.title}" for item in each.checklist),
            )
            for each in playbook.phases
        ),
    )
    _table(
        console,
        "Detection",
        ("Mode", "Source", "Leads to", "Intake"),
        ((each.mode.value, each.source, each.target, each.adapter) for each in playbook.detection),
    )
    _table(
        console,
        "Triage",
        ("Question", "A yes means"),
        ((each.question, _outcome(each.sets, each.shifts)) for each in playbook.triage),
    )
    _table(
        console,
        "Command",
        ("Levels", "Who may command"),
        ((", ".join(each.levels), ", else ".join(each.roles)) for each in playbook.command),
    )


def _outcome(sets: str | None, shifts: int | None) -> str:
    if sets is not None:
        return sets
    count = shifts or 0
    levels = "level" if abs(count) == 1 else "levels"
    return f"{abs(count)} {levels} {'less' if count > 0 else 'more'} severe"


def _draw_actions(console: "Console", playbook: "Playbook") -> None:
    _table(
        console,
        "Actions",
        ("No.", "Step", "Effect", "Asks for", "Secrets", "Needs", "Line"),
        _action_rows(playbook.actions),
    )


def _action_rows(actions: "Sequence[Action]") -> Iterable[Sequence[str]]:
    """A row a step, under a row with the name of its group."""
    group = None
    for each in actions:
        if each.group != group:
            group = each.group
            yield ("", group.upper(), "", "", "", "", "")
        yield (
            f"{each.order}." if each.numbered else str(each.order),
            each.title,
            each.effect.value,
            ", ".join(part for part in (_asks(each), _permission(each)) if part),
            ", ".join(each.secrets),
            "a link" if each.opens else ", ".join(each.needs),
            str(each.line),
        )


def _permission(action: "Action") -> str:
    """What a person should know before the step is run: why it is not, or what a policy changed about it."""
    if action.faults:
        return f"not run: {action.faults[0]}"
    if action.policy:
        return f"by the policy: {action.policy}"
    return "" if action.run.value == "guided" else f"run {action.run.value}"


def _asks(action: "Action") -> str:
    named = [f"{each.name} ({each.type.value})" for each in action.parameters]
    return ", ".join([*named, *(name for name in action.env if name not in action.secrets)])


def _draw_words(console: "Console", playbook: "Playbook") -> None:
    _table(
        console,
        "Messages",
        ("Level", "Kind", "Fields"),
        ((each.level, each.kind.value, ", ".join(each.fields)) for each in playbook.templates),
    )
    if postmortem := playbook.postmortem:
        levels = [(level, _span(span)) for level, span in postmortem.due_by_level.items()]
        rows = [("any level", _span(postmortem.due_within))] if postmortem.due_within else []
        template = f"{postmortem.template.count(chr(10))} lines" if postmortem.template else "none"
        _table(
            console,
            "Post-mortem",
            ("For", "Due after the resolution", "Template"),
            ((*row, template) for row in ([*rows, *levels] or [("any level", "no time given")])),
        )


def _draw_people(console: "Console", playbook: "Playbook") -> None:
    if playbook.escalation:
        console.print()
        console.print("Escalation", style="bold cyan")
        for tree in _escalation(playbook.escalation):
            console.print(tree)
    if playbook.escalation_steps:
        steps = ((each.text, each.title) for each in playbook.escalation_steps)
        _table(console, "Escalation by hand", ("When", "What to do"), steps)
    _table(
        console,
        "Contacts",
        ("Role", "Responsibility", "Paged for", "Understood as"),
        (
            (each.role, each.responsibility, each.trigger.text, _trigger(each.trigger))
            for each in playbook.contacts
        ),
    )


def _trigger(trigger: Any) -> str:
    if not trigger.readable:
        return "paged by hand only"
    levels = ", ".join(trigger.levels) or "every level"
    about = f"about {trigger.category}" if trigger.category else ""
    after = f"unresolved for {humane(trigger.unresolved_for)}" if trigger.unresolved_for else ""
    return ", ".join(part for part in (levels, about, after) if part)


def _escalation(edges: "Sequence[Edge]") -> "list[Tree]":
    """One tree for each role at which the path begins; a role that was shown is not unfolded again."""
    from rich.text import Text
    from rich.tree import Tree

    by_source: dict[str, list[Edge]] = {}
    for edge in edges:
        by_source.setdefault(role_key(edge.source), []).append(edge)
    targets = {role_key(edge.to) for edge in edges}
    roots = [own[0] for key, own in by_source.items() if key not in targets] or [edges[0]]
    shown: set[str] = set()
    trees: list[Tree] = []
    for root in roots:
        tree = Tree(Text(clean(_owned(root.source, root.owns))))
        trees.append(tree)
        waiting = [(role_key(root.source), tree)]
        while waiting:
            key, branch = waiting.pop()
            for edge in by_source.get(key, []) if key not in shown else []:
                words = f"{_condition(edge)} → {_owned(edge.to, edge.to_owns)}"
                waiting.append((role_key(edge.to), branch.add(Text(clean(words)))))
            shown.add(key)
    return trees


def _owned(role: str, levels: Sequence[str]) -> str:
    return f"{role} ({'/'.join(levels)})" if levels else role


def _condition(edge: "Edge") -> str:
    levels = f"{'/'.join(edge.levels)}: " if edge.levels else ""
    return levels + _condition_words(edge.condition)


def _condition_words(condition: "Condition") -> str:
    if condition.category is not None:
        return f"about {condition.category}"
    if condition.unresolved_for is not None:
        return f"unresolved for {_span(condition.unresolved_for)}"
    if condition.unacknowledged_for is not None:
        return f"unacknowledged for {_span(condition.unacknowledged_for)}"
    return "not acknowledged"


def _draw_rest(console: "Console", playbook: "Playbook") -> None:
    _table(console, *understood(playbook))
    _table(
        console,
        "Not understood, kept as text",
        ("Line", "Section"),
        ((str(each.line), each.title) for each in playbook.reference),
    )
    console.print()
    found = summary(playbook.findings) if playbook.findings else "nothing"
    console.print(f"Findings: {found}. `tocsin check` tells each.")
