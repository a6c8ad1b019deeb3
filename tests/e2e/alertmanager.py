"""A real Alertmanager in a process of its own, which sends to a house."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.house import Output, die_with_parent, free_port, until

PROGRAM = "prometheus-alertmanager"
CONFIG = """\
route:
  receiver: tocsin
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 2s
receivers:
  - name: tocsin
    webhook_configs:
      - url: {url}/in/alertmanager
        send_resolved: true
"""


class Alertmanager:
    """A running Alertmanager."""

    def __init__(self, url: str, output: Output) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)
        self.output = output

    def fire(self, name: str, **labels: str) -> None:
        """Post an alert that fires, as Prometheus does."""
        self._post(name, labels, {"generatorURL": "http://prometheus.example.org/graph"})

    def resolve(self, name: str, **labels: str) -> None:
        """Post that it has ended."""
        self._post(name, labels, {"endsAt": datetime.now(UTC).isoformat()})

    def _post(self, name: str, labels: dict[str, str], more: dict[str, Any]) -> None:
        annotations = {"summary": f"{name}: the summary", "description": "Seen by a test"}
        alert = {"labels": {"alertname": name, **labels}, "annotations": annotations, **more}
        self._client.post("/api/v2/alerts", json=[alert]).raise_for_status()

    def ready(self) -> bool:
        """Whether it answers."""
        with suppress(httpx.TransportError):
            return self._client.get("/-/ready").status_code == 200
        return False

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


@contextmanager
def alertmanager(folder: Path, tocsin_url: str) -> Iterator[Alertmanager]:
    """An Alertmanager that sends to Tocsin; the test is skipped without one, except in CI."""
    program = shutil.which(PROGRAM)
    if program is None:
        missing = f"{PROGRAM} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    config = folder / "alertmanager.yml"
    config.write_text(CONFIG.format(url=tocsin_url), encoding="utf-8")
    port = free_port()
    process = subprocess.Popen(
        [
            program,
            f"--config.file={config}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=die_with_parent,
    )
    output = Output(process)
    made = Alertmanager(f"http://127.0.0.1:{port}", output)
    try:
        until(made.ready, 20, "Alertmanager is not ready")
        yield made
    finally:
        made.close()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        output.close()
