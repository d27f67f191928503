"""Chains that were kept are played once more, turn by turn, and are what they were."""

from __future__ import annotations

import asyncio

import pytest

from socratic_cli import plugins
from socratic_cli.dialogue import Model, Reply, Turn
from socratic_cli.errors import InputError
from socratic_cli.parts import Scheme
from socratic_cli.records import Problem, Solution, Usage
from socratic_cli.stages.chains import Chains
from socratic_cli.stages.solve import sample, solve

HENS = Problem(id="hens", question="Ann has 3 hens and buys 2. How many hens?", answer="5")
PIGS = Problem(id="pigs", question="Bob has 4 pigs and buys 3. How many pigs?", answer="7")
SAMPLES = 3


class Farmer:
    """A model of two roles: it asks twice, and of its chains one counts wrongly and one never ends."""

    async def reply(self, turn: Turn) -> Reply:
        usage = Usage(prompt_tokens=len(turn.prompt), completion_tokens=4, cost=0.5)
        if turn.role == "decomposer":
            return Reply("How many are there?\nHow many in all?", usage=usage)
        if turn.sample == 1:
            return Reply(" and" * 4, "length", usage)
        said = "5" if turn.problem.id == "hens" else "7" if turn.sample == 2 else "9"
        return Reply(f" There are {said}.\n" if turn.stop else f" {said}", usage=usage, calculator=("4+3=7",))


def collected(model: Model, scheme: Scheme, *, samples: int, keep: bool = False) -> list[Solution]:
    async def all_() -> list[Solution]:
        if keep:
            wanted = [(problem, number) for problem in (HENS, PIGS) for number in range(samples)]
            return [one async for one in sample(wanted, scheme, model, "me")]
        return [one async for one in solve([HENS, PIGS], scheme, model, "me", samples=samples)]

    return asyncio.run(all_())


@pytest.fixture
def scheme() -> Scheme:
    return plugins.load(Scheme, "socratic")


@pytest.fixture
def kept(scheme: Scheme) -> list[Solution]:
    return collected(Farmer(), scheme, samples=SAMPLES, keep=True)


@pytest.mark.parametrize("samples", [1, 2, SAMPLES])
def test_dialogues_of_many_turns_are_what_they_were(samples: int, scheme: Scheme, kept: list[Solution]) -> None:
    """Votes, reasons, what the calculator did and what it cost, too."""
    written = collected(Farmer(), scheme, samples=samples)
    again = collected(Chains(kept, "chains.jsonl"), scheme, samples=samples)
    assert again == written
    assert {one.problem.id: one.correct for one in written} == {"hens": True, "pigs": False}


def test_a_chain_is_of_one_problem_and_one_scheme(scheme: Scheme, kept: list[Solution]) -> None:
    with pytest.raises(InputError, match=r"chains.jsonl holds no chain 3 of problem hens"):
        collected(Chains(kept, "chains.jsonl"), scheme, samples=SAMPLES + 1)
    renamed = [one.model_copy(update={"problem": HENS}) for one in kept if one.problem.id == "pigs"]
    with pytest.raises(InputError, match="holds no chain 0 of problem pigs"):
        collected(Chains(renamed, "chains.jsonl"), scheme, samples=SAMPLES)
    with pytest.raises(InputError, match="another scheme"):
        collected(Chains(kept, "chains.jsonl"), plugins.load(Scheme, "cot"), samples=SAMPLES)
