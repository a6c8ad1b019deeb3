"""The entry point: hands the composition root to the command line, and loads it only when it is needed."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.faces.cli.main import build
from tocsin.faces.cli.services import (
    CliServices,
    DrillMaterial,
    DrillReport,
    DrillRequest,
    Explained,
    ServeOptions,
    StoreOptions,
)

if TYPE_CHECKING:
    from tocsin.engine.outside import World
    from tocsin.engine.ports import Clock, Randomness, Store
    from tocsin.engine.sources import Source


class Services:
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

    def drill(self, request: DrillRequest, material: DrillMaterial) -> DrillReport:
        import msgspec

        from tocsin.drill.run import run_drill
        from tocsin.drill.scenario import Scenario
        from tocsin.drill.standin import rehearse_with_stand_ins
        from tocsin.incident.rules import Rules
        from tocsin.oncall.model import Roster

        scenario = Scenario(**msgspec.structs.asdict(request))
        rules = Rules(
            playbook=material.playbook,
            playbook_hash=material.digest,
            roster=material.roster or Roster(),
            clocks=material.clocks,
            runbooks=material.runbooks,
        )
        rehearse = run_drill if material.roster else rehearse_with_stand_ins
        return rehearse(scenario, rules, material.notes)

    def world(self, folder: Path) -> "World":
        from tocsin import bootstrap

        return bootstrap.world_of(folder)

    def sources(self, options: StoreOptions) -> "Mapping[str, Source]":
        from tocsin import bootstrap

        # A request is read without any secret, so that none has to be at hand.
        return bootstrap.sources_of(bootstrap.settings_of(options), lambda ref, field: "0" * 32)

    def language_server(self) -> None:
        from tocsin.faces.lsp.server import run

        run()

    def explain(self, material: DrillMaterial, levels: Sequence[str], at: datetime) -> Explained:
        from tocsin.base.ids import LevelId
        from tocsin.base.times import require_utc
        from tocsin.drill.explain import explain
        from tocsin.drill.explain_page import Paper
        from tocsin.incident.rules import Rules
        from tocsin.oncall.model import Roster

        rules = Rules(
            playbook=material.playbook,
            playbook_hash=material.digest,
            roster=material.roster or Roster(),
            clocks=material.clocks,
        )
        wanted = [LevelId(level) for level in levels]
        return Paper(explain(rules, wanted, require_utc(at), has_roster=material.roster is not None))


def main() -> None:
    """Run the command that was typed."""
    services: CliServices = Services()
    build(services)()


if __name__ == "__main__":
    main()
