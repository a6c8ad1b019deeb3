"""Coverage-guided fuzzing of the reader with atheris: `make fuzz SECONDS=60`.

Atheris is no requirement of the tests; without it this says so and ends well.
"""

import os
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
SECONDS_MAX = 2.0


def seed_corpus(folder: Path) -> int:
    """Write every playbook of the tests, and small hostile ones, into a folder; returns how many."""
    from tests.fuzz.hostile import CODE, STRUCTURE

    made = [path.read_bytes() for path in sorted((ROOT / "tests/playbook/fixtures").rglob("*.md"))]
    made.append(files("tocsin").joinpath("examples/playbook.md").read_bytes())
    made += [make(400).encode() for make in {**STRUCTURE, **CODE}.values()]
    for at, content in enumerate(made):
        (folder / f"seed-{at:03}").write_bytes(content)
    return len(made)


def main() -> int:
    """Fuzz for as many seconds as the environment's SECONDS says (60 without)."""
    try:
        import atheris
    except ImportError:
        print("atheris is not installed, so nothing was fuzzed: pip install atheris")
        return 0
    seconds = int(os.environ.get("SECONDS_TO_FUZZ", "60"))
    with atheris.instrument_imports(include=["tocsin"]):
        from tests.fuzz.swallow import swallow
    seen = {"inputs": 0, "worst": 0.0}

    def one(source: bytes) -> None:
        began = time.process_time()
        swallow(source)
        took = time.process_time() - began
        seen["inputs"] += 1
        if took > seen["worst"]:
            # The fuzzer ends the process by itself, so that the last of these lines is the result.
            seen["worst"] = took
            print(f"input {seen['inputs']}: {len(source)} bytes took {took:.3f} s", flush=True)
        assert took < SECONDS_MAX * 4, f"{len(source)} bytes took {took:.1f} s"

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{seed_corpus(folder)} seeds, {seconds} s", flush=True)
        options = [f"-max_total_time={seconds}", "-max_len=65536", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={name}/", name], one)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
