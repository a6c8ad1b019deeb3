"""What a careful reader takes from a playbook of the usual shape, as values that tests compare with."""

from datetime import timedelta
from pathlib import Path

from tocsin.playbook.model import Edge, Playbook
from tocsin.playbook.read import read_playbook

FIXTURES = Path(__file__).parent / "fixtures"
HARBOUR = FIXTURES / "harbour.md"


def harbour() -> Playbook:
    return read_playbook(HARBOUR.read_bytes(), "harbour.md")


def read(text: str) -> Playbook:
    return read_playbook(text.encode(), "playbook.md")


def codes(playbook: Playbook) -> list[str]:
    return [each.code for each in playbook.findings]


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def hop(edge: Edge) -> tuple[str, str, object]:
    """(from, to, condition): minutes unresolved, a category, or None."""
    condition = edge.condition
    if condition.unresolved_for is not None:
        return edge.source, edge.to, condition.unresolved_for.total_seconds() / 60
    if condition.unacknowledged_for is not None:
        return edge.source, edge.to, f"unacknowledged {condition.unacknowledged_for.total_seconds() / 60:g}"
    return edge.source, edge.to, condition.category


def hops(playbook: Playbook) -> list[tuple[str, str, object]]:
    return [hop(edge) for edge in playbook.escalation]
