"""`socratic run`: stages in order, skipped when nothing changed, gone on with after a kill, and on record."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from socratic_cli import plugins
from socratic_cli.parts import Student
from socratic_cli.recipe import read
from tests.command import COMMAND, socratic
from tests.tiny import gpt2

RECIPES = Path(__file__).parent.parent / "recipes"

RECIPE = """\
name: small
train: {source: "arithmetic:2/train", limit: 6}
test: {source: "arithmetic:2/train", limit: 4}
students: [parrot]
training: {epochs: 1}
arms:
  answer: answer
  iterative: socratic ask=next
  plan: {scheme: socratic guidance=equations, seeds: [0, 1]}
  gold-plan: {scheme: socratic guidance=equations, castings: [{planner: gold}]}
"""


def recipe(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def states(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()]


def test_every_arm_is_scored_and_on_record(tmp_path: Path) -> None:
    done = socratic("run", recipe(tmp_path), cwd=tmp_path)
    assert done.code == 0, done.err
    rows = [line for line in done.out.splitlines() if "parrot" in line and "95%" not in line]
    assert [row.split("|")[2].strip() for row in rows[:6]] == [
        "answer parrot",
        "iterative parrot",
        "plan parrot seed=0",
        "plan parrot seed=1",
        "gold-plan parrot",
        "gold-plan parrot (planner=gold)",
    ]
    # It parrots what it was trained on, so it is right on its own training questions, and told of.
    assert all("100.0%" in row for row in rows[:6])
    # Two seeds are two runs of one arm, which is compared with the others as one.
    assert "| plan parrot | 2 | 100.0% |" in done.out
    assert "| plan parrot | iterative parrot | 4 | +0.0 |" in done.out
    assert "4 of 4 questions are in its training set" in done.err
    manifest = json.loads((tmp_path / "runs/small/manifest.json").read_text())
    assert manifest["recipe"]["training"]["epochs"] == 1
    assert manifest["packages"]["torch"]
    assert manifest["data"]["train"]["problems"] == 6
    assert len(manifest["data"]["test"]["sha256"]) == 64
    assert manifest["plugins"]["socratic-parrot"]
    assert manifest["machine"]["cpus"]
    assert all(stage["seconds"] >= 0 and stage["key"] for stage in manifest["stages"].values())
    [cost] = (tmp_path / "runs/small/bench").glob("*/tables/cost.csv")
    with cost.open(encoding="utf-8") as file:
        told = [float(row["seconds"]) for row in csv.DictReader(file)]
    took = [stage["seconds"] for name, stage in manifest["stages"].items() if name.startswith("solve/")]
    # The two seeds are one arm, which took the time of both.
    assert len(told) == 5
    assert sum(told) == pytest.approx(sum(took), abs=0.01)
    # Two annotations (the iterative scheme's arms share one), four students (gold-plan shares one).
    verbs = [name.split("/")[0] for name in manifest["stages"]]
    assert [verbs.count(verb) for verb in ("annotate", "train", "solve", "bench")] == [2, 4, 6, 1]


def test_finished_stages_are_skipped_until_something_changes(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    before = socratic("run", path, "--dry-run", cwd=tmp_path)
    assert set(states(before.out)) == {"todo"}
    assert not (tmp_path / "runs").exists()
    first = socratic("run", path, cwd=tmp_path)
    again = socratic("run", path, cwd=tmp_path)
    assert again.out == first.out
    assert again.err.count("(done before)") == 13
    assert set(states(socratic("run", path, "--dry-run", cwd=tmp_path).out)) == {"done"}
    # Another way of writing: what was learnt stays, solving and scoring are done anew.
    changed = socratic("run", path, "--dry-run", "--set", "decoding.max_new_tokens=9", cwd=tmp_path)
    assert states(changed.out).count("todo") == 7
    # Other problems: all anew.
    changed = socratic("run", path, "--dry-run", "--set", "train.limit=5", cwd=tmp_path)
    assert states(changed.out).count("done") == 0


def test_an_arm_may_learn_from_problems_of_its_own(tmp_path: Path, data_dir: Path) -> None:
    """The training size is then one more thing to compare arms by; --data-dir holds for these problems too."""
    text = RECIPE.partition("  iterative")[0] + "  fewer: {scheme: answer, train: {source: gsm8k/train, limit: 3}}\n"
    done = socratic("run", recipe(tmp_path, text), "--data-dir", data_dir, cwd=tmp_path)
    assert done.code == 0, done.err
    manifest = json.loads((tmp_path / "runs/small/manifest.json").read_text())
    assert {name: data["problems"] for name, data in manifest["data"].items()} == {
        "train": 6,
        "test": 4,
        "arms.fewer.train": 3,
    }
    kept = [stage["kept"] for name, stage in manifest["stages"].items() if name.startswith("annotate")]
    assert kept == [6, 3]
    assert "| fewer parrot | answer parrot | 4 | -100.0 |" in done.out


def test_arms_may_be_run_one_by_one_in_the_same_folder(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    one = socratic("run", path, "--arm", "iterative", cwd=tmp_path)
    assert one.code == 0, one.err
    assert "iterative parrot" in one.out
    assert "answer parrot" not in one.out
    whole = socratic("run", path, cwd=tmp_path)
    assert whole.err.count("(done before)") == 3  # annotated, trained and solved
    assert "answer parrot" in whole.out
    wrong = socratic("run", path, "--arm", "iterativ", cwd=tmp_path)
    assert wrong.code == 2
    assert "the recipe has no arm 'iterativ'. Did you mean 'iterative'?" in wrong.err


def test_changed_data_is_noticed(tmp_path: Path) -> None:
    problems = tmp_path / "mine.jsonl"
    problems.write_text('{"id": "1", "question": "1+1?", "answer": "It is 1+1 = <<1+1=2>>2.\\n#### 2"}\n')
    text = RECIPE.replace('"arithmetic:2/train"', f'"{problems}"').partition("  iterative")[0]
    path = recipe(tmp_path, text)
    assert socratic("run", path, cwd=tmp_path).code == 0
    problems.write_text(problems.read_text().replace("<<1+1=2>>2.", "<<1+1=2>>2!"))
    assert "done" not in socratic("run", path, "--dry-run", cwd=tmp_path).out


def test_a_changed_file_of_exemplars_is_noticed(tmp_path: Path) -> None:
    shown = tmp_path / "shown.jsonl"
    socratic("annotate", "arithmetic:2/train", "--limit", "3", "--scheme", "cot", "-o", shown)
    arms = f"  prompted: {{scheme: cot shots=2 exemplars={shown}, trained: false}}\n"
    path = recipe(tmp_path, RECIPE.partition("  answer")[0] + arms)
    first = socratic("run", path, cwd=tmp_path)
    assert first.code == 0, first.err
    assert states(socratic("run", path, "--dry-run", cwd=tmp_path).out) == ["done", "done"]
    shown.write_text("".join(shown.read_text().splitlines(keepends=True)[1:]))
    assert states(socratic("run", path, "--dry-run", cwd=tmp_path).out) == ["todo", "todo"]


def test_an_option_that_is_a_long_text_is_no_file() -> None:
    assert "x" * 999 in plugins.load(Student, "parrot", unknown="x" * 999).identity


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    process = subprocess.Popen([*COMMAND, "run", str(path)], cwd=tmp_path, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("runs/small/train/*/stage.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left = socratic("run", path, "--dry-run", cwd=tmp_path)
    assert {"done", "todo"} == set(states(left.out))
    done = socratic("run", path, cwd=tmp_path)
    assert done.code == 0
    assert done.err.count("(done before)") == states(left.out).count("done")
    assert done.out.count("| 4 | 100.0% |") == 6


def test_ctrl_c_is_told_what_stays_and_how_to_go_on(tmp_path: Path) -> None:
    text = (
        RECIPE.partition("  iterative")[0].replace("[parrot]", '["parrot delay=2"]').replace("limit: 4", "limit: 200")
    )
    path = recipe(tmp_path, text)
    process = subprocess.Popen([*COMMAND, "run", str(path)], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("solve:"):
            break
    process.send_signal(signal.SIGINT)
    assert "error: stopped: what is finished stays in runs/small, and the same command goes on" in process.stderr.read()
    assert process.wait() == 130
    assert states(socratic("run", path, "--dry-run", cwd=tmp_path).out).count("done") == 2


def test_a_half_written_stage_is_completed_not_repeated(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    socratic("run", path, cwd=tmp_path)
    solved = sorted(tmp_path.glob("runs/small/solve/answer-*"))[0]
    lines = (solved / "solutions.jsonl").read_bytes().splitlines(keepends=True)
    # As a kill leaves it: no mark, two whole lines and a torn one.
    (solved / "stage.json").unlink()
    (solved / "solutions.jsonl").write_bytes(b"".join(lines[:2]) + lines[2][:20])
    assert socratic("run", path, cwd=tmp_path).code == 0
    after = (solved / "solutions.jsonl").read_bytes().splitlines(keepends=True)
    assert after[:2] == lines[:2]
    assert sorted(after) == sorted(lines)


def test_a_faulty_recipe_ends_with_2_and_makes_nothing(tmp_path: Path) -> None:
    done = socratic("run", recipe(tmp_path, RECIPE.replace("epochs", "epoch")), cwd=tmp_path)
    assert done.code == 2
    assert "small.yaml:5" in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "runs").exists()


def test_missing_data_is_a_sentence(tmp_path: Path) -> None:
    text = RECIPE.replace('{source: "arithmetic:2/train", limit: 6}', "none.jsonl")
    done = socratic("run", recipe(tmp_path, text), cwd=tmp_path)
    assert done.code == 1
    assert "none.jsonl cannot be read" in done.err


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_plans_its_stages(path: Path, tmp_path: Path, data_dir: Path) -> None:
    done = socratic("run", path, "--dry-run", "--data-dir", data_dir, cwd=tmp_path)
    assert done.code == 0, done.err
    verbs = [line.split()[1] for line in done.out.splitlines()]
    arms = read(path).arms
    sampled = {"sample"} if any("samples" in arm.decoding for arm in arms.values()) else set()
    assert set(verbs) == {"annotate", "train", "solve", "bench"} | sampled
    assert verbs.count("solve") >= len(arms) >= 3
    assert list(tmp_path.iterdir()) == []


def test_there_are_recipes_to_plan() -> None:
    assert len(list(RECIPES.glob("*.yaml"))) == 8


VERIFIED = """\
name: verified
train: {source: "arithmetic:2/train", limit: 6}
test: {source: "arithmetic:2/train", limit: 8}
students: ['parrot unknown="#### 1"']
decoding: {temperature: 0.7}
arms:
  one: cot
  vote: {scheme: cot, decoding: {samples: 2}}
  best:
    scheme: cot
    decoding: {samples: 2, choose: best}
    verifier: &all {train: {source: "arithmetic:2/train", limit: 9}, samples: 3}
  weighted: {scheme: cot, decoding: {samples: 2}, verifier: *all}
