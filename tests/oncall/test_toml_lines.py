"""The index of lines agrees with the standard reader on what there is, and knows where it is."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.base.tomlines import Path, dotted, toml_lines
from tocsin.base.tomlread import did_you_mean

DOCUMENT = '''\
# a comment with = and [brackets]
title = "a # b" # c
multi = """
x = 1
"quoted" \\""" still
"""
literal = \'\'\'
y = 2\'\'\'
after = 1979-05-27 07:32:00
dotted."key with.dot".x = 1
[table]   # yes
list = [
  "a", # first
  [ 1, 2 ],
  { x = 1, y.z = "}" },
]
[[rows]]
name = 'one'
[rows.inner]
deep = true
[[rows]]
name = "two"
[[rows.kids]]
n = 1
[ spaced . "out" ]
k = +1e3
"esc\\u0061pe" = inf
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("multi",), 3),
        (("literal",), 7),
        (("after",), 9),
        (("dotted",), 10),
        (("dotted", "key with.dot", "x"), 10),
        (("table",), 11),
        (("table", "list"), 12),
        (("table", "list", 0), 13),
        (("table", "list", 1, 1), 14),
        (("table", "list", 2, "y", "z"), 15),
        (("rows",), 17),
        (("rows", 0, "name"), 18),
        (("rows", 0, "inner", "deep"), 20),
        (("rows", 1), 21),
        (("rows", 1, "name"), 22),
        (("rows", 1, "kids", 0, "n"), 24),
        (("spaced", "out"), 25),
        (("spaced", "out", "k"), 26),
        (("spaced", "out", "escape"), 27),
        (("table", "list", 2, "missing"), 15),
        (("nothing",), 0),
        ((), 0),
    ],
)
def test_lines(path: Path, line: int) -> None:
    assert toml_lines(DOCUMENT).line(path) == line


def leaves(value: object, path: Path = ()) -> list[Path]:
    if isinstance(value, dict):
        return [path, *(leaf for key, each in value.items() for leaf in leaves(each, (*path, key)))]
    if isinstance(value, list):
        return [path, *(leaf for place, each in enumerate(value) for leaf in leaves(each, (*path, place)))]
    return [path]


def test_every_path_of_the_reader_has_its_own_line() -> None:
    found = leaves(tomllib.loads(DOCUMENT))
    index = toml_lines(DOCUMENT)
    assert all(path in index._lines for path in found if path)


tokens = st.sampled_from(
    [
        *"[]{}=,.\"'#\n \t\\-+",
        "a",
        "b.c",
        "[[a]]",
        '"""',
        "'''",
        "1979-05-27 07:32:00",
        "true",
        "\r\n",
        "\\u00e9",
        "é",
    ]
)


@given(st.lists(tokens, max_size=60).map("".join))
def test_any_text_is_survived_and_valid_text_is_found(text: str) -> None:
    index = toml_lines(text)
    try:
        values = tomllib.loads(text)
    except ValueError:
        return
    lines = text.count("\n") + 1
    assert all(1 <= index.line(path) <= lines and path in index._lines for path in leaves(values) if path)


keys = st.text("abÄ.\" '#=[]", min_size=1, max_size=4)
documents = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.text('ab"\\\n#=[]{},', max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def write(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {write(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"{write(each)}, # ,]\n" for each in value) + "]"
    return quoted(value) if isinstance(value, str) else str(value).lower()


@given(st.dictionaries(keys, documents, max_size=4))
def test_every_path_of_a_written_document_is_found(document: dict) -> None:
    text = "".join(f"\n# [x]\n{quoted(key)}={write(value)}\n" for key, value in document.items())
    index = toml_lines(text)
    for path in leaves(tomllib.loads(text)):
        if path:
            assert path in index._lines
    for key in document:
        assert text.splitlines()[index.line((key,)) - 1].startswith(quoted(key))


def test_paths_as_people_write_them() -> None:
    assert dotted(("a", "b c", 0, "d")) == 'a."b c"[0].d'
    assert dotted(()) == ""


def test_did_you_mean() -> None:
    assert did_you_mean("Handovr", ("handover", "zone")) == "Did you mean 'handover'?"
    assert did_you_mean("q", ("handover", "zone")) == "Known are: handover, zone."
    assert did_you_mean("q", ()) == "None is known."
