"""Solutions become an evaluation: runs, arms, comparisons, and the files that are read back."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from socratic_cli.errors import InputError, UsageError
from socratic_cli.records import Problem, Solution, lettered
from socratic_cli.scoring import files
from socratic_cli.scoring.evaluation import Evaluation
from socratic_cli.scoring.grouping import Problems, found_in
from socratic_cli.scoring.statistics import holm
from socratic_cli.scoring.tables import tables
from socratic_cli.stages.bench import assemble, evaluate, scores


def solution(number: int, answer: str | None, author: str = "a", **more: Any) -> Solution:
    problem = Problem(id=f"p{number}", question=f"What is {number}?", answer=str(number))
    return Solution(**{"problem": problem, "scheme": "cot", "author": author, "answer": answer} | more)


def run(right: str, author: str = "a", **more: Any) -> list[Solution]:
    """Return solutions that are right (1), wrong (0) or missing (-), a character a problem."""
    reason = {"unanswered": "truncated"}
    answers = [str(n) if mark == "1" else "-7" if mark == "0" else None for n, mark in enumerate(right)]
    return [solution(n, answer, author, **more, **({} if answer else reason)) for n, answer in enumerate(answers)]


def together(*lots: list[Solution], **more: Any) -> Evaluation:
    """Evaluate several files, named 0, 1 ..."""
    problems = Problems()
    found = [one for number, lot in enumerate(lots) for one in found_in(lot, problems, origin=str(number))]
    return assemble(found, problems, **more)


def test_the_unanswered_are_neither_right_nor_wrong() -> None:
    (arm,) = evaluate(run("1100--")).arms
    r = arm.result
    assert (r.problems, r.correct, r.wrong, r.unanswered, r.reasons) == (6, 2, 2, 2, {"truncated": 2})
    assert (r.accuracy.count, r.accuracy.total, r.answered.count, r.answered.total) == (2, 6, 2, 4)
    assert r.answered.share == 0.5


def test_seeds_of_an_arm_are_runs_of_it() -> None:
    seeds = [one for s in (0, 1) for one in run("11110000"[s * 2 :][:6], f"cot seed={s}", arm="cot", seed=s)]
    (arm,) = evaluate(seeds).arms
    assert (arm.name, [one.seed for one in arm.runs]) == ("cot", [0, 1])
    assert (arm.spread.mean, arm.spread.lowest, arm.spread.highest) == pytest.approx((0.5, 2 / 6, 4 / 6))
    assert arm.spread.sd == pytest.approx(0.2357, abs=1e-4)
    # Twelve outcomes are of six problems: the interval is of six.
    assert arm.result.accuracy.total == 6
    assert [score.author for score in scores(evaluate(seeds))] == ["cot seed=0", "cot seed=1"]


def test_all_arms_are_compared_in_pairs_or_with_the_baseline() -> None:
    lots = [run("1" * 10 + "0" * 10, "a"), run("1" * 15 + "0" * 5, "b"), run("0" * 20, "c")]
    assert [(c.old, c.new) for c in together(*lots).comparisons] == [("a", "b"), ("a", "c"), ("b", "c")]
    with_c = together(*lots, baseline="c").comparisons
    assert [(c.old, c.new) for c in with_c] == [("c", "a"), ("c", "b")]
    first = together(*lots).comparisons[0]
    assert (first.problems, first.old_alone, first.new_alone) == (20, 0, 5)
    assert first.difference == pytest.approx(0.25)
    assert first.p_problems == pytest.approx(2 * 0.5**5)
    assert first.p_seeds is None
    assert [c.p_holm for c in together(*lots).comparisons] == holm([c.p_value for c in together(*lots).comparisons])
    assert (first.gain_over_old, first.gain_over_new) == pytest.approx((0.5, 1 / 3))
    with pytest.raises(UsageError, match="Did you mean 'a'"):
        together(*lots, baseline="aa")


def test_only_common_problems_are_compared_and_the_others_counted() -> None:
    (comparison,) = together(run("11110", "a"), run("11100000", "b")).comparisons
    assert (comparison.problems, comparison.only_old, comparison.only_new) == (5, 0, 3)
    assert comparison.new_accuracy == pytest.approx(0.6)
    apart = [solution(n, "1", "b") for n in range(90, 93)]
    assert together(run("11", "a"), apart).comparisons == ()


def test_a_difference_must_outlast_the_seeds_too() -> None:
    """Many problems make any two seeds differ; what arms are worth, only seeds can tell."""

    def arm(name: str, counts: tuple[int, ...]) -> list[Solution]:
        return [
            one
            for seed, right in enumerate(counts)
            for one in run("1" * right + "0" * (400 - right), f"{name} {seed}", arm=name, seed=seed)
        ]

    (wild,) = together(arm("a", (40, 200, 90)), arm("b", (60, 260, 120))).comparisons
    assert wild.test == "sign-flip"
    assert wild.p_problems < 0.001
    assert wild.p_seeds is not None
    assert wild.p_value == wild.p_seeds > 0.05
    assert wild.low < 0 < wild.high
    (steady,) = together(arm("a", (100, 104, 98)), arm("b", (150, 149, 153))).comparisons
    assert steady.p_value < 0.01
    assert 0 < steady.low < steady.difference < steady.high


def test_samples_are_no_further_seeds() -> None:
    def arm(name: str, counts: tuple[int, ...], samples: int) -> list[Solution]:
        return [
            one.model_copy(update={"sample": sample})
            for seed, right in enumerate(counts)
            for sample in range(samples)
            for one in run("1" * right + "0" * (100 - right), f"{name} {seed}", arm=name, seed=seed)
        ]

    one, eight = (
        together(arm("a", (10, 30), samples), arm("b", (25, 45), samples)).comparisons[0] for samples in (1, 8)
    )
    assert one.p_seeds == pytest.approx(0.4)
    assert eight.p_seeds == pytest.approx(0.4)
    assert (one.low, one.high) == pytest.approx((eight.low, eight.high))
    (alone,) = together(arm("a", (10,), 8), run("1" * 15 + "0" * 85, "b")).comparisons
    assert alone.p_seeds is None
    assert "over seeds" not in tables(together(arm("a", (10,), 8), run("1" * 15 + "0" * 85, "b")), [])


@pytest.mark.parametrize("sizes", [(2, 3), (3, 4), (1, 100)])
def test_runs_on_unequal_problems_never_come_to_more_than_all(sizes: tuple[int, int]) -> None:
    found = together(*(run("1" * size, "s", seed=seed, arm="s") for seed, size in enumerate(sizes)))
    (arm,) = found.arms
    assert arm.result.accuracy.share == arm.spread.mean == 1.0
    assert arm.result.accuracy.low <= arm.result.accuracy.share <= arm.result.accuracy.high
    assert all(one.result.accuracy.share <= 1 for one in arm.slices)
    assert "not on the same problems" in " ".join(found.notes)


def test_runs_of_as_many_problems_that_are_others_are_told_and_so_is_what_was_not_compared() -> None:
    halves = [
        [solution(at, "1", "s", seed=seed, arm="s") for at in part] for seed, part in enumerate(((0, 1, 2), (3, 4, 5)))
    ]
    found = together(*halves, run("1" * 6, "whole"))
    assert found.comparisons == ()
    assert "s: its runs are not on the same problems; their mean is over all that was solved." in found.notes
    assert "s and whole have no problem in common that all their runs are on, and are not compared." in found.notes


def test_the_same_name_on_other_problems_is_the_same_run() -> None:
    whole = run("110010")
    (arm,) = together(whole[:3], whole[3:]).arms
    assert arm.result.problems == 6
    assert len(arm.runs) == 1


def test_the_same_name_on_the_same_problems_is_an_arm_by_file() -> None:
    evaluation = together(run("1100"), run("1110"))
    assert [arm.name for arm in evaluation.arms] == ["a (0)", "a (1)"]
    (comparison,) = evaluation.comparisons
    assert comparison.new_alone == 1


def test_schemes_of_one_author_are_arms_by_scheme() -> None:
    evaluation = together([*run("11"), *run("10", scheme="answer")])
    assert [arm.name for arm in evaluation.arms] == ["a (cot)", "a (answer)"]
    assert [(score.scheme, score.author) for score in scores(evaluation)] == [("cot", "a"), ("answer", "a")]


def asked(question: str, author: str, identity: str | None = None) -> Solution:
    problem = Problem(id=identity or lettered(question), question=question, answer="4")
    return Solution(problem=problem, scheme="cot", author=author, answer="4")


@pytest.mark.parametrize("spelt", ["What is 3?", "what  is 3 ?"])
def test_a_question_without_an_id_is_known_by_its_words(spelt: str) -> None:
    evaluation = together([asked(spelt, "tool")], run("11111"))
    assert len(evaluation.problems) == 5
    assert evaluation.comparisons[0].problems == 1


def test_questions_of_the_same_words_are_known_by_their_signs() -> None:
    ours = [asked("What is 7 + 3?", "a", "plus"), asked("What is 7 - 3?", "a", "minus")]
    evaluation = together([asked("What is 7 - 3?", "tool"), asked("what is 7-3?", "tool")], ours)
    assert evaluation.arms[0].runs[0].outcomes[0].problem == "minus"
    assert len(evaluation.problems) == 3  # the other spelling could be either


def test_an_id_of_another_question_is_another_problem() -> None:
    hens = solution(1, "1", "b")
    hens = hens.model_copy(update={"problem": hens.problem.model_copy(update={"question": "How many hens?"})})
    evaluation = together(run("11"), [solution(0, "0", "b"), hens])
    assert [one.id for one in evaluation.problems] == ["p0", "p1", "p1 (1)"]
    assert evaluation.comparisons[0].problems == 1
    assert evaluation.notes == (
        "In 1 1 ids stand for other questions than before (p1 for one): these are problems of their own.",
    )
    with pytest.raises(InputError, match="twice"):
        together(run("11"), [hens, hens])


def test_parts_of_a_run_are_told() -> None:
    whole = run("110010")
    assert together(whole[:3], whole[3:]).notes == ("a: 0 and 1 hold other problems each, and are told as one run.",)


def test_differing_gold_answers_are_told() -> None:
    changed = solution(1, "1", "b")
    changed = changed.model_copy(update={"problem": changed.problem.model_copy(update={"answer": "2"})})
    (note,) = together(run("11"), [changed]).notes
    assert "p1" in note
    assert "differ between files" in note


def test_what_records_say_of_themselves_is_compared() -> None:
    evaluation = together([solution(1, "1", correct=True), solution(2, "7", correct=True)])
    assert evaluation.notes == ("a: the records' own verdict is ours on 1 of 2.",)


def test_samples_are_runs_and_doubles_an_error() -> None:
    (arm,) = evaluate([*run("10"), *run("11", sample=1)]).arms
    assert [one.sample for one in arm.runs] == [0, 1]
    with pytest.raises(InputError, match="twice"):
        evaluate([*run("10"), *run("11")])


def sampled(*rights: str, **more: Any) -> list[Solution]:
    return [one for number, right in enumerate(rights) for one in run(right, sample=number, **more)]


def test_several_samples_tell_what_they_hold() -> None:
    (arm,) = evaluate(sampled("1100-", "1000-", "1010-")).arms
    # Right samples a problem: 3, 1, 1, 0, 0 of 3. Of two samples, one of three choices misses the only right one.
    assert [(one.k, one.samples, one.share.total) for one in arm.passes] == [(1, 3, 5), (2, 3, 5), (3, 3, 5)]
    assert [one.share.share for one in arm.passes] == pytest.approx([5 / 15, (1 + 2 / 3 + 2 / 3) / 5, 3 / 5])
    assert all(one.share.low < one.share.share < one.share.high for one in arm.passes)


def test_samples_of_several_seeds_are_averaged_over_them() -> None:
    first, second = sampled("1000", "0100", arm="c", seed=0), sampled("1111", "1111", author="b", arm="c", seed=1)
    (arm,) = evaluate([*first, *second]).arms
    assert [(one.k, one.share.total) for one in arm.passes] == [(1, 4), (2, 4)]
    assert [one.share.share for one in arm.passes] == pytest.approx([(0.25 + 1) / 2, (0.5 + 1) / 2])


def test_a_problem_without_all_its_samples_is_left_out_of_what_they_hold() -> None:
    (arm,) = evaluate([*run("100"), *run("1", sample=1)]).arms
    assert [(one.k, one.share.share, one.share.total) for one in arm.passes] == [(1, 1.0, 1), (2, 1.0, 1)]


def test_what_is_no_sample_holds_nothing() -> None:
    assert evaluate(run("110")).arms[0].passes == ()
    seeds = [*run("110", "a0", arm="c", seed=0), *run("011", "a1", arm="c", seed=1)]
    assert evaluate(seeds).arms[0].passes == ()
    problems = Problems()
    days = [found for day in ("110", "011") for found in found_in(run(day), problems, origin=day, name="same")]
    assert assemble(days, problems).arms[0].passes == ()


def test_runs_of_an_arm_have_each_a_name() -> None:
    problems = Problems()
    days = [found for day in "ab" for found in found_in(run("110"), problems, origin=day, name="same")]
    assert [score.author for score in scores(assemble(days, problems))] == ["same #1", "same #2"]
    seeds = [one for seed in (0, 1) for one in sampled("110", "011", arm="c", seed=seed)]
    told = ["c seed=0 sample=0", "c seed=0 sample=1", "c seed=1 sample=0", "c seed=1 sample=1"]
    assert [score.author for score in scores(evaluate(seeds))] == told


def test_what_samples_hold_is_in_the_tables_and_files(tmp_path: Path) -> None:
    evaluation = evaluate([*sampled("1100", "1010"), *run("1111", "b")])
    table = tables(evaluation, scores(evaluation))
    assert "| arm | pass@1 | pass@2 |" in table
    assert "| a | 50.0% (15.0% - 85.0%) | 75.0% (30.1% - 95.4%) |" in table
    files.write(evaluation, scores(evaluation), table, tmp_path)
    assert files.read(tmp_path) == evaluation
    rows = list(csv.DictReader((tmp_path / "passes.csv").open()))
    assert [(row["arm"], row["k"], row["share"]) for row in rows] == [("a", "1", "0.5"), ("a", "2", "0.75")]
    assert "pass@" not in tables(evaluate(run("11")), [])


def test_an_evaluation_is_read_back_as_it_was(tmp_path: Path) -> None:
    evaluation = together(run("1100-", "a|b"), run("11101", "b"))
    files.write(evaluation, scores(evaluation), tables(evaluation, scores(evaluation)), tmp_path)
    # Solutions do not take part in the comparison: they are not written.
    assert files.read(tmp_path) == evaluation
    assert 'solution"' not in (tmp_path / files.NAME).read_text()
    rows = {
        name: list(csv.DictReader((tmp_path / name).open())) for name in ("scores.csv", "comparisons.csv", "slices.csv")
    }
    assert [row["author"] for row in rows["scores.csv"]] == ["a|b", "b"]
    assert rows["scores.csv"][0]["reasons"] == "truncated=1"
    assert float(rows["comparisons.csv"][0]["p_value"]) == evaluation.comparisons[0].p_value
    assert {row["feature"] for row in rows["slices.csv"]} == {"largest-number"}
    assert "| cot | a\\|b | 5 | 2 | 40.0% |" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize("text", ["", "{", '{"problems": 3}', '{"problems": [], "arms": [], "format": 99}'])
def test_a_damaged_evaluation_is_a_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / files.NAME).write_text(text)
    with pytest.raises(InputError, match=r"evaluation\.json"):
        files.read(tmp_path)


def test_many_comparisons_are_cut_in_the_table_only() -> None:
    lots = [run("1" * n + "0" * (12 - n), f"arm{n}") for n in range(12)]
    evaluation = together(*lots)
    assert len(evaluation.comparisons) == 66
    table = tables(evaluation, scores(evaluation))
    assert "the 30 of 66 with the smallest p" in table
    assert table.count("| arm") < 140
