"""The report of an evaluation: what `bench` counted and compared, told as it was counted."""

from __future__ import annotations

import csv
import random
from itertools import islice
from pathlib import Path

import pytest

from socratic_cli import sources
from socratic_cli.jobs.bench import write
from socratic_cli.records import GOLD, Exchange, Problem, Solution
from socratic_cli.report.evaluated import evaluated
from socratic_cli.report.tables import tables
from socratic_cli.scoring import files
from socratic_cli.scoring.grouping import Problems, found_in
from socratic_cli.scoring.leaks import Known
from socratic_cli.stages.bench import assemble, evaluate, scores
from tests import plausible

PROBLEMS = list(islice(sources.resolve("arithmetic:2-5/test", limit=40), 40))


def test_a_report_tells_what_bench_counted() -> None:
    evaluation = evaluate(plausible.solutions(PROBLEMS, arms=3))
    findings = evaluated(evaluation)
    assert findings is not None
    for arm, counted in zip(findings.arms, evaluation.arms, strict=True):
        accuracy = counted.result.accuracy
        assert (arm.name, arm.share.correct, arm.share.low) == (counted.name, accuracy.count, accuracy.low)
        assert arm.unanswered == counted.result.reasons
    compared = next(table for table in tables(findings) if table.name == "comparisons")
    assert len(compared.rows) == len(evaluation.comparisons) == 3
    assert [row[7] for row in compared.rows] == [one.p_value for one in evaluation.comparisons]


def test_seeds_are_one_arm_with_a_column_each() -> None:
    seeds = [
        one.model_copy(update={"arm": "cot", "seed": seed, "author": f"cot seed={seed}"})
        for seed in (0, 1)
        for one in plausible.solutions(PROBLEMS, arms=3, seed=seed)
        if one.author == "cot"
    ]
    findings = evaluated(evaluate(seeds))
    assert findings is not None
    assert [arm.name for arm in findings.arms] == ["cot"]
    assert [(run.name, run.arm) for run in findings.runs] == [("cot seed=0", 0), ("cot seed=1", 0)]
    assert findings.arms[0].share.problems == len(PROBLEMS)
    assert findings.arms[0].cost.attempts == 2 * len(PROBLEMS)


@pytest.mark.parametrize("several", ["samples", "days"])
def test_runs_of_one_author_are_all_told(several: str) -> None:
    lots = [
        [one.model_copy(update={"author": "s"}) for one in plausible.solutions(PROBLEMS, arms=1, seed=seed)]
        for seed in range(3)
    ]
    if several == "samples":
        lots = [[one.model_copy(update={"sample": at}) for one in lot] for at, lot in enumerate(lots)]
    problems = Problems()
    found = [run for lot in lots for run in found_in(lot, problems, name="s")]
    evaluation = assemble(found, problems)
    findings = evaluated(evaluation)
    assert findings is not None
    accuracy = evaluation.arms[0].result.accuracy
    told = findings.arms[0].share
    assert (told.correct, told.low, told.high) == pytest.approx((accuracy.count, accuracy.low, accuracy.high))
    assert len({run.name for run in findings.runs}) == 3
    assert all(len([one for one in case.attempts if one]) == 3 for case in findings.cases)
    passed = [table for table in tables(findings) if table.name == "passes"]
    assert [row[2] for table in passed for row in table.rows] == [one.share.share for one in evaluation.arms[0].passes]
    assert bool(passed) == (several == "samples")


def any_file(dice: random.Random) -> list[Solution]:
    """Return solutions as some file may hold them: of several authors, seeds and samples, on unequal problems."""
    found: dict[tuple[object, ...], Solution] = {}
    for _ in range(dice.randint(1, 3)):
        author, scheme = dice.choice("ab"), dice.choice(["cot", "socratic"])
        seed, number = dice.choice([None, 0, 1]), dice.choice([0, 0, 1])
        for problem in dice.sample(PROBLEMS, dice.randint(1, 30)):
            answer = dice.choice([problem.answer, "-1", None])
            one = Solution(
                problem=problem,
                scheme=scheme,
                author=author,
                seed=seed,
                sample=number,
                answer=answer,
                unanswered=None if answer else "truncated",
            )
            found.setdefault((scheme, author, seed, number, problem.id), one)
    return list(found.values())


