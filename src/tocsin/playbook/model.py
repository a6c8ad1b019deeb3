"""The typed playbook: what the reader understood of the document.

Keys and their order are those of `tocsin show --json`. Durations are `timedelta` here and ISO 8601
there. `line` is 1-based in the document as the reader received it.
"""

from datetime import timedelta
from enum import StrEnum

import msgspec

from tocsin.alerts.matchers import Matchers
from tocsin.alerts.rules import NoiseRules
from tocsin.base.ids import LevelId
from tocsin.base.problems import Problem


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of everything that was recognised at a line of the document."""


class Severity(Part, frozen=True, kw_only=True):
    """A level of the severity table; rank 1 is the most severe.

    `respond_within` runs from the opening of the incident to its first acknowledgement.
    `update_every` is the rhythm of status messages, where the playbook gives one.
    """

    level: LevelId
    rank: int
    name: str | None = None
    description: str = ""
    respond_within: timedelta | None = None
    update_every: timedelta | None = None
    examples: tuple[str, ...] = ()
    line: int = 0


class ChecklistItem(Part, frozen=True, kw_only=True):
    """Something that a person does and ticks off. `id` is a slug, unique in the playbook."""

    id: str
    title: str
    text: str = ""
    line: int = 0


class Phase(Part, frozen=True, kw_only=True):
    """A phase of the process; the offsets run from detection, where the heading gives them."""

    number: int
    name: str
    starts_after: timedelta | None = None
    ends_after: timedelta | None = None
    checklist: tuple[ChecklistItem, ...] = ()
    line: int = 0


class Mode(StrEnum):
    """How a detection source works."""

    AUTOMATED = "automated"
    MANUAL = "manual"


class Detection(Part, frozen=True, kw_only=True):
    """One way in which incidents are noticed. `adapter` names the intake that serves it:
    prometheus, cloudflare, github, user-report, team-report or other."""

    mode: Mode
    source: str
    target: str
    adapter: str
    line: int = 0


class TriageRule(Part, frozen=True, kw_only=True):
    """A question of the severity checklist: a yes sets a level, or shifts it.

    `shifts` counts levels towards less severe (`Downgrade by 1 level` is 1, an upgrade is -1).
    Exactly one of `sets` and `shifts` is given. `when` lets alerts answer the question.
    """

    id: str
    question: str
    sets: LevelId | None = None
    shifts: int | None = None
    when: Matchers | None = None
    line: int = 0


class CommandRule(Part, frozen=True, kw_only=True):
    """Which roles may command at which levels, in order of preference."""

    levels: tuple[LevelId, ...]
    roles: tuple[str, ...]
    line: int = 0


class ActionRole(StrEnum):
    """What an action is for."""

    DIAGNOSTIC = "diagnostic"
    MITIGATION = "mitigation"
    RESOLUTION = "resolution"
    VERIFICATION = "verification"
    OTHER = "other"


class Effect(StrEnum):
    """What running an action does to the world, from harmless to irreversible."""

    READ = "read"
    CHANGE = "change"
    DESTROY = "destroy"


class ParameterType(StrEnum):
    """The closed kinds of value that a placeholder takes."""

    HOSTNAME = "hostname"
    IP = "ip"
    CIDR = "cidr"
    URL = "url"
    INTEGER = "integer"
    IDENTIFIER = "identifier"
    TEXT = "text"


class Parameter(Part, frozen=True, kw_only=True):
    """A placeholder such as `<DOMAIN>` in an action's script."""

    name: str
    type: ParameterType


class RunMode(StrEnum):
    """Who sets a step going, from the loosest to the strictest: Tocsin by itself, a person, or nobody."""

    AUTO = "auto"
    GUIDED = "guided"
    NEVER = "never"


class Handling(Part, frozen=True, kw_only=True):
    """How a step is to be run: its annotations as values, with the defaults where it has none.

    `check`, `dryrun`, `verify` and `rollback` are ids of other steps, "" without one. `when` is a
    condition on the level, such as `sev<=P2`. `once` says once an incident, `expect` is a regular
    expression that standard output must match for the step to have succeeded.
    """

    timeout: timedelta = timedelta(seconds=300)
    grace: timedelta = timedelta(seconds=10)
    cooldown: timedelta | None = None
    idempotent: str = "no"
    approver: str = ""
    check: str = ""
    dryrun: str = ""
    verify: str = ""
    rollback: str = ""
    runner: str = ""
    target: str = ""
    lock: str = ""
    cwd: str = ""
    choice: str = ""
    when: str = ""
    exit_ok: tuple[int, ...] = (0,)
    expect: str = ""
    capture: str = ""
    output_bytes_max: int = 1_048_576
    sensitive: bool = False
    evidence: bool = False
    once: bool = False


class Action(Part, frozen=True, kw_only=True):
    """One step of a code block. `order` counts from 1 within the group, in document order.

    `numbered` says that the author numbered the steps (a sequence); steps of one group without
    numbers are alternatives or independent. `opens` is a link to show to a person, in place of a
    program to run.

    `approvals` counts the people who must say yes, the one who asks for it included. `faults` say why
    the step is shown but never run; `policy` is what a policy file changed about it, "" for nothing.
    """

    id: str
    title: str
    group: str
    order: int
    numbered: bool
    phase: str
    role: ActionRole
    script: str
    language: str
    effect: Effect
    parameters: tuple[Parameter, ...] = ()
    env: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    opens: str | None = None
    annotations: dict[str, str] = {}
    run: RunMode = RunMode.GUIDED
    approvals: int = 0
    handling: Handling = Handling()
    faults: tuple[str, ...] = ()
    policy: str = ""
    line: int = 0

    @property
    def runnable(self) -> bool:
        """Whether it may be run at all, by anybody."""
        return not self.faults and self.run is not RunMode.NEVER and self.opens is None


