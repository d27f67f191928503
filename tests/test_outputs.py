"""What an output holds is neither lost before there is something instead, nor mixed with what is not of its kind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from socratic_cli.errors import InputError
from socratic_cli.jobs.paths import Care
from socratic_cli.jsonl import Writer
from socratic_cli.parts import Teacher
from socratic_cli.plugins import load
from socratic_cli.recipe import Source
from socratic_cli.run.data import Data
from socratic_cli.settings import Asking
from tests.command import COMMAND, socratic
from tests.server import Server, serving

PROBLEM = {"id": "1", "question": "Ann has 3 hens and buys 2. How many?", "answer": "3+2 = <<3+2=5>>5\n#### 5"}
OTHER = {"id": "2", "question": "Ben has 4 hens and buys 2. How many?", "answer": "4+2 = <<4+2=6>>6\n#### 6"}
LINE = '{"an": "earlier line"}\n'


def text(*problems: dict[str, Any]) -> str:
    return "".join(json.dumps(problem) + "\n" for problem in problems)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with problems, their annotations, and a parrot that learnt them."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "problems.jsonl").write_text(text(PROBLEM, OTHER))
    annotated = socratic("annotate", "problems.jsonl", "--scheme", "cot", "-o", "annotations.jsonl", cwd=folder)
    assert annotated.code == 0, annotated.err
    trained = socratic("train", "annotations.jsonl", "-o", "s", "--student", "parrot", cwd=folder)
    assert trained.code == 0, trained.err
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Return a copy of it, to be worked in."""
    return Path(shutil.copytree(made, tmp_path / "work"))


class TestReplacing:
    def test_the_first_line_replaces_what_was_there(self, tmp_path: Path) -> None:
        path = tmp_path / "lines.jsonl"
        path.write_text(LINE)
        with Writer(path, anew=True) as writer:
            assert path.read_text() == LINE
            writer.write({"a": 1})
            writer.write({"a": 2})
        assert path.read_text() == '{"a": 1}\n{"a": 2}\n'

    def test_a_run_that_fails_before_it_leaves_all(self, tmp_path: Path) -> None:
        path = tmp_path / "lines.jsonl"
        path.write_text(LINE)
        with pytest.raises(KeyboardInterrupt), Writer(path, anew=True):
            raise KeyboardInterrupt
        assert path.read_text() == LINE

    def test_a_run_that_finds_nothing_leaves_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "lines.jsonl"
        path.write_text(LINE)
        with Writer(path, anew=True):
            pass
        assert path.read_text() == ""

    @pytest.mark.parametrize(
        ("words", "code", "told"),
        [
            (("--teacher", "litellm:openai/gpt-4.1-mini"), 1, "OPENAI_API_KEY"),
            (("--exemplars", "none.jsonl"), 2, "none.jsonl"),
            (("--offset", "2"), 1, "offset 2 passes over all of problems.jsonl: it has 2 problems"),
        ],
    )
    def test_an_annotation_that_cannot_begin(self, folder: Path, words: tuple[str, ...], code: int, told: str) -> None:
        before = (folder / "annotations.jsonl").read_bytes()
        again = ("annotate", "problems.jsonl", "--scheme", "cot", "-o", "annotations.jsonl", "--overwrite")
        done = socratic(*again, *words, cwd=folder, OPENAI_API_KEY="")
        assert (done.code, told in done.err) == (code, True), done.err
        assert (folder / "annotations.jsonl").read_bytes() == before

    def test_a_solving_that_cannot_begin(self, folder: Path) -> None:
        solve = ("solve", "s", "problems.jsonl", "-o", "solved.jsonl")
        assert socratic(*solve, cwd=folder).code == 0
        before = (folder / "solved.jsonl").read_bytes()
        assert socratic(*solve, "--overwrite", "--offset", "9", cwd=folder).code == 1
        (folder / "s/solver/passages.jsonl").unlink()
        done = socratic(*solve, "--overwrite", cwd=folder)
        assert (done.code, "there is no */passages.jsonl" in done.err) == (1, True)
        assert (folder / "solved.jsonl").read_bytes() == before

    def test_both_at_once_are_refused(self, folder: Path) -> None:
        for verb in (("annotate", "problems.jsonl", "--scheme", "cot"), ("solve", "s", "problems.jsonl")):
            done = socratic(*verb, "-o", "o.jsonl", "--resume", "--overwrite", cwd=folder)
            assert done.code == 2
            assert "leave one of them out" in done.err
        assert not (folder / "o.jsonl").exists()


