"""`socratic bench` on real outputs of other tools, on seeds, on leaks and on runs of different days."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from socratic_cli.errors import InputError
from socratic_cli.jobs.origins import exemplar_questions
from socratic_cli.parts import Scheme
from socratic_cli.plugins import load
from socratic_cli.scoring.foreign.fields import Fields
from socratic_cli.scoring.outputs import solutions
from tests.command import socratic


def lines(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def ours(path: Path, right: int, author: str = "me", problems: int = 10, **more: Any) -> Path:
    """Write solutions of which the first `right` are right."""
    return lines(
        path,
        [
            {
                "problem": {"id": f"p{n}", "question": f"How many are {n} and {word(n)}?", "answer": str(n)},
                "scheme": "cot",
                "author": author,
                "answer": str(n if n < right else n + 1),
                **more,
            }
            for n in range(problems)
        ],
    )


def word(number: int) -> str:
    """Return a word of its own for a number, so that questions differ by more than their numbers."""
    return "".join(chr(ord("a") + int(digit)) * 3 for digit in str(number))


def row(out: str, author: str) -> list[str]:
    """Return the cells of an author's first row."""
    found = next(line for line in out.splitlines() if f"| {author} |" in line)
    return [cell.strip() for cell in found.strip("|").split("|")]


class TestReleasedOutputs:
    """The score of released outputs is their own, by the rule of those who released them."""

    def test_davinci_svamp_by_its_rule(self, data_dir: Path) -> None:
        file = data_dir / "recorded/davinci002/svamp.json"
        done = socratic("bench", file, "--output-field", "completion", "--read", "first-number")
        assert done.code == 0, done.err
        assert row(done.out, "svamp")[2:5] == ["1000", "642", "64.2%"]
        assert "9 (9 unreadable)" in done.out

    def test_davinci_svamp_by_type_and_steps_of_the_data_set(self, data_dir: Path, tmp_path: Path) -> None:
        file = data_dir / "recorded/davinci002/svamp.json"
        done = socratic(
            *("bench", f"davinci={file}", "--output-field", "completion", "--read", "first-number"),
            *("--problems", "svamp/test", "--data-dir", data_dir, "--by", "type,steps", "-o", tmp_path),
        )
        assert done.code == 0, done.err
        assert row(done.out, "davinci")[3] == "642"
        (header,) = (line for line in done.out.splitlines() if "Addition" in line)
        assert header.count("|") == 7  # four types; the 700 that are not in the split have none
        assert (tmp_path / "table.md").read_text() == done.out

    def test_gpt35_agrees_with_every_label_of_its_own(self, data_dir: Path) -> None:
        done = socratic(
            *("bench", data_dir / "recorded/gpt35/svamp.json", "--question-field", "input", "--output-field", "answer"),
            *("--label-field", "initial_correct", "--problems", "svamp/train", "--data-dir", data_dir),
        )
        assert done.code == 0, done.err
        assert [row(done.out, f"svamp sample={n}")[2:5] for n in range(3)] == [["459", "459", "100.0%"]] * 3
        assert "the records' own verdict is ours on 1377 of 1377" in done.out
        assert "576 outputs were left out" in done.out

    def test_gpt51_is_right_as_it_was_selected_to_be(self, data_dir: Path) -> None:
        done = socratic(
            *("bench", data_dir / "recorded/gpt51/gsm8k_step.jsonl"),
            *("--output-field", "response_ans", "--answer-field", "answer_from_dataset"),
        )
        assert done.code == 0, done.err
        assert row(done.out, "gsm8k_step")[2:5] == ["965", "965", "100.0%"]
        assert "Accuracy by number of gold steps" in done.out

    def test_an_output_is_no_gold_answer_to_itself(self, data_dir: Path) -> None:
        file = data_dir / "recorded/gpt35/svamp.json"
        done = socratic("bench", file, "--question-field", "input", "--output-field", "answer")
        assert done.code == 1
        assert "has no gold answer" in done.err
        assert "--problems" in done.err