class Postmortem(Part, frozen=True, kw_only=True):
    """When the post-mortem is due, counted from the resolution, and the author's own template.

    `due_by_level` holds the levels for which the playbook names a time of their own.
    """

    due_within: timedelta | None = None
    due_by_level: dict[LevelId, timedelta] = {}
    template: str = ""
    line: int = 0


class MessageKind(StrEnum):
    """The three messages of an incident's life."""

    INITIAL = "initial"
    UPDATE = "update"
    RESOLUTION = "resolution"


class MessageTemplate(Part, frozen=True, kw_only=True):
    """A status message. `fields` are the bracketed slots in order, each named after the label of
    its line ("Root cause") where the line has one, else after its own words."""

    level: LevelId
    kind: MessageKind
    body: str
    fields: tuple[str, ...] = ()
    line: int = 0


class Condition(Part, frozen=True, kw_only=True):
    """What makes an escalation edge fire; all None means the hop before did not acknowledge."""

    unresolved_for: timedelta | None = None
    unacknowledged_for: timedelta | None = None
    category: str | None = None


class Edge(Part, frozen=True, kw_only=True):
    """One hop of the escalation path. `owns` are the levels written behind the *from* role,
    `to_owns` those behind the *to* role; `levels` are the levels for which the hop holds (empty: all).

    `from_time` and `to_time` are the times that the path writes beside a role as its own; that of the
    last role is followed by no hop, and is only told.
    """

    source: str = msgspec.field(name="from")
    to: str
    owns: tuple[LevelId, ...] = ()
    to_owns: tuple[LevelId, ...] = ()
    levels: tuple[LevelId, ...] = ()
    condition: Condition = Condition()
    from_time: timedelta | None = None
    to_time: timedelta | None = None
    line: int = 0


class Trigger(Part, frozen=True, kw_only=True):
    """When a contact is paged. Empty `levels` means every level; `category` None means any alert.

    `readable` is False where the words were not understood: the role is then paged by hand only.
    """

    text: str
    levels: tuple[LevelId, ...] = ()
    category: str | None = None
    unresolved_for: timedelta | None = None
    readable: bool = True


class Contact(Part, frozen=True, kw_only=True):
    """A row of the key contacts."""

    role: str
    responsibility: str
    trigger: Trigger
    line: int = 0


class Sure(StrEnum):
    """How sure the reader is of what it made of a part."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Recognition(Part, frozen=True, kw_only=True):
    """A part of the document that was understood: as what (`kind`), by which signs (`how`, in a few
    words), and how sure that is."""

    kind: str
    how: str
    confidence: Sure = Sure.HIGH
    line: int = 0


class Reference(Part, frozen=True, kw_only=True):
    """A section that was not recognised: kept as text, and listed."""

    title: str
    text: str
    line: int = 0


class SeverityRule(Part, frozen=True, kw_only=True):
    """Front matter `tocsin.severity`: alerts that match are of this level, whatever they say."""

    when: Matchers
    level: LevelId


class Options(Part, frozen=True, kw_only=True):
    """Front matter under `tocsin:`; all optional. `categories` maps a category's name to matchers.

    `auto_run` False says that no step of the document runs by itself, whatever the policy file says.
    """

    group_by: tuple[str, ...] = ("alertname", "service")
    categories: dict[str, Matchers] = {}
    severity: tuple[SeverityRule, ...] = ()
    severity_labels: dict[str, LevelId] = {}
    vars: dict[str, str] = {}
    routes: tuple[Matchers, ...] = ()
    auto_run: bool = True
    noise: NoiseRules = NoiseRules()


class Playbook(Part, frozen=True, kw_only=True):
    """Everything that was understood of one document. The same bytes always give the same value.

    `escalation_steps` are what a section about escalation asks people to do in sentences, where it
    names no path; `recognised` says where each part was found and how sure that is. `places` are the lines
    of what stands in no part of its own: `alert`, and `tocsin.routes.0` and others of the front matter.
    """

    title: str
    metadata: dict[str, str] = {}
    severities: tuple[Severity, ...] = ()
    phases: tuple[Phase, ...] = ()
    detection: tuple[Detection, ...] = ()
    triage: tuple[TriageRule, ...] = ()
    command: tuple[CommandRule, ...] = ()
    actions: tuple[Action, ...] = ()
    postmortem: Postmortem | None = None
    templates: tuple[MessageTemplate, ...] = ()
    escalation: tuple[Edge, ...] = ()
    escalation_steps: tuple[ChecklistItem, ...] = ()
    contacts: tuple[Contact, ...] = ()
    alerts: tuple[str, ...] = ()
    options: Options = Options()
    reference: tuple[Reference, ...] = ()
    findings: tuple[Problem, ...] = ()
    recognised: tuple[Recognition, ...] = ()
    places: dict[str, int] = {}

    def severity(self, level: LevelId) -> Severity | None:
        """The severity of this level, compared without case; None where the playbook has none."""
        folded = level.casefold()
        return next((each for each in self.severities if each.level.casefold() == folded), None)
