"""The kinds of findings about steps: how they fail when they are run as they are written."""

from tocsin.base.problems import Weight
from tocsin.playbook.kinds import Code, Profile

_W, _I = Weight.WARNING, Weight.INFO
_RUN = Profile.RUN

STEP_CODES: dict[str, Code] = {
    "PB016": Code(
        _W,
        "only the last command of a pipe decides whether the step succeeded",
        "Begin the step with `set -o pipefail`, or write the output to a file first.",
        _RUN,
    ),
    "PB017": Code(
        _I,
        "`grep` ends with 1 where nothing matches, and the step then counts as failed",
        "Write `#@ exit_ok=0,1` under its title, or end the command with `|| true`.",
        _RUN,
    ),
    "PB022": Code(
        _W,
        "the title promises something else than the command does",
        "Give the step the title of what it does, or the command that was meant.",
    ),
    "PB025": Code(
        _W,
        "the command prints all of a log, however long",
        "Say how much is wanted: `--tail 200`, `--since 15m`.",
        _RUN,
    ),
    "PB026": Code(
        _I,
        "logs may hold credentials and personal data, and the output of steps is kept on the timeline",
        "Write `#@ sensitive=output` under the title of the step.",
        _RUN,
    ),
    "PB027": Code(
        _I,
        "a program needs to be signed in where the steps are run",
        "Sign it in there beforehand, and try it out before it is needed.",
        _RUN,
    ),
    "PB028": Code(
        _I,
        "values of placeholders are asked for when steps are run",
        "Nothing needs to change; a value that stays the same can stand under `tocsin: vars:` in front.",
        _RUN,
    ),
    "PB029": Code(
        _W,
        "the document holds more code than is looked into, so the last steps were not checked",
        "Split the document, or move long scripts into files of their own.",
    ),
    "PB031": Code(
        _W,
        "`curl` takes an error page for success, and waits without end",
        "Add `--fail --max-time 20`.",
        _RUN,
    ),
    "PB042": Code(
        _W,
        "scaling by hand is undone by the next `up`, and fails where ports or names are fixed",
        "Write down the count before, and add a step that goes back to it.",
        _RUN,
    ),
    "PB045": Code(
        _W,
        "a restart destroys evidence, and no step before it keeps the logs",
        "Add a step before it that writes the logs to a file.",
        _RUN,
    ),
    "PB051": Code(
        _W,
        "a query calls a function that changes or reveals more than the data it selects",
        "Mark the step with `#@ effect=destroy`, so that it waits for an approval, and limit whom it hits.",
    ),
    "PB052": Code(
        _W,
        "`psql` goes on after an error in a file or a here-document, and ends as if nothing had happened",
        "Add `-X -v ON_ERROR_STOP=1`.",
        _RUN,
    ),
    "PB053": Code(
        _W,
        "a statement changes every row of a table",
        "Add a WHERE clause, and count the rows with the same clause first.",
    ),
    "PB054": Code(
        _I,
        "a step that only reads uses the connection with which other steps write",
        "Give it a connection to a replica, or of a user that can only read.",
        _RUN,
    ),
    "PB060": Code(
        _W,
        "a step changes its folder, and goes on in the wrong one where that fails",
        "Write `cd FOLDER && command` in one line; each step starts anew in the runner's own folder.",
        _RUN,
    ),
    "PB061": Code(
        _W,
        "a rollback that names no version goes forward again when it is run twice",
        "Name the version to go back to as a placeholder.",
        _RUN,
    ),
    "PB063": Code(
        _I,
        "the steps have no numbers, so they are taken as alternatives, of which one is chosen",
        "Number them if all are to be done in order, or confirm it with `#@ choice=NAME` under each title.",
        _RUN,
    ),
    "PB064": Code(
        _W,
        "a program is downloaded in the middle of an incident and run at once",
        "Install it beforehand, in a version that you have looked at.",
        _RUN,
    ),
    "PB065": Code(
        _W,
        "the last commit is reverted, which need not be the one that was deployed",
        "Name the commit that went wrong as a placeholder.",
    ),
    "PB066": Code(
        _W,
        "the step pushes to a shared branch from whatever checkout it is run in",
        "Use a fresh clone, and a pull request or the rollback of your deployment.",
        _RUN,
    ),
}
"""These codes are a part of the table in `codes`."""
