"""The grammar of expressions: values worked out by hand, what is refused, and agreement with another evaluator."""

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.expressions import CHARACTERS, LONGEST, MOST_NUMBERS, read
from tests.envs.arithmetic import evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1+1", 2),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("20 - 5 - 3", 12),
        ("20 - (5 - 3)", 18),
        ("24 / 4 / 2", 3),
        ("24 / (4 / 2)", 12),
        ("8 / 3 * 3", 8),
        ("1 / 3", Fraction(1, 3)),
        ("8 / (3 - 8 / 3)", 24),
        ("2 * 3 - 4 * 5 + 6 / 2", -11),
        ("-3 + 5", 2),
        ("5 - -3", 8),
        ("5*-3", -15),
        ("-(2 + 3) * 2", -10),
        ("--4+0", 4),
        ("-2 * -3", 6),
        ("10 - -(3 - 5)", 8),
        ("  7×6 ", 42),
        ("84 ÷ 2 − 1", 41),
        ("((((3)))+((4)))", 7),
        ("9999999999 * 9999999999", 99999999980000000001),
        ("0 * 5", 0),
        ("0 - 0", 0),
        ("42", 42),
    ],
)
def test_values_by_hand(text, value):
    assert read(text).value == value


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "()", "(", ")", "+", "-", "1 +", "* 2", "1 2", "1 (2)", "(1) 2", "(1)(2)", "2(3)", "+1", "1 + + 2"),
        *("1 ** 2", "1 // 2", "1 * / 2", "(1 + 2", "1 + 2)", ")1 + 2(", "(1 + )2", "1 + ()", "1 -", "-", "--", "(-)"),
        *("1.5 + 2", "1,000 + 1", "1e3 + 1", "007 + 1", "00 + 1", "01", "0x1 + 1", "x + 1", "1 = 1", "1 + 2 = 3"),
        *("1 / 0", "1 / (2 - 2)", "0 / 0", "5 / (3 - 3 * 1)", "10000000000 * 10000000000", "99999999999 + 1"),
        *("٣ + 1", "１ + 1", "² + 1", "½ + 1", "1 + 1\n", "1 +\t1", "1\u00a0+ 1", "\ud800", "\x00", "1 · 2", "1 x 2"),
        *("__import__('os')", "1 if 1 else 2", "1 + 1 # 2", "1 % 2", "1 ^ 2", "~1", "1 << 2", "nan", "inf"),
    ],
)
def test_what_is_no_expression(text):
    assert read(text) is None


def test_huge_and_deep():
    assert read("(" * 400 + "7 + 1" + ")" * 400).value == 8
    assert read("-" * 900 + "7").value == 7
    for text in ("(" * 10_000 + "1+1" + ")" * 10_000, "(" * 10_000, "-" * 10_000 + "1", "1+" * 500_000 + "1"):
        assert read(text) is None
    assert len("1" + "+1" * 15) < LONGEST
    assert read("1" + "+1" * (MOST_NUMBERS - 1)).value == MOST_NUMBERS
    assert read("1" + "+1" * MOST_NUMBERS) is None
    assert read("*".join(["9999999999"] * MOST_NUMBERS)).value == 9999999999**MOST_NUMBERS
    float(read("*".join(["9999999999"] * MOST_NUMBERS)).value)  # no overflow
    assert read(" " * (LONGEST - 3) + "1+1").value == 2
    assert read(" " * (LONGEST - 2) + "1+1") is None


def test_what_is_told_of_an_expression():
    found = read(" (36−19)× -(7 + 55 / 5) ")
    assert found.text == "(36 - 19) * -(7 + 55 / 5)"
    assert found.value == -306
    assert found.numbers == (5, 7, 19, 36, 55)
    assert found.signs == {"-", "*", "+", "/"}
    assert found.steps == ("36 - 19 = 17", "55 / 5 = 11", "7 + 11 = 18", "17 * (-18) = -306")
    assert read("3 * 3 * 3").numbers == (3, 3, 3)
    assert read("1 / 3 - 2").steps == ("1 / 3 = 1/3", "(1/3) - 2 = -5/3")
    assert read("-(4)").signs == {"-"}
    assert read("-4").steps == ()


def leaves():
    return st.integers(0, 99).map(str)


def grown(children):
    signed = st.tuples(children, st.sampled_from("+-*/"), children).map(" ".join)
    return signed | children.map("({})".format) | children.map("-({})".format) | signed.map("({})".format)


@settings(max_examples=500, deadline=None)
@given(st.recursive(leaves(), grown, max_leaves=10))
def test_it_agrees_with_another_evaluator(text):
    try:
        expected = evaluate(text)
    except ZeroDivisionError:
        expected = None
    found = read(text)
    assert (None if found is None else found.value) == expected
    if found is not None:
        again = read(found.text)
        assert again == found
        assert evaluate(found.text) == expected
        assert CHARACTERS.fullmatch(found.text) or len(found.text) < 3


@settings(max_examples=2000, deadline=None)
@given(st.text(st.sampled_from("0123456789+-*/() ×÷−"), max_size=14))
def test_it_refuses_what_another_evaluator_refuses(text):
    found = read(text)
    plain = text.translate(str.maketrans("×÷−", "*/-"))
    try:
        expected = evaluate(plain)
    except (ValueError, IndexError, ZeroDivisionError):
        assert found is None
        return
    # the other one also reads a sign +, and leading zeros
    assert found is None or found.value == expected
    if found is None:
        numbers = plain.translate(str.maketrans("+-*/()", "      ")).split()
        odd_number = any(len(number) > 10 or (len(number) > 1 and number[0] == "0") for number in numbers)
        plus = re.search(r"(^|[-+*/(])\+", "".join(plain.split()))
        assert odd_number or plus


@given(st.text(st.characters(), max_size=30))
def test_no_text_makes_it_raise(text):
    read(text)
