"""The names of the alerts in Prometheus rule files, plain or as a Kubernetes `PrometheusRule`."""

from collections.abc import Iterator
from typing import Any, cast

import msgspec
import yaml

from tocsin.base.limits import playbook_bytes_max


class AlertRule(msgspec.Struct, frozen=True):
    """An alerting rule: its name, and the line (from 1) that gives it."""

    alert: str
    line: int


class AlertRules(msgspec.Struct, frozen=True):
    """The alerting rules of a file in order, and (line, words) of what is wrong with it."""

    rules: tuple[AlertRule, ...]
    faults: tuple[tuple[int, str], ...] = ()


def read_alert_rules(content: bytes) -> AlertRules:
    """The alerting rules of YAML in UTF-8, of one document or several. Never raises."""
    if len(content) > playbook_bytes_max:
        return AlertRules((), ((0, f"it has more than {playbook_bytes_max} bytes"),))
    try:
        # The tree of nodes, not the values: it knows the lines, builds nothing, and an alias costs nothing.
        roots = _roots(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return AlertRules((), ((0, "it is not UTF-8"),))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = str(getattr(error, "problem", None) or "it is no YAML")
        return AlertRules((), ((1 + int(getattr(mark, "line", 0)), why),))
    except (RecursionError, ValueError) as error:
        return AlertRules((), ((0, str(error) or "it is nested too deeply"),))
    rules: list[AlertRule] = []
    faults: list[tuple[int, str]] = []
    for root in roots:
        if root is None:
            continue
        groups = _get(root, "groups") or _get(_get(root, "spec"), "groups")
        if not isinstance(groups, yaml.SequenceNode):
            faults.append((_line(root), "it has no `groups`"))
            continue
        for group in groups.value:
            own = _get(group, "rules")
            for rule in own.value if isinstance(own, yaml.SequenceNode) else ():
                name = _get(rule, "alert")
                if isinstance(name, yaml.ScalarNode) and name.value:
                    rules.append(AlertRule(str(name.value), _line(name)))
    return AlertRules(tuple(rules), tuple(faults))


def _roots(text: str) -> list[yaml.Node | None]:
    # PyYAML's own hints leave the nodes unnamed.
    composed: Any = yaml.compose_all(text, Loader=yaml.SafeLoader)  # pyright: ignore
    return list(cast("Iterator[yaml.Node | None]", composed))


def _get(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1 if node.start_mark else 0
