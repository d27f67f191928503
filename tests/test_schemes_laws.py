"""Laws that hold for every installed scheme: what is rehearsed is what is solved, to the letter.

They are tested on real GSM8K problems, the exemplars, made-up arithmetic, and rationales that Hypothesis thinks of.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic_cli import plugins
from socratic_cli.dialogue import RehearsalError, Reply, Turn, merge, play, rehearse
from socratic_cli.notation import read, write
from socratic_cli.parts import Scheme
from socratic_cli.records import Example, Problem, Rationale, Step
from socratic_cli.schemes.prompting import BUILT_IN, exemplars
from socratic_cli.sources import resolve

ASKS, GUIDANCES = ("all", "next"), ("none", "count", "operators", "equations")


def variants() -> Iterator[str]:
    """Yield every installed scheme, with every way it has to ask and to guide."""
    for name in plugins.names(Scheme):
        fields = plugins.part_class(Scheme, name).model_fields
        asks = [f" ask={ask}" for ask in ASKS] if "ask" in fields else [""]
        guidances = [f" guidance={plan}" for plan in GUIDANCES] if "guidance" in fields else [""]
        yield from (f"{name}{ask}{guidance}" for ask, guidance in product(asks, guidances))


VARIANTS = tuple(variants())
ITERATIVE = tuple(spec for spec in VARIANTS if spec.startswith("socratic "))
every_scheme = pytest.mark.parametrize("spec", VARIANTS)


def load(spec: str) -> Scheme:
    return plugins.load(Scheme, spec)


def rehearsed(scheme: Scheme, problem: Problem) -> list[Example]:
    return rehearse(scheme.solve(problem.blind()), scheme.replies(problem.rationale))


def own_form(spec: str, rationale: Rationale) -> Rationale:
    """Return what is left of a rationale in the form of a built-in scheme."""
    if spec == "answer":
        return Rationale(answer=rationale.answer)
    if spec == "cot":
        return Rationale(steps=tuple(Step(solution=step.solution) for step in rationale.steps), answer=rationale.answer)
    return rationale


class Parrot:
    """Replies with what was rehearsed for exactly this role and prompt, and knows nothing else."""

    def __init__(self, examples: list[Example]) -> None:
        self.known = {(example.role, example.prompt): example.completion for example in examples}
        assert len(self.known) == len(examples), "a prompt with two completions cannot be learnt"

    async def reply(self, turn: Turn) -> Reply:
        return Reply(self.known[turn.role, turn.prompt])


@pytest.fixture(scope="module")
def problems(data_dir: Path) -> list[Problem]:
    real = [*resolve("gsm8k/train", data_dir=data_dir)][::25]
    made_up = resolve("arithmetic:1-12/train seed=7", limit=60)
    solved = (solution for name in BUILT_IN for solution in exemplars(name))
    ours = (solution.problem.model_copy(update={"steps": solution.steps}) for solution in solved)
    return [*real, *made_up, *ours]


@pytest.mark.parametrize("most", [1, 2])
def test_a_scheme_of_few_steps_has_its_roles(most: int) -> None:
    scheme = load(f"socratic max_steps={most}")
    assert scheme.roles == ("decomposer", "solver")
    assert scheme.agrees(load(f"socratic max_steps={most}"))


def laws(spec: str, problem: Problem) -> None:
    """Assert every law on one problem: no blank at a prompt's end, the parrot, strictness, merging."""
    scheme = load(spec)
    examples = rehearsed(scheme, problem)
    assert not any(example.prompt[-1] in " \t" for example in examples)
    assert all(problem.question.strip() in example.prompt for example in examples)
    the_parrot_reaches(own_form(spec, problem.rationale), scheme, problem, examples)
    passages_hold(examples)


def the_parrot_reaches(rationale: Rationale, scheme: Scheme, problem: Problem, examples: list[Example]) -> None:
    transcript = asyncio.run(play(scheme.solve(problem.blind()), Parrot(examples)))
    assert transcript.unanswered is None
    assert transcript.rationale is not None
    assert write(transcript.rationale) == write(rationale)
    assert [exchange.reply for exchange in transcript.exchanges] == [example.completion for example in examples]


def passages_hold(examples: list[Example]) -> None:
    for role in {example.role for example in examples}:
        of_role = [example for example in examples if example.role == role]
        passages = merge(of_role)
        cuts = [(passage, span) for passage in passages for span in passage.spans]
        assert len(cuts) == len(of_role)
        for example, (passage, (start, end)) in zip(of_role, cuts, strict=True):
            assert passage.text[start:end] == example.completion
            assert passage.text[:end] == example.prompt + example.completion
        assert [passage.eos for passage in passages][-1] == of_role[-1].eos


@every_scheme
def test_the_laws_hold_on_real_and_made_up_problems(spec: str, problems: list[Problem]) -> None:
    for problem in problems:
        laws(spec, problem)


words = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="*#"), min_size=1)
texts = words.map(lambda text: " ".join(text.split())).filter(bool)
rationales = st.builds(
    Rationale,
    steps=st.lists(st.builds(Step, subquestion=texts, solution=texts), min_size=1, max_size=5).map(tuple),
    answer=texts,
)


@every_scheme
@settings(max_examples=25)
@given(question=texts, rationale=rationales)
def test_the_laws_hold_on_rationales_nobody_would_write(spec: str, question: str, rationale: Rationale) -> None:
    laws(spec, Problem(id="1", question=question, answer=rationale.answer, steps=rationale.steps))


@every_scheme
def test_rehearsal_refuses_a_reply_short_and_a_reply_left_over(spec: str, problems: list[Problem]) -> None:
    scheme, problem = load(spec), problems[0]
    replies = [*scheme.replies(problem.rationale)]
    with pytest.raises(RehearsalError, match="no reply is left"):
        rehearse(scheme.solve(problem.blind()), replies[:-1])
    with pytest.raises(RehearsalError, match="ended before"):
        rehearse(scheme.solve(problem.blind()), [*replies, " 7"])
    with pytest.raises(RehearsalError):
        rehearse(scheme.solve(problem.blind()), ["", *replies[1:]])


@pytest.mark.parametrize("spec", ITERATIVE)
def test_rehearsal_refuses_a_reply_that_goes_on_after_its_mark_or_lacks_it(spec: str, problems: list[Problem]) -> None:
    scheme, problem = load(spec), problems[0]
    replies = [*scheme.replies(problem.rationale)]
    at = next(at for at, reply in enumerate(replies) if reply.endswith("\n"))
    with pytest.raises(RehearsalError, match="goes on after its mark"):
        rehearse(scheme.solve(problem.blind()), [*replies[:at], f"{replies[at]}More", *replies[at + 1 :]])
    with pytest.raises(RehearsalError, match="lacks its mark"):
        rehearse(scheme.solve(problem.blind()), [*replies[:at], replies[at].rstrip("\n"), *replies[at + 1 :]])


def of(role: str, examples: list[Example]) -> list[Example]:
    return [example for example in examples if example.role == role]


@pytest.mark.parametrize("spec", ITERATIVE)
def test_the_iterative_text_is_the_unified_text_cut_at_its_marks(spec: str, problems: list[Problem]) -> None:
    unified, iterative = load("socratic-unified"), load(spec)
    for problem in problems:
        (whole,) = rehearsed(unified, problem)
        last = of("solver", rehearsed(iterative, problem))[-1]
        assert last.prompt + last.completion == whole.prompt + whole.completion


@pytest.mark.parametrize("spec", [spec for spec in ITERATIVE if "ask=next" in spec])
def test_asker_and_solver_in_turns_write_the_unified_completion(spec: str, problems: list[Problem]) -> None:
    unified, iterative = load("socratic-unified"), load(spec)
    for problem in problems:
        (whole,) = rehearsed(unified, problem)
        said = [example.completion for example in rehearsed(iterative, problem) if example.role != "planner"]
        assert "".join(said) == whole.completion


def test_only_the_asker_sees_the_plan(problems: list[Problem]) -> None:
    examples = rehearsed(load("socratic guidance=equations"), problems[0])
    roles = Counter("Plan:" in example.prompt for example in of("solver", examples))
    assert roles == {False: len(problems[0].steps) + 1}
    assert all("\nPlan: " in example.prompt for example in of("decomposer", examples))
    assert [example.completion for example in of("planner", examples)] != []


def test_every_built_in_scheme_and_option_is_among_the_variants() -> None:
    assert {spec.partition(" ")[0] for spec in VARIANTS} >= {"answer", "cot", "socratic-unified", "socratic"}
    assert len(ITERATIVE) == len(ASKS) * len(GUIDANCES)


def test_merging_saves_most_of_the_solvers_text(data_dir: Path) -> None:
    scheme = load("socratic")
    apart = together = 0
    for problem in [*resolve("gsm8k/train", data_dir=data_dir)][::5]:
        examples = of("solver", rehearsed(scheme, problem))
        apart += sum(len(example.prompt) + len(example.completion) for example in examples)
        together += sum(len(passage.text) for passage in merge(examples))
    print(f"solver on GSM8K: {apart:,} characters apart, {together:,} merged, a factor of {apart / together:.2f}")
    assert together < apart / 3


def test_what_a_scheme_cannot_write_it_refuses() -> None:
    bare = Problem(id="1", question="How many?", answer="4", steps=(Step(solution="2+2 = <<2+2=4>>4"),))
    for spec in ("socratic-unified", *ITERATIVE):
        with pytest.raises(ValueError, match="no subquestion"):
            rehearsed(load(spec), bare)
    with pytest.raises(ValueError, match="no steps"):
        rehearsed(load("cot"), bare.model_copy(update={"steps": ()}))
    assert read(rehearsed(load("cot"), bare)[0].completion) == bare.rationale
