"""Samples and verifiers from the command line, with parrots and a service that tells probabilities."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path

import pytest

from socratic_cli.asking.replies import Replies
from socratic_cli.dialogue import Turn
from socratic_cli.parts import Teacher
from socratic_cli.plugins import load
from socratic_cli.records import Problem
from tests.command import Outcome, socratic
from tests.server import Said, serving

HOT = ("--samples", "2", "--temperature", "1")
PROBLEMS = ("arithmetic:2/train", "--limit", "3")
SAMPLED = ("--samples", "2", "--temperature", "0.7")


def run(folder: Path, *words: str | Path, **environment: str) -> Outcome:
    done = socratic(*words, cwd=folder, XDG_CACHE_HOME=str(folder / "cache"), **environment)
    assert done.code == 0, done.err
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold a student, its samples, and a verifier that learnt from them and from wrong ones beside them."""
    place = tmp_path_factory.mktemp("commands")
    run(place, "annotate", *PROBLEMS, "--scheme", "cot", "-o", "a.jsonl")
    run(place, "train", "a.jsonl", "-o", "s", "--student", "parrot")
    run(place, "solve", "s", *PROBLEMS, *SAMPLED, "--keep-samples", "-o", "samples.jsonl")
    lines = (place / "samples.jsonl").read_text().splitlines()
    wrong = [json.dumps(json.loads(line) | {"answer": "1000000", "correct": False}) for line in lines]
    (place / "marked.jsonl").write_text("\n".join([*lines, *wrong]) + "\n")
    told = run(place, "train", "marked.jsonl", "--scheme", "verifier", "-o", "v", "--student", "parrot")
    assert "a verifier learns from 3 right and 3 wrong solutions" in told.err
    return place


def test_every_chain_is_a_solution_of_its_own(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    assert sorted((line["problem"]["id"][-1], line["sample"]) for line in lines) == [
        (number, at) for number in "012" for at in (0, 1)
    ]
    assert all(line["correct"] is True for line in lines)
    assert "votes" not in lines[0]


def test_only_missing_samples_are_written_when_it_goes_on(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "samples.jsonl").read_bytes().splitlines(keepends=True)
    part = tmp_path / "part.jsonl"
    part.write_bytes(b"".join(lines[:3]) + lines[3][:50])
    more = ("--keep-samples", "--resume", "-o", part)
    assert "solved 3, 1 were done before" in run(folder, "solve", "s", *PROBLEMS, *SAMPLED, *more).err
    after = part.read_bytes().splitlines(keepends=True)
    assert after[:3] == lines[:3]
    assert sorted(after) == sorted(lines)


def test_a_verifier_weighs_the_samples_and_its_questions_are_leaks(folder: Path) -> None:
    done = run(folder, "solve", "s", *PROBLEMS, *SAMPLED, "--verifier", "v", "--choose", "best")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [(list(line["weights"].values()), line["correct"]) for line in lines] == [([1.0], True)] * 3
    assert "3 of 3 questions are in the student's training set" in done.err


def test_bench_lets_it_weigh_too(folder: Path) -> None:
    done = run(folder, "bench", "s", "--problems", *PROBLEMS, *SAMPLED, "--verifier", "v", "-o", "scores")
    assert "100.0%" in done.out
    (line, *_) = (folder / "scores/solutions-s.jsonl").read_text().splitlines()
    assert json.loads(line)["weights"]


@pytest.mark.parametrize("choice", [(), ("--verifier", "v"), ("--verifier", "v", "--choose", "best")])
def test_kept_chains_are_chosen_among_as_those_just_written(choice: tuple[str, ...], folder: Path) -> None:
    written = run(folder, "solve", "s", *PROBLEMS, *SAMPLED, *choice).out
    again = run(folder, "solve", "s", *PROBLEMS, *SAMPLED, *choice, "--from-samples", "samples.jsonl").out
    assert sorted(again.splitlines()) == sorted(written.splitlines())


def test_fewer_chains_than_were_kept_are_the_first_ones(folder: Path) -> None:
    done = run(folder, "solve", "s", *PROBLEMS, "--from-samples", "samples.jsonl")
    kept = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    first = {line["problem"]["id"]: line["trace"] for line in kept if not line.get("sample")}
    assert {line["problem"]["id"]: line["trace"] for line in map(json.loads, done.out.splitlines())} == first


def test_chains_of_another_are_told_as_such(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    (folder / "others.jsonl").write_text("".join(json.dumps(line | {"author": "t"}) + "\n" for line in lines))
    assert "written by" not in run(folder, "solve", "s", *PROBLEMS, *SAMPLED, "--from-samples", "samples.jsonl").err
    done = run(folder, "solve", "s", *PROBLEMS, *SAMPLED, "--from-samples", "others.jsonl")
    assert "others.jsonl was written by t, and its chains are told as those of s" in done.err
    assert len(done.out.splitlines()) == 3


def test_chains_that_are_not_there_are_named(folder: Path) -> None:
    few = folder / "few.jsonl"
    few.write_text("".join((folder / "samples.jsonl").read_text().splitlines(keepends=True)[:3]))
    out = folder / "of-few.jsonl"
    done = socratic("solve", "s", *PROBLEMS, *SAMPLED, "--from-samples", few, "-o", out, cwd=folder)
    assert done.code == 1
    assert "few.jsonl holds no chain 1 of problem arithmetic" in done.err
    assert "--resume" in done.err
    assert len(out.read_text().splitlines()) == 1  # and stays


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("s", "--verifier", "v"), "give samples, and a temperature"),
        (("s", "--verifier", "v", "--samples", "2"), "give a temperature"),
        (("s", "--verifier", "s", *HOT), "was trained as cot and is no verifier"),
        (("s", "--verifier", "w", *HOT), "'w' is neither a folder"),
        (("v",), "v is a verifier and solves nothing itself"),
        (("s", "--choose", "best", *HOT), "takes a verifier"),
        (("s", "--choose", "vote"), "choose=vote is among several chains"),
        (
            ("s", "--keep-samples", "--verifier", "v", *HOT),
            "leave --keep-samples",
        ),
        (("s", "--keep-samples", "--from-samples", "samples.jsonl", *HOT), "leave --keep-samples"),
        (("s", "--from-samples", "-", *HOT), "--from-samples is a file"),
    ],
)
def test_nonsense_is_a_sentence_and_makes_nothing(words: tuple[str, ...], told: str, folder: Path) -> None:
    done = socratic("solve", words[0], *PROBLEMS, *words[1:], "-o", "none.jsonl", cwd=folder)
    assert done.code == 2
    assert told in done.err
    assert "Traceback" not in done.err
    assert not (folder / "none.jsonl").exists()


