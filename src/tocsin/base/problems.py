"""What is wrong with an input, told so that the reader can mend it."""

from enum import StrEnum

import msgspec


class Weight(StrEnum):
    """How much a problem matters: an error refuses the input, a warning asks for attention."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with an input.

    `file` and `line` (from 1; 0 when the place is the whole file) say where in a document, `field`
    where in a structured value (`roles.on-call.schedule`). `message` is one sentence of what is
    wrong, `mend` one sentence of what to do about it.
    """

    code: str
    message: str
    mend: str
    file: str = ""
    line: int = 0
    field: str = ""
    severity: Weight = Weight.ERROR

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line or "") if part)
        head = ": ".join(part for part in (place, self.field, f"{self.code} {self.severity.value}") if part)
        return f"{head} {self.message}\n    mend: {self.mend}"


class ProblemsError(ValueError):
    """An input was refused; `problems` lists every reason at once."""

    def __init__(self, problems: "tuple[Problem, ...] | list[Problem]") -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
