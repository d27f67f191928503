"""Who plays which role: students of their own, prompted models, the gold rationale."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from socratic_cli import plugins
from socratic_cli.casting import Coached
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.parts import Scheme
from socratic_cli.records import Problem
from tests.command import Outcome, socratic
from tests.server import Messages, asked, serving

PROBLEMS = ("arithmetic:2/train", "--limit", "4")
HENS = Problem(id="hens", question="Ann has 3 hens and buys 2. Each lays 4 eggs. How many eggs?")


def run(folder: Path, *words: str | Path, code: int = 0) -> Outcome:
    done = socratic(*words, cwd=folder, OPENAI_API_KEY="sk-none", XDG_CACHE_HOME=str(folder / "cache"))
    assert done.code == code, done.err
    return done


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold students that know four problems: s and t of one scheme, next of another, cot of one role."""
    folder = tmp_path_factory.mktemp("cast")
    run(folder, "annotate", *PROBLEMS, "--scheme", "socratic", "-o", "a.jsonl")
    for name, scheme in (("s", "socratic"), ("t", "socratic"), ("next", "socratic ask=next"), ("cot", "cot")):
        run(folder, "train", "a.jsonl", "-o", name, "--student", "parrot", "--scheme", scheme)
    return folder


def solutions(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def knowing(place: Path) -> dict[str, Any]:
    """Return the steps of every question."""
    return {one["problem"]["question"]: one for one in solutions(place / "a.jsonl")}


def solver(place: Path) -> Any:
    """Return a large model that solves the subquestion it is given, and says so at more length than a student."""
    known = knowing(place)

    def answer(messages: Messages) -> str:
        solved, last = known[asked(messages)], messages[-1]["content"].splitlines()[-1]
        if last == "####":
            return f"The final answer is **{solved['answer']}**."
        return next(f"- {s['solution']}\n\nDone." for s in solved["steps"] if s["subquestion"] in last)

    return answer


def test_a_student_asks_and_a_prompted_model_solves(place: Path, tmp_path: Path) -> None:
    with serving(solver(place)) as server:
        command = ("solve", "s", "--role", "solver=litellm:openai/m", *PROBLEMS, "--api-base", server.url)
        run(place, *command, "-o", tmp_path / "x.jsonl")
        sent = len(server.requests)
        run(place, *command, "-o", tmp_path / "x.jsonl", "--overwrite")
        assert len(server.requests) == sent == 12  # nothing is paid twice
        first = server.requests[0]["messages"]
    found = solutions(tmp_path / "x.jsonl")
    assert [one["correct"] for one in found] == [True] * 4
    assert found[0]["author"] == "s (solver=litellm:openai/m api_base=" + server.url + ")"
    assert found[0]["roles"] == {"solver": f"litellm:openai/m api_base={server.url}"}
    assert found[0]["leaked"] is True
    replies = solutions(tmp_path / "x.solver.replies.jsonl")
    assert {one["role"] for one in replies} == {"solver"}
    # What the teacher wrote is counted together with what the student wrote.
    assert sum(one["usage"]["completion_tokens"] for one in found) > sum(
        one["usage"]["completion_tokens"] for one in replies
    )
    assert "Write the solution of the last one alone" in first[0]["content"]
    assert [message["role"] for message in first] == ["system", *["user", "assistant"] * 4, "user"]
    assert all("<problem>" in message["content"] for message in first if message["role"] == "user")
    assert "Question:" not in str(first)


def test_a_prompted_model_asks_and_a_student_solves(place: Path, tmp_path: Path) -> None:
    known = knowing(place)

    def answer(messages: Messages) -> str:
        steps = known[asked(messages)]["steps"]
        return "\n".join(f"{number}. **{step['subquestion']}**" for number, step in enumerate(steps, 1))

    with serving(answer) as server:
        roles = ("--role", "decomposer=litellm:openai/m", "--role", "solver=s")
        done = run(place, "solve", *roles, *PROBLEMS, "--api-base", server.url, "-o", tmp_path / "x.jsonl")
    assert [one["correct"] for one in solutions(tmp_path / "x.jsonl")] == [True] * 4, done.err
    assert solutions(tmp_path / "x.jsonl")[0]["author"].startswith("s (decomposer=litellm:openai/m")


def test_two_large_models_have_a_file_of_replies_each(place: Path, tmp_path: Path) -> None:
    known, solve = knowing(place), solver(place)

    def answer(messages: Messages) -> str:
        if "Subquestions:" in messages[-1]["content"]:
            return "\n".join(step["subquestion"] for step in known[asked(messages)]["steps"])
        return str(solve(messages))

    with serving(answer) as server:
        roles = ("--role", "decomposer=litellm:openai/a", "--role", "solver=litellm:openai/b")
        command = ("solve", *roles, *PROBLEMS, "--api-base", server.url, "-o", tmp_path / "x.jsonl")
        assert "was not trained: say with --scheme" in run(place, *command, code=2).err
        run(place, *command, "--scheme", "socratic", "--shots", "1")
        assert len(server.requests[0]["messages"]) == 4
    assert [one["correct"] for one in solutions(tmp_path / "x.jsonl")] == [True] * 4
    assert len(solutions(tmp_path / "x.replies.jsonl")) == 4
    assert len(solutions(tmp_path / "x.solver.replies.jsonl")) == 12


def test_two_students_play_together(place: Path) -> None:
    found = run(place, "solve", "s", "--role", "solver=t", *PROBLEMS).out.splitlines()
    assert [json.loads(line)["correct"] for line in found] == [True] * 4
    assert json.loads(found[0])["roles"] == {"solver": "t"}
    assert json.loads(found[0])["author"] == "s (solver=t)"


def test_workers_share_what_a_cast_solves(place: Path) -> None:
    command = ("solve", "s", "--role", "solver=t", *PROBLEMS)
    alone, shared = (run(place, *command, "--workers", count).out.splitlines() for count in ("1", "2"))
    assert sorted(shared) == sorted(alone)
    assert json.loads(alone[0])["roles"] == {"solver": "t"}
    asked = run(place, "solve", "s", "--role", "solver=litellm:openai/m", *PROBLEMS, "--workers", "2", code=2)
    assert "raise --concurrency" in asked.err


def test_gold_in_a_role_is_an_oracle(place: Path) -> None:
    role, oracle = (
        run(place, "solve", "s", *PROBLEMS, *how).out
        for how in (("--role", "decomposer=gold"), ("--oracle", "decomposer"))
    )
    assert role == oracle
    assert json.loads(role.splitlines()[0])["roles"] == {"decomposer": "gold"}
    with serving(solver(place)) as server:
        words = ("litellm:openai/m", "--role", "decomposer=gold", "--scheme", "socratic", "--api-base", server.url)
        found = run(place, "solve", *words, *PROBLEMS).out.splitlines()
    assert [json.loads(line)["correct"] for line in found] == [True] * 4


def test_a_student_solves_in_another_scheme_that_asks_it_the_same(place: Path) -> None:
    command = ("solve", "s", *PROBLEMS, "--scheme", "socratic repeats=end")
    for words in (command, (*command, "--role", "decomposer=gold"), (*command, "--role", "solver=t")):
        found = [json.loads(line) for line in run(place, *words).out.splitlines()]
        assert [(one["correct"], one["scheme"]) for one in found] == [(True, "socratic repeats=end")] * 4
    refused = run(place, "solve", "s", *PROBLEMS, "--scheme", "socratic ask=next", code=2)
    assert "s was trained as socratic, not as socratic ask=next: leave --scheme out" in refused.err


def test_an_oracle_leaves_out_what_has_no_gold_subquestions_and_says_so(place: Path) -> None:
    known = [one["problem"] for one in solutions(place / "a.jsonl")]
    bare = {**known[1], "steps": [{"solution": step["solution"]} for step in known[1]["steps"]]}
    (place / "mixed.jsonl").write_text("".join(json.dumps(one) + "\n" for one in (known[0], bare, known[2])))
    command = ("solve", "s", "--role", "decomposer=gold", "mixed.jsonl", "-o", "mixed.solved.jsonl")
    told = f"left out 1 of 3 problems: problem {bare['id']} has no gold rationale for an oracle: a step has no"
    assert told in run(place, *command).err
    assert [one["problem"]["id"] for one in solutions(place / "mixed.solved.jsonl")] == [known[0]["id"], known[2]["id"]]
    again = run(place, *command, "--resume")
    assert len(solutions(place / "mixed.solved.jsonl")) == 2, again.err
    (place / "bare.jsonl").write_text(json.dumps(bare))
    none = run(place, "solve", "s", "--role", "decomposer=gold", "bare.jsonl", code=1)
    assert f"error: problem {bare['id']} has no gold rationale for an oracle" in none.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["s", "--role", "solver=next"], "next was trained as socratic ask=next, s as socratic"),
        (["s", "--role", "solvr=t"], "no role 'solvr'. Did you mean 'solver'? It has decomposer, solver"),
        (["s", "--role", "solver=nobody"], "neither a folder"),
        (["s", "--role", "solver"], "is not role=who"),
        (["s", "--role", "solver=t", "--role", "solver=t"], "'solver' is given twice"),
        (["s", "--role", "solver=t", "--oracle", "solver"], "'solver' is given twice"),
        (["--role", "solver=t", "-"], "nobody plays the decomposer of socratic"),
        (["s", "--role", "solver=t", "--role", "decomposer=gold"], "s has no role left to play"),
        (["s", "--role", "solver=t", "--scheme", "cot"], "s was trained as socratic, not as cot: leave --scheme out"),
        (["--role", "solver=gold", "-"], "name a student or a model to prompt"),
        ([], "name a student or a model to prompt"),
    ],
)
def test_a_cast_that_does_not_fit_is_refused(place: Path, words: list[str], told: str) -> None:
    assert told in run(place, "solve", *words, code=2).err