"""


class TestVerifiers:
    """An arm's student is sampled, a verifier learns from that, and weighs what the student writes on the test."""

    def test_arms_share_the_verifier_that_is_trained_within_the_run(self, tmp_path: Path) -> None:
        done = socratic("run", recipe(tmp_path, VERIFIED), cwd=tmp_path)
        assert done.code == 0, done.err
        manifest = json.loads((tmp_path / "runs/verified/manifest.json").read_text())
        stages = manifest["stages"]
        verbs = [name.split("/")[0] for name in stages]
        assert [verbs.count(verb) for verb in ("annotate", "train", "sample", "solve", "bench")] == [1, 2, 2, 4, 1]
        sampled = {stage["solved"]: stage for name, stage in stages.items() if name.startswith("sample/")}
        assert sorted(sampled) == [2 * 8, 3 * 9]
        assert sampled[27]["correct"] == 18
        assert "a verifier learns from 6 right and 3 wrong solutions" in done.err
        assert manifest["data"]["arms.best.verifier.train"]["problems"] == 9
        chosen = [stage["sampling"] for name, stage in stages.items() if "solve/" in name and "solve/one" not in name]
        # What was sampled once is part of what every choice took.
        assert chosen == [sampled[16]["seconds"]] * 3
        [cost] = tmp_path.glob("runs/verified/bench/*/tables/cost.csv")
        with cost.open(encoding="utf-8") as file:
            told = sum(float(row["seconds"]) for row in csv.DictReader(file))
        took = sum(stage["seconds"] for name, stage in stages.items() if "solve/" in name)
        assert told == pytest.approx(took + sum(chosen), abs=0.01)
        # The verifier saw two questions more than the students, so more of the test is marked.
        leaked = {
            name.split("/")[1].split("-")[0]: stage["leaked"] for name, stage in stages.items() if "solve/" in name
        }
        assert leaked == {"one": 6, "vote": 6, "best": 8, "weighted": 8}
        (best,) = tmp_path.glob("runs/verified/solve/best-*/solutions.jsonl")
        weights = [list(json.loads(line)["weights"].values()) for line in best.read_text().splitlines()]
        assert sorted(weights) == [[0.0]] * 2 + [[1.0]] * 6

    def test_only_what_changed_is_done_anew(self, tmp_path: Path) -> None:
        path = recipe(tmp_path, VERIFIED)
        assert socratic("run", path, cwd=tmp_path).code == 0

        def todo(*changes: str) -> list[str]:
            words = [word for change in changes for word in ("--set", change)]
            planned = socratic("run", path, "--dry-run", *words, cwd=tmp_path).out.splitlines()
            return [line.split()[1] for line in planned if line.startswith("todo")]

        assert todo() == []
        assert todo("arms.best.decoding.samples=3") == ["sample", "solve", "bench"]
        assert todo("arms.best.decoding.choose=weighted") == ["solve", "bench"]
        assert todo("arms.best.verifier.samples=4") == ["sample", "train", "solve", "solve", "bench"]
        assert todo("arms.best.verifier.training={epochs: 2}") == ["train", "solve", "solve", "bench"]


