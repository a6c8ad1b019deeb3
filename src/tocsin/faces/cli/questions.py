"""The severity checklist of an incident at the command line, with what is suggested and why."""

from collections.abc import Mapping, Sequence
from typing import Any

from tocsin.faces.cli.paper import one_line, table, text_of, write, write_json


def list_questions(
    document: Mapping[str, Any], questions: Sequence[Mapping[str, Any]], as_json: bool
) -> None:
    """Print the questions with their numbers, or as the server gave them."""
    if as_json:
        write_json(questions)
        return
    if because := text_of(document, "level_because"):
        write(one_line(because))
    if not questions:
        write("The playbook has no checklist for the severity.")
        return
    show_questions(questions)


def show_questions(questions: Sequence[Mapping[str, Any]]) -> None:
    """The questions as a table: number, id, answer, words; under each what is suggested and why."""
    rows: list[tuple[str, ...]] = []
    for number, each in enumerate(questions, 1):
        answer = text_of(each, "answer") or "-"
        rows.append((f"  {number}", text_of(each, "id"), answer, text_of(each, "question")))
        if hint := _hint(each):
            rows.append(("", "", "", f"  {hint}"))
    table(("", "", "", ""), rows)


def _hint(question: Mapping[str, Any]) -> str:
    suggested, because = text_of(question, "suggested"), text_of(question, "because")
    if not suggested:
        return ""
    becomes: Any = question.get("becomes") or {}
    level = becomes.get("no" if question.get("assumed") else suggested, "")
    if question.get("assumed"):
        return f"counts as yes until answered: {because}" + (f"; no makes it {level}" if level else "")
    return f"suggested {suggested}: {because}" + (f"; that makes it {level}" if level else "")
