"""Label matchers as Prometheus writes them."""

from contextlib import suppress
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.alerts.matchers import Matcher, Operator, format_matchers, make_matcher, parse_matchers


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ("", ()),
        ("{}", ()),
        ("  { } ", ()),
        ('a="b"', (Matcher("a", Operator.EQUAL, "b"),)),
        ("{a=b}", (Matcher("a", Operator.EQUAL, "b"),)),
        (
            '{ a = "b" , c != "d", }',
            (Matcher("a", Operator.EQUAL, "b"), Matcher("c", Operator.NOT_EQUAL, "d")),
        ),
        (
            'a=~"x.*",\n b!~"y|z"',
            (Matcher("a", Operator.REGEX, "x.*"), Matcher("b", Operator.NOT_REGEX, "y|z")),
        ),
        ('a=""', (Matcher("a", Operator.EQUAL, ""),)),
        (r'a="say \"hi\", \\ and \n"', (Matcher("a", Operator.EQUAL, 'say "hi", \\ and \n'),)),
        ('a="x,y={z}"', (Matcher("a", Operator.EQUAL, "x,y={z}"),)),
        ('a="火事"', (Matcher("a", Operator.EQUAL, "火事"),)),
        (
            '"a b"="c", "火"!~"d"',
            (Matcher("a b", Operator.EQUAL, "c"), Matcher("火", Operator.NOT_REGEX, "d")),
        ),
        ('{"say \\"hi\\""=x}', (Matcher('say "hi"', Operator.EQUAL, "x"),)),
        (r'a="\t\r\x7f\u00e9\U0001f525"', (Matcher("a", Operator.EQUAL, "\t\r\x7f\u00e9\U0001f525"),)),
    ],
)
def test_matchers_are_read(text: str, matchers: tuple[Matcher, ...]) -> None:
    assert parse_matchers(text).all == matchers


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a", "'a'"),
        ('a="b" c="d"', '\'a="b" c="d"\''),
        ('a="b', "'a=\"b'"),
        ('{a="b"', "'{a=\"b\"'"),
        ('1a="b"', "'1a"),
        ('a=="b"', "'a=="),
        ('a="b",,c="d"', "',c"),
        (r'a="\d"', "no escape"),
        (r'a="\ud800"', "no escape"),
        (r'a="\U00110000"', "no escape"),
        (r'a="\xff"', "no escape"),
        ('""="b"', '\'""='),
        (r'a=~"(.)\\1"', "no regular expression"),
        ('a=~"(?=b)"', "no regular expression"),
        ('a=~"(((b{100}){100}){100})"', "no regular expression"),
        ('a=~"("', "no regular expression"),
        ('a=~"*"', "no regular expression"),
        ('a=~"x{99999999999}"', "no regular expression"),
        ('a=~"' + "(" * 5000 + '"', "no regular expression"),
    ],
)
def test_what_is_no_matcher_is_told_with_its_place(text: str, where: str) -> None:
    with pytest.raises(ValueError, match=r"cannot read a matcher|no escape|no regular expression") as refused:
        parse_matchers(text)
    assert where in str(refused.value)


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ('a="b"', {"a": "b"}, True),
        ('a="b"', {"a": "bb"}, False),
        ('a="b"', {}, False),
        ('a=""', {}, True),
        ('a!=""', {}, False),
        ('a!="b"', {}, True),
        ('a=~"b|c"', {"a": "c"}, True),
        ('a=~"b|c"', {"a": "cc"}, False),
        ('a=~"b"', {"a": "xb"}, False),
        ('a=~".*"', {}, True),
        ('a=~".+"', {}, False),
        ('a=~"b.d"', {"a": "b\nd"}, False),
        ('a=~"b|cd"', {"a": "bd"}, False),
        ('a=~"^b$"', {"a": "b"}, True),
        ('a=~"(?i)B"', {"a": "b"}, True),
        (r'a=~"\\pL+"', {"a": "火事"}, True),
        ('a=~".."', {"a": "火事"}, True),
        ('a!~"b.*"', {"a": "bc"}, False),
        ('a!~"b.*"', {"a": "c"}, True),
        ('a="b", c="d"', {"a": "b", "c": "x"}, False),
        ("{}", {"a": "b"}, True),
    ],
)
def test_all_have_to_hold_and_expressions_are_anchored(
    text: str, labels: dict[str, str], matches: bool
) -> None:
    assert parse_matchers(text).matches(labels) is matches


@pytest.mark.parametrize("expression", ["(a+)+b", "(a|a)*b", "(.*)(.*)(.*)(.*)(.*)b", "(a?){500}a{500}b"])
def test_no_expression_takes_long(expression: str) -> None:
    matcher = make_matcher("a", Operator.REGEX, expression)
    began = perf_counter()
    assert not matcher.matches({"a": "a" * 4_000})
    assert perf_counter() - began < 1


names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)


@given(names, st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]), names)
def test_what_is_written_is_read_again(name: str, operator: Operator, value: str) -> None:
    matchers = (Matcher(name, operator, value), Matcher("b", Operator.REGEX, "c|d"))
    assert parse_matchers(format_matchers(matchers)).all == matchers


@given(st.text(st.characters(exclude_characters="\r", exclude_categories=("Cs",))))
def test_any_value_survives_its_quoting(value: str) -> None:
    quoted = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    assert parse_matchers(f'a="{quoted}"').matches({"a": value})


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        parse_matchers(text).matches({"a": "b"})
