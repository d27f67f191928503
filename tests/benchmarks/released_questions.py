"""What a strong solver makes of a small decomposer's subquestions: released dialogues of others, made ready for bench.

    git clone https://github.com/DT6A/GSM8K-AI-SubQ
    python -m tests.benchmarks.released_questions GSM8K-AI-SubQ/eval_responses dialogues --data-dir DATA
    socratic bench dialogues/*-asks-*.jsonl --problems gsm8k/test --data-dir DATA
    socratic solve STUDENT gsm8k/test --role decomposer="recorded:dialogues/gpt2-small.jsonl" -o solutions.jsonl

Tarasov and Shridhar (2024, arXiv 2402.01812) taught GPT-2 to ask subquestions of GSM8K and let larger models answer
them. Writes their dialogues on the test problems as solutions, a file for each pair, and the questions of each
decomposer for a student of ours to answer. Prints what their own rule, the first number after "final answer:", counts
as right: their tables have the same numbers, cut to three places.
"""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonlines

from socratic_cli.records import Problem, Solution, Step
from socratic_cli.sources import resolve

DECOMPOSERS = {"eval_finetune": "gpt2-small", "eval_filtered_bc": "gpt2-small-filtered", "eval_chat": "chatgpt"}
SOLVERS = ("chatgpt", "llama7b", "llama13b", "mistral")
_FINAL = "final answer:"
_ANSWER = re.compile(r"[-+]?\$?\d[\d,]*(?:\.\d+)?")
_THEIRS = re.compile(r"[-+]?\d*\.\d+|\d+|,\d+")


def key(question: str) -> str:
    """Return what is left of a question by which it is found again: its letters and digits."""
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", question).lower())


def numbered(text: str, letter: str) -> dict[int, str]:
    """Return the lines Q1: ... or A1: ... of a text by their number."""
    parts = re.split(rf"(?m)^\s*{letter}\s*(\d+)\s*[:.)]\s*", text)
    return {int(number): " ".join(said.split()) for number, said in zip(parts[1::2], parts[2::2], strict=True)}


def solution(line: dict[str, Any], problem: Problem, decomposer: str, solver: str) -> Solution:
    """Return a released dialogue as a solution; one that tells no final answer is unanswered."""
    questions, (body, told, end) = numbered(line["questions"], "Q"), _parts(line["answers"])
    answers = numbered(body, "A")
    found = _ANSWER.search(end) if told else None
    return Solution(
        problem=Problem(id=problem.id, question=problem.question),
        scheme="socratic",
        author=f"{decomposer} asks {solver}",
        steps=tuple(Step(subquestion=questions[at], solution=answers.get(at, "")) for at in sorted(questions)),
        answer=re.sub(r"[$,]", "", found.group()) if found else None,
        unanswered=None if found else "unreadable",
        roles={"decomposer": decomposer, "solver": solver},
    )


def right_by_their_rule(line: dict[str, Any]) -> bool:
    """Say whether the first number after the mark is the gold answer; without a mark they read from near the start."""
    text = line["answers"].lower()
    found = _THEIRS.search(text[text.find(_FINAL) + len(_FINAL) :])
    return found is not None and float(found.group().replace(",", "")) == float(line["answer"])


def _parts(text: str) -> tuple[str, str, str]:
    at = text.lower().find(_FINAL)
    return (text, "", "") if at < 0 else (text[:at], _FINAL, text[at + len(_FINAL) :])


def released(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the dialogues of a file; some have a list of one where others have a text."""
    with jsonlines.open(path) as lines:
        for line in lines:
            texts = {name: line[name] for name in ("questions", "answers")}
            yield line | {name: (one[0] if isinstance(one, list) else one) or "" for name, one in texts.items()}


def main() -> None:
    """Write the files and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("released", type=Path, help="their folder eval_responses")
    parser.add_argument("out", type=Path)
    parser.add_argument("--data-dir", type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    problems = {key(problem.question): problem for problem in resolve("gsm8k/test", data_dir=given.data_dir)}
    print("| decomposer | solver | problems | right by their rule |\n|---|---|--:|--:|")
    for file, decomposer in DECOMPOSERS.items():
        for solver in SOLVERS:
            lines = list(released(given.released / solver / f"{file}.jsonl"))
            found = [solution(line, problems[key(line["problem"])], decomposer, solver) for line in lines]
            with jsonlines.open(given.out / f"{decomposer}-asks-{solver}.jsonl", "w") as out:
                out.write_all(one.line() for one in found)
            share = sum(map(right_by_their_rule, lines)) / len(lines)
            print(f"| {decomposer} | {solver} | {len(lines):,} | {share:.2%} |")
        with jsonlines.open(given.out / f"{decomposer}.jsonl", "w") as out:
            out.write_all(
                {"question": one.problem.question, "reply": "\n".join(step.subquestion or "" for step in one.steps)}
                for one in found
            )


if __name__ == "__main__":
    main()
