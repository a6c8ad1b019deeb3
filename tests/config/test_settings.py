"""Settings: what wins over what, and that everything wrong is told at once without a secret in it."""

import re
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.base.problems import Problem, ProblemsError
from tocsin.config import Settings, load_settings, resolve_secret
from tocsin.config.load import SETTINGS
from tocsin.incident.rules import Clocks

ROOT = Path(__file__).resolve().parents[2]
FILE = """\
host = "0.0.0.0"
port = 9000
public_url = "https://tocsin.example.org/"
data_dir = "var"
playbook = "playbook.md"
roster = "/etc/tocsin/roster.toml"
page_bundle_window = "0s"

[smtp]
host = "mail.example.org"
username = "tocsin"
password_ref = "env:SMTP_PASSWORD"
from = "Tocsin <tocsin@example.org>"

[webhook]
secret_ref = "file:/run/secrets/webhook"

[log]
level = "debug"
format = "json"

[clocks]
default_respond_within = "2h"
next_role_after = "1/4"
everyone_after = 0.5

[sources.alertmanager]
token_ref = "env:ALERTMANAGER_TOKEN"
requests_per_minute = 60_000
own = true

[channels.pigeon]
loft = "north"
"""


def load(
    text: str | None = None,
    *,
    flags: dict[str, str | None] | None = None,
    file: str = "tocsin.toml",
    **env: str,
) -> Settings:
    return load_settings(flags or {}, env, text, file)


def problems(
    text: str | None = None, *, flags: dict[str, str | None] | None = None, **env: str
) -> tuple[Problem, ...]:
    with pytest.raises(ProblemsError) as caught:
        load(text, flags=flags, **env)
    return caught.value.problems


def test_without_anything_the_defaults_hold() -> None:
    settings = load()
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 8800, "http://127.0.0.1:8800")
    assert settings.data_dir == Path("data")
    assert settings.database_url == "sqlite:///data/tocsin.db"
    assert settings.outbox_file == Path("data/outbox.jsonl")
    assert (settings.playbook, settings.roster, settings.smtp) == (None, None, None)
    assert settings.allow_unauthenticated_sources
    assert settings.clocks == Clocks()
    assert settings.page_bundle_window == timedelta(seconds=10)


def test_a_file_with_everything() -> None:
    settings = load(FILE, file="/etc/tocsin/tocsin.toml")
    assert (settings.host, settings.port, settings.public_url) == (
        "0.0.0.0",
        9000,
        "https://tocsin.example.org",
    )
    assert settings.data_dir == Path("/etc/tocsin/var")
    assert settings.database_url == "sqlite:////etc/tocsin/var/tocsin.db"
    assert settings.playbook == Path("/etc/tocsin/playbook.md")
    assert settings.roster == Path("/etc/tocsin/roster.toml")
    assert settings.smtp is not None
    assert (settings.smtp.port, settings.smtp.tls, settings.smtp.password_ref) == (
        587,
        "starttls",
        "env:SMTP_PASSWORD",
    )
    assert settings.webhook_secret_ref == "file:/run/secrets/webhook"
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert settings.clocks.default_respond_within == timedelta(hours=2)
    assert (settings.clocks.next_role_after, settings.clocks.everyone_after) == (
        Fraction(1, 4),
        Fraction(1, 2),
    )
    assert settings.page_bundle_window == timedelta(0)
    assert settings.source_tokens == {"alertmanager": "env:ALERTMANAGER_TOKEN"}
    assert settings.source_rates == {"alertmanager": 60_000}
    assert settings.sources == {"alertmanager": {"own": True}}
    assert settings.channels == {"pigeon": {"loft": "north"}}
    assert not settings.allow_unauthenticated_sources


def test_flags_win_over_the_environment_and_that_over_the_file() -> None:
    flags = {"port": "1", "data": None, "host": None}
    settings = load(FILE, flags=flags, TOCSIN_PORT="2", TOCSIN_HOST="::1", TOCSIN_DATA="elsewhere")
    assert (settings.port, settings.host, settings.data_dir) == (1, "::1", Path("elsewhere"))
    assert load(FILE, TOCSIN_PORT="").port == 9000


def test_a_flag_makes_a_wrong_variable_harmless() -> None:
    assert load(flags={"port": "8801"}, TOCSIN_PORT="tcp://10.0.0.1:8800").port == 8801
    (problem,) = problems(TOCSIN_PORT="tcp://10.0.0.1:8800")
    assert problem.field == "TOCSIN_PORT"
    assert "cluster" in problem.message


