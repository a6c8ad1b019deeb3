"""What a kind of finding is, and the profiles by which a reader chooses among them."""

from enum import StrEnum

import msgspec

from tocsin.base.problems import Weight


class Profile(StrEnum):
    """For what a playbook is read; each profile holds the findings of those before it.

    `read`: what is wrong for people who read the document and follow it by hand. `run`: also what matters
    before steps are run and people are paged by a program. `audit`: also what an auditor asks for.
    """

    READ = "read"
    RUN = "run"
    AUDIT = "audit"

    def holds(self, other: "Profile") -> bool:
        """Whether the findings of the other profile are among those of this one."""
        order = list(Profile)
        return order.index(other) <= order.index(self)


class Code(msgspec.Struct, frozen=True):
    """A kind of finding. `what` is one sentence without a full stop; a finding may say it more exactly.
    `profile` is the first profile that shows it."""

    weight: Weight
    what: str
    mend: str
    profile: Profile = Profile.READ
