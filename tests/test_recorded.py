"""Rationales that were written before: found by their question, annotated like any reply, from files of any shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import socratic

PROBLEMS = [
    {"id": "a", "question": "Ann has 3 hens and buys 2. How many has she?", "answer": "5"},
    {"id": "b", "question": "Ben has 4 hats and loses 1. How many has he?", "answer": "3"},
    {"id": "c", "question": "Is ice warm?", "answer": "no"},
]
WRITTEN = [
    {"input": "ann has 3 hens, and buys 2.\nHow many has she?", "chain": "3 + 2 = 5 hens.", "answer": 5},
    {"input": PROBLEMS[0]["question"], "chain": "She has 3.\n\nWith 2 more she has 3+2=5.", "answer": "5"},
    {"input": PROBLEMS[1]["question"], "chain": "He loses 4.", "answer": "0"},
    {"input": PROBLEMS[2]["question"], "chain": "Ice is cold.", "answer": False},
    {"input": "A test question?", "chain": "Nobody looks for it.", "answer": "1"},
]
FIELDS = "question_field=input reply_field=chain answer_field=answer"


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    path = tmp_path / "problems.jsonl"
    path.write_text("".join(json.dumps(problem) + "\n" for problem in PROBLEMS))
    return path


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", ["written.jsonl", "written.json"])
def test_what_was_written_is_annotated_like_any_reply(tmp_path: Path, problems: Path, name: str) -> None:
    file, out = tmp_path / name, tmp_path / "annotations.jsonl"
    text = json.dumps({"data": {"train": WRITTEN}}) if file.suffix == ".json" else "\n".join(map(json.dumps, WRITTEN))
    file.write_text(text)
    done = socratic(
        *("annotate", problems, "--scheme", "cot", "--teacher", f"recorded:{file} {FIELDS}", "--samples", "2"),
        *("-o", out),
    )
    assert done.code == 3, done.err  # there were problems without a reply
    kept = [(one["problem"]["id"], one.get("sample", 0), one["answer"], one["steps"]) for one in records(out)]
    assert kept == [
        ("a", 0, "5", [{"solution": "3 + 2 = 5 hens."}]),
        ("a", 1, "5", [{"solution": "She has 3."}, {"solution": "With 2 more she has 3+2=5."}]),
        ("c", 0, "no", [{"solution": "Ice is cold."}]),
    ]
    rejected = [
        (one["problem"]["id"], one["reason"], one["detail"]) for one in records(tmp_path / "annotations.rejected.jsonl")
    ]
    assert rejected == [
        ("b", "wrong-answer", "answer '0', gold '3'"),
        ("b", "failed", f"{file} holds 1 reply to problem b"),
        ("c", "failed", f"{file} holds 1 reply to problem c"),
    ]


def test_a_whole_reply_tells_its_own_answer_and_its_subquestions(tmp_path: Path, problems: Path) -> None:
    file = tmp_path / "replies.jsonl"
    reply = "How many has she? ** She has <<3+2=5>>5.\n#### 5"
    file.write_text(json.dumps({"question": PROBLEMS[0]["question"], "reply": reply}))
    done = socratic("annotate", problems, "--scheme", "socratic", "--limit", "1", "--teacher", f"recorded:{file}")
    assert done.code == 0, done.err
    (step,) = json.loads(done.out)["steps"]
    assert step == {"subquestion": "How many has she?", "solution": "She has <<3+2=5>>5."}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "none.jsonl cannot be read: No such file"),
        ('{"question": "Why?"}', "none.jsonl:1: there is no field 'reply'. Fields: question"),
        ('{"question": "Why?", "reply": " "}', "none.jsonl:1: the field 'reply' is empty; a text is due"),
        ("", "none.jsonl is empty"),
    ],
    ids=["missing", "no reply", "empty reply", "empty"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, problems: Path, content: str | None, told: str) -> None:
    file = tmp_path / "none.jsonl"
    if content is not None:
        file.write_text(content)
    done = socratic("annotate", problems, "--scheme", "cot", "--teacher", f"recorded:{file}")
    assert (done.code, done.out) == (1, "")
    assert told in done.err


def test_an_answer_that_is_missing_is_named(tmp_path: Path, problems: Path) -> None:
    file = tmp_path / "written.jsonl"
    file.write_text(json.dumps({"input": "Why?", "chain": "So."}))
    done = socratic("annotate", problems, "--scheme", "cot", "--teacher", f"recorded:{file} {FIELDS}")
    assert done.code == 1
    assert "written.jsonl:1: there is no answer in 'answer'. Fields: input, chain" in done.err


def test_a_recipe_knows_a_file_that_changed_and_an_arm_has_samples_of_its_own(tmp_path: Path, problems: Path) -> None:
    file, recipe = tmp_path / "written.jsonl", tmp_path / "small.yaml"
    file.write_text("\n".join(map(json.dumps, WRITTEN)))
    recipe.write_text(
        f"train: {problems}\n"
        f"test: {problems}\n"
        "teacher: {name: recorded, file: written.jsonl, question_field: input, reply_field: chain,"
        " answer_field: answer}\n"
        "students: [parrot]\n"
        "arms: {one: cot, two: {scheme: cot, annotation: {samples: 2}}}\n"
    )
    first = socratic("run", recipe, cwd=tmp_path)
    assert first.code == 0, first.err
    kept = sorted(len(records(path)) for path in (tmp_path / "runs/small/annotate").glob("*/annotations.jsonl"))
    assert kept == [2, 3]
    again = socratic("run", recipe, "--dry-run", cwd=tmp_path)
    assert "todo" not in again.out
    file.write_text("\n".join(map(json.dumps, WRITTEN[1:])))
    changed = socratic("run", recipe, "--dry-run", cwd=tmp_path)
    assert changed.out.count("todo") == len(changed.out.splitlines())
    wrong = socratic("run", recipe, "--set", "arms.two.annotation.sample=2", cwd=tmp_path)
    assert wrong.code == 2
    assert "annotation" in wrong.err
    assert "sample" in wrong.err
