"""Which addresses of a playbook are health checks."""

import pytest
from msgspec.structs import replace

from tests.core.sample import PLAYBOOK
from tocsin.playbook.health import health_checks
from tocsin.playbook.model import Detection, Mode, Options, Playbook

BASE = "https://shop.example"


def playbook(*texts: str, **variables: str) -> Playbook:
    found = tuple(Detection(mode=Mode.AUTOMATED, source=text, target="", adapter="other") for text in texts)
    return replace(PLAYBOOK, detection=found, options=Options(vars=variables))


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("Cloudflare health checks fail → email/webhook", ["https://shop.example/health"]),
        ("GET /healthz every 30 s", ["https://shop.example/healthz"]),
        ("Health checks of `/api/health` and `/status`", ["/api/health", "/status"]),
        (
            "Uptime checks of https://a.example/up, https://b.example/up.",
            ["https://a.example/up", "https://b.example/up"],
        ),
        ("Prometheus alerts fire → Grafana notification", []),
        ("See https://wiki.example/alerts", []),
        ("Health check of https://<DOMAIN>/health", []),
        ("Health check of https://user:secret@shop.example/health", []),
        ("Health check of ftp://shop.example/health", []),
    ],
)
def test_with_a_base(text: str, urls: list[str]) -> None:
    wanted = tuple(each if each.startswith("http") else f"{BASE}{each}" for each in urls)
    assert health_checks(playbook(text), BASE) == wanted


def test_without_a_base_only_whole_addresses_count() -> None:
    found = health_checks(playbook("GET /health", "health check of https://a.example/up"))
    assert found == ("https://a.example/up",)


def test_the_front_matter_gives_the_base_and_the_values_of_placeholders() -> None:
    said = playbook("GET /health", base_url="https://own.example/app")
    assert health_checks(said) == ("https://own.example/app/health",)
    assert health_checks(said, BASE) == ("https://shop.example/health",), "the settings win"
    slot = playbook("health check of https://<DOMAIN>/health", DOMAIN="shop.example")
    assert health_checks(slot) == ("https://shop.example/health",)
    assert health_checks(playbook("GET /health", base_url="javascript:alert(1)")) == ()


def test_each_address_counts_once() -> None:
    assert len(health_checks(playbook("GET /health", "health check of /health"), BASE)) == 1
