"""The bench is run by `make bench` only: it measures, and takes its time for it."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the folder out unless the command line names it."""
    asked = any("bench" in Path(argument.partition("::")[0]).parts for argument in config.args)
    return None if asked else True
