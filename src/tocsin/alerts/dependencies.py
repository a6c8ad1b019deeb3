"""Which service cannot work without which, so that one outage is one incident."""

from collections import deque
from collections.abc import Mapping, Sequence


def service_of(labels: Mapping[str, str], names: Sequence[str]) -> str:
    """The service that an alert is about: the first of these labels that it has, "" with none."""
    return next((value for name in names if (value := labels.get(name, ""))), "")


def all_parents(depends_on: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """For each service everything that it depends on, also through others, the nearest first."""
    return {service: tuple(_above(service, depends_on)) for service in depends_on}


def _above(service: str, depends_on: Mapping[str, Sequence[str]]) -> dict[str, None]:
    found: dict[str, None] = {}
    waiting = deque(depends_on[service])
    while waiting:
        parent = waiting.popleft()
        if parent not in found and parent != service:
            found[parent] = None
            waiting.extend(depends_on.get(parent, ()))
    return found


def cycle(depends_on: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A round of services that depend on each other, the first of them again at the end; empty with none."""
    done: set[str] = set()
    for start in depends_on:
        path: dict[str, int] = {}
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            service, left = stack.pop()
            if left:
                path.pop(service)
                done.add(service)
            elif service in path:
                return (*list(path)[path[service] :], service)
            elif service not in done:
                path[service] = len(path)
                stack.append((service, True))
                stack.extend((parent, False) for parent in depends_on.get(service, ()))
    return ()