def sample(number: int, reply: str, filtered: str, name: str, right: float) -> dict[str, Any]:
    """Return a sample as lm-evaluation-harness 0.4.13 logs it for a task that writes answers."""
    doc = {"question": f"How many are {number} and {word(number)}?", "answer": f"1+1 = <<1+1=2>>2\n#### {number}"}
    return {
        "doc_id": number,
        "doc": doc,
        "target": doc["answer"],
        "arguments": {"gen_args_0": {"arg_0": "Question: ...", "arg_1": {"until": ["Question:"]}}},
        "resps": [[reply]],
        "filtered_resps": [filtered],
        "filter": name,
        "metrics": ["exact_match"],
        "doc_hash": "0",
        "prompt_hash": "0",
        "target_hash": "0",
        "exact_match": right,
    }


class TestLMEval:
    """Samples of lm-evaluation-harness are known without a word, each filter for itself."""

    def file(self, folder: Path) -> Path:
        replies = [("It is 0\n#### 0", "0", "0"), ("#### 7", "7", "7"), ("It is 2.", "[invalid]", "2")]
        strict = [sample(n, said, s, "strict-match", float(s == str(n))) for n, (said, s, _) in enumerate(replies)]
        flexible = [
            sample(n, said, f, "flexible-extract", float(f == str(n))) for n, (said, _, f) in enumerate(replies)
        ]
        (folder / "gpt2").mkdir()
        return lines(folder / "gpt2/samples_gsm8k_2026-11-24T22-28-28.901490.jsonl", strict + flexible)

    def test_filters_are_arms_and_their_verdict_is_ours(self, tmp_path: Path) -> None:
        done = socratic("bench", self.file(tmp_path), "--label-field", "exact_match")
        assert done.code == 0, done.err
        assert "| strict-match | gpt2 gsm8k | 3 | 1 | 33.3% |" in done.out
        assert "| flexible-extract | gpt2 gsm8k | 3 | 2 | 66.7% |" in done.out
        assert "| strict-match | gpt2 gsm8k | 1 | 1 | 1 (1 unreadable) | 50.0% | 33.3% | 66.7% |" in done.out
        assert done.out.count("own verdict is ours on 3 of 3") == 2

    def test_the_raw_reply_can_be_read_by_another_rule(self, tmp_path: Path) -> None:
        done = socratic("bench", self.file(tmp_path), "--read", "marked")
        assert "| flexible-extract | gpt2 gsm8k | 3 | 1 | 33.3% |" in done.out

    def test_they_are_compared_with_our_solutions_of_the_same_questions(self, tmp_path: Path) -> None:
        done = socratic("bench", self.file(tmp_path), ours(tmp_path / "ours.jsonl", 3), "--baseline", "me")
        assert done.code == 0, done.err
        assert "| gpt2 gsm8k (strict-match) | me | 3 (7 not common) | -66.7 |" in done.out

    def test_likelihoods_of_choices_are_refused(self, tmp_path: Path) -> None:
        record = sample(1, "", "", "none", 1.0) | {"filtered_resps": [["-1.5", "True"], ["-2.5", "False"]]}
        done = socratic("bench", lines(tmp_path / "samples.jsonl", [record]))
        assert done.code == 1
        assert "samples.jsonl:1: the sample holds likelihoods" in done.err