def test_a_second_seed_solves_nothing_again(tmp_path: Path) -> None:
    text = RECIPE.replace("  iterative: socratic ask=next\n", "").split("  plan:")[0]
    assert socratic("run", recipe(tmp_path, text), cwd=tmp_path).code == 0
    planned = socratic("run", recipe(tmp_path, text), "--set", "seeds=[0, 1]", "--dry-run", cwd=tmp_path)
    assert states(planned.out) == ["done", "done", "done", "todo", "todo", "todo"]
    done = socratic("run", recipe(tmp_path, text), "--set", "seeds=[0, 1]", cwd=tmp_path)
    assert "| answer parrot | 2 | 100.0% |" in done.out


def test_another_base_in_a_folder_trains_anew(tmp_path: Path) -> None:
    base = tmp_path / "base"
    gpt2(base, context=512)
    text = (
        RECIPE.replace("[parrot]", "[huggingface:base]").replace("epochs: 1", "max_steps: 1").split("  iterative:")[0]
    )
    assert socratic("run", recipe(tmp_path, text), cwd=tmp_path).code == 0
    assert set(states(socratic("run", recipe(tmp_path, text), "--dry-run", cwd=tmp_path).out)) == {"done"}
    weights = load_file(base / "model.safetensors")
    weights["transformer.h.1.mlp.c_fc.weight"] += 1
    save_file(weights, base / "model.safetensors", {"format": "pt"})
    planned = socratic("run", recipe(tmp_path, text), "--dry-run", cwd=tmp_path)
    assert states(planned.out) == ["done", "todo", "todo", "todo"]


