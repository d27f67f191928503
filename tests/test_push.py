"""Students on a hub: what is pushed, what is not, and what happens when it fails. The hub is a local server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from tests import tiny
from tests.command import Outcome, socratic
from tests.hub import Hub, Repository, local_hub

PROBLEM = (
    '{"id": "1", "question": "Ann has 3 hens and buys 2. How many has she?", "answer": "3+2 = <<3+2=5>>5\\n#### 5"}\n'
)


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("push") / "a.jsonl"
    assert socratic("annotate", "-", "--scheme", "cot", "-o", path, stdin=PROBLEM).code == 0
    return path


@pytest.fixture
def hub() -> Iterator[Hub]:
    with local_hub() as served:
        yield served


def train(annotated: Path, folder: Path, *more: str, student: str = "parrot", **environment: Any) -> Outcome:
    return socratic("train", annotated, "-o", folder, "--student", student, *more, **environment)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_student_is_pushed_when_it_is_trained(annotated: Path, hub: Hub, tmp_path: Path) -> None:
    base = tiny.llama(tmp_path / "base")
    steps = ("--max-steps", "3", "--push", "me/s", "--private")
    known = hub.environment(tmp_path / "home")
    done = train(annotated, tmp_path / "s", *steps, student=f"huggingface:{base}", **known)
    assert done.code == 0, done.err
    assert f"{hub.url}/me/s" in done.err
    pushed = hub.repositories["me/s"]
    assert pushed.private
    assert pushed.files == files(tmp_path / "s")
    weights = {"solver/model.safetensors", "solver/tokenizer.json", "solver/config.json"}
    beside = {"student.json", "README.md", "training.png", "metrics.jsonl", "trained-on.txt"}
    assert weights | beside <= set(pushed.files)


def test_what_is_no_part_of_a_student_stays_at_home(annotated: Path, hub: Hub, tmp_path: Path) -> None:
    assert train(annotated, tmp_path / "s").code == 0
    whole = files(tmp_path / "s")
    (tmp_path / "s" / "solver.checkpoint-00000003").mkdir()
    home = ["solver.checkpoint-00000003/state.json", "solver.best-00000003.safetensors", ".s.lock", "plan.json"]
    for name in [*home, "solver.tracked.json", ".README.md.part"]:
        (tmp_path / "s" / name).write_text("{}")
    done = socratic("push", tmp_path / "s", "me/s", **hub.environment(tmp_path / "home"))
    assert (done.code, done.out) == (0, f"{hub.url}/me/s\n"), done.err
    assert hub.repositories["me/s"].files == whole
    assert not hub.repositories["me/s"].private


def test_a_student_takes_the_place_of_another(annotated: Path, hub: Hub, tmp_path: Path) -> None:
    """A role that the new one does not have must not stay behind; what people added does."""
    before = dict.fromkeys(("student.json", "planner/model.safetensors", "NOTES.md", ".gitattributes"), b"old")
    hub.repositories["me/s"] = Repository(files=dict(before))
    assert train(annotated, tmp_path / "s", "--push", "me/s", **hub.environment(tmp_path / "home")).code == 0
    kept = {"NOTES.md": b"old", ".gitattributes": b"old"}
    assert hub.repositories["me/s"].files == files(tmp_path / "s") | kept


def test_a_repository_of_something_else_is_refused(annotated: Path, hub: Hub, tmp_path: Path) -> None:
    hub.repositories["me/s"] = Repository(files={"README.md": b"", "model.safetensors": b"precious"})
    assert train(annotated, tmp_path / "s").code == 0
    done = socratic("push", tmp_path / "s", "me/s", **hub.environment(tmp_path / "home"))
    assert done.code == 1
    assert "holds no student, but model.safetensors: choose another name" in done.err
    assert set(hub.repositories["me/s"].files) == {"README.md", "model.safetensors"}


def test_nothing_private_goes_to_a_public_repository(annotated: Path, hub: Hub, tmp_path: Path) -> None:
    hub.repositories["me/s"] = Repository()
    assert train(annotated, tmp_path / "s").code == 0
    done = socratic("push", tmp_path / "s", "me/s", "--private", **hub.environment(tmp_path / "home"))
    assert done.code == 1
    assert "is there already, and public" in done.err
    assert hub.repositories["me/s"].files == {}


def test_a_push_that_fails_costs_no_student(annotated: Path, hub: Hub, tmp_path: Path) -> None:
    hub.refused = ("/commit/",)
    known = hub.environment(tmp_path / "home")
    done = train(annotated, tmp_path / "my s", "--push", "me/s", "--private", **known)
    assert done.code == 1
    assert "You have no right to write here" in done.err
    assert f"try again: socratic push '{tmp_path}/my s' me/s --private" in done.err
    assert "Traceback" not in done.err
    assert (tmp_path / "my s" / "student.json").is_file()
    hub.refused = ()
    assert socratic("push", tmp_path / "my s", "me/s", "--private", **known).code == 0
    assert hub.repositories["me/s"].files == files(tmp_path / "my s")


@pytest.mark.parametrize(
    ("changed", "code", "told"),
    [
        ({"HF_TOKEN": ""}, 2, "there is no token for the hub: log in with `hf auth login`, or set HF_TOKEN"),
        ({"HF_TOKEN": "hf_wrong"}, 1, "Invalid user token"),
        ({"HF_HUB_OFFLINE": "1"}, 2, "HF_HUB_OFFLINE is set"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, 1, "the hub http://127.0.0.1:9 does not take it"),
    ],
)
def test_what_would_fail_after_the_training_fails_before_it(
    changed: dict[str, Any], code: int, told: str, annotated: Path, hub: Hub, tmp_path: Path
) -> None:
    known = hub.environment(tmp_path / "home") | changed
    for done in (
        train(annotated, tmp_path / "s", "--push", "me/s", **known),
        socratic("push", tmp_path / "s", "me/s", **known),
    ):
        assert done.code == code, done.err
        assert told in done.err
        assert "Traceback" not in done.err
    assert not list(tmp_path.glob("*s*"))
    assert hub.repositories == {}


def test_a_token_that_may_only_read_is_refused(annotated: Path, hub: Hub, tmp_path: Path) -> None:
    hub.role = "read"
    done = train(annotated, tmp_path / "s", "--push", "me/s", **hub.environment(tmp_path / "home"))
    assert done.code == 2
    assert "the token of me may only read" in done.err


def test_names_and_folders_that_are_none_are_told(annotated: Path, hub: Hub, tmp_path: Path) -> None:
    known = hub.environment(tmp_path / "home")
    named = train(annotated, tmp_path / "s", "--push", "me/a/b", **known)
    assert (named.code, hub.asked) == (2, [])
    assert "'me/a/b' is no name of a repository: write OWNER/NAME" in named.err
    alone = train(annotated, tmp_path / "s", "--private")
    assert (alone.code, "--private is about --push" in alone.err) == (2, True)
    empty = socratic("push", tmp_path, "me/s", **known)
    assert (empty.code, "has no student.json" in empty.err) == (1, True)
    assert hub.repositories == {}


def bench(student: Path, problems: Path, *more: str) -> Outcome:
    done = socratic("bench", student, "--problems", problems, "--card", *more)
    assert done.code == 0, done.err
    return done


def scores(student: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (student / "scores.jsonl").read_text().splitlines()]


def test_a_card_tells_the_scores(annotated: Path, tmp_path: Path, data_dir: Path) -> None:
    student, problems = tmp_path / "s", tmp_path / "p.jsonl"
    assert train(annotated, student).code == 0
    assert "None yet" in (student / "README.md").read_text()
    problems.write_text(PROBLEM + PROBLEM.replace('"1"', '"2"').replace("Ann", "Ben"))
    bench(student, problems)
    bench(student, problems, "--calculator", "force")
    bench(student, Path("gsm8k/test"), "--limit", "3", "--data-dir", str(data_dir))
    bench(student, problems)  # in place of the first
    assert [(one["source"], one["score"]["correct"], one["score"]["problems"]) for one in scores(student)] == [
        ("p.jsonl", 1, 2),  # with the calculator
        ("gsm8k/test limit=3", 0, 3),
        ("p.jsonl", 1, 2),
    ]
    assert {one["score"]["author"] for one in scores(student)} == {"s"}
    card = ModelCard.load(student / "README.md")
    assert "| `p.jsonl` | calculator=force | 2 | 1 | 50.0% | 9.5% - 90.5% | 1 | 1 |" in card.text
    assert "| `gsm8k/test limit=3` | greedy | 3 | 0 | 0.0% | 0.0% - 56.1% | 3 | 0 |" in card.text
    found = {(one.dataset_type, one.dataset_split, one.metric_name): one for one in card.data.eval_results or []}
    assert card.data.model_name == "s"
    assert found["openai/gsm8k", "test", "accuracy (greedy)"].metric_value == 0.0
    assert found["p.jsonl", None, "accuracy (calculator=force)"].metric_value == 0.5
    assert {one.task_type for one in found.values()} == {"text-generation"}
    assert {one.metric_type for one in found.values()} == {"accuracy"}


def test_students_whose_folders_end_alike_have_scores_of_their_own(annotated: Path, tmp_path: Path) -> None:
    problems = tmp_path / "p.jsonl"
    problems.write_text(PROBLEM)
    for name, learnt in (("knows", annotated), ("else", tmp_path / "other.jsonl")):
        if not learnt.exists():
            learnt.write_text(annotated.read_text().replace("Ann", "Ben"))
        assert train(learnt, tmp_path / name / "student").code == 0
    words = ("bench", "one=knows/student", "two=else/student", "--problems", "p.jsonl", "--card")
    done = socratic(*words, "-o", "scores", cwd=tmp_path)
    assert done.code == 0, done.err
    told = {
        name: [one["score"]["correct"] for one in scores(tmp_path / name / "student")] for name in ("knows", "else")
    }
    assert told == {"knows": [1], "else": [0]}
    assert sorted(path.name for path in (tmp_path / "scores").glob("solutions-*")) == [
        "solutions-else-student.jsonl",
        "solutions-knows-student.jsonl",
    ]
    twice = socratic("bench", "knows/student", "a=knows/student", "--problems", "p.jsonl", cwd=tmp_path)
    assert twice.code == 2
    assert "score them one by one" in twice.err


def test_scores_of_nobody_are_on_no_card(annotated: Path) -> None:
    done = socratic("bench", annotated, "--card")
    assert done.code == 2
    assert "--card is about students that solve --problems" in done.err