@pytest.mark.parametrize(
    ("record", "fields", "told"),
    [
        ({"q": "?", "out": "1"}, Fields(), "name the field of its output with --output-field. Fields: q, out"),
        ({"question": "?", "o": "1"}, Fields(output="out"), "no field 'out' (--output-field). Fields: question, o"),
        ({"q": "?", "out": "1"}, Fields(output="out"), "no field 'question' (--question-field)"),
        ({"question": "", "out": "1"}, Fields(output="out"), "holds no text"),
        ({"question": "?", "out": "1"}, Fields(output="out"), "no field 'answer' (--answer-field)"),
        ({"question": "?", "answer": "1", "out": [1]}, Fields(output="out"), "a text, number or boolean is due"),
        (
            {"question": "?", "answer": "1", "out": "1", "ok": "so"},
            Fields(output="out", label="ok"),
            "neither true nor",
        ),
        (
            {"question": "?", "answer": "#### 1\nafter", "out": "1"},
            Fields(output="out"),
            "worked answer cannot be read",
        ),
        ({"key": 7, "out": "1"}, Fields(output="out", identity="key"), "'7' (--id-field) is none of --problems"),
    ],
)
def test_faults_of_foreign_files_are_told(record: dict[str, Any], fields: Fields, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(told)) as fault:
        list(solutions(lines(tmp_path / "o.jsonl", [record]), fields))
    assert "o.jsonl:1: " in str(fault.value)


@pytest.mark.parametrize(
    ("text", "fields", "told"),
    [
        ('{"data": [{"q": 1}]}', Fields(output="out"), "holds no object with a field 'out'"),
        ('{"data": [{"q": 1}]}', Fields(), "name the field of the output with --output-field"),
        ("{", Fields(output="out"), "cannot be read"),
    ],
)
def test_faults_of_json_files_are_told(text: str, fields: Fields, told: str, tmp_path: Path) -> None:
    file = tmp_path / "o.json"
    file.write_text(text)
    with pytest.raises(InputError, match=re.escape(told)):
        list(solutions(file, fields))


def test_outputs_without_questions_are_known_by_their_ids(tmp_path: Path) -> None:
    gold = lines(
        tmp_path / "gold.jsonl", [{"id": at, "question": f"{at} hens?", "answer": str(at)} for at in (3, 4, 5)]
    )
    outputs = lines(tmp_path / "o.jsonl", [{"key": 3, "o": "3"}, {"key": 4, "o": "9"}, {"key": 5, "o": None}])
    done = socratic("bench", outputs, "--problems", gold, "--id-field", "key", "--output-field", "o")
    assert done.code == 0, done.err
    assert "| 3 | 1 | 33.3% |" in done.out
    assert "| 1 | 1 | 1 (1 unreadable) |" in done.out  # correct, wrong, unanswered


def test_outputs_with_questions_find_their_gold_answers_among_the_problems(tmp_path: Path) -> None:
    asked = {f"What is 7 {sign} 3?": str(answer) for sign, answer in (("+", 10), ("-", 4), ("*", 21))}
    gold = lines(tmp_path / "gold.jsonl", [{"question": at, "answer": answer} for at, answer in asked.items()])
    outputs = lines(tmp_path / "o.jsonl", [{"question": at, "out": answer} for at, answer in asked.items()])
    done = socratic("bench", outputs, "--problems", gold, "--output-field", "out")
    assert done.code == 0, done.err
    assert "| out | o | 3 | 3 | 100.0% |" in done.out


def test_a_doubled_line_is_no_second_sample(tmp_path: Path) -> None:
    records = [{"question": f"{at} hens?", "answer": str(at), "out": str(at)} for at in (3, 4)]
    twice = lines(tmp_path / "twice.jsonl", [*records, *records])
    assert "pass@2" in socratic("bench", twice, "--output-field", "out").out
    done = socratic("bench", lines(tmp_path / "o.jsonl", [*records, records[1]]), "--output-field", "out")
    assert (done.code, done.out) == (1, "")
    assert "a question has 2 outputs and others 1, '4 hens?': leave the doubled lines out" in done.err


def test_a_foreign_file_that_is_not_named_ends_with_a_sentence(tmp_path: Path) -> None:
    done = socratic("bench", lines(tmp_path / "o.jsonl", [{"q": "?", "out": "1"}]))
    assert done.code == 1
    assert "o.jsonl:1: this is no solution" in done.err
    assert "--output-field" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("value", "text"),
    [(27.0, "27"), (0.5, "0.5"), (100, "100"), (True, "yes"), (" a ", "a"), (None, None), ("  ", None)],
)
def test_outputs_of_any_kind_are_texts(value: Any, text: str | None, tmp_path: Path) -> None:
    file = lines(tmp_path / "o.jsonl", [{"question": "?", "answer": "1", "out": value}])
    (solution,) = solutions(file, Fields(output="out"))
    assert solution.answer == text


