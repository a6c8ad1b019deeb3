"""Random small playbooks and rosters, odd ones among them, and random things to ask of an incident."""

from datetime import date, time, timedelta

from hypothesis import strategies as st

from tests.core.sample import START, alert, minutes
from tocsin.alerts.matchers import parse_matchers
from tocsin.base.ids import IncidentId, LevelId, PersonId
from tocsin.incident import commands as c
from tocsin.incident.rules import Rules
from tocsin.oncall.model import Audience, ContactMethod, Person, RoleFill, Roster, Rotation
from tocsin.playbook.model import (
    ChecklistItem,
    CommandRule,
    Condition,
    Contact,
    Edge,
    MessageKind,
    MessageTemplate,
    Options,
    Phase,
    Playbook,
    Postmortem,
    Severity,
    TriageRule,
    Trigger,
)

LEVELS = tuple(LevelId(name) for name in ("P1", "P2", "p2", "SEV-3"))
ROLES = ("On-call", "Team Lead", "team lead", "CISO", "当番", "責任者", "Ladder")
PEOPLE = tuple(PersonId(name) for name in ("ann", "bob", "cho"))
CATEGORIES = ("security", "data breach", "Infrastructure")
SPANS = (timedelta(0), timedelta(seconds=1), minutes(1), minutes(15), minutes(60), timedelta(days=3))
ALERTS = ("VaultSealed", "SecurityBreach", "DataBreachFound", "WorkerFailing", "HighErrorRate")

spans = st.sampled_from(SPANS)
perhaps_span = st.none() | spans
level_sets = st.lists(st.sampled_from(LEVELS), max_size=2, unique=True).map(tuple)

severities = st.builds(
    Severity,
    level=st.sampled_from(LEVELS),
    rank=st.integers(1, 4),
    name=st.sampled_from([None, "", "Critical", "High"]),
    respond_within=perhaps_span,
    update_every=perhaps_span,
    examples=st.lists(st.sampled_from(["vault sealed", "error rate > 5%", "", "> 3s"]), max_size=2).map(
        tuple
    ),
)
phases = st.builds(
    Phase,
    number=st.integers(1, 3),
    name=st.sampled_from(["Detect", "Triage", "Mitigate", "Resolve", "Tell the press", "Post-mortem"]),
    ends_after=perhaps_span,
    checklist=st.sampled_from([(), (ChecklistItem(id="one", title="One"),)]),
)
questions = st.builds(
    TriageRule,
    id=st.sampled_from(["q1", "q2"]),
    question=st.sampled_from(["Is there a security breach?", "Is it down?", "?"]),
    sets=st.sampled_from([None, *LEVELS]),
    shifts=st.sampled_from([None, 1, -1, 9]),
    when=st.sampled_from([None, parse_matchers('alertname="VaultSealed"')]),
)
conditions = st.builds(
    Condition,
    unresolved_for=perhaps_span,
    unacknowledged_for=perhaps_span,
    category=st.sampled_from([None, None, *CATEGORIES]),
)
edges = st.builds(
    Edge,
    source=st.sampled_from(ROLES),
    to=st.sampled_from(ROLES),
    owns=level_sets,
    to_owns=level_sets,
    levels=level_sets,
    condition=conditions,
)
triggers = st.builds(
    Trigger,
    text=st.just("when it burns"),
    levels=level_sets,
    category=st.sampled_from([None, None, *CATEGORIES]),
    unresolved_for=perhaps_span,
    readable=st.booleans(),
)
contacts = st.builds(
    Contact, role=st.sampled_from(ROLES), responsibility=st.just(""), trigger=triggers
) | st.builds(
    Contact,
    role=st.sampled_from(ROLES),
    responsibility=st.just(""),
    trigger=st.just(Trigger(text="All alerts")),
)
templates = st.builds(
    MessageTemplate,
    level=st.sampled_from(LEVELS),
    kind=st.sampled_from(list(MessageKind)),
    body=st.just("INCIDENT: [Title]\nImpact: [Impact]"),
    fields=st.just(("Title", "Impact")),
)
postmortems = st.builds(
    Postmortem, due_within=perhaps_span, due_by_level=st.sampled_from([{}, {LEVELS[0]: timedelta(0)}])
)
playbooks = st.builds(
    Playbook,
    title=st.just("odd"),
    severities=st.lists(severities, max_size=3).map(tuple),
    phases=st.lists(phases, max_size=3).map(tuple),
    triage=st.lists(questions, max_size=2).map(tuple),
    command=st.lists(
        st.builds(
            CommandRule, levels=level_sets, roles=st.lists(st.sampled_from(ROLES), max_size=2).map(tuple)
        ),
        max_size=2,
    ).map(tuple),
    postmortem=st.none() | postmortems,
    templates=st.lists(templates, max_size=2).map(tuple),
    escalation=st.lists(edges, max_size=4).map(tuple),
    contacts=st.lists(contacts, max_size=3).map(tuple),
    options=st.sampled_from([Options(), Options(categories={"security": parse_matchers('team="sec"')})]),
)

methods = st.lists(
    st.tuples(st.sampled_from(["email", "outbox"]), st.sampled_from([timedelta(0), minutes(2), minutes(40)])),
    max_size=2,
).map(
    lambda found: tuple(
        ContactMethod(id=f"{kind}-{n}", kind=kind, address="x", after=after)
        for n, (kind, after) in enumerate(found, 1)
    )
)