def test_a_prompted_model_weighs_by_what_its_service_tells(folder: Path) -> None:
    """Of the tokens it tells, those that spell a word count, in any case; what it said is kept, probabilities too."""
    likely = (("Yes", math.log(0.5)), (" yes", math.log(0.1)), ("No", math.log(0.2)), ("Well", math.log(0.1)))
    with serving(lambda _: Said("Yes", first_token=likely)) as server:
        judge = f"litellm:openai/any api_base={server.url}"
        more = (*SAMPLED, "--verifier", judge, "-o", "judged.jsonl")
        run(folder, "solve", "s", *PROBLEMS, *more, OPENAI_API_KEY="none")
    for line in (folder / "judged.jsonl").read_text().splitlines():
        assert list(json.loads(line)["weights"].values()) == pytest.approx([2 * 0.75])
    assert [request["top_logprobs"] for request in server.requests] == [5] * 3
    with Replies(folder / "judged.verifier.replies.jsonl") as kept:
        keys = [json.loads(line)["key"] for line in kept.path.read_text().splitlines()]
        found = [kept.get(key) for key in keys]
    assert [one.shares for one in found if one] == [pytest.approx((0.75, 0.25))] * 3


@pytest.mark.parametrize(
    ("model", "told"),
    [("openai/any", (("Well", -0.1),)), ("openai/any", ()), ("openai/o3-mini", (("yes", -0.1),))],
)
def test_a_service_that_tells_nothing_of_use_is_taken_at_its_word(model: str, told: tuple[tuple[str, float]]) -> None:
    """Some never tell (litellm knows which), and are not asked to."""
    with serving(lambda _: Said("Yes", first_token=told)) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "none")
        teacher = load(Teacher, f"litellm:{model} api_base={server.url} temperature=1")
        turn = Turn("verifier", "Right:", Problem(id="1", question="?"), options=(" yes", " no"))
        reply = asyncio.run(teacher.reply(turn))
    assert (reply.text, reply.shares) == ("Yes", ())
    assert ("logprobs" in server.requests[0]) is (model == "openai/any")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "chains.jsonl is empty"),
        ('{"answer": "3"}\n', "chains.jsonl:1: this is no solution"),
        (
            '{"problem": {"id": "a", "question": "?"}, "scheme": "socratic", "author": "s"}\n',
            "the scheme socratic, and cot",
        ),
    ],
)
def test_what_holds_no_chains_is_refused_before_anything_is_made(
    text: str, told: str, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "chains.jsonl").write_text(text)
    out = tmp_path / "none.jsonl"
    words = (*PROBLEMS, *SAMPLED, "--from-samples", tmp_path / "chains.jsonl", "-o", out)
    done = socratic("solve", "s", *words, cwd=folder)
    assert done.code == 1
    assert told in done.err
    assert not out.exists()
