"""Full agreement: with the public playbooks by other hands, and with this project's own in many shapes."""

from pathlib import Path

import pytest

from tests.playbook.agreement import REASONS, as_table, judge_file

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
SHAPES = Path(__file__).parent / "shapes"

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="playbooks by other hands are not a part of the project; CI has them at hand"
)


@needs_corpus
def test_the_corpus_agrees_on_every_key() -> None:
    verdicts = {
        path.stem: judge_file(path, path.with_suffix(".expected.json"))
        for path in sorted(CORPUS.glob("[0-9]*.md"))
    }
    print("", *as_table(verdicts), sep="\n")
    assert verdicts
    assert [(name, each) for name, own in verdicts.items() for each in own if not each.agrees] == []
    assert {name for name, _ in REASONS} <= set(verdicts)


@pytest.mark.parametrize("name", sorted(path.stem for path in SHAPES.glob("*.md")))
def test_a_shape_agrees_on_every_key(name: str) -> None:
    verdicts = judge_file(SHAPES / f"{name}.md", SHAPES / f"{name}.expected.json")
    assert len(verdicts) >= 3
    assert [each for each in verdicts if not each.agrees] == []


def test_there_is_a_shape_for_every_expectation() -> None:
    assert len(list(SHAPES.glob("*.md"))) == len(list(SHAPES.glob("*.expected.json"))) >= 12
