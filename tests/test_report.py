"""The report of a benchmark: its tables, figures and files, and what its page holds. The page at work: see
test_report_page."""

from __future__ import annotations

import base64
import csv
import gzip
import json
import random
import re
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from socratic_cli import sources
from socratic_cli.errors import OutputError
from socratic_cli.records import Exchange, Problem, Solution, Step, Usage
from socratic_cli.report import Column, Fault, Findings, Table, curves, write
from socratic_cli.report.figures import drawings
from socratic_cli.report.losses import smoothed
from socratic_cli.report.marks import gold_of, marked, result
from socratic_cli.report.matrix import comparisons, matrix
from socratic_cli.report.model import Share
from socratic_cli.report.page import page
from socratic_cli.report.payload import payload
from socratic_cli.report.plots import pooled
from socratic_cli.report.tables import tables
from socratic_cli.stages.bench import bench
from tests import plausible
from tests.command import socratic
from tests.gathering import gather

EGGS = Problem(
    id="eggs",
    question="Ann has 3 hens and buys 2. Each lays 4 eggs. How many eggs?",
    answer="20",
    steps=(
        Step(subquestion="How many hens?", solution="3+2 = <<3+2=5>>5 hens"),
        Step(subquestion="How many eggs?", solution="5*4 = <<5*4=20>>20 eggs"),
    ),
)
PLAIN = EGGS.model_copy(update={"id": "plain", "steps": ()})
HOSTILE = '</script><img src=x onerror="window.struck=1"><b>bold</b>{{ 7*7 }}'


def solution(problem: Problem = EGGS, author: str = "s", answer: str | None = "20", **fields: Any) -> Solution:
    return Solution(problem=problem, scheme=fields.pop("scheme", "cot"), author=author, answer=answer, **fields)


def shown(findings: Findings, max_bytes: int = 10**8) -> dict[str, Any]:
    """Return what the page's browser reads."""
    packed, _ = payload(findings, max_bytes)
    data: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed)))
    return data


def table(findings: Findings, name: str) -> Table:
    return next(one for one in tables(findings) if one.name == name)


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return list(islice(sources.resolve("arithmetic:2-5/test", limit=60), 60))


@pytest.fixture(scope="module")
def found(problems: list[Problem], tmp_path_factory: pytest.TempPathFactory) -> tuple[Findings, Path]:
    """Findings of three arms, and the folder of their report."""
    folder = tmp_path_factory.mktemp("report")
    written = list(plausible.solutions(problems, arms=3))
    metrics = folder / "metrics.jsonl"
    metrics.write_text("".join(json.dumps({"role": "solver", "step": at, "loss": 1 / at}) + "\n" for at in (1, 2, 3)))
    findings = gather(written, fault_of=plausible.fault_of, curves=curves("cot", metrics))
    write(findings, folder / "out")
    return findings, folder / "out"


class TestMarks:
    def test_a_result_is_that_of_the_last_calculation_else_the_last_number(self) -> None:
        assert result("3+2 = <<3+2=5>>5, times 4 is <<5*4=20>>20 eggs in 7 days") == 20
        assert result("So he has 1,200.5 left") == Fraction("1200.5")
        assert result("Nothing is left") is None

    def test_steps_are_looked_up_in_gold_and_their_arithmetic_is_worked_out(self) -> None:
        steps = [Step(solution=text) for text in ("3+2 = 5", "5*4 = 21", "5+4 = 9", "No number")]
        right, slipped, elsewhere, silent = marked(gold_of(EGGS), steps)
        assert right == ((), "in-gold")
        assert slipped == (("5*4=21 (20)",), "not-in-gold")
        assert elsewhere == ((), "not-in-gold")
        assert silent == ((), None)

    def test_without_gold_steps_another_result_is_no_fault(self) -> None:
        first, last = marked(gold_of(PLAIN), [Step(solution="3+2 = 5"), Step(solution="5*4 = 20")])
        assert (first.found, last.found) == (None, "in-gold")


