"""One problem in the terminal: its dialogue as it is being written, in a pipe and on a terminal."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import re
import select
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from rich.console import Console

from socratic_cli.cli.talking import Screen
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.parts import Student
from socratic_cli.plugins import load
from socratic_cli.records import Problem, Usage
from socratic_cli.settings import Decoding
from tests import tiny
from tests.command import COMMAND, socratic

PROBLEMS = ("arithmetic:2/train", "--limit", "3")
HENS = Problem(id="1", question="How many hens?")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talking")
    for words in (
        ("annotate", *PROBLEMS, "--scheme", "socratic", "-o", "a.jsonl"),
        ("train", "a.jsonl", "-o", "s", "--student", "parrot"),
    ):
        assert socratic(*words, cwd=folder).code == 0
    return folder


def known(place: Path) -> tuple[str, list[str], list[str], str]:
    """Return a question with its subquestions, their solutions and its answer."""
    first = json.loads((place / "a.jsonl").read_text().splitlines()[0])
    steps = first["steps"]
    asked, solved = [step["subquestion"] for step in steps], [step["solution"] for step in steps]
    return first["problem"]["question"], asked, solved, first["answer"]


def test_a_piped_dialogue_reads_well(place: Path) -> None:
    question, asked, solved, answer = known(place)
    done = socratic("solve", "s", "-q", question, cwd=place)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:5] == [question, "", "decomposer", *(f"  > {one}" for one in asked)]
    assert lines[5:11] == [
        *(line for one, said in zip(asked, solved, strict=True) for line in (f"solver  {one}", f"  > {said}")),
        "solver  the final answer",
        f"  > {answer}",
    ]
    assert f"answer: {answer}" in lines
    assert re.fullmatch(r"turn +tokens +seconds +calculator", lines[14])
    assert re.fullmatch(rf"solver +{re.escape(asked[0])} +\d+ +\d+\.\d\d *", lines[16])
    assert "\x1b" not in done.out


def test_an_unanswered_problem_says_why(place: Path) -> None:
    done = socratic("solve", "s", "-q", "Who?", cwd=place)
    assert done.code == 0
    assert "unanswered: no-subquestions, the decomposer asked nothing" in done.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("arithmetic:2/train",), "leave PROBLEMS out"),
        (("-o", "x.jsonl"), "leave --output out"),
        (("--workers", "2", "--resume"), "leave --resume, --workers out"),
        (("--limit", "1", "--concurrency", "128"), "leave --concurrency, --limit out"),
        (("--overwrite", "--skip-invalid"), "leave --skip-invalid, --overwrite out"),
    ],
)
def test_a_question_refuses_what_only_files_take(place: Path, words: tuple[str, ...], told: str) -> None:
    done = socratic("solve", "s", *words, "-q", "Who?", cwd=place)
    assert done.code == 2
    assert f"--question is one problem, and its dialogue is shown: {told}" in done.err
    assert not (place / "x.jsonl").exists()


def test_what_a_shell_sets_for_all_commands_is_not_refused(place: Path) -> None:
    done = socratic("solve", "s", "-q", "Who?", cwd=place, SOCRATIC_DATA="data", SOCRATIC_SOLVE_CONCURRENCY="4")
    assert (done.code, done.err) == (0, "")


def typed(place: Path, text: bytes, *words: str, **environment: str) -> tuple[int, str]:
    """Let a person type on a terminal; return the exit code and all that the terminal shows."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "solve", "s", *words],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=place,
        env={**os.environ, "TERM": "xterm", **environment},
    )
    os.close(follower)
    shown, typing = b"", [*text.splitlines(keepends=True), b"\x04"]
    try:
        while select.select([leader], [], [], 20)[0] and (piece := os.read(leader, 4096)):
            shown += piece
            if typing and shown.count(b"problem> ") > text.count(b"\n") + 1 - len(typing):
                time.sleep(0.3)  # it asks: a person answers, when the terminal is readline's
                os.write(leader, typing.pop(0))
    except OSError:
        pass  # the other end is closed
    finally:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        process.kill()
    os.close(leader)
    return process.wait(), shown.decode()


@pytest.mark.parametrize("plain", [True, False])
def test_a_terminal_becomes_a_prompt_until_ctrl_d(place: Path, plain: bool) -> None:
    question, _, _, answer = known(place)
    code, shown = typed(place, f"{question}\n\nWho?\n".encode(), **({"NO_COLOR": "1"} if plain else {}))
    assert code == 0, shown
    assert shown.count(f"answer: {answer}") == 1
    assert shown.count("unanswered: no-subquestions") == 1
    assert shown.count("problem> ") >= 3
    assert bool(re.search(r"\x1b\[[\d;]*3[0-7]m", shown)) is not plain  # a colour
    assert "Traceback" not in shown


def test_a_terminal_refuses_what_only_files_take(place: Path) -> None:
    code, shown = typed(place, b"", "--workers", "2")
    assert code == 2
    assert "no problems are named, so they are asked for here and their dialogues shown: leave --workers out" in shown


def test_a_local_student_is_heard_token_by_token(tmp_path: Path) -> None:
    heard: list[str] = []
    turns = [Turn("solver", "Question: a", HENS, hear=heard.append), Turn("solver", "Question: b", HENS)]

    async def together() -> list[Reply]:
        with load(Student, f"huggingface:{tiny.gpt2(tmp_path)} dtype=float32").model(
            None, Decoding(max_new_tokens=12)
        ) as model:
            return list(await asyncio.gather(*map(model.reply, turns)))

    reply, _ = asyncio.run(together())
    assert len(heard) == 12
    assert heard[-1] == reply.text
    assert len(heard[0]) < len(heard[-1])


class TestTheScreen:
    """What is shown grows, and is what was said."""

    @staticmethod
    def shown(*pieces: str, reply: Reply) -> str:
        file = io.StringIO()
        screen = Screen(Console(file=file, highlight=False, soft_wrap=True))
        turn = Turn("solver", "Question: How many hens?\nAnswer:\nHow many? **", HENS, stop=("\n",))
        screen.asks(turn)
        for piece in pieces:
            screen.hears(piece)
        screen.ends(turn, reply, 1.0)
        return file.getvalue()

    def test_pieces_come_to_the_whole(self) -> None:
        said = self.shown(" ", " She", " She has \ufffd", " She has 5\n", reply=Reply(" She has 5\n"))
        assert said == "solver  How many?\n  > She has 5\n"

    def test_a_calculator_is_marked(self) -> None:
        reply = Reply(" <<3+2=5>>5\n", usage=Usage(completion_tokens=4), calculator=("3+2=5",))
        assert self.shown(" <<3+2=", reply=reply).endswith("  > <<3+2=5>>5  [calculator 3+2=5]\n")

    def test_what_became_another_text_is_shown_whole(self) -> None:
        assert self.shown(" Seven", reply=Reply(" Five\n")).endswith("  > Five\n")

    def test_a_model_s_markup_is_text(self) -> None:
        assert "[bold red]x[/]" in self.shown(reply=Reply(" [bold red]x[/]\n"))
