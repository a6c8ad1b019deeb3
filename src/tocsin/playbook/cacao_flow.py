"""The workflow of a CACAO export: steps that follow each other, branches, and who carries them out."""

from collections.abc import Callable, Mapping, Sequence

from tocsin.playbook.cacao_words import Json, Variables, command, label, uuid5

MANUAL_TIMEOUT_MS = 4 * 3600 * 1000
"""How long a person has for a step. Always given, since some executors wait a minute only."""


class Branch:
    """One path of steps to an end of its own. `escalate` is where a failed step leads."""

    def __init__(self, flow: "Flow", key: str) -> None:
        self._flow = flow
        self._key = key
        self._escalation = ""
        self.end = flow.add("end", f"{key}/end", {"name": "End"})

    def escalate(self) -> str:
        """The step that hands over to the escalation path; made when it is first asked for."""
        if not self._escalation:
            self._escalation = self._flow.escalation(f"{self._key}/escalate", self.end)
        return self._escalation


Part = Callable[[str, Branch], str]
"""Adds steps before a step that exists already: takes its identifier, returns that of the first one added."""


class Flow:
    """Steps, agents and targets of one playbook. `root` tells its identifiers from those of others."""

    def __init__(self, root: str, flavor: str, extension: str) -> None:
        self.root = root
        self.flavor = flavor
        self.extension = extension
        self.steps: dict[str, Json] = {}
        self.agents: dict[str, Json] = {}
        self.targets: dict[str, Json] = {}
        self.variables = Variables()
        self.escalation_text = "Page the next role of the escalation path."
        self.first_role = "Responder"
        self._choices = 0
        self._taken: dict[str, int] = {}

    def identifier(self, kind: str, key: str) -> str:
        """The identifier of an object of this kind."""
        return f"{kind}--{uuid5(self.root, kind, key)}"

    def add(self, kind: str, key: str, content: Json) -> str:
        """Add a step; returns its identifier. A key that is taken gets a number, by the order of adding."""
        self._taken[key] = count = self._taken.get(key, 0) + 1
        identifier = self.identifier(kind, key if count == 1 else f"{key}\0{count}")
        self.steps[identifier] = {"type": kind, **content}
        return identifier

    def role(self, name: str) -> tuple[str, str]:
        """A role as agent and as target. Executors of the `soarca` flavor choose by the name of the agent."""
        shown = label(name, "Responder")
        target = self.identifier("group", f"target/{shown}")
        self.targets[target] = {"type": "group", "name": shown}
        agent_name = "soarca-manual" if self.flavor == "soarca" else shown
        agent = self.identifier("group", f"agent/{agent_name}")
        self.agents[agent] = {"type": "group", "name": agent_name}
        return agent, target

    def machine(self, runner: str, language: str, authentication: str = "") -> tuple[str, str]:
        """A machine as agent and as target, its address from a variable that the executor sets."""
        address = self.variables.declare(
            f"runner {runner}".strip(), "string", label(f"Address of the runner {runner}", "Runner")
        )
        place: Json = {"address": {"dname": [f"{address}:value"]}}
        kind, name = self._kind_of_machine(runner, language)
        target = self.identifier(kind, f"target/{runner}/{language}")
        self.targets[target] = {"type": kind, "name": label(runner, "runner"), **place}
        agent = self.identifier(kind, f"agent/{runner}/{language}/{authentication}")
        self.agents[agent] = {"type": kind, "name": name, **place}
        if authentication:
            self.agents[agent]["authentication_info"] = authentication
        return agent, target

    def _kind_of_machine(self, runner: str, language: str) -> tuple[str, str]:
        if language == "powershell":
            return "net-address", "soarca-powershell" if self.flavor == "soarca" else label(runner, "runner")
        return ("ssh", "soarca-ssh") if self.flavor == "soarca" else ("linux", label(runner, "runner"))

    def escalation(self, key: str, then: str) -> str:
        """A manual step that hands over to the escalation path."""
        return self.person(key, then, "Escalate", self.escalation_text, "identify-audience", "", {})

    def person(self, key: str, then: str, name: str, text: str, activity: str, role: str, more: Json) -> str:
        """Add a step that a person does; returns its identifier."""
        agent, target = self.role(role or self.first_role)
        content: Json = {
            "name": label(name, "Step"),
            "commands": [command("manual", text or name or "Step", activity)],
            "agent": agent,
            "targets": [target],
            "timeout": MANUAL_TIMEOUT_MS,
            "on_completion": then,
            **more,
        }
        return self.add("action", key, content)

    def manual(self, key: str, name: str, text: str, activity: str, role: str = "", **more: object) -> Part:
        """A step that a person does, as a part."""

        def build(then: str, _: Branch) -> str:
            return self.person(key, then, name, text, activity, role, more)

        return build

    def gate(self, key: str, name: str, text: str, behind: Part) -> Part:
        """A step that a person lets begin. Where they do not, the path is escalated."""

        def build(then: str, branch: Branch) -> str:
            first = behind(then, branch)
            step = self.manual(key, name, text, "step-sequence")(first, branch)
            made = self.steps[step]
            made["on_success"] = made.pop("on_completion")
            made["on_failure"] = branch.escalate()
            return step

        return build

    def choice(self, key: str, question: str, cases: Mapping[str, tuple[str, Sequence[Part]]]) -> Part:
        """A question to a person, and one branch for each answer. `cases` maps the answer to its words and
        its steps; any other answer goes on without any of them."""

        def build(then: str, branch: Branch) -> str:
            self._choices += 1
            listed = "; ".join(f"{answer}: {said}" for answer, (said, _) in cases.items())
            variable = self.variables.answer(f"choice {self._choices}", label(question, "Choice"))
            switch = self.switch(f"{key}/switch", variable, {a: parts for a, (_, parts) in cases.items()})
            text = f"{question} Answer with one of these, or with none. {listed}"
            asked = self.manual(f"{key}/ask", question, text, "step-sequence", out_args=[variable])
            return asked(switch(then, branch), branch)

        return build

    def switch(self, key: str, variable: str, cases: Mapping[str, Sequence[Part]]) -> Part:
        """One branch for each value of a variable, and an empty one for every other value."""

        def build(then: str, _: Branch) -> str:
            made = {value: self.branch(f"{key}/{value}", parts) for value, parts in cases.items()}
            made["default"] = self.branch(f"{key}/-", ())
            content: Json = {"name": "Go by the answer", "switch": f"{variable}:value", "cases": made}
            return self.add("switch-condition", key, {**content, "on_completion": then})

        return build

    def branch(self, key: str, parts: Sequence[Part]) -> str:
        """The first step of a path of its own with these parts."""
        branch = Branch(self, key)
        return chained(parts, branch.end, branch)


def chained(parts: Sequence[Part], then: str, branch: Branch) -> str:
    """Add the parts one after the other before a step; returns the first step of all."""
    for part in reversed(parts):
        then = part(then, branch)
    return then
