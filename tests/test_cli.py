"""The command line: the verbs in a pipe, and what bad input gets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.command import COMMAND, socratic

PROBLEM = (
    '{"id": "1", "question": "Ann has 3 hens and buys 2. How many has she?", "answer": "3+2 = <<3+2=5>>5\\n#### 5"}\n'
)
OTHER = PROBLEM.replace('"1"', '"2"').replace("Ann", "Ben")


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """Return a parrot trained on one problem in `cot`."""
    annotated = socratic("annotate", "-", "--scheme", "cot", stdin=PROBLEM)
    trained = socratic("train", "-", "-o", tmp_path / "s", "--student", "parrot", stdin=annotated.out)
    assert trained.code == 0, trained.err
    return tmp_path / "s"


def test_the_verbs_work_in_a_pipe(tmp_path: Path, data_dir: Path) -> None:
    pipe = " ".join(COMMAND)
    script = f"""
        set -e -o pipefail
        {pipe} annotate gsm8k/train --teacher gold --scheme socratic --limit 50 | {pipe} train - -o s --student parrot
        head -20 {data_dir}/gsm8k/train.jsonl | {pipe} solve s - | {pipe} bench -
    """
    environment = {**os.environ, "SOCRATIC_DATA": str(data_dir)}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "| socratic | s | 20 | 20 | 100.0% | 83.9% - 100.0% | 0 |" in done.stdout
    assert "20 of 20 questions are in" in done.stderr


def test_data_goes_to_stdout_and_the_rest_to_stderr() -> None:
    done = socratic("annotate", "-", stdin=OTHER.replace("3+2 =", "How many? ** 3+2 ="))
    assert done.code == 0
    assert [json.loads(line)["answer"] for line in done.out.splitlines()] == ["5"]
    assert "kept 1 of" in done.err


def test_a_student_remembers_its_scheme_and_options(student: Path) -> None:
    card = json.loads((student / "student.json").read_text())
    assert card["scheme"]["name"] == "cot"
    assert card["student"]["name"] == "parrot"
    assert card["problems"] == 1
    assert card["teachers"] == {"gold": 1}
    assert len((student / "trained-on.txt").read_text().split()) == 1


def test_bench_solves_and_scores_students(student: Path, tmp_path: Path) -> None:
    problems = tmp_path / "p.jsonl"
    problems.write_text(PROBLEM + OTHER)
    done = socratic("bench", student, "--problems", problems, "-o", tmp_path / "scores")
    assert done.code == 0, done.err
    assert "| 2 | 1 | 50.0% |" in done.out
    assert "1 of 2 questions are in its training set" in done.err
    (score,) = (json.loads(line) for line in (tmp_path / "scores/scores.jsonl").read_text().splitlines())
    assert (score["correct"], score["unanswered"], score["leaked"]) == (1, 1, 1)
    assert (tmp_path / "scores/table.md").read_text() == done.out


def test_an_existing_output_is_refused_resumed_or_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    assert socratic("annotate", "-", "--scheme", "cot", "-o", out, stdin=PROBLEM).code == 0
    before = out.read_bytes()
    refused = socratic("annotate", "-", "--scheme", "answer", "-o", out, stdin=PROBLEM + OTHER)
    assert refused.code == 2
    assert "a.jsonl exists and holds gold by cot, not gold by answer: pass --resume" in refused.err
    assert out.read_bytes() == before
    resumed = socratic("annotate", "-", "--scheme", "cot", "-o", out, stdin=PROBLEM + OTHER)
    assert resumed.code == 0
    assert "1 were done before" in resumed.err
    assert out.read_bytes().startswith(before)
    assert len(out.read_bytes().splitlines()) == 2
    assert socratic("annotate", "-", "--scheme", "cot", "-o", out, "--overwrite", stdin=OTHER).code == 0
    assert len(out.read_bytes().splitlines()) == 1


def test_an_output_that_is_an_input_is_refused(tmp_path: Path) -> None:
    for name in ("my", "replies"):
        (tmp_path / f"{name}.jsonl").write_text(PROBLEM)
    (tmp_path / "link.jsonl").symlink_to("my.jsonl")
    assert socratic("annotate", "my.jsonl", "--scheme", "cot", "-o", "a.jsonl", cwd=tmp_path).code == 0
    assert socratic("train", "a.jsonl", "-o", "s", "--student", "parrot", cwd=tmp_path).code == 0
    before = (tmp_path / "my.jsonl").read_bytes()
    annotate = ("annotate", "my.jsonl", "--scheme", "cot", "--overwrite")
    for words in (
        (*annotate, "-o", "my.jsonl"),
        (*annotate, "-o", "link.jsonl"),
        (*annotate, "-o", "out.jsonl", "--rejects", "./my.jsonl"),
        (*annotate, "-o", "out.jsonl", "--rejects", "out.jsonl"),
        (*annotate, "--teacher", "recorded:replies.jsonl", "-o", "replies.jsonl"),
        ("solve", "s", "link.jsonl", "-o", "my.jsonl", "--overwrite"),
    ):
        done = socratic(*words, cwd=tmp_path)
        assert done.code == 2, done.err
        assert "is the same file: name another output" in done.err
    assert (tmp_path / "my.jsonl").read_bytes() == (tmp_path / "replies.jsonl").read_bytes() == before


def test_bad_input_does_not_empty_an_output_that_may_be_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    assert socratic("annotate", "-", "--scheme", "cot", "-o", out, stdin=PROBLEM).code == 0
    before = out.read_bytes()
    assert socratic("annotate", "-", "--scheme", "cot", "-o", out, "--overwrite", stdin="{oops\n").code == 1
    assert socratic("annotate", "none.jsonl", "--scheme", "cot", "-o", out, "--overwrite").code == 1
    assert out.read_bytes() == before


def test_an_oracle_of_no_role_is_refused(student: Path) -> None:
    done = socratic("solve", student, "-", "--oracle", "plannr", stdin=PROBLEM)
    assert done.code == 2
    assert "cot has no role 'plannr'. It has solver" in done.err
    prompted = socratic("solve", "gold", "-", "--scheme", "cot", "--oracle", "solver", stdin=PROBLEM)
    assert prompted.code == 2
    assert "gold has no role left to play: cot has solver" in prompted.err


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("solvr=3", "cot has no role 'solvr'. Did you mean 'solver'? It has solver"),
        ("solver=0", "--max-new-tokens-of: solver: input should be greater than 0"),
        ("solver", "--max-new-tokens-of: 'solver' is not name=value"),
    ],
)
def test_a_limit_of_no_role_is_refused(student: Path, limits: str, told: str) -> None:
    done = socratic("solve", student, "-", "--max-new-tokens-of", limits, stdin=PROBLEM)
    assert done.code == 2
    assert told in done.err
    assert socratic("solve", student, "-", "--max-new-tokens-of", "solver=3", stdin=PROBLEM).code == 0


def test_a_terminal_without_input_is_told_what_is_due(tmp_path: Path) -> None:
    leader, follower = os.openpty()
    for verb in (["annotate"], ["train", "-o", "s", "--student", "parrot"], ["bench"]):
        done = subprocess.run([*COMMAND, *verb], stdin=follower, capture_output=True, cwd=tmp_path, check=False)
        assert done.returncode == 2
        assert b"nothing is piped in" in done.stderr
    os.close(leader)
    os.close(follower)


def test_an_existing_student_is_refused_or_overwritten(student: Path) -> None:
    annotated = socratic("annotate", "-", "--scheme", "cot", stdin=OTHER).out
    before = (student / "trained-on.txt").read_text()
    refused = socratic("train", "-", "-o", student, "--student", "parrot", stdin=annotated)
    assert refused.code == 2
    assert "pass --overwrite" in refused.err
    assert (student / "trained-on.txt").read_text() == before
    assert socratic("train", "-", "-o", student, "--student", "parrot", "--overwrite", stdin=annotated).code == 0
    assert (student / "trained-on.txt").read_text() != before


def test_a_folder_that_holds_something_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.jpg").write_text("cat")
    annotated = socratic("annotate", "-", "--scheme", "cot", stdin=OTHER).out
    done = socratic("train", "-", "-o", tmp_path / "photos", "--student", "parrot", "--overwrite", stdin=annotated)
    assert done.code == 2
    assert (tmp_path / "photos/cat.jpg").read_text() == "cat"


@pytest.mark.parametrize(
    ("stdin", "told"),
    [
        (PROBLEM + "{oops\n", "<stdin>:2"),
        (PROBLEM + '"a text"\n', "<stdin>:2"),
        (PROBLEM + '{"query": "What?"}\n', "<stdin>:2"),
        (PROBLEM + PROBLEM.replace("Ann", "Eve"), "<stdin>:2"),
        (PROBLEM.encode() + b'{"question": "caf\xe9"}\n', "<stdin>:2"),
        (PROBLEM + '{"question": "' + "x" * 10_000_000 + '"}\n', "<stdin>:2"),
        ("", "standard input is empty"),
    ],
    ids=["malformed", "no object", "missing field", "doubled id", "not utf-8", "10 MB line", "empty"],
)
def test_bad_problems_stop_with_file_and_line(stdin: str | bytes, told: str, tmp_path: Path) -> None:
    done = socratic("annotate", "-", "--scheme", "cot", stdin=stdin, cwd=tmp_path)
    assert done.code == 1
    assert told in done.err
    assert "Traceback" not in done.err
    assert len(done.err) < 1000


def test_skip_invalid_counts_bad_lines_and_sets_them_aside(tmp_path: Path) -> None:
    problems = tmp_path / "p.jsonl"
    problems.write_text(PROBLEM + "{oops\n" + OTHER)
    done = socratic("annotate", problems, "--scheme", "cot", "--skip-invalid", cwd=tmp_path)
    assert done.code == 0
    assert len(done.out.splitlines()) == 2
    assert "1 lines set aside in p.jsonl.invalid" in done.err
    assert (tmp_path / "p.jsonl.invalid").read_text() == "{oops\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["anotate"], "Did you mean 'annotate'?"),
        (["annotate", "gsm8/train"], "Did you mean 'gsm8k'?"),
        (["annotate", "gsm8k/trian"], "Did you mean 'train'?"),
        (["annotate", "-", "--scheme", "socratik"], "Did you mean 'socratic'?"),
        (["annotate", "-", "--teacher", "glod"], "Did you mean 'gold'?"),
        (["annotate", "-", "--teacher", "gold temperature=1"], "unknown option 'temperature'"),
        (["annotate", "-", "--teacher", "litellm"], "model"),
        (["annotate", "-", "--show", "everything"], "show"),
        (["train", "a.jsonl", "-o", "s", "--student", "parot"], "Did you mean 'parrot'?"),
        (["train", "a.jsonl", "-o", "s", "--student", "parrot", "--epochs", "1", "--max-steps", "1"], "not both"),
        (["train", "a.jsonl", "-o", "s", "--student", "parrot", "--learning-rate", "-1"], "--learning-rate"),
        (["solve", "nobody", "-"], "neither a folder"),
        (["solve", "parrot", "-"], "--scheme"),
        (["bench", "."], "without a student"),
        (["train", "a.jsonl", "-o", "s"], "--student"),
        (["run", "none.yaml"], "none.yaml"),
    ],
)
def test_wrong_words_end_with_2_and_a_hint(arguments: list[str], told: str, tmp_path: Path) -> None:
    done = socratic(*arguments, stdin=PROBLEM, cwd=tmp_path)
    assert done.code == 2, done.err
    assert told in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["annotate", "none.jsonl"], "none.jsonl cannot be read"),
        (["train", "none.jsonl", "-o", "s", "--student", "parrot"], "none.jsonl cannot be read"),
        (["bench", "none.jsonl"], "none.jsonl cannot be read"),
        (["train", "-", "-o", "s", "--student", "parrot"], "<stdin>:1: this is no solution"),
    ],
)
def test_missing_or_wrong_files_end_with_1(arguments: list[str], told: str, tmp_path: Path) -> None:
    done = socratic(*arguments, stdin=PROBLEM, cwd=tmp_path)
    assert done.code == 1, done.err
    assert told in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_directory_where_a_file_is_due(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    assert "is a directory" in socratic("annotate", "d", cwd=tmp_path).err
    done = socratic("annotate", "-", "--scheme", "cot", "-o", "d", stdin=PROBLEM, cwd=tmp_path)
    assert done.code == 2
    assert "d is a directory" in done.err


def test_a_student_of_another_format_is_refused(student: Path) -> None:
    card = json.loads((student / "student.json").read_text())
    (student / "student.json").write_text(json.dumps({**card, "format": 99}))
    done = socratic("solve", student, "-", stdin=PROBLEM)
    assert done.code == 1
    assert "has format 99" in done.err
    (student / "student.json").write_text("{")
    assert "cannot be read" in socratic("solve", student, "-", stdin=PROBLEM).err


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f'{" ".join(COMMAND)} annotate "arithmetic:2/train count=100000" | head -1; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 141
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_ctrl_c_ends_with_130_and_whole_lines(tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    process = subprocess.Popen(
        [*COMMAND, "annotate", "arithmetic:2-3/train count=1000000", "-o", str(out)], stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while (not out.exists() or out.stat().st_size < 10_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err
    text = out.read_text()
    assert text.endswith("\n")
    assert all(json.loads(line)["answer"] for line in text.splitlines())


def test_a_prompted_model_is_scored_like_a_student_and_its_failures_are_counted(tmp_path: Path) -> None:
    replies = tmp_path / "replies.jsonl"
    question = json.loads(PROBLEM)["question"]
    replies.write_text(json.dumps({"question": question, "reply": "3+2 = <<3+2=5>>5\n#### 5"}) + "\n")
    done = socratic("solve", f"parrot:{replies}", "-", "--scheme", "cot", stdin=PROBLEM + OTHER)
    assert done.code == 3
    solved = {line["problem"]["id"]: line for line in map(json.loads, done.out.splitlines())}
    assert solved["1"]["correct"] is True
    assert (solved["2"]["answer"], solved["2"]["unanswered"]) == (None, "failed")
    assert "1 failed" in done.err


def test_annotations_without_subquestions_are_counted_and_refused(tmp_path: Path) -> None:
    annotated = socratic("annotate", "-", "--scheme", "cot", stdin=PROBLEM).out
    done = socratic(
        "train", "-", "-o", "s", "--student", "parrot", "--scheme", "socratic", stdin=annotated, cwd=tmp_path
    )
    assert done.code == 1
    assert "no annotation can be used for the scheme 'socratic': a step has no subquestion" in done.err


def test_options_come_from_the_environment_too(tmp_path: Path) -> None:
    done = socratic("annotate", "-", stdin=PROBLEM, cwd=tmp_path, SOCRATIC_ANNOTATE_SCHEME="cot")
    assert json.loads(done.out)["scheme"] == "cot"


def test_list_shows_parts_and_their_options() -> None:
    done = socratic("list")
    assert done.code == 0
    for name in ("socratic-unified", "litellm", "huggingface", "parrot", "arithmetic", "strategyqa", "guidance"):
        assert name in done.out
    schemes = socratic("list", "schemes").out
    assert "socratic-unified" in schemes
    assert "litellm" not in schemes