@st.composite
def rosters(draw: st.DrawFn, *, rotating: bool = True) -> Roster:
    """A roster in which people may have no way to be reached and roles nobody, or somebody unknown."""
    ids = draw(st.lists(st.sampled_from(PEOPLE), unique=True))
    people = tuple(Person(id=each, name=each.title(), methods=draw(methods)) for each in ids)
    fills: list[RoleFill] = []
    for role in draw(st.lists(st.sampled_from(ROLES), unique=True)):
        who = tuple(draw(st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True)))
        rotation = None
        if who and rotating and draw(st.booleans()):
            starts = draw(st.sampled_from([date(2026, 3, 1), date(2026, 3, 3)]))
            rotation = Rotation(people=who, starts_on=starts, handover=time(9), zone="Europe/Paris", days=1)
        fills.append(RoleFill(role=role, people=() if rotation else who, rotation=rotation))
    one = ContactMethod(id="outbox-1", kind="outbox", address="x", after=draw(st.sampled_from(SPANS[:3])))
    audiences = draw(st.sampled_from([(), (Audience(name="all", methods=(one,)),)]))
    return Roster(
        people=people, roles=tuple(fills), audiences=audiences, fallback=draw(st.sampled_from([(), (one,)]))
    )


def rules(*, rotating: bool = True) -> st.SearchStrategy[Rules]:
    """Rules of a random playbook and a random roster."""
    return st.builds(
        Rules, playbook=playbooks, playbook_hash=st.just("ab" * 32), roster=rosters(rotating=rotating)
    )


fired = st.builds(
    lambda name, firing, labels: alert(name, START, firing, **labels),
    st.sampled_from(ALERTS),
    st.booleans(),
    st.sampled_from([{}, {"severity": "P1"}, {"severity": "critical"}, {"team": "sec"}, {"service": "api"}]),
)
firing_alerts = fired.filter(lambda each: each.ends_at is None)
openings = st.builds(
    c.OpenByAlert, alert=firing_alerts, group_key=st.just("g"), because=st.just("first")
) | st.builds(
    c.Declare,
    title=st.sampled_from(["it burns", "security breach\nin two lines", "Ünïcode 火事"]),
    level=st.sampled_from([None, *LEVELS]),
    categories=st.sampled_from([(), ("security",)]),
    drill=st.booleans(),
)
people = st.sampled_from([*PEOPLE, PersonId("stranger")])
texts = st.sampled_from(["", " ", "because", "x" * 20_000, "two\nlines", "[bracket]"])


def commands(keys: tuple[str, ...] = ("INC-1/p1/0",)) -> st.SearchStrategy[c.Command]:
    """Anything that may be asked of an incident that is there. `keys` are those of its page steps."""
    step_keys = st.sampled_from(keys or ("INC-1/p1/0",))
    return st.one_of(
        st.builds(c.Tick),
        st.builds(c.Acknowledge, person=people),
        st.builds(c.Acknowledge, person=people),
        st.builds(c.TakeCommand, person=people),
        st.builds(c.OfferCommand, to=people),
        st.builds(c.AddNote, text=texts),
        st.builds(c.CheckItem, item=st.sampled_from(["one", "none"]), done=st.booleans(), note=texts),
        st.builds(
            c.AnswerTriage,
            rule=st.sampled_from(["q1", "q2", "q3"]),
            answer=st.sampled_from(["yes", "no", "unknown"]),
        ),
        st.builds(c.SetSeverity, level=st.sampled_from([*LEVELS, LevelId("P9")]), reason=texts),
        st.builds(c.AddCategory, category=st.sampled_from([*CATEGORIES, "cooking"]), reason=texts),
        st.builds(c.Escalate, to=st.sampled_from([*ROLES, *PEOPLE, ""]), reason=texts),
        st.builds(
            c.SendMessage,
            kind=st.sampled_from(list(MessageKind)),
            values=st.sampled_from([{}, {"Impact": "none", "Title": "t"}]),
            text=texts,
        ),
        st.builds(c.Mitigate, summary=texts),
        st.builds(c.Resolve, root_cause=texts, fix=texts, verification=texts),
        st.builds(c.Resolve, root_cause=st.just("a cause"), fix=st.just("a fix")),
        st.builds(c.Reopen, reason=texts),
        st.builds(c.Reopen, reason=st.just("not over")),
        st.builds(c.PublishPostmortem, text=texts),
        st.builds(c.Close, reason=texts),
        st.builds(c.Dismiss, reason=texts),
        st.builds(c.Merge, into=st.sampled_from([IncidentId("INC-1"), IncidentId("INC-2")])),
        st.builds(
            c.Absorb,
            other=st.just(IncidentId("INC-3")),
            title=st.just("o"),
            alerts=st.lists(fired, max_size=2).map(tuple),
        ),
        st.builds(c.Repin, playbook=st.sampled_from(["ab" * 32, "cd" * 32])),
        st.builds(c.AttachAlert, alert=firing_alerts, because=st.just("same group")),
        st.builds(c.ClearAlert, alert=fired),
        st.builds(
            c.RecordDelivery,
            key=step_keys,
            channel=st.just("email"),
            to=st.just("Ann"),
            delivered=st.booleans(),
            final=st.booleans(),
            attempts=st.integers(1, 12),
            detail=st.just("as it went"),
        ),
    )