class Said:
    """A model that says one thing, and keeps what it was asked."""

    def __init__(self, text: str, finish_reason: str = "stop") -> None:
        self.text, self.finish_reason = text, finish_reason
        self.asked: list[Turn] = []

    async def reply(self, turn: Turn) -> Reply:
        self.asked.append(turn)
        return Reply(self.text, self.finish_reason)


def heard(spec: str, turn: Turn, text: str, finish_reason: str = "stop") -> str:
    model = Coached(Said(text, finish_reason), plugins.load(Scheme, spec))
    return asyncio.run(model.reply(turn)).text


ASKED = f"Question: {HENS.question}\nAnswer:\n"
NEXT = Turn("decomposer", ASKED, HENS, stop=(" **", "####"))
ALL = Turn("decomposer", ASKED.replace("Answer", "Subquestions"), HENS)
STEP = Turn("solver", f"{ASKED}How many hens? **", HENS, stop=("\n",))
LAST = Turn("solver", f"{ASKED}How many hens? ** 5\n####", HENS)
PLAN = Turn("planner", f"Question: {HENS.question}\nPlan:", HENS)


@pytest.mark.parametrize(
    ("spec", "turn", "text", "said"),
    [
        ("socratic ask=next", NEXT, "How many hens?", "How many hens? **"),
        ("socratic ask=next", NEXT, "How many hens? ** Five.\nHow many eggs? **", "How many hens? **"),
        ("socratic ask=next", NEXT, "####", "####"),
        ("socratic ask=next", NEXT, "#### 20", "####"),
        ("socratic ask=next", NEXT, "", ""),
        ("socratic", ALL, "1. How many hens?\n\n2) How many eggs?", "How many hens?\nHow many eggs?"),
        ("socratic", STEP, "**She has 5.**\n\nHow many eggs? ** 20", "She has 5.\n"),
        ("socratic", STEP, "How many hens? ** She has 5.", "She has 5.\n"),
        ("socratic", LAST, "#### 20", "20"),
        ("socratic", LAST, "She has 20.\n#### 20", "20"),
        ("socratic", LAST, "So the answer is 20.", "20"),
        ("socratic guidance=operators", PLAN, "Plan: - ; *", "- ; *"),
        ("cot", Turn("solver", ASKED, HENS), "1. She has 5.\n\nThe answer is 20.", "She has 5.\n#### 20"),
    ],
)
def test_a_coached_reply_is_read_as_a_students(spec: str, turn: Turn, text: str, said: str) -> None:
    assert heard(spec, turn, text) == said