def test_seeds_named_by_hand_are_an_arm(tmp_path: Path) -> None:
    a, b, c = (ours(tmp_path / f"{name}.jsonl", right, name) for name, right in (("a", 5), ("b", 7), ("c", 9)))
    done = socratic("bench", f"cot={a}", f"cot={b}", f"socratic={c}", "-o", tmp_path / "scores")
    assert done.code == 0, done.err
    assert "| cot | 2 | 60.0% |" in done.out
    assert "| socratic | cot | 10 | +30.0 |" in done.out
    assert "| socratic | cot | 60.0% | 90.0% | +50% | +33% |" in done.out
    evaluation = json.loads((tmp_path / "scores/evaluation.json").read_text())
    assert [[run["author"] for run in arm["runs"]] for arm in evaluation["arms"]] == [["a", "b"], ["c"]]


def test_min_accuracy_ends_with_4_after_the_tables(tmp_path: Path) -> None:
    file = ours(tmp_path / "a.jsonl", 6)
    assert socratic("bench", file, "--min-accuracy", "0.6").code == 0
    low = socratic("bench", file, "--min-accuracy", "0.61", "-o", tmp_path / "scores")
    assert low.code == 4
    assert "60.0%" in low.out
    assert "accuracy below --min-accuracy 61.00%: me 60.00%" in low.err
    assert (tmp_path / "scores/table.md").read_text() == low.out
    assert socratic("bench", file, "--min-accuracy", "61").code == 2


def test_near_copies_among_training_questions_are_told(data_dir: Path, tmp_path: Path) -> None:
    story = "Bella bought stamps at the post office. Some of the stamps had a snowflake design."
    problem = {"id": "1", "question": f"{story} She bought 5 stamps in all?", "answer": "5"}
    file = lines(tmp_path / "s.jsonl", [{"problem": problem, "scheme": "cot", "author": "me", "answer": "5"}])
    trained = lines(tmp_path / "t.jsonl", [{"question": f"{story} She bought 9 stamps in all?"}])
    done = socratic("bench", file, "--train", trained)
    assert done.code == 0, done.err
    assert re.search(rf"\| 1 \| near \| 1\.00 \| {re.escape(str(trained))} \| Bella bought stamps", done.out)
    assert "(0 exactly the same)" in done.out
    whole = socratic("bench", file, "--train", "gsm8k/train", "--data-dir", data_dir, "--near", "0.2")
    assert "| gsm8k/train | Bella bought stamps at the post office." in whole.out
    assert "like, questions" not in socratic("bench", file).out


def test_exemplars_of_the_scheme_are_searched(tmp_path: Path) -> None:
    shown = [known.question for known in exemplar_questions([load(Scheme, "cot").label, "strict-match"])]
    assert len(shown) == 4
    assert not any("<" in question or "Answer:" in question for question in shown)
    problem = {"id": "x", "question": re.sub(r"\d+", "99", shown[0]), "answer": "5"}
    file = lines(tmp_path / "s.jsonl", [{"problem": problem, "scheme": "cot", "author": "me", "answer": "5"}])
    assert re.search(r"\| x \| (near|exact) \| 1\.00 \| exemplars of cot \(gsm8k\)", socratic("bench", file).out)


