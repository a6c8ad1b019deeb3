"""Any bytes at all give findings."""

from importlib.resources import files

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.hostile import BAIT, CODE, PLACES, STRUCTURE
from tests.fuzz.swallow import swallow
from tests.playbook.golden import HARBOUR

SEEDS = [HARBOUR.read_bytes(), files("tocsin").joinpath("examples/playbook.md").read_bytes()]
LINES = sorted({line for seed in SEEDS for line in seed.decode().split("\n")})

calm = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@calm
@given(st.binary(max_size=2_000))
def test_bytes(source: bytes) -> None:
    swallow(source)


@calm
@given(st.sampled_from(sorted({**STRUCTURE, **CODE})), st.integers(1, 600))
def test_small_hostile_documents(name: str, size: int) -> None:
    swallow({**STRUCTURE, **CODE}[name](size).encode())


@calm
@given(st.lists(st.sampled_from(BAIT), max_size=30), st.sampled_from(sorted(PLACES)))
def test_baits_in_any_order(baits: list[str], place: str) -> None:
    head, tail = PLACES[place]
    swallow((head + "".join(baits) + tail).encode())


@calm
@given(st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=12)), max_size=60))
def test_lines_of_playbooks_and_noise(lines: list[str]) -> None:
    swallow("\n".join(lines).encode("utf-8", "replace"))


@calm
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 8_000), st.binary(max_size=8)), max_size=6))
def test_playbooks_with_wounds(seed: bytes, wounds: list[tuple[int, bytes]]) -> None:
    made = bytearray(seed)
    for at, wound in wounds:
        made[at : at + len(wound)] = wound
    swallow(bytes(made))