@pytest.mark.parametrize("seed", range(40))
def test_whatever_files_are_scored_a_report_tells_what_bench_counted(seed: int) -> None:
    dice, problems = random.Random(seed), Problems()
    lots = [(any_file(dice), dice.choice([None, None, "named"])) for _ in range(dice.randint(1, 4))]
    found = [run for at, (lot, name) in enumerate(lots) for run in found_in(lot, problems, origin=str(at), name=name)]
    evaluation = assemble(found, problems)
    findings = evaluated(evaluation)
    assert findings is not None
    assert [arm.name for arm in findings.arms] == [arm.name for arm in evaluation.arms]
    for arm, counted in zip(findings.arms, evaluation.arms, strict=True):
        wanted = counted.result.accuracy
        told = arm.share
        assert (told.correct, told.problems, told.low) == pytest.approx((wanted.count, wanted.total, wanted.low))
        runs = len(counted.runs)
        assert arm.unanswered == {reason: times / runs for reason, times in counted.result.reasons.items()}
        by_steps = {one.value: one.result.accuracy for one in counted.slices if one.feature == "steps"}
        assert by_steps.keys() == {str(steps) for steps in arm.by_steps}
        assert [one.low for one in arm.by_steps.values()] == pytest.approx(
            [by_steps[str(steps)].low for steps in arm.by_steps]
        )
    names = [run.name for run in findings.runs]
    assert len(set(names)) == len(names) == sum(len(arm.runs) for arm in evaluation.arms)


def test_what_bench_warns_of_stands_in_the_report(tmp_path: Path) -> None:
    solved = [_solved(problem, right=True) for problem in PROBLEMS[:3]]
    less = [one.model_copy(update={"seed": 1}) for one in solved[:2]]
    problems = Problems()
    seen = [Known(PROBLEMS[0].question, "annotations.jsonl")]
    write(assemble(found_in([*solved, *less], problems), problems, known=seen), tmp_path)
    for name in ("report.md", "report.html"):
        told = (tmp_path / name).read_text(encoding="utf-8")
        assert "its runs are not on the same problems" in told
        assert "annotations.jsonl" in told


def test_the_first_wrong_step_is_told_with_each_attempt() -> None:
    problem = next(one for one in PROBLEMS if len(one.steps) == 2)
    steps = (problem.steps[0].model_copy(update={"solution": "It is 1+1 = <<1+1=3>>3."}),)
    wrong = Solution(problem=problem, scheme="socratic", author="s", steps=steps, answer="-1")
    right = wrong.model_copy(update={"author": "t", "steps": problem.steps, "answer": problem.answer})
    findings = evaluated(evaluate([wrong, right]))
    assert findings is not None
    [case] = findings.cases
    faults = [attempt.fault for attempt in case.attempts if attempt]
    assert faults[0] is not None
    assert faults[0].step == 0
    assert faults[1] is None
    assert any(table.section == "faults" for table in tables(findings))


def test_an_evaluation_without_its_solutions_has_no_report(tmp_path: Path) -> None:
    evaluation = evaluate(plausible.solutions(PROBLEMS, arms=2))
    files.write(evaluation, scores(evaluation), "", tmp_path)
    assert evaluated(files.read(tmp_path)) is None


def test_whose_fault_stands_in_the_report(tmp_path: Path) -> None:
    problems = [one for one in PROBLEMS if len(one.steps) > 1][:12]
    alone = [_solved(problem, right=at < 3) for at, problem in enumerate(problems)]
    asked_well = [
        _solved(problem, right=at < 9).model_copy(
            update={"author": "s (decomposer=gold)", "roles": {"decomposer": GOLD}}
        )
        for at, problem in enumerate(problems)
    ]
    write(evaluate([*alone, *asked_well]), tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "gold as decomposer" in page
    with (tmp_path / "tables" / "culprits.csv").open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["student"], row["other player"]) == ("s", "gold as decomposer")
    assert float(row["unsolved, then solved"]) == pytest.approx(6 / 9)
    assert (row["of unsolved"], row["of solved"], float(row["solved, then not"])) == ("9", "3", 0)
    names = {path.stem for path in (tmp_path / "tables").glob("*.csv")}
    assert {"pairings", "steps", "subquestions", "accuracy-by-subquestions"} <= names


def _solved(problem: Problem, *, right: bool) -> Solution:
    return Solution(
        problem=problem,
        scheme="socratic",
        author="s",
        steps=problem.steps,
        answer=problem.answer if right else "-1",
        correct=right,
        trace=tuple(Exchange(role=role, prompt="", reply="") for role in ("decomposer", "solver")),
    )