class TestGoingOn:
    @pytest.fixture
    def solved(self, folder: Path) -> Path:
        done = socratic("solve", "s", "problems.jsonl", "-o", "solved.jsonl", "--limit", "1", cwd=folder)
        assert done.code == 0, done.err
        return folder

    def again(self, folder: Path, *words: str, student: str = "s") -> Any:
        return socratic("solve", student, "problems.jsonl", "-o", "solved.jsonl", "--resume", *words, cwd=folder)

    def test_the_same_run_goes_on(self, solved: Path) -> None:
        done = self.again(solved)
        assert done.code == 0, done.err
        assert "1 were done before" in done.err
        assert [line["decoding"] for line in lines(solved / "solved.jsonl")] == [{}, {}]

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("--temperature", "0.7"), "decoding was as by default, and is temperature=0.7 now"),
            (("--oracle", "solver"), "the author was s, and is s (solver=gold) now"),
        ],
    )
    def test_not_with_another_way_to_solve(self, solved: Path, words: tuple[str, ...], told: str) -> None:
        before = (solved / "solved.jsonl").read_bytes()
        done = self.again(solved, *words)
        assert done.code == 2
        assert f"solved.jsonl:1: {told}" in done.err
        assert (solved / "solved.jsonl").read_bytes() == before

    def test_not_with_another_student(self, solved: Path) -> None:
        shutil.copytree(solved / "s", solved / "t")
        done = self.again(solved, student="t")
        assert done.code == 2
        assert "the author was s, and is t now" in done.err

    def test_not_with_a_student_that_was_trained_anew(self, solved: Path) -> None:
        train = ("train", "annotations.jsonl", "-o", "s", "--student", "parrot", "--overwrite", "--seed", "1")
        assert socratic(*train, cwd=solved).code == 0
        done = self.again(solved)
        assert done.code == 2
        assert "the fingerprint of its author was" in done.err

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"question": "Ann has 8 hens and buys 2. How many?"}, "another question under the id '1'"),
            ({"answer": "3+3 = <<3+3=6>>6\n#### 6"}, "another gold answer under the id '1'"),
        ],
    )
    def test_not_with_another_problem_of_that_id(self, solved: Path, change: dict[str, str], told: str) -> None:
        (solved / "problems.jsonl").write_text(text({**PROBLEM, **change}, OTHER))
        done = self.again(solved)
        assert done.code == 2
        assert f"solved.jsonl holds {told}" in done.err
        assert done.err.count("--overwrite") == 1

    def test_more_chains_are_added_to_those_that_are_kept(self, folder: Path) -> None:
        sample = ("solve", "s", "problems.jsonl", "-o", "kept.jsonl", "--keep-samples", "--temperature", "0.7")
        assert socratic(*sample, "--samples", "2", cwd=folder).code == 0
        done = socratic(*sample, "--samples", "3", "--resume", cwd=folder)
        assert done.code == 0, done.err
        assert sorted(line.get("sample", 0) for line in lines(folder / "kept.jsonl")) == [0, 0, 1, 1, 2, 2]

    def test_a_mended_gold_answer_is_not_done_in_an_annotation(self, folder: Path) -> None:
        mended = {**PROBLEM, "answer": "3+2 = <<3+2=5>>5\n#### 6"}
        (folder / "problems.jsonl").write_text(text(mended, OTHER))
        done = socratic("annotate", "problems.jsonl", "--scheme", "cot", "-o", "annotations.jsonl", cwd=folder)
        assert done.code == 2
        assert "another gold answer under the id '1'" in done.err
        assert "--reparse" in done.err

    def test_solutions_of_other_problems_are_told(self, solved: Path) -> None:
        done = self.again(solved, "--offset", "1")
        assert done.code == 0
        assert "the output holds 1 solutions of other problems as well" in done.err


