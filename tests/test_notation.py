"""One notation: what is written is read again, and what cannot be written is refused."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_cli.notation import Equation, NotationError, equations, one_line, read, read_step, tidy, write, write_step
from socratic_cli.records import Rationale, Step

LINE_ENDS = ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\n\n"]

PROSE = [*"#*-.: \n5aQ", "**", "####", "1. ", "Step 2: ", "the answer is ", "\\boxed{", "}", "so", " ** ", "\\("]

words = st.text(max_size=40).filter(lambda text: "**" not in text and "####" not in text and text.strip())
steps = st.builds(Step, subquestion=st.none() | words, solution=words)
rationales = st.builds(Rationale, steps=st.lists(steps, max_size=5).map(tuple), answer=words)


def folded(rationale: Rationale) -> Rationale:
    """Return the rationale as one that was written: every part one line."""
    return Rationale(
        steps=tuple(
            Step(
                subquestion=None if step.subquestion is None else one_line(step.subquestion),
                solution=one_line(step.solution),
            )
            for step in rationale.steps
        ),
        answer=one_line(rationale.answer or ""),
    )


def writable(rationale: Rationale) -> bool:
    try:
        write(rationale)
    except NotationError:
        return False
    return True


class TestWritingAndReading:
    def test_a_rationale_looks_like_gsm8k(self) -> None:
        rationale = Rationale(
            steps=(
                Step(subquestion="How many eggs?", solution="She sells <<16-3=13>>13 eggs."),
                Step(solution="So she earns $26."),
            ),
            answer="26",
        )
        assert write(rationale) == ("How many eggs? ** She sells <<16-3=13>>13 eggs.\nSo she earns $26.\n#### 26")

    @given(rationales.filter(writable))
    def test_what_is_written_is_read_again(self, rationale: Rationale) -> None:
        assert read(write(rationale)) == folded(rationale)

    @given(rationales.filter(writable))
    def test_each_step_is_one_line(self, rationale: Rationale) -> None:
        assert len(write(rationale).splitlines()) == len(rationale.steps) + 1

    @given(st.text(max_size=80))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            rationale = read(text)
        except NotationError:
            return
        if writable(rationale):
            assert read(write(rationale)) == rationale

    @pytest.mark.parametrize("name", ["train", "test", "train_socratic", "test_socratic"])
    def test_all_of_gsm8k_survives_the_round_trip(self, data_dir: Path, name: str) -> None:
        with (data_dir / "gsm8k" / f"{name}.jsonl").open(encoding="utf-8") as lines:
            rationales = [read(json.loads(line)["answer"]) for line in lines]
        assert all(read(write(rationale)) == rationale for rationale in rationales)
        assert all(rationale.answer and rationale.steps for rationale in rationales)

    @pytest.mark.parametrize("end", LINE_ENDS)
    def test_line_ends_are_folded(self, end: str) -> None:
        assert one_line(f" a {end} b{end}") == "a b"

    @pytest.mark.parametrize("mark", ["**", "####", "***", "2**3"])
    @pytest.mark.parametrize("where", ["subquestion", "solution", "answer"])
    def test_marks_inside_a_part_are_refused(self, mark: str, where: str) -> None:
        parts = {"subquestion": "How many?", "solution": "Five.", "answer": "5"} | {where: f"so {mark} so"}
        step = Step(subquestion=parts["subquestion"], solution=parts["solution"])
        with pytest.raises(NotationError, match="mark of the notation"):
            write(Rationale(steps=(step,), answer=parts["answer"]))

    @pytest.mark.parametrize("answer", [None, "", " ", "\n"])
    def test_without_an_answer_nothing_is_written(self, answer: str | None) -> None:
        with pytest.raises(NotationError, match="without an answer"):
            write(Rationale(steps=(Step(solution="Five."),), answer=answer))

    def test_an_empty_step_is_not_written(self) -> None:
        with pytest.raises(NotationError, match="empty"):
            write_step(Step(solution=" \n"))

    def test_a_rationale_may_be_the_answer_alone(self) -> None:
        assert read(write(Rationale(answer="no"))) == Rationale(answer="no")

    @pytest.mark.parametrize("text", ["", "\n", "Five.\nSix.", "####", "#### "])
    def test_without_an_answer_line_there_is_no_answer(self, text: str) -> None:
        assert read(text).answer is None

    def test_blank_lines_are_no_steps(self) -> None:
        assert read("\nOne.\n\n \nTwo.\n#### 3\n\n").steps == (Step(solution="One."), Step(solution="Two."))

    def test_text_after_the_answer_is_refused(self) -> None:
        with pytest.raises(NotationError, match="text after the answer: 'Question: "):
            read("One.\n#### 3\nQuestion: And then?")

    def test_a_line_with_two_marks_is_refused(self) -> None:
        with pytest.raises(NotationError):
            read_step("How? ** So ** it is.")

    def test_a_power_is_refused_and_not_taken_for_a_subquestion(self) -> None:
        with pytest.raises(NotationError):
            read_step("It is 2**3 = 8.")


class TestTidying:
    """Free prose of large models becomes the notation."""

    @pytest.mark.parametrize(
        ("prose", "text"),
        [
            ("1. Five hens.\n2) Twenty eggs.\n#### 20", "Five hens.\nTwenty eggs.\n#### 20"),
            ("- Five.\n* Six.\n\u2022 Seven.\n#### 7", "Five.\nSix.\nSeven.\n#### 7"),
            ("Step 1: Five.\nStep 2. Six.\n#### 6", "Five.\nSix.\n#### 6"),
            ("Five **hens**.\n\n**#### 5**", "Five hens.\n#### 5"),
            ("Five.\n---\n#### 5.\nI hope this helps!", "Five.\n#### 5"),
            ("Five.\n#### 5\n\nQuestion: Next?\n#### 7", "Five.\n#### 5"),
            ("### Step 1: Hens\n#### Step 2: Eggs\nFive.\n#### Answer:\n#### 5", "Hens\nEggs\nFive.\nAnswer:\n#### 5"),
            ("Five hens. Therefore, the answer is 5.", "Five hens.\n#### 5"),
            ("Five.\nTherefore, the answer is 5.", "Five.\n#### 5"),
            ("Five.\nSo the final answer is: $5.", "Five.\n#### $5"),
            ("Five.\n**Final Answer:** 5 hens", "Five.\n#### 5 hens"),
            ("Five.\nThe answer (arabic numerals) is 5.", "Five.\n#### 5"),
            ("Five.\nAnswer: \\boxed{5}.", "Five.\n#### 5"),
            ("The answer is:\n\\[\n\\boxed{5}\n\\]", "The answer is:\n#### 5"),
            ("#### \\(\\boxed{\\boxed{5}}\\)", "#### 5"),
            ("#### .5", "#### .5"),
            ("How many? ** The answer is 5.", "How many? ** The answer is 5.\n#### 5"),
            ("How many? ** They are **5**.\n#### 5", "How many? ** They are 5.\n#### 5"),
            ("I do not know.", "I do not know."),
            ("", ""),
            ("\n \n", ""),
        ],
    )
    def test_it_takes_off_what_is_not_reasoning(self, prose: str, text: str) -> None:
        assert tidy(prose) == text

    @given(st.lists(st.sampled_from(PROSE)).map("".join))
    def test_tidying_twice_is_tidying_once(self, prose: str) -> None:
        assert tidy(tidy(prose)) == tidy(prose)

    @given(st.text(max_size=100))
    def test_no_text_is_too_strange(self, prose: str) -> None:
        assert tidy(tidy(prose)) == tidy(prose)

    def test_long_text_takes_no_time(self) -> None:
        for prose in ("*" * 9_000, "1. " * 3_000, "the answer is " * 700, "\\boxed{" * 1_000, "so, " * 2_000):
            start = time.perf_counter()
            tidy(prose)
            assert time.perf_counter() - start < 1

    @pytest.mark.parametrize("name", ["train", "test"])
    def test_what_is_tidy_stays(self, data_dir: Path, name: str) -> None:
        with (data_dir / "gsm8k" / f"{name}.jsonl").open(encoding="utf-8") as lines:
            texts = [write(read(json.loads(line)["answer"])) for line in lines]
        changed = [text for text in texts if tidy(text) != text]
        assert len(changed) <= 1  # a person who numbered their steps


def test_equations_are_the_marked_calculations() -> None:
    step = Step(solution="She has <<48/2=24>>24 and << 24 + 1 = 25 >>25; <<no>>, <<1=2=3>>, 5 = 5.")
    assert equations(step) == (Equation("48/2", "24"), Equation("24 + 1", "25"))
