"""The entry point: hands the composition root to the command line, and loads it only when it is needed."""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from tocsin.faces.cli.main import build
from tocsin.faces.cli.services import CliServices, DrillReport, DrillRequest, ServeOptions, StoreOptions

if TYPE_CHECKING:
    from tocsin.engine.ports import Clock, Randomness, Store
    from tocsin.oncall.model import Roster
    from tocsin.playbook.model import Playbook


class _Services:
    """The composition root behind the command line. A web framework and a database driver take longer to
    import than most commands take to run, so that each method imports what it calls."""

    def serve(self, options: ServeOptions) -> None:
        from tocsin import bootstrap

        bootstrap.serve(options)

    def open_store(self, options: StoreOptions) -> "AbstractAsyncContextManager[Store]":
        from tocsin import bootstrap

        return bootstrap.open_store(options)

    def clock(self) -> "Clock":
        from tocsin.adapters.clock import SystemClock

        return SystemClock()

    def randomness(self) -> "Randomness":
        from tocsin.adapters.clock import SystemRandomness

        return SystemRandomness()

    def drill(
        self, request: DrillRequest, playbook: "Playbook", playbook_hash: str, roster: "Roster | None"
    ) -> DrillReport:
        import msgspec

        from tocsin.drill.scenario import Scenario
        from tocsin.drill.standin import rehearse

        scenario = Scenario(**msgspec.structs.asdict(request))
        return rehearse(scenario, playbook, playbook_hash, roster)


def main() -> None:
    """Run the command that was typed."""
    services: CliServices = _Services()
    build(services)()


if __name__ == "__main__":
    main()