def test_runs_of_different_days_are_compared_and_their_making_too(tmp_path: Path) -> None:
    for day, right, lost, torch in (("old", 5, 2, "2.12"), ("new", 8, 0, "2.13")):
        file = ours(tmp_path / f"{day}.jsonl", right, problems=10 - lost)
        assert socratic("bench", file, "-o", tmp_path / day).code == 0
        manifest = {
            "packages": {"torch": torch},
            "recipe": {"seed": 0},
            "stages": {"train/s-0a1b2c3d": {"seconds": right}},
        }
        (tmp_path / day / "manifest.json").write_text(json.dumps(manifest))
    done = socratic("bench", "old", "new", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "| me (new) | me (old) | 8 (2 not common) | +37.5 |" in done.out
    assert "new was made otherwise than old, in 1 particulars:" in done.out
    assert "- packages.torch: 2.12 -> 2.13" in done.out
    (tmp_path / "runs/x/bench").mkdir(parents=True)
    (tmp_path / "new").rename(tmp_path / "runs/x/bench/0a1b2c3d")
    assert (
        "| me (runs/x) | me (old) | 8 (2 not common) | +37.5 |" in socratic("bench", "old", "runs/x", cwd=tmp_path).out
    )
    files = socratic("bench", "old.jsonl", "new.jsonl", cwd=tmp_path)
    assert "| me (new.jsonl) | me (old.jsonl) | 8 (2 not common) | +37.5 |" in files.out


def test_a_student_leaves_what_it_was_made_of(tmp_path: Path) -> None:
    problem = json.dumps({"id": "1", "question": "How many are 2 and 3?", "answer": "2+3 = <<2+3=5>>5\n#### 5"}) + "\n"
    (tmp_path / "p.jsonl").write_text(problem)
    assert socratic("annotate", "p.jsonl", "--scheme", "cot", "-o", "a.jsonl", cwd=tmp_path).code == 0
    for seed in ("1", "2"):
        made = socratic("train", "a.jsonl", "-o", f"s{seed}", "--student", "parrot", "--seed", seed, cwd=tmp_path)
        assert made.code == 0, made.err
        assert socratic("bench", f"s{seed}", "--problems", "p.jsonl", "-o", f"b{seed}", cwd=tmp_path).code == 0
    done = socratic("bench", "arm=b1", "arm=b2", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "- student.training.seed: 1 -> 2" in done.out


def test_an_unknown_baseline_and_a_damaged_folder_are_told(tmp_path: Path) -> None:
    file = ours(tmp_path / "a.jsonl", 6)
    wrong = socratic("bench", file, "--baseline", "mee")
    assert wrong.code == 2
    assert "Did you mean 'me'?" in wrong.err
    (tmp_path / "old").mkdir()
    (tmp_path / "old/evaluation.json").write_text("{}")
    damaged = socratic("bench", tmp_path / "old")
    assert damaged.code == 1
    assert "evaluation.json cannot be read" in damaged.err


class TestWithoutQuestions:
    """Solutions may leave their problems out, all but the id: whoever has the data set can score them."""

    def file(self, folder: Path) -> tuple[Path, Path]:
        whole = ours(folder / "whole.jsonl", right=7, arm="mine", seed=3, steps=[{"solution": "So."}])
        records = [json.loads(line) for line in whole.read_text().splitlines()]
        problems = lines(folder / "problems.jsonl", [record["problem"] for record in records])
        short = [{**record, "problem": {"id": record["problem"]["id"]}} for record in records]
        packed = folder / "short.jsonl.gz"
        packed.write_bytes(gzip.compress("".join(json.dumps(record) + "\n" for record in short).encode()))
        return packed, problems

    def test_they_are_scored_and_reported_as_with_their_problems(self, tmp_path: Path) -> None:
        packed, problems = self.file(tmp_path)
        done = socratic("bench", packed, "--problems", problems, "-o", tmp_path / "short")
        assert done.code == 0, done.err
        assert row(done.out, "mine")[2:5] == ["10", "7", "70.0%"]
        assert socratic("bench", tmp_path / "whole.jsonl", "-o", tmp_path / "long").out == done.out
        short, long = ((tmp_path / name / "outcomes.jsonl").read_text() for name in ("short", "long"))
        assert short == long

    def test_an_id_that_is_not_among_the_problems_is_named(self, tmp_path: Path) -> None:
        packed, _ = self.file(tmp_path)
        done = socratic("bench", packed)
        assert done.code == 1
        assert "short.jsonl.gz:1: the problem has no question, and its id 'p0' is none of --problems" in done.err
