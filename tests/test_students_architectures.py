"""Students of many architectures: what slots know they write as transformers does, the rest is written whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.parts import Student
from socratic_cli.plugins import load
from socratic_cli.records import Problem
from socratic_cli.settings import Decoding
from socratic_cli.students import probing, whole
from socratic_cli.students.probing import PROBE, fits
from socratic_cli.students.slots import Piece, Slots
from socratic_cli.students.weights import Source, load_model
from tests import tiny

WINDOW = 6
"""Tokens that a layer attends to where it has a window: fewer than a prompt has."""
KNOWN: dict[str, dict[str, Any]] = {
    "qwen3": {},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 64},
    "mixtral": {"num_local_experts": 4},
    "mistral": {"sliding_window": WINDOW},
    "gemma3_text": {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]},
    "cohere2": {"sliding_window": WINDOW, "layer_types": ["full_attention", "sliding_attention"]},
}
OTHERS: dict[str, dict[str, Any]] = {
    "gemma2": {},  # soft caps
    "bloom": {"n_head": 4, "n_layer": 2},  # biases of positions
    "phimoe": {"sliding_window": WINDOW, "num_local_experts": 4},  # a window that no layer tells
    "mamba": {"state_size": 8},  # a recurrence
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "qwen3_next": {"num_experts": 4, "num_experts_per_tok": 2, "layer_types": ["linear_attention", "full_attention"]},
    "deepseek_v3": {  # keys and values of different sizes
        "head_dim": 8,
        **{"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 4},
        **{"n_routed_experts": 4, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2, "num_key_value_heads": 4},
    },
}
PROMPTS = ("Question: Natalia sold clips to 48 of her friends\nAnswer:", "1", "Weng earns $12 an hour, and 2")


def replies(base: str) -> list[Reply]:
    """Ask for replies to prompts that another turn goes on with, all at once."""
    turns = [Turn("solver", prompt, Problem(id="a", question="?")) for prompt in PROMPTS]
    student, decoding = load(Student, f"huggingface:{base} dtype=float32"), Decoding(max_new_tokens=12)

    async def dialogues(opened: Any) -> list[Reply]:
        first = await asyncio.gather(*map(opened.reply, turns))
        more = [
            Turn("solver", f"{turn.prompt}{said.text} 24", turn.problem)
            for turn, said in zip(turns, first, strict=True)
        ]
        return [*first, *await asyncio.gather(*map(opened.reply, more))]

    with student.model(None, decoding) as opened:
        return asyncio.run(dialogues(opened))


def alone(base: str) -> list[str]:
    """Return what transformers itself writes, a prompt at a time, without a cache."""
    model: Any = load_model(Source(base))
    with load(Student, f"huggingface:{base} dtype=float32").model(None, Decoding()) as opened:
        tokens = opened._speaker("solver").tokens  # type: ignore[attr-defined]

    def said(prompt: str) -> str:
        ids = tokens.prompt(prompt)
        written = model.generate(
            torch.tensor([ids]), max_new_tokens=12, do_sample=False, use_cache=False, pad_token_id=tokens.pad
        )[0, len(ids) :].tolist()
        end = written.index(tokens.end) if tokens.end in written else len(written)
        return str(tokens.text(written[:end]))

    first = [said(prompt) for prompt in PROMPTS]
    return [*first, *(said(f"{prompt}{text} 24") for prompt, text in zip(PROMPTS, first, strict=True))]


@pytest.mark.parametrize("kind", [*KNOWN, *OTHERS])
def test_it_replies_as_transformers_does(kind: str, tmp_path: Path) -> None:
    base = tiny.model(kind, tmp_path, **(KNOWN | OTHERS)[kind])
    assert fits(load_model(Source(base))) == (kind in KNOWN)
    found = [reply.text for reply in replies(base)]
    assert found == alone(base)
    assert len(set(found)) > 2


def asked_together(base: str, decoding: Decoding, prompts: Sequence[str], stop: tuple[str, ...] = ()) -> list[Reply]:
    turns = [Turn("solver", prompt, Problem(id="a", question="?"), stop=stop) for prompt in prompts]

    async def all_of_them(opened: Any) -> list[Reply]:
        return list(await asyncio.gather(*map(opened.reply, turns)))

    with load(Student, f"huggingface:{base} dtype=float32").model(None, decoding) as opened:
        return asyncio.run(all_of_them(opened))


def test_in_whole_batches_a_reply_is_the_same_alone_and_beside_others(tmp_path: Path) -> None:
    base = tiny.model("bloom", tmp_path, **OTHERS["bloom"])
    decoding = Decoding(max_new_tokens=40, temperature=1.5)
    together = asked_together(base, decoding, PROMPTS, stop=("e", "1"))
    alone = [asked_together(base, decoding, [prompt], stop=("e", "1"))[0] for prompt in PROMPTS]
    assert together == alone
    assert len({reply.usage.completion_tokens for reply in together}) > 1


@pytest.mark.parametrize(
    ("said", "reason", "calculated"),
    [
        ("So <<48/2=23>>23 and no more", "stop", ("48/2=23 (24)",)),
        ("sold clips " * 60, "repetition", ()),
        ("".join(map(str, range(90))), "length", ()),
    ],
)
def test_in_whole_batches_a_reply_ends_and_is_checked_as_elsewhere(
    said: str, reason: str, calculated: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny.model("bloom", tmp_path, **OTHERS["bloom"])

    def dictated(voice: Any, requests: list[Any], *_: Any) -> list[list[int]]:
        return [[*voice.tokens.piece(said), voice.tokens.end] for _ in requests]

    monkeypatch.setattr(whole, "write", dictated)
    (reply,) = asked_together(base, Decoding(max_new_tokens=120, calculator="check"), PROMPTS[:1])
    assert (reply.finish_reason, reply.calculator) == (reason, calculated)
    assert said.startswith(reply.text)


def test_layers_that_do_not_attend_are_refused_whatever_the_logits_say(tmp_path: Path) -> None:
    model: Any = load_model(Source(tiny.model("lfm2", tmp_path, **OTHERS["lfm2"])))
    with torch.no_grad():
        model.model.layers[0].conv.out_proj.weight.zero_()  # the convolution still runs, and counts for nothing
    assert not fits(model)


@pytest.mark.parametrize(("rows", "fit"), [(1, True), (len(PROBE) - 1, False)])
def test_one_sequence_that_rounding_carries_away_condemns_no_model(
    rows: int, fit: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(Source(tiny.model("opt", tmp_path, **KNOWN["opt"]), dtype=torch.bfloat16))
    in_slots = probing._in_slots

    def carried(one: Any) -> torch.Tensor:
        found = in_slots(one).clone()
        found[:rows] += 100
        return found

    monkeypatch.setattr(probing, "_in_slots", carried)
    assert fits(model) == fit


@pytest.mark.parametrize("kind", ["mistral", "gemma3_text", "cohere2"])
def test_a_window_is_kept_in_every_kind_of_pass(kind: str, tmp_path: Path) -> None:
    """Logits of a prompt read at once, in two parts, and token by token, beside those of the model itself."""
    model: Any = load_model(Source(tiny.model(kind, tmp_path, **KNOWN[kind])))
    ids = tuple(range(11, 11 + 4 * WINDOW))
    with torch.inference_mode():
        expected = model(input_ids=torch.tensor([ids])).logits[0, -1]
        beyond = model(input_ids=torch.tensor([(40, *ids[1:])])).logits[0, -1]
    slots = Slots(model)
    whole = slots.forward([Piece(0, 0, ids)])
    slots.forward([Piece(1, 0, ids[:9])])
    parts = slots.forward([Piece(1, 9, ids[9:])])
    for at, token in enumerate(ids):
        single = slots.forward([Piece(2, at, (token,))])
    for found in (whole, parts, single):
        assert torch.allclose(found[0], expected, atol=1e-4)
    # in two layers of one window each a token this far away does not count; where one attends to all, it does
    assert torch.allclose(beyond, expected, atol=1e-4) == (kind == "mistral")