class TestBench:
    bench = ("bench", "s", "--problems", "problems.jsonl", "-o", "scores")

    def test_a_score_is_of_the_problems_that_are_named(self, folder: Path) -> None:
        assert socratic(*self.bench, cwd=folder).code == 0
        card = (folder / "s/README.md").read_bytes()
        done = socratic(*self.bench, "--resume", "--limit", "1", "--card", cwd=folder)
        assert done.code == 2
        assert "holds 1 solutions of problems that are not among these" in done.err
        assert (folder / "s/README.md").read_bytes() == card

    def test_an_evaluation_is_not_replaced_unasked(self, folder: Path) -> None:
        assert socratic(*self.bench, cwd=folder).code == 0
        before = {path: path.read_bytes() for path in (folder / "scores").iterdir() if path.is_file()}
        other = ("bench", "annotations.jsonl", "-o", "scores")
        done = socratic(*other, cwd=folder)
        assert done.code == 2
        assert "scores holds an evaluation: pass --overwrite" in done.err
        assert {path: path.read_bytes() for path in before} == before
        assert socratic(*other, "--overwrite", cwd=folder).code == 0
        assert "| gold |" in (folder / "scores/table.md").read_text().replace("| cot ", "")

    def test_what_an_earlier_one_wrote_is_taken_away_and_nothing_else(self, folder: Path) -> None:
        asked = ("annotate", "problems.jsonl", "--scheme", "answer", "-o", "answers.jsonl")
        assert socratic(*asked, cwd=folder).code == 0
        both = ("bench", "annotations.jsonl", "answers.jsonl", "-o", "scores", "--overwrite")
        assert socratic(*both, cwd=folder).code == 0
        before = {path.relative_to(folder) for path in (folder / "scores").rglob("*") if path.is_file()}
        mine = [folder / "scores" / name for name in ("figures/mine.svg", "tables/mine.csv", "notes.md")]
        for path in mine:
            path.write_text("mine")
        assert socratic("bench", "answers.jsonl", "-o", "scores", "--overwrite", cwd=folder).code == 0
        after = {path.relative_to(folder) for path in (folder / "scores").rglob("*") if path.is_file()}
        assert before - after  # tables of steps, which answers have not
        assert all(path.read_text() == "mine" for path in mine)

    @pytest.mark.parametrize("name", ["report.md", "figures/photo.png", "tables/mine.csv"])
    def test_a_folder_with_files_of_such_names_is_refused(self, folder: Path, name: str) -> None:
        path = folder / "paper" / name
        path.parent.mkdir(parents=True)
        path.write_text("mine")
        done = socratic("bench", "annotations.jsonl", "-o", "paper", cwd=folder)
        assert done.code == 2
        assert f"paper holds {name}, which is of no evaluation" in done.err
        assert path.read_text() == "mine"
        assert not (folder / "paper/evaluation.json").exists()

    def test_an_evaluation_is_not_written_over_itself(self, folder: Path) -> None:
        assert socratic(*self.bench, cwd=folder).code == 0
        before = (folder / "scores/report.html").read_bytes()
        done = socratic("bench", "scores", "-o", "scores/", "--overwrite", cwd=folder)
        assert done.code == 2
        assert "is the same file" in done.err
        assert (folder / "scores/report.html").read_bytes() == before

    def test_a_student_is_no_folder_for_scores(self, folder: Path) -> None:
        done = socratic("bench", "annotations.jsonl", "-o", "s", cwd=folder)
        assert done.code == 2
        assert "s is a student, and an evaluation would replace its scores" in done.err
        assert not (folder / "s/evaluation.json").exists()

    def test_what_students_take_is_refused_for_files(self, folder: Path) -> None:
        done = socratic("bench", "annotations.jsonl", "--limit", "1", "--temperature", "0.7", cwd=folder)
        assert done.code == 2
        assert "annotations.jsonl is no student and is scored as it is, whole: leave --limit" in done.err
        assert "--temperature out" in done.err
        # what the shell says is for every command
        assert socratic("bench", "annotations.jsonl", cwd=folder, SOCRATIC_BENCH_LIMIT="1").code == 0

    def test_a_feature_that_no_problem_has_is_told(self, folder: Path) -> None:
        done = socratic("bench", "annotations.jsonl", "--by", "stepps,operations", cwd=folder)
        assert done.code == 0
        assert "nothing is sliced by 'stepps'" in done.err
        assert "Did you mean 'steps'?" in done.err
        assert "'operations'" not in done.err