@pytest.mark.parametrize(
    ("host", "url", "open_sources"),
    [
        ("localhost", "http://localhost:8800", True),
        ("127.0.0.2", "http://127.0.0.2:8800", True),
        ("::1", "http://[::1]:8800", True),
        ("0.0.0.0", "http://127.0.0.1:8800", False),
        ("::", "http://127.0.0.1:8800", False),
        ("10.0.0.7", "http://10.0.0.7:8800", False),
        ("tocsin.example.org", "http://tocsin.example.org:8800", False),
    ],
)
def test_sources_are_open_only_to_this_machine(host: str, url: str, open_sources: bool) -> None:
    settings = load(flags={"host": host})
    assert (settings.public_url, settings.allow_unauthenticated_sources) == (url, open_sources)
    for word in ("true", "false"):
        chosen = load(flags={"host": host}, TOCSIN_ALLOW_UNAUTHENTICATED_SOURCES=word)
        assert chosen.allow_unauthenticated_sources == (word == "true")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('host = "a b"', "host"),
        ("port = 0", "port"),
        ("port = 70000", "port"),
        ("port = true", "port"),
        ("port = 88.5", "port"),
        ('port = ""', "port"),
        ('public_url = "tocsin.example.org"', "public_url"),
        ('public_url = "https://x:99999"', "public_url"),
        ('public_url = "https://u:hunter2@x.example"', "public_url"),
        ('public_url = "https://[x"', "public_url"),
        ("data_dir = 5", "data_dir"),
        ('data_dir = "a\\u0000b"', "data_dir"),
        ('database_url = "mysql://root:hunter2@x/y"', "database_url"),
        ('database_url_ref = "hunter2"', "database_url_ref"),
        ('allow_unauthenticated_sources = "yes"', "allow_unauthenticated_sources"),
        ('page_bundle_window = "1h"', "page_bundle_window"),
        ('page_bundle_window = "99999999999d"', "page_bundle_window"),
        ("page_bundle_window = 10", "page_bundle_window"),
        ('hots = "x"', "hots"),
        ('log = "debug"', "log"),
        ("channels = 5", "channels"),
        ("sources = {a = 5}", "sources.a"),
        ('sources = {a = {token_ref = "hunter2"}}', "sources.a.token_ref"),
        ("sources = {a = {requests_per_minute = 0}}", "sources.a.requests_per_minute"),
        ("sources = {a = {requests_per_minute = 10000001}}", "sources.a.requests_per_minute"),
        ("sources = {a = {requests_per_minute = 99999999999999}}", "sources.a.requests_per_minute"),
        ("sources = {a = {requests_per_minute = true}}", "sources.a.requests_per_minute"),
        ('sources = {a = {requests_per_minute = "many"}}', "sources.a.requests_per_minute"),
        ('webhook = {secret_ref = "whsec_hunter2"}', "webhook.secret_ref"),
        ('webhook = {secret = "whsec_hunter2"}', "webhook.secret"),
        ('log = {level = "loud"}', "log.level"),
        ('clocks = {next_role_after = "3/2"}', "clocks.next_role_after"),
        ('clocks = {next_role_after = "1/0"}', "clocks.next_role_after"),
        ("clocks = {next_role_after = nan}", "clocks.next_role_after"),
        ("clocks = {next_role_after = 0.9}", "clocks.everyone_after"),
        ('clocks = {repeat_least = "1s"}', "clocks.repeat_least"),
        ('clocks = {repeat_least = "1h"}', "clocks.repeat_late"),
        ('smtp = {from = "a@example.org"}', "smtp.host"),
        ('smtp = {host = "mail.example.org"}', "smtp.from"),
        ('smtp = {host = "m", from = "nobody"}', "smtp.from"),
        ('smtp = {host = "m", from = "a@b.c", username = "u"}', "smtp.username"),
        ('smtp = {host = "m", from = "a@b.c", password_ref = "env:P"}', "smtp.password_ref"),
        ('smtp={host="m", from="a@b.c", username="u", password_ref="env:P", tls="none"}', "smtp.tls"),
    ],
)
def test_each_wrong_line_is_told_with_its_place(line: str, field: str) -> None:
    (problem,) = problems(f"# one\n# two\n{line}\n")
    assert (problem.file, problem.line, problem.field) == ("tocsin.toml", 3, field)
    assert problem.mend
    assert "hunter2" not in str(problem)


def test_a_relay_on_this_machine_needs_no_encryption() -> None:
    settings = load(
        'smtp = {host = "127.0.0.1", from = "a@b.c", username = "u", password_ref = "env:P", tls = "none"}'
    )
    assert settings.smtp is not None
    assert settings.smtp.port == 25


