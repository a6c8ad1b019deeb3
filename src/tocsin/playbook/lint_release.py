"""Rules about taking a release back, and about steps whose title and command disagree."""

import re
from collections.abc import Iterator

from tocsin.base.problems import Problem
from tocsin.playbook.codes import problem
from tocsin.playbook.effects import program_of
from tocsin.playbook.model import Action, Effect
from tocsin.playbook.subject import Rule, Subject, shown, verb_of


def reverting(subject: Subject) -> Iterator[Problem]:
    """`git revert` that waits in an editor."""
    for each in subject.shelled:
        for command in each.calls():
            is_revert = program_of(command) == "git" and "revert" in command.arguments[:1]
            if is_revert and not {"--no-edit", "-n", "--no-commit"} & set(command.arguments):
                said = f"`{shown(command)}` opens an editor for its message; it needs `--no-edit`"
                yield problem("PB062", each.line(command), said)


_SHARED = re.compile(r"(?:^|:|/)(?:main|master|trunk|develop|prod(?:uction)?|release)$")
_TOGGLES: dict[tuple[str, ...], tuple[str, int, str]] = {
    ("wrangler", "rollback"): ("", 1, "the version id"),
    ("kubectl", "rollout", "undo"): ("--to-revision", 9, "the revision with `--to-revision`"),
    ("oc", "rollout", "undo"): ("--to-revision", 9, "the revision with `--to-revision`"),
    ("helm", "rollback"): ("", 2, "the revision behind the release"),
    ("heroku", "rollback"): ("", 1, "the release"),
    ("heroku", "releases:rollback"): ("", 1, "the release"),
}
"""Rollbacks that go to the version before unless told otherwise: the option that tells, or the number of
words behind the verb that do, and what to name."""


def reverting_the_last(subject: Subject) -> Iterator[Problem]:
    """`git revert HEAD`, whatever was deployed."""
    for each in subject.shelled:
        for command in each.calls():
            is_revert = program_of(command) == "git" and verb_of(command) == "revert"
            if is_revert and {"HEAD", "@"} & set(command.arguments):
                said = (
                    f"`{shown(command)}` takes the last commit back, which need not be the one that was"
                    " deployed, and a second run brings it in again"
                )
                yield problem("PB065", each.line(command), said)


def pushing(subject: Subject) -> Iterator[Problem]:
    """`git push` to a branch that others build on."""
    for each in subject.shelled:
        for command in each.calls():
            if program_of(command) != "git" or verb_of(command) != "push":
                continue
            words = [word for word in command.arguments if not word.startswith("-")]
            if any(_SHARED.search(word) for word in words[1:]):
                yield problem(
                    "PB066", each.line(command), f"`{shown(command)}` changes a branch that is shared"
                )


def toggles(subject: Subject) -> Iterator[Problem]:
    """Rollbacks without a version: the second run undoes the first."""
    for each in subject.shelled:
        for command in each.calls():
            words = [program_of(command), *(word for word in command.arguments if not word.startswith("-"))]
            for verbs, (option, count, wanted) in _TOGGLES.items():
                if tuple(words[: len(verbs)]) != verbs:
                    continue
                told = option and any(word.startswith(option) for word in command.arguments)
                if not told and len(words) - len(verbs) < count:
                    said = f"`{shown(command)}` names no version, so a second run goes forward again"
                    mend = f"Name {wanted} as a placeholder, and mark the step with `#@ once=incident`."
                    yield problem("PB061", each.line(command), said, mend=mend)


def unnumbered(subject: Subject) -> Iterator[Problem]:
    """Groups with several changing steps of which nobody says whether they are a sequence."""
    groups: dict[str, list[Action]] = {}
    for action in subject.playbook.actions:
        if not action.numbered and action.effect is not Effect.READ and not action.opens:
            groups.setdefault(action.group, []).append(action)
    for group, actions in groups.items():
        if len(actions) > 1 and not any("choice" in action.annotations for action in actions):
            said = f"the {len(actions)} steps of {group!r} that change something have no numbers"
            said += ", so they are taken as alternatives, of which one is chosen"
            yield problem("PB063", actions[0].line, said)


_LOOKING = re.compile(r"^(?:check|show|list|view|see|look|inspect|count|get)\b", re.IGNORECASE)
_ROTATING = re.compile(r"\brotat", re.IGNORECASE)
_LOGS = re.compile(r"\blogs?\b|\bentries\b|\bevents?\b", re.IGNORECASE)
_NEW_VALUE = re.compile(
    r"\b(?:rotate|create|put|patch|generate|rekey|renew|issue|update|set|add|new|openssl|rand)\b",
    re.IGNORECASE,
)
_TAKES_BACK = re.compile(r"\b(?:revoke|delete|disable|remove)", re.IGNORECASE)


def titles_that_mislead(subject: Subject) -> Iterator[Problem]:
    """Titles that promise what the command does not do."""
    for action in subject.playbook.actions:
        if _LOOKING.match(action.title) and action.effect is Effect.DESTROY:
            said = f"the title {action.title!r} says that the step looks, but it destroys something"
            yield problem("PB022", action.line, said)
        is_revocation = _TAKES_BACK.search(action.script) and not _NEW_VALUE.search(action.script)
        if _ROTATING.search(action.title) and is_revocation:
            said = f"the title {action.title!r} says that something is rotated, but it is only taken back"
            yield problem("PB022", action.line, said)
    for each in subject.shelled:
        for command in each.calls() if _LOGS.search(each.action.title) else ():
            if program_of(command) == "vault" and command.arguments[:2] == ("audit", "list"):
                said = (
                    f"the title {each.action.title!r} says logs, but `vault audit list` lists audit devices"
                )
                mend = "Read the file or the sink to which the audit device writes."
                yield problem("PB022", each.line(command), said, mend=mend)


RELEASE_RULES: tuple[Rule, ...] = (
    reverting,
    reverting_the_last,
    pushing,
    toggles,
    unnumbered,
    titles_that_mislead,
)
"""The rules about releases and titles."""
