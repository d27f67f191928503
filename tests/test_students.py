"""Real models, tiny: trained to memorise, saved, loaded from disk, and asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import get_linear_schedule_with_warmup

from socratic_cli.dialogue import Passage, Reply, Turn, merge, play, rehearse
from socratic_cli.errors import StudentError, UsageError
from socratic_cli.parts import HeldOut, Progress, Scheme, Student, Trained
from socratic_cli.plugins import load
from socratic_cli.records import Example, Problem, Rationale, Step
from socratic_cli.settings import Decoding, Training
from socratic_cli.students.huggingface import HuggingFace
from socratic_cli.students.optimiser import Optimiser
from tests import tiny

torch.set_num_threads(1)

PROBLEMS = [
    (
        Problem(id="a", question="Ann sold 48 clips in April, half as many in May. How many altogether?"),
        Rationale(
            steps=(
                Step(subquestion="How many in May?", solution="Ann sold 48/2 = <<48/2=24>>24 in May."),
                Step(subquestion="How many altogether?", solution="She sold 48+24 = <<48+24=72>>72."),
            ),
            answer="72",
        ),
    ),
    (
        Problem(id="b", question="Bo earns $12 an hour and works 3 hours. How much does he earn?"),
        Rationale(
            steps=(Step(subquestion="How much is it?", solution="He earns 12*3 = $<<12*3=36>>36."),), answer="36"
        ),
    ),
]
MEMORISE = Training(max_steps=70, learning_rate=5e-3, batch_size=4, warmup=0.1, max_length=128)
KINDS: dict[str, dict[str, Any]] = {
    "full": {},
    "lora": {"lora": True, "lora_rank": 32, "lora_alpha": 64},
    "8bit": {"load_in_8bit": True, "lora_rank": 32, "lora_alpha": 64},
    "4bit": {"load_in_4bit": True, "lora_rank": 32, "lora_alpha": 64},
}
JOINT: dict[str, dict[str, Any]] = {
    "full": {"joint": True},
    "lora": {"joint": True, "lora": True, "lora_rank": 32, "lora_alpha": 64},
}


def scheme() -> Scheme:
    return load(Scheme, "socratic")


def lesson() -> list[Passage]:
    return [
        passage
        for problem, rationale in PROBLEMS
        for passage in merge(rehearse(scheme().solve(problem), scheme().replies(rationale)))
    ]


def student(base: str, **options: Any) -> HuggingFace:
    return load(Student, f"huggingface:{base}", dtype="float32", **options)  # type: ignore[return-value]


def turn(prompt: str, role: str = "solver", stop: tuple[str, ...] = (), **more: Any) -> Turn:
    return Turn(role, prompt, PROBLEMS[0][0], stop=stop, **more)


def ask(opened: Any, turns: list[Turn]) -> list[Reply]:
    async def all_() -> list[Reply]:
        return list(await asyncio.gather(*(opened.reply(one) for one in turns)))

    return asyncio.run(all_())


@pytest.fixture(scope="session", params=sorted(tiny.MAKERS))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.MAKERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.gpt2(tmp_path_factory.mktemp("gpt2-alone"))


@pytest.fixture(scope="session")
def memorised(gpt2: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[HuggingFace, Path]:
    """A student of two roles that knows its lesson by heart."""
    folder = tmp_path_factory.mktemp("memorised")
    student(gpt2).train(lesson(), MEMORISE, folder, lambda _: None)
    return student(gpt2), folder


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_trained_student_solves_word_for_word_what_it_memorised(kind: str, base: str, tmp_path: Path) -> None:
    seen: list[Progress] = []
    trained = student(base, **KINDS[kind]).train(lesson(), MEMORISE, tmp_path, seen.append)

    assert [one.role for one in trained] == ["decomposer", "solver"]
    assert [one.step for one in seen] == 2 * list(range(1, 71))
    assert all(one.loss < 0.05 for one in trained), trained
    with student(base, **KINDS[kind]).model(tmp_path, Decoding(max_new_tokens=80)) as opened:

        async def solve() -> list[Rationale | None]:
            played = await asyncio.gather(*(play(scheme().solve(problem), opened) for problem, _ in PROBLEMS))
            return [one.rationale for one in played]

        assert asyncio.run(solve()) == [rationale for _, rationale in PROBLEMS]


@pytest.mark.parametrize("kind", sorted(JOINT))
def test_a_joint_student_plays_all_roles(kind: str, base: str, tmp_path: Path) -> None:
    training = MEMORISE.model_copy(update={"role_weights": {"decomposer": 0.5}, "max_steps": 120})
    [trained] = student(base, **JOINT[kind]).train(lesson(), training, tmp_path, lambda _: None)

    assert (trained.role, trained.sequences, trained.dtype) == ("joint", len(lesson()), "float32")
    with student(base, **JOINT[kind]).model(tmp_path, Decoding(max_new_tokens=80)) as opened:

        async def solve() -> list[Rationale | None]:
            played = await asyncio.gather(*(play(scheme().solve(problem), opened) for problem, _ in PROBLEMS))
            return [one.rationale for one in played]

        assert asyncio.run(solve()) == [rationale for _, rationale in PROBLEMS]


def test_weights_of_roles_are_refused_where_they_have_no_meaning(gpt2: str, tmp_path: Path) -> None:
    def train(weights: dict[str, float], **options: Any) -> None:
        training = Training(max_steps=1, role_weights=weights)
        student(gpt2, **options).train(lesson(), training, tmp_path, lambda _: None)

    with pytest.raises(UsageError, match="joint"):
        train({"solver": 2.0})
    with pytest.raises(UsageError, match=r"'solvr' to learn\. Did you mean 'solver'"):
        train({"solvr": 2.0}, joint=True)


def test_4_bits_are_not_evaluated_on_a_cpu_while_they_learn(gpt2: str, tmp_path: Path) -> None:
    one = lesson()[0]
    held_out = HeldOut((one,), one.role, lambda *_: 0.0)
    with pytest.raises(UsageError, match="repacks 4-bit weights"):
        student(gpt2, load_in_4bit=True).train(
            lesson(), Training(max_steps=1, held_out=1), tmp_path, lambda _: None, held_out
        )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_only_safetensors_json_and_text_are_saved(kind: str, gpt2: str, tmp_path: Path) -> None:
    student(gpt2, **KINDS[kind]).train(lesson(), Training(max_steps=1), tmp_path, lambda _: None)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    weights = "model.safetensors" if kind == "full" else "adapter_model.safetensors"
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".jsonl", ".txt", ".jinja"}
    assert {path.parent.name for path in files if path.name == weights} == {"decomposer", "solver"}


def test_a_fine_tuned_student_can_be_loaded_in_8_bits(memorised: tuple[HuggingFace, Path]) -> None:
    known, folder = memorised
    in_8bit = student(known.base, load_in_8bit=True)
    example = lesson()[0]
    with in_8bit.model(folder, Decoding(max_new_tokens=80)) as opened:
        [reply] = ask(opened, [turn(example.text[: example.spans[0][0]], example.role)])
    assert reply.text == example.text[slice(*example.spans[0])]


def test_training_is_the_same_given_its_seed(gpt2: str, tmp_path: Path) -> None:
    def run(seed: int, folder: str) -> list[Trained]:
        training = Training(max_steps=3, batch_size=1, seed=seed)
        return student(gpt2, lora=True).train(lesson(), training, tmp_path / folder, lambda _: None)

    torch.manual_seed(1)
    first = run(0, "first")
    torch.manual_seed(2)
    assert [one.loss for one in first] == [one.loss for one in run(0, "again")]
    assert [one.loss for one in first] != [one.loss for one in run(1, "other")]


def test_gradient_checkpointing_changes_nothing_but_memory(base: str, tmp_path: Path) -> None:
    training = Training(max_steps=2)
    plain = student(base).train(lesson(), training, tmp_path / "plain", lambda _: None)
    saving = student(base, gradient_checkpointing=True).train(lesson(), training, tmp_path / "saving", lambda _: None)
    assert [one.loss for one in saving] == pytest.approx([one.loss for one in plain], abs=1e-5)


def test_long_sequences_are_left_out_and_counted(gpt2: str, tmp_path: Path) -> None:
    long = Passage("solver", "Question: " + "a " * 300, ((10, 610),), eos=True)
    [trained] = student(gpt2).train(
        [lesson()[1], long], Training(max_steps=1, max_length=2000), tmp_path, lambda _: None
    )
    assert (trained.sequences, trained.left_out) == (1, 1)  # longer than the context of the model
    seen: list[Progress] = []
    with pytest.raises(StudentError, match="every sequence of the solver is longer than 128 tokens"):
        student(gpt2).train([lesson()[0], long], Training(max_length=2000), tmp_path / "none", seen.append)
    assert not seen  # it is told before the decomposer is trained for hours


def test_a_loss_that_is_no_number_is_an_error_that_names_the_step_and_the_text(gpt2: str, tmp_path: Path) -> None:
    training = Training(max_steps=50, learning_rate=1e30, warmup=0, max_grad_norm=1e30)
    names = r"the loss of the decomposer is \w+ at step \d+, on \d sequences, .* of \d+ tokens: 'Question: "
    with pytest.raises(StudentError, match=names):
        student(gpt2).train(lesson(), training, tmp_path, lambda _: None)


def test_training_without_memory_says_what_takes_less_and_goes_on_from_its_checkpoint(
    gpt2: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = Training(max_steps=4, checkpoint_steps=1)
    backward: Any = torch.Tensor.backward
    calls: list[int] = []

    def exhausted(self: torch.Tensor, *args: Any, **more: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        backward(self, *args, **more)

    with monkeypatch.context() as patched:
        patched.setattr(torch.Tensor, "backward", exhausted)
        with pytest.raises(
            StudentError, match=r"memory for step 3 of the decomposer, with \d+ tokens.*tokens-per-batch"
        ):
            student(gpt2).train(lesson(), training, tmp_path / "s", lambda _: None)
    seen: list[int] = []
    student(gpt2).train(lesson(), training, tmp_path / "s", lambda progress: seen.append(progress.step))
    assert seen[0] == 3


def test_a_model_that_memory_does_not_hold_is_refused_with_a_sentence(
    gpt2: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.nn.Module, "to", full)
    with (
        pytest.raises(StudentError, match=r"not enough memory for .*load-in-8bit"),
        student(gpt2).model(None, Decoding()),
    ):
        pass


def test_what_cannot_be_loaded_is_refused_with_a_sentence(gpt2: str, tmp_path: Path) -> None:
    with (
        pytest.raises(StudentError, match="nobody/nothing cannot be loaded"),
        student("nobody/nothing").model(None, Decoding()),
    ):
        pass
    pickled = tmp_path / "pickled"
    tiny.gpt2(pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(StudentError, match="holds pickled weights only"), student(str(pickled)).model(None, Decoding()):
        pass
    empty = tmp_path / "empty"
    with pytest.raises(StudentError, match="holds no trained student"), student(gpt2).model(empty, Decoding()):
        pass
    with pytest.raises(StudentError, match="nothing to train on"):
        student(gpt2).train([], Training(), tmp_path, lambda _: None)
    with pytest.raises(StudentError, match="float16"):
        load(Student, f"huggingface:{gpt2} dtype=float16").train(lesson(), Training(), tmp_path, lambda _: None)


def test_an_adapter_of_another_base_is_refused(gpt2: str, tmp_path: Path) -> None:
    student(gpt2, lora=True).train(lesson(), Training(max_steps=1), tmp_path / "student", lambda _: None)
    other = tiny.llama(tmp_path / "other")
    with (
        pytest.raises(StudentError, match="do not fit their base"),
        student(other, lora=True).model(tmp_path / "student", Decoding()),
    ):
        pass


def test_the_option_may_be_called_model(gpt2: str) -> None:
    assert load(Student, f"huggingface model={gpt2}").label == f"huggingface:{gpt2}"


def test_an_unknown_role_is_refused(memorised: tuple[HuggingFace, Path]) -> None:
    known, folder = memorised
    trained_as = pytest.raises(StudentError, match="has no planner: it was trained as decomposer, solver")
    with known.model(folder, Decoding()) as opened, trained_as:
        ask(opened, [turn("Plan:", "planner")])


def test_an_untrained_base_replies_in_any_role_to_instruction_and_exemplars(base: str) -> None:
    shown = turn(
        "Question: b\nAnswer:\n",
        "anything",
        instruction="Solve.",
        shots=(Example(role="teacher", prompt="Question: a\nAnswer:\n", completion="#### 1"),),
    )
    with student(base).model(None, Decoding(max_new_tokens=5)) as opened:
        [reply] = ask(opened, [shown])
    assert reply.usage.prompt_tokens > 10
    assert "\n\n" not in reply.text


@pytest.mark.parametrize(("total", "warmup"), [(1, 0.0), (7, 0.5), (20, 0.1), (20, 0.99)])
def test_the_learning_rate_is_that_of_transformers_schedule(total: int, warmup: float) -> None:
    layer = torch.nn.Linear(2, 2)
    ours = Optimiser(layer, Training(max_steps=total, learning_rate=3e-4, warmup=warmup), total)
    theirs = torch.optim.SGD(layer.parameters(), lr=3e-4)
    schedule = get_linear_schedule_with_warmup(theirs, int(total * warmup), total)  # type: ignore[no-untyped-call]
    for _ in range(total):
        layer(torch.ones(2)).sum().backward()
        assert ours.step()[1] == theirs.param_groups[0]["lr"]
        theirs.step()
        schedule.step()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_bfloat16_trains_and_solves(kind: str, base: str, tmp_path: Path) -> None:
    short = Training(max_steps=5, learning_rate=1e-3, batch_size=4)
    exact = student(base, **KINDS[kind]).train(lesson(), short, tmp_path / "exact", lambda _: None)
    rounded = load(Student, f"huggingface:{base} dtype=bfloat16", **KINDS[kind])
    trained = rounded.train(lesson(), short, tmp_path / "rounded", lambda _: None)
    assert [one.loss for one in trained] == pytest.approx([one.loss for one in exact], rel=0.05)
    with rounded.model(tmp_path / "rounded", Decoding(max_new_tokens=4)) as opened:
        assert ask(opened, [turn("Question: a\nAnswer:")])[0].usage.completion_tokens > 0