class TestFindings:
    def test_accuracy_is_what_bench_says(self, found: tuple[Findings, Path], problems: list[Problem]) -> None:
        scores = bench(plausible.solutions(problems, arms=3))
        arms = found[0].arms
        assert [arm.authors for arm in arms] == [(score.author,) for score in scores]
        for arm, score in zip(arms, scores, strict=True):
            assert (arm.share.correct, arm.share.low, arm.share.high) == (score.correct, score.low, score.high)
            assert {str(steps): share.correct for steps, share in arm.by_steps.items()} == {
                steps: share.correct for steps, share in score.by_steps.items()
            }

    def test_unanswered_is_a_state_of_its_own_with_its_reasons(self) -> None:
        findings = gather([solution(answer=None, unanswered="truncated"), solution(PLAIN, answer=None)])
        assert findings.arms[0].unanswered == {"truncated": 1, "no reason given": 1}
        assert [attempt["outcome"] for attempt in shown(findings)["attempts"][0]] == ["unanswered"] * 2
        assert table(findings, "unanswered").rows == ((0, 1, 1),)

    def test_arms_are_named_by_what_tells_them_apart(self) -> None:
        by_author = gather([solution(author="a"), solution(author="b")])
        by_scheme = gather([solution(scheme="cot"), solution(scheme="answer")])
        by_both = gather([solution(author="a"), solution(author="b"), solution(author="a", scheme="answer")])
        assert [arm.name for arm in by_author.arms] == ["a", "b"]
        assert [arm.name for arm in by_scheme.arms] == ["s (cot)", "s (answer)"]
        assert [arm.name for arm in by_both.arms] == ["a (cot)", "b", "a (answer)"]

    def test_an_arm_without_a_problem_has_no_attempt_at_it(self) -> None:
        findings = gather([solution(author="a"), solution(author="b"), solution(PLAIN, author="b")])
        assert shown(findings)["attempts"][0][1] is None
        assert matrix(findings)[0][1].problems == 1

    def test_pairs_count_what_one_alone_solves(self) -> None:
        findings = gather(
            [
                *(solution(EGGS, author, answer) for author, answer in (("a", "20"), ("b", "7"))),
                *(solution(PLAIN, author, answer) for author, answer in (("a", None), ("b", "20"))),
            ]
        )
        assert matrix(findings)[0][1] == (2, 1, 1)
        assert comparisons(findings).rows == ((0, 1, 2, 0.0, 1, 1),)

    def test_cost_is_that_of_all_attempts_by_what_was_solved(self) -> None:
        usage = Usage(prompt_tokens=10, completion_tokens=30, cost=0.5)
        findings = gather([solution(usage=usage, seconds=2.0), solution(PLAIN, answer="7", usage=usage, seconds=4.0)])
        row = dict(
            zip((c.label for c in table(findings, "cost").columns), table(findings, "cost").rows[0], strict=True)
        )
        assert row["written per problem"] == 30
        assert row["written per solved problem"] == 60
        assert row["seconds per solved problem"] == 6
        assert row["dollars per solved problem"] == 1

    def test_what_was_not_measured_is_no_column_and_what_was_not_solved_has_no_cost(self) -> None:
        findings = gather([solution(answer="7", usage=Usage(completion_tokens=3)), solution(PLAIN, seconds=1.0)])
        labels = [column.label for column in table(findings, "cost").columns]
        assert not [label for label in labels if "seconds" in label or "dollars" in label]
        none_solved = gather([solution(answer="7", usage=Usage(completion_tokens=3))])
        assert table(none_solved, "cost").rows[0][-1] is None


class TestFiles:
    def test_everything_is_there(self, found: tuple[Findings, Path]) -> None:
        _, folder = found
        names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        figures = ("accuracy", "accuracy-by-steps", "accuracy-by-cost", "training")
        assert names == {
            *("report.html", "report.md", "outcomes.jsonl"),
            *(f"tables/{name}.csv" for name in ("scores", "unanswered", "accuracy-by-steps", "comparisons", "cost")),
            "tables/first-faults.csv",
            *(f"figures/{name}.{form}" for name in figures for form in ("svg", "pdf", "png")),
        }
        for path in folder.glob("figures/*"):
            head = {".svg": b"<?xml", ".pdf": b"%PDF", ".png": b"\x89PNG"}[path.suffix]
            assert path.read_bytes().startswith(head)

    def test_csv_holds_raw_numbers(self, found: tuple[Findings, Path]) -> None:
        findings, folder = found
        with (folder / "tables/scores.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        share = findings.arms[1].share
        assert rows[1]["arm"] == "answer"
        assert float(rows[1]["accuracy"]) == share.accuracy
        assert float(rows[1]["95% interval low"]) == share.low

    def test_outcomes_are_one_line_a_problem(self, found: tuple[Findings, Path]) -> None:
        findings, folder = found
        lines = [json.loads(line) for line in (folder / "outcomes.jsonl").read_text().splitlines()]
        assert len(lines) == len(findings.cases)
        correct = sum(line["runs"]["cot"]["outcome"] == "correct" for line in lines)
        assert correct == findings.arms[2].share.correct

    def test_the_same_findings_are_the_same_files(self, found: tuple[Findings, Path], tmp_path: Path) -> None:
        findings, folder = found
        write(findings, tmp_path)
        for path in folder.rglob("*"):
            if path.is_file():
                assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name

    def test_markdown_survives_a_name_with_a_bar(self, tmp_path: Path) -> None:
        write(gather([solution(author="a|b\nc"), solution(author="d")]), tmp_path)
        row = next(line for line in (tmp_path / "report.md").read_text().splitlines() if "a\\|b c" in line)
        assert len(re.findall(r"(?<!\\)\|", row)) == 8

    def test_a_folder_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "taken").write_text("")
        with pytest.raises(OutputError, match="cannot be written"):
            write(gather([solution()]), tmp_path / "taken")


