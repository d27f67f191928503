"""What is learnt is what will be asked: tokens, order, and the loss on them."""

# mypy: allow-untyped-calls
from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast
from transformers.trainer_pt_utils import LabelSmoother

from socratic_cli.dialogue import Passage, merge, rehearse
from socratic_cli.parts import Scheme
from socratic_cli.plugins import load
from socratic_cli.records import Example, Problem, Rationale, Step
from socratic_cli.settings import Training
from socratic_cli.students.adapters import Lora
from socratic_cli.students.batches import Room, batches, passes, room, steps
from socratic_cli.students.loss import Loss
from socratic_cli.students.tokens import Sequence, Tokens, padded
from socratic_cli.students.weights import Source, load_model, load_tokenizer
from tests import tiny

SCHEMES = ["answer", "cot", "socratic-unified", "socratic", "socratic ask=next"]
HEAD = "Question: How many?\nAnswer:\n"
EXAMPLES = [
    Example(role="solver", prompt=f"{HEAD}In May? **", completion=" 24 clips.\n", eos=False),
    Example(role="solver", prompt=f"{HEAD}In May? ** 24 clips.\nIn all? **", completion=" 72 of them.\n", eos=False),
    Example(role="solver", prompt=f"{HEAD}In May? ** 24 clips.\nIn all? ** 72 of them.\n####", completion=" 72"),
]


@pytest.fixture(scope="module", params=sorted(tiny.MAKERS))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.MAKERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def tokens(base: str) -> Tokens:
    return Tokens(load_tokenizer(base))