def test_half_a_reply_is_not_made_whole() -> None:
    assert heard("socratic", STEP, "She has 3 and", "length") == "She has 3 and"
    assert heard("socratic", STEP, "She has 5.\nAnd", "length") == "She has 5.\n"


def test_exemplars_show_the_role_from_its_first_turn_to_its_last() -> None:
    model = Said("x")
    for turn in (NEXT, LAST):
        asyncio.run(Coached(model, plugins.load(Scheme, "socratic ask=next")).reply(turn))
    asking, ending = model.asked
    assert asking.shots[0].prompt.endswith("</problem>\nAnswer:\n")
    assert asking.shots[-1].completion == "####"
    assert {shot.completion.strip().isdecimal() for shot in ending.shots} == {True}
    assert asking.stop == NEXT.stop


def test_a_scheme_that_coaches_nobody_says_so() -> None:
    class Silent(type(plugins.load(Scheme, "cot"))):  # type: ignore[misc]
        coached = Scheme.coached

    from socratic_cli.errors import UsageError

    with pytest.raises(UsageError, match="does not say how"):
        Silent().coached(STEP)


PRICED = "litellm:openai/any api_base={url} input_price=1 output_price=1"


def test_a_recipe_pays_a_casting_once_and_within_its_budget(tmp_path: Path) -> None:
    recipe = """\
train: {{source: "arithmetic:2/train", limit: 4}}
test: {{source: "arithmetic:2/train", limit: 3}}
students: [parrot]
arms: {{s: {{scheme: socratic, castings: [{{decomposer: "{who}"}}]}}}}
"""
    with serving(lambda _: "How many?\nHow many in all?") as server:
        (tmp_path / "r.yaml").write_text(recipe.format(who=PRICED.format(url=server.url)))
        poor = run(tmp_path, "run", "r.yaml", "--set", "asking.max_cost=0.000001", code=5)
        assert "--max-cost" in poor.err
        assert not server.requests
        run(tmp_path, "run", "r.yaml", "--set", "asking.max_cost=10")
        assert len(server.requests) == 3
        run(tmp_path, "run", "r.yaml", "--set", "test.limit=4")
        assert len(server.requests) == 4
        run(tmp_path, "run", "r.yaml", "--set", "test.limit=4", "--set", "seeds=[0, 1]")
        assert len(server.requests) == 4


def test_gold_has_no_price_to_know(tmp_path: Path) -> None:
    run(tmp_path, "annotate", *PROBLEMS, "--teacher", "gold", "--max-cost", "1", "-o", "gold.jsonl")
