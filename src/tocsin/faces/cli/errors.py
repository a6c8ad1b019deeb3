"""How a command fails: a few plain lines on standard error, and an exit code that a script can tell apart."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from tocsin.base.problems import Problem, ProblemsError

REFUSED = 1
"""The server or a check said no, or what was asked for is not there."""

USAGE = 2
"""The command line itself is wrong."""

UNREACHABLE = 3
"""No Tocsin answers at the address."""


class CliError(Exception):
    """A command cannot do what was asked. `message` is one sentence, each of `mends` one thing to do."""

    def __init__(self, message: str, *mends: str, exit_code: int = REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.mends = tuple(mend for mend in mends if mend)
        self.exit_code = exit_code


def usage(message: str, *mends: str) -> CliError:
    """An error of the command line, told like every other one."""
    return CliError(message, *mends, exit_code=USAGE)


def lines_of(problem: Problem) -> list[str]:
    """A problem of a file or a request in the words of the terminal."""
    head = ":".join(str(part) for part in (problem.file, problem.line or "") if part)
    place = head or problem.field
    first = f"{place}: {problem.message}" if place else problem.message
    return [first, *([f"  {problem.mend}"] if problem.mend else [])]


def complain(lines: list[str]) -> None:
    """Write the lines of an error to standard error, without control characters."""
    from tocsin.faces.cli.paper import clean

    for line in lines:
        sys.stderr.write(clean(line) + "\n")
    sys.stderr.flush()


class PlainErrors(TyperGroup):
    """The command tree, in which an error that a person can mend never shows a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; turn its errors into lines and an exit code."""
        try:
            return super().invoke(ctx)
        except CliError as error:
            complain([error.message, *(f"  {mend}" for mend in error.mends)])
            raise typer.Exit(error.exit_code) from error
        except ProblemsError as error:
            complain([line for problem in error.problems for line in lines_of(problem)])
            raise typer.Exit(REFUSED) from error
