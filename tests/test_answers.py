"""Two answers are the same if a reasonable reader would take them for the same, and nothing is guessed."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_cli.answers import Kind, as_number, kind_of, same_answer

KINDS: tuple[Kind, ...] = ("number", "yes-no", "choice", "text")
answers = st.one_of(
    st.text(max_size=30),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
    st.sampled_from(
        ["yes", "No.", "true", "(A)", "b)", "5", "5.0", "$5", "5 dollars", "1/2", "0.5", "the cat", "Cat!"]
    ),
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,200", 1200),
        ("1,234,567.5", Fraction("1234567.5")),
        ("$5.00", 5),
        ("€ 5", 5),
        ("50%", 50),
        ("50 percent", 50),
        ("1/2", Fraction(1, 2)),
        ("-3", -3),
        ("+3", 3),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("12.0", 12),
        ("007", 7),
        ("$-3", -3),
        ("-$3", -3),
        ("x = - 5", -5),
        ("minus 5", -5),
        ("negative 5 degrees", -5),
        ("3 1/2", Fraction(7, 2)),
        ("-3 1/2", Fraction(-7, 2)),
        ("-1/2", Fraction(-1, 2)),
        ("18 dollars", 18),
        ("x = 5", 5),
        ("5kg", 5),
        ("5-year-old", 5),
        ("5th", 5),
        ("(5)", 5),
        ("$5/hour", 5),
        ("25 m\u00b2", 25),
        ("5 million dollars", 5_000_000),
        ("2.5 hundred", 250),
        ("that Jake has 17 peaches", 17),
        ("the balance is -5", -5),
        ("she must be 5.", 5),
        ("\u22123", -3),
        ("\u20133", -3),
        ("\u00bd", Fraction(1, 2)),
        ("3\u00bd", Fraction(7, 2)),
        ("\uff15", 5),
        ("\\frac{1}{2}", Fraction(1, 2)),
        ("1{,}200", 1200),
        ("$5$", 5),
        ("63 - 57 = 6", 6),
        ("10/2 = 5 = 5", 5),
        ("35 - (-84) = 119", 119),
        ("$ 491 * 2 = $ 982", 982),
        ("that she spent 130 - 91 = 39 more dollars", 39),
        ("The answer is **18**.", 18),
        ("_18_ dollars", 18),
        ("3 hundred thousand", 300_000),
    ],
)
def test_a_number_is_read(text: str, number: Fraction | int) -> None:
    assert as_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        ".",
        "nan",
        "inf",
        "five",
        "1,2",
        "12,34",
        "1,2000",
        "1 200",
        "1.2.3",
        "1e9",
        "5e",
        "5x",
        "5x4",
        "5k",
        "$5M",
        "5^2",
        "5\u00b2",
        "2**3",
        "2**3**",
        "2\\pi",
        "2\u03c0",
        "3\\sqrt{2}",
        "1/0",
        "0/0",
        "--3",
        "-$-3",
        "5 and 6",
        "5 or 6",
        "10-12",
        "10\u201312",
        "5:30",
        "2x = 10",
        "n - 5",
        "x/5",
        "x * 5",
        "v5",
        "covid-19",
        "not 5",
        "more than 5",
        "3 dozen",
        "3 and a half",
        "14 and 14",
        "5 - (2",
        "0x10",
        "__import__('os')",
    ],
)
def test_what_might_be_another_number_is_not_read(text: str) -> None:
    assert as_number(text) is None


@pytest.mark.parametrize(
    "text", ["9" * 10**6, "1," * 10**6, "1 " * 100, "(" * 199, "1/" * 99, "-" * 200, "1." * 99, "= " * 99]
)
def test_long_nonsense_is_turned_down_at_once(text: str) -> None:
    start = time.perf_counter()
    assert as_number(text) is None
    assert time.perf_counter() - start < 0.1


@pytest.mark.parametrize(
    ("gold", "kind"),
    [
        ("72", "number"),
        ("51.0", "number"),
        ("$1,200", "number"),
        ("18 dollars", "number"),
        ("x = 5", "number"),
        ("-3", "number"),
        ("minus 3", "number"),
        ("yes", "yes-no"),
        ("No", "yes-no"),
        ("True", "yes-no"),
        ("false.", "yes-no"),
        ("B", "choice"),
        ("(B)", "choice"),
        ("b)", "choice"),
        ("Paris", "text"),
        ("Apollo 11", "text"),
        ("yes and no", "text"),
        ("No one", "text"),
        ("", "text"),
        ("5:30", "text"),
    ],
)
def test_the_kind_is_inferred_from_the_gold_answer(gold: str, kind: Kind) -> None:
    assert kind_of(gold) == kind


@pytest.mark.parametrize(
    ("given_", "gold"),
    [
        ("18.00", "18"),
        ("18 dollars", "$18"),
        ("350 boxes of trefoils", "350.0"),
        ("50", "50%"),
        ("0.5", "1/2"),
        ("Yes.", "yes"),
        ("true", "yes"),
        ("YES!", "True"),
        ("**Yes**", "yes"),
        ("Yes, he could.", "yes"),
        ("no, Reiki cannot be stored in a bottle.", "No"),
        ("False", "no"),
        ("(A)", "A"),
        ("b)", "B"),
        ("C.", "c"),
        ("B) Paris", "(B)"),
        ("the  Eiffel-Tower!", "Eiffel tower"),
        ("\ufb01sh", "Fish"),
        ("(1,2)", "(1, 2)"),
        ("**x > 5**", "x>5."),
        ("apollo-11", "Apollo 11"),
        ("1990\u20131995", "1990-1995"),
        ("\u22123x", "-3x"),
    ],
)
def test_these_are_the_same(given_: str, gold: str) -> None:
    assert same_answer(given_, gold)


@pytest.mark.parametrize(
    ("given_", "gold"),
    [
        ("81", "18"),
        ("-18", "18"),
        ("0.5", "50%"),
        ("18 and 19", "18"),
        ("5 million", "5"),
        ("", "18"),
        ("eighteen", "18"),
        ("Yes and no", "yes"),
        ("Yes, or no?", "yes"),
        ("No one", "no"),
        ("nobody", "no"),
        ("not yes", "yes"),
        ("1", "yes"),
        ("Bob", "B"),
        ("a dog", "A"),
        ("A or B", "A"),
        ("Rome", "Paris"),
        ("", ""),
        ("?", "!"),
        ("11", "Apollo 11"),
        ("(-1, 2)", "(1, 2)"),
        ("-3x", "3x"),
        ("x < 5", "x > 5"),
        ("-\\sqrt{2}", "\\sqrt{2}"),
        ("x = 3 or x = 3", "x = -3 or x = 3"),
        ("-2.30", "2:30"),
        ("3.4", "3-4"),
    ],
)
def test_these_are_not(given_: str, gold: str) -> None:
    assert not same_answer(given_, gold)


def test_no_answer_is_never_the_same() -> None:
    assert not same_answer(None, "5")


def test_a_kind_that_is_told_is_not_inferred() -> None:
    assert same_answer("5.0", "5")
    assert not same_answer("5.0", "5", "text")
    assert same_answer("b", "B", "text")
    assert not same_answer("no", "no", "number")


def test_nothing_is_evaluated() -> None:
    assert not same_answer("__import__('os').getpid()", "1")
    assert not same_answer("2+3", "5")
    assert not same_answer("len('12345')", "5")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4))
def test_every_decimal_is_itself_with_or_without_thousands(number: object) -> None:
    plain, grouped = f"{number:f}", f"{number:,f}"
    assert as_number(plain) == as_number(grouped) == Fraction(plain)
    assert same_answer(f"The answer is {grouped} dollars.", plain)


@given(answers, answers, st.sampled_from(KINDS))
def test_it_is_symmetric_within_a_kind(one: str, other: str, kind: Kind) -> None:
    assert same_answer(one, other, kind) == same_answer(other, one, kind)


@given(answers, answers, answers, st.sampled_from(KINDS))
def test_it_is_transitive_within_a_kind(one: str, two: str, three: str, kind: Kind) -> None:
    if same_answer(one, two, kind) and same_answer(two, three, kind):
        assert same_answer(one, three, kind)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_is_too_strange(given_: str, gold: str) -> None:
    assert same_answer(given_, gold) in (True, False)