def sentencepiece() -> Tokens:
    """Return a tokenizer that puts a blank before what begins, as those of Llama 2 and Mistral do."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="first"), pre_tokenizers.Digits(individual_digits=True)]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=[tiny.END], show_progress=False)
    tokenizer.train_from_iterator([*tiny.TEXT, "0123456789+-*/=<>.\n"], trainer)
    return Tokens(PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=tiny.END))


def test_what_goes_on_begins_without_a_blank() -> None:
    tokens = sentencepiece()
    whole = tokens.piece("She sold 48/2 = <<48/2=24>>")
    begun = tokens.piece("She sold 48/2 = <<48/2=")
    assert begun + tokens.further("24>>") == whole
    assert tokens.text(begun + tokens.further("24>>")) == "She sold 48/2 = <<48/2=24>>"
    assert tokens.text(begun + tokens.piece("24>>")) != "She sold 48/2 = <<48/2=24>>"


def test_what_goes_on_is_the_same_text(tokens: Tokens) -> None:
    for text in ("24>>", " 24", ".5", "24", "-3>>"):
        assert tokens.text(tokens.further(text)) == text


def passage(example: Example) -> Passage:
    return merge([example])[0]


def learnt_text(tokens: Tokens, sequence: Sequence) -> str:
    return tokens.tokenizer.decode(  # type: ignore[return-value]
        [token for token, is_learnt in zip(sequence.ids, sequence.learnt, strict=True) if is_learnt]
    )


def gold(data_dir: Path, count: int) -> list[tuple[Problem, Rationale]]:
    lines = (data_dir / "gsm8k" / "train_socratic.jsonl").read_text().splitlines()
    chosen = [json.loads(line) for line in random.Random(0).sample(lines, count)]
    return [(Problem(id=str(at), question=one["question"]), rationale(one["answer"])) for at, one in enumerate(chosen)]


def rationale(text: str) -> Rationale:
    *lines, last = text.strip().split("\n")
    pairs = (line.split(" ** ", 1) for line in lines)
    steps = tuple(Step(subquestion=pair[0], solution=pair[1]) for pair in pairs if len(pair) == 2)
    return Rationale(steps=steps, answer=last.removeprefix("#### "))


def test_the_loss_lies_on_the_completions_and_the_end_alone(tokens: Tokens) -> None:
    [merged] = merge(EXAMPLES)
    sequence = tokens.passage(merged)
    assert learnt_text(tokens, sequence) == f" 24 clips.\n 72 of them.\n 72{tiny.END}"
    assert sequence.ids[-1] == tokens.end
    assert sequence.ids[: len(tokens.prompt(EXAMPLES[0].prompt))] == tuple(tokens.prompt(EXAMPLES[0].prompt))
    unended = tokens.passage(passage(EXAMPLES[0]))
    assert learnt_text(tokens, unended) == " 24 clips.\n"  # a mark ends it: no end token, learnt or read


def test_a_token_across_a_seam_is_split_there(tokens: Tokens) -> None:
    straddled = passage(Example(role="solver", prompt="How ma", completion="ny clips did Natalia sell"))
    sequence = tokens.passage(straddled)
    start = tokens.prompt("How ma")
    assert list(sequence.ids[: len(start)]) == start
    assert learnt_text(tokens, sequence) == f"ny clips did Natalia sell{tiny.END}"


def test_special_tokens_spelt_in_a_text_are_text(tokens: Tokens) -> None:
    assert tokens.end not in tokens.prompt(f"What is {tiny.END}?")


@pytest.mark.parametrize("spec", SCHEMES)
def test_every_prompt_of_gsm8k_is_read_as_it_was_trained(spec: str, data_dir: Path) -> None:
    smollm2 = pytest.importorskip("socratic_smollm2", reason="pip install -e plugins/socratic-smollm2")
    pytest.importorskip("gguf", reason="pip install gguf")
    try:
        tokens = Tokens(load_tokenizer(smollm2.SmolLM2().where()))
    except Exception as fault:
        pytest.skip(str(fault))
    scheme = load(Scheme, spec)
    kept = asked = 0
    for problem, written in gold(data_dir, 300):
        try:
            examples = rehearse(scheme.solve(problem), scheme.replies(written))
        except ValueError:
            continue
        sequences = {one.role: tokens.passage(one) for one in merge(examples)}
        for example in examples:
            prompt = tokens.prompt(example.prompt)
            asked += 1
            kept += list(sequences[example.role].ids[: len(prompt)]) == prompt
    assert asked >= 250
    assert kept == asked


def gradient(model: PreTrainedModel, sequences: list[Sequence], tokens_per_batch: int) -> tuple[float, torch.Tensor]:
    """Return the summed loss of sequences, and its gradient with respect to every weight."""
    model.zero_grad()
    loss, total = Loss(model, 0), 0.0
    for part in passes(sequences, Room(tokens_per_batch)):
        value = loss(part)
        value.backward()
        total += value.item()
    weights = [weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]
    return total, torch.cat(weights)


def assert_same(merged: tuple[float, torch.Tensor], one_by_one: tuple[float, torch.Tensor]) -> None:
    assert merged[0] == pytest.approx(one_by_one[0], rel=1e-5)
    assert functional.cosine_similarity(merged[1], one_by_one[1], dim=0) > 1 - 1e-5
    assert (merged[1] - one_by_one[1]).norm() < 1e-4 * one_by_one[1].norm()


@pytest.mark.parametrize("tokens_per_batch", [16, 4096])
def test_a_merged_passage_has_the_gradient_of_its_examples(base: str, tokens: Tokens, tokens_per_batch: int) -> None:
    model = load_model(Source(base))
    apart = [tokens.passage(passage(example)) for example in EXAMPLES]
    merged = [tokens.passage(one) for one in merge(EXAMPLES)]
    assert_same(gradient(model, merged, tokens_per_batch), gradient(model, apart, tokens_per_batch))


def test_logits_in_parts_change_neither_loss_nor_gradient(
    base: str, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(Source(base))
    sequences = [replace(tokens.passage(passage(one)), weight=at + 1.0) for at, one in enumerate(EXAMPLES)]
    at_once = gradient(model, sequences, 4096)
    parts: list[int] = []
    own = Loss._from_head
    monkeypatch.setattr("socratic_cli.students.loss._CHUNK", 3)

    def counted(self: Loss, hidden: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        parts.append(len(targets))
        return own(self, hidden, targets, weights)

    monkeypatch.setattr(Loss, "_from_head", counted)
    in_parts = gradient(model, sequences, 4096)
    assert set(parts) <= {1, 2, 3}
    assert len(parts) > 3
    assert_same(in_parts, at_once)


def test_attention_in_the_open_is_that_of_the_fused_kernel(
    base: str, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(Source(base))
    sequences = [tokens.passage(passage(one)) for one in EXAMPLES]  # of several lengths, so with padding
    in_the_open = gradient(model, sequences, 4096)
    monkeypatch.setattr("socratic_cli.students.loss._SHORT", 0)
    assert model.config._attn_implementation == "sdpa"
    assert_same(in_the_open, gradient(model, sequences, 4096))


@pytest.mark.slow
@pytest.mark.parametrize("guidance", ["none", "count", "operators", "equations"])
@pytest.mark.parametrize("spec", [*SCHEMES[:3], "socratic ask=all", "socratic ask=next"])
def test_merging_is_exact_on_a_real_model_and_real_problems(spec: str, guidance: str, data_dir: Path) -> None:
    smollm2 = pytest.importorskip("socratic_smollm2", reason="pip install -e plugins/socratic-smollm2")
    where = smollm2.SmolLM2().where()
    is_guided = guidance != "none"
    if is_guided and not spec.startswith("socratic ask"):
        pytest.skip("only the iterative scheme is guided")
    scheme = load(Scheme, f"{spec} guidance={guidance}" if is_guided else spec)
    model, tokens = load_model(Source(where)), Tokens(load_tokenizer(where))
    written = [rehearse(scheme.solve(problem), scheme.replies(found)) for problem, found in gold(data_dir, 4)]
    for role in sorted({example.role for examples in written for example in examples}):
        examples = [[one for one in of_problem if one.role == role] for of_problem in written]
        apart = [tokens.passage(passage(one)) for of_problem in examples for one in of_problem]
        merged = [tokens.passage(one) for of_problem in examples for one in merge(of_problem)]
        assert_same(gradient(model, merged, 1024), gradient(model, apart, 1024))


def test_the_loss_is_the_models_own(base: str, tokens: Tokens) -> None:
    model = load_model(Source(base))
    sequences = [tokens.passage(passage(example)) for example in EXAMPLES]
    ids = torch.tensor(padded((one.ids for one in sequences), tokens.pad))
    labels = torch.where(torch.tensor(padded((one.learnt for one in sequences), 0)).bool(), ids, -100)
    output = model(input_ids=ids, labels=labels)
    targets = sum(one.targets for one in sequences)
    assert Loss(model, tokens.pad)(sequences).item() / targets == pytest.approx(output.loss.item())
    smoothed = LabelSmoother(epsilon=0.1)(output, labels, shift_labels=True).item()
    assert smoothed != pytest.approx(output.loss.item(), rel=1e-3)
    assert Loss(model, tokens.pad, smoothing=0.1)(sequences).item() / targets == pytest.approx(smoothed)


def test_scaled_logits_are_found_out(tmp_path: Path) -> None:
    tokens = Tokens(load_tokenizer(tiny.llama(tmp_path)))
    model: Any = load_model(Source(str(tmp_path)))
    sequences = [tokens.passage(passage(example)) for example in EXAMPLES]
    plain = Loss(model, tokens.pad)(sequences).item()
    forward = type(model).forward

    class Capped(type(model)):  # type: ignore[misc]
        def forward(self, *args: Any, **more: Any) -> Any:
            output = forward(self, *args, **more)
            output.logits = 2 * torch.tanh(output.logits / 2)
            return output

    model.__class__ = Capped
    capped = Loss(model, tokens.pad)
    assert capped(sequences).item() != pytest.approx(plain, rel=1e-3)
    assert capped._short is False


@pytest.mark.parametrize("bits", [8, 4])
def test_gradients_through_a_quantised_base_are_those_of_its_values(base: str, tokens: Tokens, bits: int) -> None:
    def gradients(model: PreTrainedModel) -> torch.Tensor:
        torch.manual_seed(0)
        adapted = Lora(8, 16, 0.0, ()).on(model, "solver")
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.02)
        adapted.train()
        Loss(model, tokens.pad)([tokens.passage(merge(EXAMPLES)[0])]).backward()
        found = sorted((name, weight.grad) for name, weight in adapted.named_parameters() if weight.grad is not None)
        return torch.cat([grad.flatten() for _, grad in found])

    quantised = load_model(Source(base, bits=8 if bits == 8 else 4))
    reference: Any = AutoModelForCausalLM.from_pretrained(
        base, quantization_config=quantised.config.quantization_config, dtype=torch.float32
    )
    reference.dequantize()
    in_whole = reference.float().eval()
    assert functional.cosine_similarity(gradients(quantised), gradients(in_whole), dim=0) > 0.99


def test_a_weight_counts_a_sequence_so_many_times(base: str, tokens: Tokens) -> None:
    loss = Loss(load_model(Source(base)), tokens.pad)
    one, two = (tokens.passage(merge([example])[0]) for example in EXAMPLES[:2])
    heavy = replace(two, weight=2.0)
    assert loss([one, heavy]).item() == pytest.approx(loss([one]).item() + 2 * loss([two]).item(), rel=1e-5)
    assert heavy.mass == 2 * two.mass


def sequences(count: int) -> list[Sequence]:
    lengths = random.Random(1)
    return [Sequence((at,) * lengths.randint(3, 90), (False, True, True)) for at in range(count)]


def test_an_epoch_is_every_sequence_once_in_an_order_of_the_seed() -> None:
    made = sequences(128)
    order = batches(made, Training(batch_size=16, seed=3))
    epoch = [next(order) for _ in range(8)]
    assert sorted(one.ids[0] for batch in epoch for one in batch) == list(range(len(made)))
    again = batches(made, Training(batch_size=16, seed=3))
    assert [next(again) for _ in range(8)] == epoch
    assert [next(order) for _ in range(8)] != epoch  # the next epoch is in another order


def test_passes_hold_no_more_than_their_tokens() -> None:
    made = sequences(64)
    parts = list(passes(made, Room(200)))
    assert sorted(one.ids[0] for part in parts for one in part) == list(range(64))
    assert all(len(part) == 1 or max(map(len, part)) * len(part) <= 200 for part in parts)


def test_a_pass_ends_where_padding_would_cost_more_than_another_pass() -> None:
    made = [Sequence((0,) * length, (False,) + (True,) * (length - 1)) for length in (100, 10, 12, 90)]
    assert [[len(one) for one in part] for part in passes(made, Room(1000, padding=20))] == [[10, 12], [90, 100]]
    assert len(list(passes(made, Room(1000)))) == 1


def test_a_number_of_tokens_that_is_given_is_kept_on_every_device() -> None:
    for device in ("cpu", "cuda"):
        given = room(Training(tokens_per_batch=300), device)
        assert given.tokens == 300
        assert given.padding == room(Training(), device).padding


@pytest.mark.parametrize(
    ("training", "expected"),
    [(Training(batch_size=16), 21), (Training(epochs=0.5, batch_size=16), 4), (Training(max_steps=2), 2)],
)
def test_steps_follow_from_epochs_or_are_given(training: Training, expected: int) -> None:
    assert steps(100, training) == expected


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bfloat16_has_the_gradients_of_float32(base: str, tokens: Tokens) -> None:
    """From the very first pass: the look at the logits must leave no weights without gradient in autocast's cache."""

    def gradients(*, autocast: bool) -> torch.Tensor:
        model = load_model(Source(base))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            value = Loss(model, tokens.pad)([tokens.passage(merge(EXAMPLES)[0])])
        value.backward()
        found = [torch.zeros_like(one) if one.grad is None else one.grad for one in model.parameters()]
        return torch.cat([grad.flatten() for grad in found])

    assert functional.cosine_similarity(gradients(autocast=True), gradients(autocast=False), dim=0) > 0.98
