"""A real Prometheus in a process of its own, and the real amtool beside it."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.e2e.house import Output, Ran, die_with_parent, free_port, until

CONFIG = """\
global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
  evaluation_interval: 200ms
rule_files:
  - rules.yml
alerting:
  alertmanagers:
    - static_configs:
        - targets: ["{target}"]
{more}scrape_configs:
  - job_name: shop
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""
RULES = """\
groups:
  - name: shop
    rules:
      - alert: CheckoutDown
        expr: checkout_up == 0
        labels:
          severity: critical
        annotations:
          summary: "Checkout of {{ $labels.instance }} is down"
"""
BASIC = """\
      basic_auth:
        username: prometheus
        password_file: {file}
"""


def program_of(name: str) -> str:
    """Where a program is; the test is skipped without it, except in CI."""
    found = shutil.which(name)
    if found is None:
        missing = f"{name} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


class Checkout:
    """What Prometheus looks at: one metric, which a test sets."""

    def __init__(self) -> None:
        self.up = True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = f"checkout_up {int(outer.up)}\n".encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go of the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def prometheus(folder: Path, tocsin_url: str, token: str = "") -> Iterator[Checkout]:
    """A Prometheus that watches a checkout and sends its alerts to Tocsin, as to an Alertmanager."""
    program = program_of("prometheus")
    checkout, port, more = Checkout(), free_port(), ""
    if token:
        (folder / "prometheus.token").write_text(token, encoding="utf-8")
        more = BASIC.format(file=folder / "prometheus.token")
    target = tocsin_url.removeprefix("http://")
    config = CONFIG.format(target=target, more=more, port=checkout.port)
    (folder / "prometheus.yml").write_text(config, encoding="utf-8")
    (folder / "rules.yml").write_text(RULES, encoding="utf-8")
    process = subprocess.Popen(
        [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--rules.alert.resend-delay=1s",
            "--log.level=warn",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=die_with_parent,
    )
    output = Output(process)

    def ready() -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/-/ready", trust_env=False).status_code == 200
        return False

    try:
        until(ready, 30, "Prometheus is not ready")
        yield checkout
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        output.close()
        checkout.close()


def amtool(folder: Path, url: str, *words: str, token: str = "", code: int = 0) -> Ran:
    """Run amtool against an address, with the token in a file where there is one."""
    command = [program_of("amtool"), f"--alertmanager.url={url}", "--no-version-check"]
    if token:
        file = folder / "amtool-http.yml"
        file.write_text(f"authorization:\n  credentials: {token}\n", encoding="utf-8")
        command.append(f"--http.config.file={file}")
    home = {**os.environ, "HOME": str(folder), "no_proxy": "127.0.0.1", "TZ": "UTC"}
    ran = subprocess.run([*command, *words], cwd=folder, env=home, capture_output=True, text=True, timeout=60)
    assert ran.returncode == code, f"{words} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    return Ran(ran.returncode, ran.stdout, ran.stderr)