class TestPage:
    def test_sections_without_data_are_left_out(self) -> None:
        text = page(gather([solution(PLAIN)]))
        assert re.findall(r'<section id="(\w+)"', text) == ["scores", "problems"]

    def test_tables_made_elsewhere_stand_in_their_section_and_replace_ours(self) -> None:
        columns = (Column("arm", "arm"), Column("solver"), Column("difference", "points"), Column("p", "p"))
        rows = ((0, "strong", -0.0625, 0.0004), (1, "own", None, 0.5))
        given = Table("comparisons", "comparisons", "Whose fault it is.", columns, rows)
        culprit = Table("culprit", "faults", "Gold or own decomposer.", columns, rows)
        findings = replace(gather([solution(author="a"), solution(author="b")]), tables=(given, culprit))
        text = page(findings)
        assert [one.name for one in tables(findings)] == ["scores", "accuracy-by-steps", "comparisons", "culprit"]
        assert "Whose fault it is." in text
        assert "Gold or own decomposer." in text
        assert "\N{MINUS SIGN}6.2" in text
        assert "&lt; 0.001" in text

    def test_the_page_asks_nothing_of_the_network(self, found: tuple[Findings, Path]) -> None:
        text = (found[1] / "report.html").read_text(encoding="utf-8")
        assert "default-src 'none'" in text
        addresses = set(re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"'\s>)]+)""", text))
        assert {address for address in addresses if not address.startswith(("#", "data:"))} <= {"x"}
        assert set(re.findall(r"https?://[^\s\"'<>]+", text)) <= {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
        }

    def test_no_name_is_there_twice(self, found: tuple[Findings, Path]) -> None:
        names = re.findall(r'\bid="([^"]+)"', (found[1] / "report.html").read_text(encoding="utf-8"))
        assert len(names) == len(set(names))

    def test_what_a_model_wrote_is_escaped_wherever_it_stands(self) -> None:
        problem = EGGS.model_copy(update={"id": HOSTILE, "question": HOSTILE})
        hostile = solution(problem, HOSTILE, HOSTILE, scheme=HOSTILE, steps=(Step(solution=HOSTILE),))
        odd = Table("odd", "faults", HOSTILE, (Column(HOSTILE), Column("arm", "arm")), ((HOSTILE, 0),))
        text = page(gather([hostile, solution()], tables=[odd]))
        assert "onerror=&#34;" in text
        assert "<img" not in text
        assert "49" not in re.sub(r'(?s)<script id="data".*?</script>|<svg.*?</svg>|<style>.*?</style>', "", text)
        assert text.count("</script>") == 2

    def test_no_script_writes_markup(self) -> None:
        folder = Path(__file__).parent.parent / "socratic_cli/report/templates"
        scripts = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.js"))
        assert "replaceChildren" in scripts
        forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(|fetch\(|import\("
        assert re.findall(forbidden, scripts) == []


class TestPayload:
    def test_steps_come_with_their_marks_and_the_first_fault(self) -> None:
        steps = (Step(subquestion="How many hens?", solution="3+2 = 6"), Step(solution="6*4 = 24"))
        findings = gather([solution(answer="24", steps=steps)], fault_of=lambda _: Fault("slip", 0))
        (attempt,) = shown(findings)["attempts"][0]
        assert attempt["steps"] == [
            {"ask": "How many hens?", "text": "3+2 = 6", "found": "not-in-gold", "slips": ["3+2=6 (5)"]},
            {"text": "6*4 = 24", "found": "not-in-gold"},
        ]
        assert (attempt["fault"], attempt["at"]) == ("slip", 0)

    def test_a_reply_without_steps_is_shown_as_it_came(self) -> None:
        trace = (
            Exchange(role="planner", prompt="Plan:", reply=" 3+2"),
            Exchange(role="solver", prompt="Answer:", reply="so so so", finish_reason="length"),
        )
        (attempt,) = shown(gather([solution(answer=None, trace=trace)]))["attempts"][0]
        assert attempt["plan"] == "3+2"
        assert attempt["replies"] == [["solver", "so so so"]]

    def test_a_reply_that_goes_on_and_on_is_cut_and_says_so(self) -> None:
        (attempt,) = shown(gather([solution(steps=(Step(solution="so " * 10_000),) * 100)]))["attempts"][0]
        assert attempt["steps"][0]["text"].endswith("26,000 more characters]")
        assert (len(attempt["steps"]), attempt["more"]) == (64, 36)

    def test_what_does_not_fit_is_sampled_evenly_and_the_page_says_so(self, problems: list[Problem]) -> None:
        findings = gather(plausible.solutions(problems, arms=2))
        whole = len(base64.b64decode(payload(findings)[0]))
        packed, held = payload(findings, whole // 3)
        assert len(base64.b64decode(packed)) <= whole // 3
        ids = [problem["id"] for problem in shown(findings, whole // 3)["problems"]]
        assert len(ids) == held
        stride = -(-len(problems) // held)
        assert ids == [problem.id for problem in problems[::stride]]


class TestFigures:
    def test_few_long_problems_are_one_point(self) -> None:
        by_steps = {steps: Share(1, count, 0, 1) for steps, count in {2: 300, 7: 40, 8: 20, 9: 2, 11: 1}.items()}
        points = pooled(by_steps)
        assert list(points) == ["2", "7", "8+"]
        assert (points["8+"].correct, points["8+"].problems) == (3, 23)

    def test_a_small_benchmark_keeps_its_points(self) -> None:
        assert list(pooled({2: Share(1, 3, 0, 1)})) == ["2"]
        assert list(pooled({2: Share(1, 50, 0, 1), 3: Share(1, 50, 0, 1)})) == ["2", "3"]

    def test_smoothing_keeps_the_mean(self) -> None:
        chance = random.Random(0)
        points = [(step, chance.random()) for step in range(1, 1201)]
        steps, values = smoothed(points)
        assert len(steps) <= 300
        assert sum(values) / len(values) == pytest.approx(sum(value for _, value in points) / 1200)

    def test_curves_pass_over_torn_lines_and_losses_that_are_none(self, tmp_path: Path) -> None:
        path = tmp_path / "metrics.jsonl"
        lines = ['{"role": "solver", "step": 1, "loss": 2.0, "held_out_loss": 2.5}', '{"role": "solver", "step": 2, ']
        path.write_text("\n".join([lines[0], '{"role": "solver", "step": 2, "loss": NaN}', lines[1]]))
        assert [(curve.measure, curve.points) for curve in curves("s", path)] == [
            ("training loss", ((1, 2.0),)),
            ("held-out loss", ((1, 2.5),)),
        ]
        assert curves("s", tmp_path / "none.jsonl") == []

    def test_a_name_with_a_dollar_is_no_formula(self) -> None:
        findings = gather([solution(author="$x_1$ & <y>"), solution(author="b" * 200)])
        assert [drawing.name for drawing in drawings(findings)] == ["accuracy"]
        assert "$x_1$ &amp; &lt;y&gt;" in page(findings)


def test_bench_writes_the_report_with_the_curves_of_its_students(tmp_path: Path) -> None:
    line = EGGS.model_dump_json()
    annotated = socratic("annotate", "-", stdin=line)
    student = tmp_path / "student"
    assert socratic("train", "-", "-o", student, "--student", "parrot", stdin=annotated.out).code == 0
    (student / "metrics.jsonl").write_text('{"role": "solver", "step": 1, "loss": 0.5}\n')
    (tmp_path / "problems.jsonl").write_text(line)
    done = socratic("bench", student, "--problems", tmp_path / "problems.jsonl", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    text = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    told = ["scores", "steps", "faults", "decomposers", "cost", "training", "leaks", "problems"]  # it learnt this one
    assert re.findall(r'<section id="(\w+)"', text) == told
    assert (tmp_path / "out/figures/training.svg").is_file()
