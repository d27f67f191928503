"""The calculator, and the calculations that texts hold."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_cli.calculations import calculations, holds
from socratic_cli.calculator import evaluate, written
from socratic_cli.notation import ANSWER


def _bracketed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner)


class TestEvaluate:
    @pytest.mark.parametrize(
        ("expression", "value"),
        [
            ("48/2", "24"),
            ("$1,200 * 5%", "60"),
            ("2*(3+4)", "14"),
            ("2 - 3 - 4", "-5"),
            ("-3 + 5", "2"),
            ("12 / 4 / 3", "1"),
            (".5 × 8 ÷ 2", "2"),
            ("3 x 4", "12"),
            ("2^3", "8"),
            ("2**3", "8"),
            ("-2^2", "-4"),
            ("2^-1", "0.5"),
            ("[1+2]*3", "9"),
            ("1,234,567.5", "1234567.5"),
        ],
    )
    def test_what_word_problems_write(self, expression: str, value: str) -> None:
        assert evaluate(expression) == Fraction(value)

    @pytest.mark.parametrize(
        "expression",
        ["", "3+", "1/0", "0^-1", "two", "3 4", "1 1/2", "(1", "1)", "3 hens", "2^0.5", "__import__('os')"],
    )
    def test_what_is_uncertain_has_no_value(self, expression: str) -> None:
        assert evaluate(expression) is None

    @pytest.mark.parametrize("expression", ["9" * 31, "1+" * 200 + "1", "2^99", "9^9^9^9", "(" * 30 + "1" + ")" * 30])
    def test_what_is_too_large_has_no_value(self, expression: str) -> None:
        assert evaluate(expression) is None

    @given(st.recursive(st.integers(0, 999).map(str), _bracketed, max_leaves=8))
    def test_it_agrees_with_python(self, expression: str) -> None:
        fractions = "".join(f"Fraction({part})" if part.isdigit() else part for part in _parts(expression))
        try:
            expected = eval(fractions, {"Fraction": Fraction})
        except ZeroDivisionError:
            expected = None
        assert evaluate(expression) == expected

    @given(st.text(alphabet="0123456789.,+-*/()^%$ x=", max_size=250))
    def test_no_text_breaks_it(self, text: str) -> None:
        value = evaluate(text)
        assert value is None or isinstance(value, Fraction)


def _parts(expression: str) -> list[str]:
    return expression.replace("(", " ( ").replace(")", " ) ").split()


class TestWritten:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (Fraction(24), "24"),
            (Fraction(5, 2), "2.5"),
            (Fraction(1, 3), "0.33"),
            (Fraction(-1, 3), "-0.33"),
            (Fraction(1, 64), "0.015625"),
            (Fraction(-1, 1000), "-0.001"),
            (Fraction(100), "100"),
            (Fraction(0), "0"),
        ],
    )
    def test_as_word_problems_write_numbers(self, value: Fraction, text: str) -> None:
        assert written(value) == text

    @given(st.integers(-(10**9), 10**9), st.integers(0, 6))
    def test_a_decimal_is_read_back(self, digits: int, places: int) -> None:
        value = Fraction(digits, 10**places)
        assert evaluate(written(value)) == value


def wrong(text: str) -> list[str]:
    return [str(found) for found in calculations(text) if found.wanted is not None]


class TestCalculations:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("She has 3*4 = <<3*4=11>>11 eggs.", "3*4=11 (12)"),
            ("She has 3 x 4 = 11 eggs.", "3*4=11 (12)"),
            ("It costs $5 + $6.50 = $12.00.", "5+6.50=12.00 (11.5)"),
            ("So 16 - 3 - 4 = 10 (eggs).", "16-3-4=10 (9)"),
            (r"So \(3 \times 4 = 11\).", "3*4=11 (12)"),
            ("20% of it is 50 * 20% = 12.", "50*20%=12 (10)"),
            ("First 3*4 = 12 + 5 = 18 eggs.", "12+5=18 (17)"),
            ("(1 + 2) * 3 = 10 hens", "(1+2)*3=10 (9)"),
            ("120 – 80 - 15 = 26 points", "120–80-15=26 (25)"),
        ],
    )
    def test_a_wrong_one_is_found(self, text: str, found: str) -> None:
        assert set(wrong(text)) == {found}

    @pytest.mark.parametrize(
        "text",
        [
            "She has 3*4 = <<3*4=12>>12 eggs.",
            "10 / 3 = 3.33 and 10 / 3 = 3 and 10 / 3 = 4 boxes, as many as are needed.",
            "First 3*4 = 12 + 5 = 17 eggs.",
            "10 - 2 = 4 * 2 = 8.",
            "150 / 60 = 2 hours 30 minutes.",
            "100 - 20% = 80 dollars.",
            "20 / 50 = 40 of a hundred.",
            "5 * 25 = $1.25 in quarters.",
            "60 / 3/4 = 80 years.",
            "1 1/2 * 60 = 90 minutes and 2 + 1 1/2 = 3 1/2.",
            "Half of 10 + 3 = 8 hens.",
            "3 hens + 2 - 1 = 4 hens.",
            "1 hour 30 minutes * 2 = 3 hours.",
            "3 * 4,000,000 = 12 million.",
            "2:30 + 1 = 3:30, and 0900-0130 = 0730 hours.",
            "3 * 4 = 6 eggs * 2 = 12 eggs.",
            "15 pages x 1/3 = 5 pages.",
            "2x + 3 = 11, so x = 4.",
            "3 + 4 >= 6 and 3 + 4 != 6 and 3 + 4 == 6",
            "Day 4:2(50+100+120)=540",
            "",
        ],
    )
    def test_what_is_right_or_uncertain_is_left_alone(self, text: str) -> None:
        assert wrong(text) == []

    def test_every_place_of_a_result_is_told(self) -> None:
        text = "She pays 3*4 = $<<3*4=11>>11 a day."
        assert {text[start:end] for found in calculations(text) for start, end in found.results} == {"11"}
        assert len({span for found in calculations(text) for span in found.results}) == 2

    @given(st.integers(0, 999), st.sampled_from("+-*"), st.integers(0, 999), st.integers(-3, 3))
    def test_a_result_holds_if_and_only_if_it_is_right(self, left: int, sign: str, right: int, off: int) -> None:
        value = {"+": left + right, "-": left - right, "*": left * right}[sign]
        assert holds(f"{left}{sign}{right}", str(value + off)) == (
            off == 0 or value + off in (value * 100, value / 100)
        )

    @given(st.text(alphabet="0123456789.,+-*/()^%$ x=<>h:", max_size=400))
    def test_no_text_breaks_the_reading(self, text: str) -> None:
        for found in calculations(text):
            assert all(text[start:end].strip() for start, end in found.results)

    @pytest.mark.parametrize("name", ["train", "test"])
    def test_hardly_any_gold_step_is_flagged(self, data_dir: Path, name: str) -> None:
        # The gold steps were written by people; of their slips 1 in 1,000 steps is found here and was looked at.
        with (data_dir / "gsm8k" / f"{name}.jsonl").open(encoding="utf-8") as lines:
            steps = [step for line in lines for step in json.loads(line)["answer"].split("\n") if ANSWER not in step]
        flagged = [step for step in steps if wrong(step)]
        judged = sum(any(True for _ in calculations(step)) for step in steps)
        assert judged > 0.9 * len(steps)
        assert len(flagged) < 0.002 * len(steps)

    @pytest.mark.parametrize("name", ["train", "test"])
    def test_a_gold_calculation_made_wrong_is_found(self, data_dir: Path, name: str) -> None:
        with (data_dir / "gsm8k" / f"{name}.jsonl").open(encoding="utf-8") as lines:
            steps = [step for line in lines for step in json.loads(line)["answer"].split("\n") if ">>" in step]
        spoilt = [step.replace(">>", "7>>", 1) for step in steps]
        # 99 of 100: the rest are divisions whose result has one more decimal now, and zeros.
        assert sum(bool(wrong(step)) for step in spoilt) > 0.95 * len(spoilt)