def test_castings_show_whose_fault_a_wrong_answer_is(tmp_path: Path) -> None:
    text = RECIPE + "  shared: {scheme: socratic, castings: [{decomposer: gold}, {solver: shared}]}\n"
    refused = socratic("run", recipe(tmp_path, text), "--dry-run", cwd=tmp_path)
    assert refused.code == 2
    assert "'shared' is neither gold, a student's folder nor a model to prompt" in refused.err
    annotated = socratic("annotate", "arithmetic:2/train", "--limit", "3", "--scheme", "socratic", cwd=tmp_path)
    other = ("train", "-", "-o", "other", "--scheme", "socratic", "--student", "parrot")
    assert socratic(*other, stdin=annotated.out, cwd=tmp_path).code == 0
    done = socratic("run", recipe(tmp_path, text.replace("solver: shared", "solver: other")), cwd=tmp_path)
    assert done.code == 0, done.err
    [folder] = (tmp_path / "runs").iterdir()
    [culprits] = folder.glob("bench/*/culprits.csv")
    with culprits.open(encoding="utf-8", newline="") as file:
        told = {(row["author"], row["role"], row["player"]) for row in csv.DictReader(file)}
    assert told == {
        ("gold-plan parrot", "planner", "gold"),
        ("shared parrot", "decomposer", "gold"),
        ("shared parrot", "solver", "other"),
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    trained = [name for name in manifest["stages"] if name.startswith("train/")]
    assert len(trained) == 5  # those of the other arms, and one that both castings share


def test_an_arm_may_solve_in_another_scheme_with_the_student_of_an_arm_beside_it(tmp_path: Path) -> None:
    arms = (
        "  own: socratic\n  ending: {scheme: socratic, solving: socratic repeats=end, castings: [{decomposer: gold}]}\n"
    )
    path = recipe(tmp_path, RECIPE.partition("  answer")[0] + arms)
    done = socratic("run", path, cwd=tmp_path)
    assert done.code == 0, done.err
    stages = json.loads((tmp_path / "runs/small/manifest.json").read_text())["stages"]
    assert [sum(name.startswith(verb) for name in stages) for verb in ("train/", "solve/")] == [1, 3]
    assert "| socratic repeats=end | ending parrot (decomposer=gold) |" in done.out
    changed = socratic("run", path, "--dry-run", "--set", "arms.ending.solving=socratic", cwd=tmp_path).out
    assert states(changed) == ["done", "done", "done", "todo", "todo", "todo"]


def test_another_student_in_a_casting_s_folder_solves_anew(tmp_path: Path) -> None:
    def train(*more: str) -> None:
        problems = ("annotate", "arithmetic:2/train", "--scheme", "socratic", *more)
        trained = ("train", "-", "-o", "other", "--scheme", "socratic", "--student", "parrot", "--overwrite")
        assert socratic(*trained, stdin=socratic(*problems, cwd=tmp_path).out, cwd=tmp_path).code == 0

    def todo() -> list[str]:
        planned = socratic("run", path, "--dry-run", cwd=tmp_path).out.splitlines()
        return [line.split()[1] for line in planned if line.startswith("todo")]

    arm = "  cast: {scheme: socratic, castings: [{solver: other}]}\n"
    path = recipe(tmp_path, RECIPE.partition("  answer")[0] + arm)
    train("--limit", "3")
    assert socratic("run", path, cwd=tmp_path).code == 0
    (tmp_path / "other/README.md").write_text("It is mine.")
    assert todo() == []
    train("--limit", "5")
    assert todo() == ["solve", "bench"]


@pytest.mark.parametrize(
    ("arm", "fault"),
    [
        ("{scheme: socratic, castings: [{decompose: gold}]}", "Did you mean 'decomposer'?"),
        ("{scheme: socratic, castings: [{decomposer: gold, solver: gold}]}", "no role left to play"),
        ("{scheme: cot, trained: false, castings: [{solver: gold}]}", "prompted for the whole"),
        (
            "{scheme: socratic, decoding: {samples: 4}, castings: [{solver: gold}]}",
            "leave samples and the verifier out",
        ),
    ],
)
def test_a_casting_that_cannot_be_is_told_before_anything_starts(tmp_path: Path, arm: str, fault: str) -> None:
    done = socratic("run", recipe(tmp_path, f"{RECIPE}  cast: {arm}\n"), cwd=tmp_path)
    assert done.code == 2
    assert fault in done.err
    assert "small.yaml" in done.err
    assert not (tmp_path / "runs").exists()
