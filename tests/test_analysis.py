"""Whose fault, right sums and steps, how well was asked: on solutions made by hand, and through `socratic bench`."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from socratic_cli import jsonl
from socratic_cli.analysis.analyse import Analysis, analyse
from socratic_cli.analysis.bertscore import bertscore
from socratic_cli.analysis.decomposition import subquestions
from socratic_cli.analysis.tables import markdown, rows
from socratic_cli.errors import UsageError
from socratic_cli.jobs.bench import analysis_of
from socratic_cli.jobs.evaluating import Target, evaluate_files
from socratic_cli.notation import read
from socratic_cli.records import Exchange, Problem, Solution
from socratic_cli.settings import Scoring
from tests.command import socratic
from tests.tiny import bert

GOLD = read("How many hens? ** 2+3 = <<2+3=5>>5\nHow many eggs? ** 5*4 = <<5*4=20>>20\n#### 20")
LESS = "How many eggs? ** 3*4 = <<3*4=12>>12\n#### 12"
MORE = "How many hens? ** <<2+3=5>>5\nHow many hens? ** <<2+3=5>>5\nHow many eggs? ** <<5*4=20>>20\n#### 20"
SAME = "How many hens? ** <<2+3=5>>5\nHow many eggs? ** <<5*4=20>>20\n#### 20"


def problem(number: int) -> Problem:
    question = f"Ann has 2 hens and buys 3; each lays 4 eggs. How many eggs on day {number}?"
    return Problem(id=str(number), question=question, answer="20", steps=GOLD.steps)


def solution(number: int, text: str, **more: object) -> Solution:
    rationale = read(text)
    said = [Exchange(role=role, prompt="", reply="") for role in ("decomposer", "solver")]
    fields = {"scheme": "socratic", "author": "s", "trace": tuple(said)} | more
    return Solution.model_validate(
        {"problem": problem(number), "steps": rationale.steps, "answer": rationale.answer, **fields}
    )


def alone() -> list[Solution]:
    return [solution(1, LESS), solution(2, LESS), solution(3, SAME), solution(4, MORE)]


def cast(texts: list[str], **roles: str) -> list[Solution]:
    name = ", ".join(f"{role}={who}" for role, who in roles.items())
    return [solution(at, text, author=f"s ({name})", roles=roles) for at, text in enumerate(texts, 1)]


class TestWhoseFault:
    @pytest.fixture
    def found(self) -> Analysis:
        gold = cast([SAME, LESS, SAME, LESS], decomposer="gold")
        strong = [solution(at, SAME, author="decomposer=s solver=litellm:m", roles={}) for at in (1, 2, 3, 4)]
        return analyse([*alone(), *gold, *strong])

    def test_every_pair_has_its_accuracy(self, found: Analysis) -> None:
        assert [(one.decomposer, one.solver, one.accuracy.count, one.accuracy.total) for one in found.pairings] == [
            ("s", "s", 2, 4),
            ("gold", "s", 2, 4),
            ("s", "litellm:m", 4, 4),
        ]

    def test_what_another_player_mends_and_spoils(self, found: Analysis) -> None:
        told = [(one.player, one.role, one.mended.count, one.mended.total, one.spoilt.count) for one in found.culprits]
        assert told == [("gold", "decomposer", 1, 2, 1), ("litellm:m", "solver", 2, 2, 0)]

    def test_only_problems_that_both_have_are_compared(self) -> None:
        found = analyse([*alone(), *cast([SAME], decomposer="gold")])
        (one,) = found.culprits
        assert (one.mended.count, one.mended.total, one.spoilt.total) == (1, 1, 0)

    def test_seeds_of_an_arm_are_paired_and_widen_no_sample(self) -> None:
        seeds = [
            one.model_copy(update={"arm": "a", "seed": seed, "author": f"a seed={seed}"})
            for seed in (0, 1)
            for one in alone()
        ]
        gold = [
            one.model_copy(update={"arm": "a (decomposer=gold)", "seed": seed})
            for seed in (0, 1)
            for one in cast([SAME] * 4, decomposer="gold")
        ]
        found = analyse([*seeds, *gold])
        single = analyse(alone()).pairings[0].accuracy
        assert [(one.mended.count, one.mended.total) for one in found.culprits] == [(4, 4)]
        assert found.pairings[0].accuracy.total == 8
        assert (found.pairings[0].accuracy.low, found.pairings[0].accuracy.high) == (single.low, single.high)

    def test_a_seed_that_only_one_of_both_tells_parts_nothing(self) -> None:
        told = [one.model_copy(update={"seed": 0}) for one in alone()]
        (one,) = analyse([*told, *cast([SAME] * 4, decomposer="gold")]).culprits
        assert (one.mended.total, one.spoilt.total) == (2, 2)

    def test_a_scheme_without_a_decomposer_has_no_such_table(self) -> None:
        cot = [one.model_copy(update={"trace": (), "scheme": "cot"}) for one in alone()]
        assert (analyse(cot).pairings, analyse(cot).culprits) == ((), ())


class TestArms:
    """What is scored apart is analysed apart, and as it was scored."""

    @staticmethod
    def found(folder: Path, lots: dict[str, list[Solution]], *, named: bool = True, **how: object) -> Analysis:
        for name, lot in lots.items():
            jsonl.write_all(folder / f"{name}.jsonl", lot)
        targets = [Target(str(folder / f"{name}.jsonl"), name if named else None) for name in lots]
        return analysis_of(evaluate_files(targets, Scoring.model_validate(how)))

    @pytest.mark.parametrize("named", [True, False])
    def test_two_days_of_a_student(self, named: bool, tmp_path: Path) -> None:
        better = [solution(at, SAME) for at in (1, 2, 3, 4)]
        found = self.found(tmp_path, {"old": alone(), "new": better}, named=named)
        names = ["old", "new"] if named else [f"s ({tmp_path / name}.jsonl)" for name in ("old", "new")]
        assert [(one.decomposer, one.solver, one.accuracy.count) for one in found.pairings] == [
            (names[0], names[0], 2),
            (names[1], names[1], 4),
        ]
        assert [one.author for one in found.decompositions] == [one.author for one in found.progress] == names

    @pytest.mark.parametrize("named", [True, False])
    def test_a_student_and_itself_with_gold_belong_together(self, named: bool, tmp_path: Path) -> None:
        gold = cast([SAME, LESS, SAME, LESS], decomposer="gold")
        found = self.found(tmp_path, {"mine": alone(), "asked well": gold}, named=named)
        (one,) = found.culprits
        assert (one.author, one.mended.count, one.mended.total, one.spoilt.count) == ("mine" if named else "s", 1, 2, 1)

    def test_every_sample_counts(self, tmp_path: Path) -> None:
        def samples(lot: list[Solution]) -> list[Solution]:
            return [one.model_copy(update={"sample": at}) for at in range(3) for one in lot]

        lots = {"alone": samples(alone()), "gold": samples(cast([SAME] * 4, decomposer="gold"))}
        (one,) = self.found(tmp_path, lots).culprits
        assert (one.mended.count, one.mended.total, one.spoilt.total) == (6, 6, 6)

    def test_an_answer_is_what_the_reading_says(self, tmp_path: Path) -> None:
        said = [one.model_copy(update={"trace": tuple(_saying(one))}) for one in alone()]
        for reading, right in (("last-number", 2), ("first-number", 0), ("exact", 2)):
            found = self.found(tmp_path, {reading: said}, read=reading)
            assert found.pairings[0].accuracy.count == found.progress[0].faults.get("none", 0) == right

    def test_what_a_record_says_of_itself_is_not_believed(self, tmp_path: Path) -> None:
        boasting = [one.model_copy(update={"correct": True}) for one in alone()]
        assert self.found(tmp_path, {"a": boasting}).pairings[0].accuracy.count == 2


def _saying(one: Solution) -> list[Exchange]:
    reply = "\n".join(f"{step.subquestion} {step.solution}" for step in one.steps)
    return [one.trace[0], one.trace[1].model_copy(update={"reply": f"{reply}\n#### {one.answer}"})]


class TestSteps:
    def test_right_sums_and_steps_are_counted(self) -> None:
        slips = "How many hens? ** <<2+3=6>>6\nHow many eggs? ** <<6*4=24>>24\n#### 24"
        (found,) = analyse([solution(1, slips), solution(2, SAME)]).progress
        assert (found.right_sums.count, found.right_sums.total) == (3, 4)
        assert (found.right_steps.count, found.right_steps.total) == (2, 4)
        assert found.faults == {"none": 1, "arithmetic-slip": 1}

    def test_right_results_out_of_order_are_no_right_steps(self) -> None:
        (found,) = analyse([solution(1, "a? ** <<5*4=20>>20\nb? ** <<2+3=5>>5\n#### 5")]).progress
        assert (found.right_steps.count, found.gold_steps.count, found.gold_steps.total) == (1, 1, 2)

    def test_answers_alone_and_problems_without_steps_are_passed_over(self) -> None:
        bare = solution(1, SAME).model_copy(update={"problem": problem(1).model_copy(update={"steps": ()})})
        assert analyse([solution(1, "#### 20")]).progress == ()
        assert analyse([bare]) == Analysis(pairings=analyse([bare]).pairings)


class TestSubquestions:
    def test_counts_words_and_repeats(self) -> None:
        (found,) = analyse(alone()).decompositions
        assert (found.same_count.count, found.same_count.total) == (1, 4)
        assert found.soft_count == pytest.approx((0.5 + 0.5 + 1 + 0.5) / 4)
        assert found.repeated.count == 1
        assert {count: (one.count, one.total) for count, one in found.by_count.items()} == {
            "too few": (0, 2),
            "equal": (1, 1),
            "too many": (1, 1),
        }
        assert 0 < found.bleu < 100
        assert "version:" in found.bleu_signature

    def test_the_gold_questions_have_a_bleu_of_100(self) -> None:
        (found,) = analyse([solution(at, SAME) for at in range(3)]).decompositions
        assert found.bleu == pytest.approx(100)

    def test_the_questions_of_an_oracle_are_not_measured(self) -> None:
        assert analyse(cast([SAME], decomposer="gold")).decompositions == ()

    def test_plans_of_a_planner_and_of_gold_are_apart(self) -> None:
        trace = tuple(Exchange(role=role, prompt="", reply="") for role in ("planner", "decomposer", "solver"))
        own = [one.model_copy(update={"trace": trace}) for one in alone()]
        gold = [one.model_copy(update={"trace": trace}) for one in cast([SAME], planner="gold")]
        planned = [(one.author, one.planned) for one in analyse([*own, *gold]).decompositions]
        assert planned == [("s", "planner"), ("s (planner=gold)", "gold")]

    @pytest.mark.parametrize(
        "replies", [["How many hens? **", "How many eggs? **"], ["How many hens?\nHow many eggs?"]]
    )
    def test_what_was_asked_before_it_came_to_no_answer_counts(self, replies: list[str]) -> None:
        trace = tuple(Exchange(role="decomposer", prompt="", reply=reply) for reply in replies)
        assert subquestions(solution(1, "", trace=trace)) == ("How many hens?", "How many eggs?")

    def test_a_likeness_of_ones_choice_is_taken(self) -> None:
        (found,) = analyse(alone(), lambda texts, references: float(len(set(texts) & set(references)))).decompositions
        assert found.bertscore == 1.0


class TestTables:
    def test_nothing_known_is_nothing_told(self) -> None:
        bare = Solution(problem=Problem(id="1", question="?", answer="1"), scheme="answer", author="s", answer="2")
        assert markdown(analyse([bare])) == ""
        assert rows(analyse([])) == {}

    def test_bench_prints_every_section_and_writes_its_rows(self, tmp_path: Path) -> None:
        jsonl.write_all(tmp_path / "s.jsonl", [*alone(), *cast([SAME, LESS, SAME, LESS], decomposer="gold")])
        done = socratic("bench", tmp_path / "s.jsonl", "-o", tmp_path / "scores")
        assert done.code == 0, done.err
        assert "| socratic | - | gold | s | 50.0% (2/4) | 15.0% - 85.0% |" in done.out
        assert "| socratic | s | gold as decomposer | 50.0% (1/2) | 50.0% (1/2) |" in done.out
        assert "| socratic | s | none | 25.0% (1/4) | 0.62 |" in done.out
        # Without the blank line before it a table is none, in Markdown.
        assert "\n\nFirst wrong step by kind (solutions):\n\n| scheme |" in (tmp_path / "scores/table.md").read_text()
        with (tmp_path / "scores/subquestions.csv").open() as file:
            (row,) = csv.DictReader(file)
        assert (row["same_count_count"], row["accuracy_too_few_total"]) == ("1", "2")
        written = {path.stem for path in (tmp_path / "scores").glob("*.csv")}
        of_the_evaluation = {"scores", "comparisons", "passes", "slices", "leaks"}
        assert written == {"pairings", "culprits", "faults", "steps", "subquestions"} | of_the_evaluation

    def test_solve_names_an_oracle_so_that_bench_can_tell_it(self, tmp_path: Path) -> None:
        own = socratic(
            "annotate", "arithmetic:2/train", "--limit", "4", "-o", "a.jsonl", "--scheme", "socratic", cwd=tmp_path
        )
        assert own.code == 0, own.err
        assert socratic("train", "a.jsonl", "-o", "s", "--student", "parrot", cwd=tmp_path).code == 0
        for name, more in (("own", ()), ("gold", ("--oracle", "decomposer"))):
            solved = socratic(
                "solve", "s", "arithmetic:2/train", "--limit", "4", "-o", f"{name}.jsonl", *more, cwd=tmp_path
            )
            assert solved.code == 0, solved.err
        done = socratic("bench", "own.jsonl", "gold.jsonl", cwd=tmp_path)
        assert "| gold | s | 100.0% (4/4) |" in done.out, done.out + done.err


class TestBertscore:
    def test_a_missing_package_is_a_sentence(self, tmp_path: Path) -> None:
        jsonl.write_all(tmp_path / "s.jsonl", alone())
        (tmp_path / "bert_score.py").write_text("raise ImportError")
        done = socratic("bench", tmp_path / "s.jsonl", "--bertscore", PYTHONPATH=str(tmp_path))
        assert (done.code, done.out) == (2, "")
        assert "pip install bert-score" in done.err
        assert "Traceback" not in done.err

    def test_an_unknown_model_is_a_sentence(self, tmp_path: Path) -> None:
        pytest.importorskip("bert_score")
        with pytest.raises(UsageError, match="nothing cannot be loaded"):
            bertscore(str(tmp_path / "nothing"))

    def test_a_local_encoder_finds_the_same_most_alike(self, tmp_path: Path) -> None:
        pytest.importorskip("bert_score")
        similarity = bertscore(bert(tmp_path))
        same, less = (analyse([solution(1, text)], similarity).decompositions[0].bertscore for text in (SAME, LESS))
        assert same == pytest.approx(1, abs=1e-5)
        assert less is not None
        assert less < 0.99
        assert "| BERTScore |" in markdown(analyse([solution(1, SAME)], similarity))