def test_everything_wrong_is_told_at_once() -> None:
    text = 'port = 0\n\n[smtp]\nhost = "x y"\n[clock]\n'
    found = problems(text, flags={"host": "a b"}, TOCSIN_LOG_LEVEL="loud", TOCSIN_PUBLIC_ULR="x")
    assert [(each.line, each.field) for each in found] == [
        (0, "--host"),
        (0, "TOCSIN_LOG_LEVEL"),
        (0, "TOCSIN_PUBLIC_ULR"),
        (1, "port"),
        (3, "smtp.from"),
        (4, "smtp.host"),
        (5, "clock"),
    ]


def test_a_file_that_is_no_toml_does_not_hide_the_rest() -> None:
    found = problems("a = = 5\n", TOCSIN_PORT="x")
    assert [(each.line, each.code) for each in found] == [(1, "not-toml"), (0, "bad-setting")]


def test_variables_that_are_no_settings_are_left_alone_unless_they_look_like_one() -> None:
    load(
        TOCSIN_URL="x",
        TOCSIN_CONFIG="x",
        TOCSIN_TOKEN="x",
        TOCSIN_SERVICE_HOST="10.0.0.1",
        TOCSIN_PORT_8800_TCP="tcp://10.0.0.1:8800",
    )
    load(
        TOCSIN_SMTP_PASSWORD="hunter2",
        TOCSIN_SMTP_PASSWORD_REF="env:TOCSIN_SMTP_PASSWORD",
        TOCSIN_SMTP_USERNAME="u",
        TOCSIN_SMTP_HOST="m",
        TOCSIN_SMTP_FROM="a@b.c",
    )
    (problem,) = problems(TOCSIN_SMTP_PASSWORD="hunter2")
    assert problem.field == "TOCSIN_SMTP_PASSWORD"
    assert "TOCSIN_SMTP_PASSWORD_REF" in problem.mend
    assert "hunter2" not in str(problem)


def test_a_database_is_named_once_and_never_shown() -> None:
    url = "postgresql://tocsin:hunter2@db/tocsin"
    settings = load(TOCSIN_DATABASE_URL=url)
    assert settings.database_url == url
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(problems(TOCSIN_DATABASE_URL=url, TOCSIN_DATABASE_URL_REF="env:X"))


def read_file(path: str) -> str:
    if path == "/run/secret":
        return "hunter2\n"
    if path == "/run/empty":
        return "\n"
    if path == "/run/binary":
        return b"\xff".decode()
    raise FileNotFoundError(2, "No such file or directory", path)


def test_secrets_are_found() -> None:
    assert resolve_secret("env:A_1", {"A_1": "hunter2"}, read_file) == "hunter2"
    assert resolve_secret("file:/run/secret", {}, read_file) == "hunter2"


@pytest.mark.parametrize(
    "ref", ["env:B", "env:EMPTY", "file:/x", "file:/run/empty", "file:/run/binary", "hunter2", "env:"]
)
def test_secrets_that_are_not_there_are_told_without_them(ref: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        resolve_secret(ref, {"A": "hunter2", "EMPTY": ""}, read_file, "smtp.password_ref")
    (problem,) = caught.value.problems
    assert problem.field == "smtp.password_ref"
    assert problem.mend
    assert "hunter2" not in str(problem)


names = st.sampled_from([setting.env for setting in SETTINGS])
texts = st.one_of(
    st.text("a1:/.@ \n\0²é-", max_size=12),
    st.sampled_from(["1", "0", "5m", "tls", "env:X", "http://x", "a@b", "1/3", "²"]),
)


@given(st.dictionaries(names, texts, max_size=6))
def test_no_text_brings_another_error(environ: dict[str, str]) -> None:
    try:
        load_settings({}, environ, None, "tocsin.toml")
    except ProblemsError as error:
        found = error.problems
    else:
        found = ()
    assert all(each.message and each.mend and each.field for each in found)


def test_the_guide_knows_every_setting_and_no_other() -> None:
    guide = (ROOT / "docs" / "guide" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \| `(TOCSIN_[A-Z_]+)` \|", guide, re.MULTILINE)
    assert sorted(rows) == sorted((setting.key, setting.env) for setting in SETTINGS)
    flags = set(re.findall(r"`--([a-z-]+)`", guide))
    assert {setting.flag.replace("_", "-") for setting in SETTINGS if setting.flag} <= flags


def test_the_examples_of_the_guides_are_right() -> None:
    shown = [
        block
        for name in ("settings", "channels")
        for block in re.findall(
            r"^```toml\n(.*?)^```",
            (ROOT / "docs" / "guide" / f"{name}.md").read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )
        if not block.startswith("[project")
    ]
    assert len(shown) == 2
    assert all(load(block).smtp is not None for block in shown)