class TestPlacesThatCannotBeWritten:
    @pytest.mark.parametrize(
        "words",
        [
            ("bench", "annotations.jsonl", "-o", "problems.jsonl"),
            ("bench", "annotations.jsonl", "-o", "problems.jsonl/below"),
            ("run", "recipe.yaml", "-o", "problems.jsonl"),
        ],
    )
    def test_a_folder_that_is_a_file(self, folder: Path, words: tuple[str, ...]) -> None:
        recipe = "{train: problems.jsonl, test: problems.jsonl, students: [parrot], arms: {cot: cot}}\n"
        (folder / "recipe.yaml").write_text(recipe)
        done = socratic(*words, cwd=folder)
        assert done.code == 2
        assert done.err.splitlines()[-1].startswith("error: problems.jsonl")
        assert "Traceback" not in done.err

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    @pytest.mark.parametrize("verb", [("bench", "annotations.jsonl"), ("solve", "s", "problems.jsonl")])
    def test_a_full_disk_behind_standard_output(self, folder: Path, verb: tuple[str, ...]) -> None:
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [*COMMAND, *verb], cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert done.returncode == 2
        assert "cannot be written: No space left on device" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_locale_without_the_letters(self, folder: Path) -> None:
        problem = {**PROBLEM, "metadata": {"type": "Größe ½"}}
        (folder / "problems.jsonl").write_text(text(problem, {**OTHER, "metadata": {"type": "π"}}))
        environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
        annotate = ("annotate", "problems.jsonl", "--scheme", "cot", "-o", "a.jsonl")
        assert socratic(*annotate, cwd=folder, PYTHONIOENCODING="ascii").code == 0
        done = subprocess.run(
            [*COMMAND, "bench", "a.jsonl", "--by", "type"],
            cwd=folder,
            env=environment,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Größe ½" in done.stdout.decode()


def test_a_student_without_its_fingerprints_is_told(folder: Path) -> None:
    (folder / "s/trained-on.txt").unlink()
    done = socratic("solve", "s", "problems.jsonl", cwd=folder)
    assert done.code == 1
    assert "s/trained-on.txt cannot be read (No such file or directory)" in done.err
    assert "Copy the whole folder" in done.err


def test_an_infinity_is_no_setting(folder: Path) -> None:
    done = socratic("train", "annotations.jsonl", "-o", "t", "--student", "parrot", "--epochs", "inf", cwd=folder)
    assert done.code == 2
    assert "--epochs: input should be a finite number" in done.err


def test_lines_can_be_passed_over_only_where_there_is_an_option_for_it(folder: Path) -> None:
    (folder / "broken.jsonl").write_text("{oops\n")
    for verb in (("annotate", "broken.jsonl", "--scheme", "cot"), ("bench", "broken.jsonl")):
        assert "or pass --skip-invalid to set such lines aside" in socratic(*verb, cwd=folder).err
    words = ("annotate", "problems.jsonl", "--scheme", "cot", "--teacher", "recorded:broken.jsonl")
    done = socratic(*words, cwd=folder)
    assert done.code == 1
    assert "broken.jsonl:1" in done.err
    assert "--skip-invalid" not in done.err


class TestPaidReplies:
    """What a service was paid for is in the output, or asked for again; never neither."""

    @staticmethod
    def annotate(folder: Path, server: Server, *words: str, options: str = "temperature=0.7") -> Any:
        teacher = f"litellm:openai/m {options}"
        start = ("annotate", "problems.jsonl", "--scheme", "cot", "--teacher", teacher, "--api-base", server.url)
        return socratic(*start, "-o", "paid.jsonl", *words, cwd=folder, OPENAI_API_KEY="sk-none")

    def test_a_sample_is_kept_whose_number_a_rationalized_one_had(self, folder: Path) -> None:
        ignorant = [True]
        with serving(lambda sent: "3+9 = 12.\n#### 12" if ignorant[0] else right(sent)) as server:
            assert self.annotate(folder, server, "--until-correct", "2", "--rationalize").code == 0
            ignorant[0], asked = False, len(server.requests)
            done = self.annotate(folder, server, "--until-correct", "4", "--rationalize")
            assert len(server.requests) == asked + 2
        assert "kept 2 of 2" in done.err
        assert sorted((line["problem"]["id"], line["sample"]) for line in lines(folder / "paid.jsonl")) == [
            ("1", 2),
            ("2", 2),
        ]

    def test_a_reparse_that_finds_no_reply_leaves_what_there_is(self, folder: Path) -> None:
        with serving(right) as server:
            assert self.annotate(folder, server).code == 0
            before = (folder / "paid.jsonl").read_bytes()
            done = self.annotate(folder, server, "--reparse", options="temperature=0.7 max_tokens=7")
        assert done.code == 2
        assert "none of the 2 problems has a stored reply" in done.err
        assert (folder / "paid.jsonl").read_bytes() == before

    def test_what_a_service_did_not_solve_is_solved_on_resume(self, folder: Path) -> None:
        solve = ("solve", "litellm:openai/m", "--scheme", "cot", "problems.jsonl", "-o", "solved.jsonl", "--resume")
        broken = [True]
        with serving(lambda sent: 400 if broken[0] and "Ben" in str(sent[-1]) else right(sent)) as server:
            first = socratic(*solve, "--api-base", server.url, cwd=folder, OPENAI_API_KEY="sk-none")
            assert first.code == 3
            broken[0], asked = False, len(server.requests)
            second = socratic(*solve, "--api-base", server.url, cwd=folder, OPENAI_API_KEY="sk-none")
            assert len(server.requests) == asked + 1
        assert second.code == 0
        assert [line["correct"] for line in lines(folder / "solved.jsonl")] == [True, True]

    def test_a_recipe_does_not_go_on_after_an_outage(self, folder: Path) -> None:
        def run(server: Server) -> Any:
            teacher = f"{{name: litellm, model: openai/m, api_base: '{server.url}'}}"
            text = f"{{train: problems.jsonl, test: problems.jsonl, teacher: {teacher}, students: [parrot]"
            (folder / "recipe.yaml").write_text(text + ", arms: {cot: cot}}\n")
            return socratic("run", "recipe.yaml", cwd=folder, OPENAI_API_KEY="sk-none")

        broken = [True]
        with serving(lambda sent: 400 if broken[0] and "Ben" in str(sent[-1]) else right(sent)) as server:
            first = run(server)
            assert first.code == 1
            assert "1 of 2 problems failed: runs/recipe/annotate/" in first.err
            assert "rejected.jsonl says why" in first.err
            broken[0] = False
            second = run(server)
        assert second.code == 0, second.err
        assert "| cot parrot | 2 | 2 | 100.0% |" in second.out


def right(messages: list[dict[str, str]]) -> str:
    """Reply rightly to the problem that stands last."""
    return "4+2 = 6.\n#### 6" if "Ben" in messages[-1]["content"] else "3+2 = 5.\n#### 5"


class TestTraining:
    def test_a_student_does_not_replace_what_it_is_made_from(self, folder: Path) -> None:
        inside = Path(shutil.copy(folder / "annotations.jsonl", folder / "s"))
        train = ("train", "s/annotations.jsonl", "-o", "s", "--student", "parrot", "--overwrite")
        done = socratic(*train, cwd=folder)
        assert done.code == 2
        assert "s/annotations.jsonl is in s, which the student would replace" in done.err
        assert inside.exists()
        base = ("train", "annotations.jsonl", "-o", "s", "--student", "huggingface:s/solver", "--overwrite")
        assert "s/solver is in s" in socratic(*base, cwd=folder).err

    def test_a_link_is_told_before_the_training(self, folder: Path) -> None:
        (folder / "link").symlink_to("s")
        train = ("train", "annotations.jsonl", "-o", "link", "--student", "parrot", "--overwrite")
        done = socratic(*train, cwd=folder)
        assert done.code == 2
        assert "link is a link: name the folder that it leads to" in done.err

    def test_bad_lines_alone_are_a_sentence(self, folder: Path) -> None:
        (folder / "bad.jsonl").write_text("{oops\n[1]\n")
        done = socratic("train", "bad.jsonl", "-o", "t", "--student", "parrot", "--skip-invalid", cwd=folder)
        assert done.code == 1
        assert "2 lines set aside" in done.err
        assert "error: no line of bad.jsonl is an annotation that can be read" in done.err


class TestRecipes:
    RECIPE = (
        "{train: problems.jsonl, test: problems.jsonl, students: [parrot], arms: {answer: answer, cot: cot, gold: "
        "{scheme: socratic, castings: [{decomposer: 'recorded:asks.jsonl question_field=q reply_field=r'}]}}}\n"
    )

    @pytest.fixture
    def prepared(self, folder: Path) -> Path:
        (folder / "recipe.yaml").write_text(self.RECIPE)
        asks = [{"q": problem["question"], "r": "How many?"} for problem in (PROBLEM, OTHER)]
        (folder / "asks.jsonl").write_text(text(*asks))
        return folder

    def test_another_file_of_a_casting_is_solved_anew(self, prepared: Path) -> None:
        def planned() -> set[str]:
            return set(socratic("run", "recipe.yaml", "--dry-run", cwd=prepared).out.splitlines())

        before = planned()
        assert before
        (prepared / "asks.jsonl").write_text(text({"q": PROBLEM["question"], "r": "How many hens?"}))
        assert sorted(line.split()[1] for line in planned() - before) == ["bench", "solve"]

    def test_a_mark_that_lost_its_content_is_no_mark(self, prepared: Path) -> None:
        run = ("run", "recipe.yaml", "--arm", "cot")
        assert socratic(*run, cwd=prepared).code == 0
        [mark] = (prepared / "runs/recipe/solve").glob("*/stage.json")
        for content in ("", "[1]", "{"):
            mark.write_text(content)
            done = socratic(*run, cwd=prepared)
            assert done.code == 0, done.err
            assert json.loads(mark.read_text())["solved"] == 2

    def test_the_manifest_knows_arms_that_were_run_before(self, prepared: Path) -> None:
        for arm in ("answer", "cot"):
            assert socratic("run", "recipe.yaml", "--arm", arm, cwd=prepared).code == 0
        stages = json.loads((prepared / "runs/recipe/manifest.json").read_text())["stages"]
        assert sum(name.startswith("solve/") for name in stages) == 2

    def test_of_stages_that_are_called_alike_the_last_is_the_recipe_s(self, prepared: Path) -> None:
        for rate in ("1e-3", "1e-4", "1e-3"):
            run = ("run", "recipe.yaml", "--arm", "cot", "--set", f"training.learning_rate={rate}")
            assert socratic(*run, cwd=prepared).code == 0
            planned = socratic(*run, "--dry-run", cwd=prepared).out.split()
            stages = json.loads((prepared / "runs/recipe/manifest.json").read_text())["stages"]
            last = {name.rpartition("-")[0]: name for name in stages if not name.startswith("bench/")}
            assert {f"runs/recipe/{name}" for name in last.values()} <= set(planned)
        assert len(stages) > len(last) + 1

    def test_problems_that_cannot_be_scored_are_told_before_anything_is_done(self, prepared: Path) -> None:
        (prepared / "problems.jsonl").write_text(text(PROBLEM, {**OTHER, "answer": None}))
        done = socratic("run", "recipe.yaml", cwd=prepared)
        assert done.code == 1
        assert "problems.jsonl: the problem '2' has no gold answer" in done.err
        assert not (prepared / "runs").exists()

    def test_problems_that_change_during_the_run_end_it(self, prepared: Path) -> None:
        path = prepared / "problems.jsonl"
        data = Data.of(Source(source=str(path)))
        assert len(list(data.problems())) == 2
        path.write_text(text(PROBLEM))
        with pytest.raises(InputError, match="changed while the run was using it"):
            list(data.problems())

    @pytest.mark.parametrize("name", ["data #2", "2024", "da: ta", "~"])
    def test_a_folder_of_data_may_have_any_name(self, folder: Path, name: str) -> None:
        place = folder / name / "gsm8k"
        place.mkdir(parents=True)
        for split in ("train", "test"):
            for kind in ("", "_socratic"):
                (place / f"{split}{kind}.jsonl").write_text(text(PROBLEM, OTHER))
        recipe = "{train: gsm8k/train, test: gsm8k/test, students: [parrot], arms: {cot: cot}}\n"
        (folder / "recipe.yaml").write_text(recipe)
        done = socratic("run", "recipe.yaml", "--data-dir", f"./{name}", "--dry-run", cwd=folder)
        assert done.code == 0, done.err


def test_every_option_has_a_name_in_the_environment(folder: Path) -> None:
    recipe = "{train: problems.jsonl, test: problems.jsonl, students: [parrot], arms: {cot: cot, answer: answer}}\n"
    (folder / "recipe.yaml").write_text(recipe)
    run = ("run", "recipe.yaml", "--dry-run")
    assert " answer " not in socratic(*run, cwd=folder, SOCRATIC_RUN_ARM="cot").out
    assert "unknown key 'oops'" in socratic(*run, cwd=folder, SOCRATIC_RUN_SET="oops=1").err
    refused = socratic("solve", "s", "problems.jsonl", cwd=folder, SOCRATIC_SOLVE_CONCURRENCY="none")
    assert "Invalid value for '--concurrency'" in refused.err


def test_rejected_annotations_are_no_solutions(folder: Path) -> None:
    (folder / "problems.jsonl").write_text(text({**PROBLEM, "answer": "5"}))
    socratic("annotate", "problems.jsonl", "--scheme", "cot", "-o", "a.jsonl", cwd=folder)
    done = socratic("bench", "a.rejected.jsonl", cwd=folder)
    assert done.code == 1
    assert "a.rejected.jsonl:1: this is a rejected annotation and no solution" in done.err


def test_what_no_reply_depends_on_does_not_name_the_file_of_replies(tmp_path: Path) -> None:
    def file(**options: Any) -> Path:
        return care.file(load(Teacher, {"name": "litellm", "model": "openai/m", **options}))

    care = Care(Asking(), tmp_path)
    first = file(input_price=1, output_price=2)
    assert first == file(input_price=1, output_price=3) == file(timeout=9)
    assert first != file(temperature=0.7)
    # an address of any length; two that begin alike are two
    long = [file(api_base=f"http://localhost/{'v' * 300}/{end}") for end in "ab"]
    assert long[0] != long[1]
    assert all(len(path.name) < 200 for path in long)
    # a run of before goes on with the replies that it has
    old = tmp_path / "litellm-openai-m-timeout=9.0.jsonl"
    old.touch()
    assert file(timeout=9) == old
