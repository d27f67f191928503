"""Weights made ready to reply on a CPU: packed layers, and adapters merged into the base."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.pytorch_utils import Conv1D

from socratic_cli.backends import Weights
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import UsageError
from socratic_cli.parts import Scheme, Student
from socratic_cli.plugins import load
from socratic_cli.records import Problem
from socratic_cli.settings import Decoding, Training
from socratic_cli.students.packing import PackedLinear, is_able, pack
from socratic_cli.students.voices import voices
from socratic_cli.students.weights import Source, load_model
from tests import tiny
from tests.test_students import lesson

IDS = torch.tensor([[11, 12, 13, 14, 15], [21, 22, 23, 24, 25], [5, 6, 7, 8, 9]])
DTYPES = [
    pytest.param(dtype, marks=pytest.mark.skipif(not is_able(dtype), reason=f"this processor packs no {dtype}"))
    for dtype in (torch.float32, torch.bfloat16)
]


@pytest.fixture(scope="module", params=sorted(tiny.MAKERS))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.MAKERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def adapted(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Adapters of two roles, trained long enough to say other things than their base."""
    folder = tmp_path_factory.mktemp("adapted")
    training = Training(epochs=12, learning_rate=1e-2, batch_size=2)
    load(Student, f"huggingface:{base} dtype=float32 lora=true").train(lesson(), training, folder, lambda _: None)
    return folder


def logits(model: Any, ids: torch.Tensor = IDS) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=ids).logits.float()  # type: ignore[no-any-return]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_packed_layers_give_the_same_logits(base: str, dtype: torch.dtype) -> None:
    model = load_model(Source(base, dtype=dtype))
    before = logits(model)
    linear = sum(map(is_linear, model.modules()))
    pack(model)
    assert sum(isinstance(layer, PackedLinear) for layer in model.modules()) == linear > 8
    far = 1e-4 if dtype == torch.float32 else 0.05
    assert torch.allclose(logits(model), before, atol=far * float(before.abs().max()))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_packed_layer_still_tells_its_weight(base: str, dtype: torch.dtype) -> None:
    """Mamba, for one, multiplies by the weights of some layers itself."""
    model = load_model(Source(base, dtype=dtype))
    known = {name: layer.weight.clone() for name, layer in model.named_modules() if is_linear(layer)}
    pack(model)
    packed = {name: layer.weight for name, layer in model.named_modules() if isinstance(layer, PackedLinear)}
    assert packed.keys() == known.keys()
    assert all(torch.equal(packed[name], weight) for name, weight in known.items())


def is_linear(layer: torch.nn.Module) -> bool:
    return isinstance(layer, torch.nn.Linear | Conv1D)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_packed_row_comes_to_the_same_numbers_whatever_is_beside_it(dtype: torch.dtype) -> None:
    if dtype == torch.bfloat16 and torch.cpu._is_amx_tile_supported():
        pytest.skip("AMX adds up bfloat16 in an order that depends on the number of rows")
    rows = torch.randn(64, 576).to(dtype)
    layer = PackedLinear(torch.randn(1536, 576).to(dtype), None)
    together = layer(rows)
    for width in (1, 3, 16, 17, 40):
        assert torch.equal(layer(rows[:width]), together[:width])


def test_any_number_of_rows_takes_a_bounded_memory() -> None:
    """In a process of its own: what other tests multiplied is kept for good."""
    code = (
        "import resource, torch\n"
        "from socratic_cli.students.packing import PackedLinear\n"
        "layer, rows = PackedLinear(torch.randn(576, 576), None), torch.randn(300, 576)\n"
        "def used(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "[layer(rows[:count]) for count in (1, 300)]\n"
        "before = used()\n"
        "[layer(rows[:count]) for count in range(1, 301)]\n"
        "print(used() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60, "megabytes of kernels"


def test_a_pytorch_that_does_not_pack_leaves_a_model_as_it_is(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        raise NotImplementedError

    model = load_model(Source(base))
    before = logits(model)
    monkeypatch.setattr(torch.ops.mkldnn, "_reorder_linear_weight", missing)
    pack(model)
    assert not any(isinstance(layer, PackedLinear) for layer in model.modules())
    assert torch.equal(logits(model), before)


def test_a_type_that_the_processor_refuses_stays_as_it_is(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    multiply = torch.ops.mkldnn._linear_pointwise

    def refuse(states: torch.Tensor, *more: Any) -> torch.Tensor:
        if states.dtype == torch.bfloat16:
            raise RuntimeError("the bf16 path needs a processor with avx512bw")
        return multiply(states, *more)  # type: ignore[no-any-return]

    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", refuse)
    model = load_model(Source(base, dtype=torch.bfloat16))
    before = logits(model)
    pack(model)
    assert torch.equal(logits(model), before)


def replies(base: str, adapted: Path, backend: str) -> list[Reply]:
    scheme = load(Scheme, "socratic")
    problem = Problem(id="a", question="Natalia sold clips to 48 of her friends. How many?")
    first = next(scheme.solve(problem)).prompt
    decoding = Decoding(max_new_tokens=12, backend=backend)
    turns = [Turn(role, first, problem) for role in ("decomposer", "solver")]
    with load(Student, f"huggingface:{base} dtype=float32 lora=true").model(adapted, decoding) as opened:

        async def all_() -> list[Reply]:
            return list(await asyncio.gather(*map(opened.reply, turns)))

        return asyncio.run(all_())


def test_merged_adapters_say_what_they_said_beside_their_base(base: str, adapted: Path) -> None:
    merged = replies(base, adapted, "transformers")
    assert merged == replies(base, adapted, "transformers merge=false")
    assert len({reply.text for reply in merged}) == 2, "the roles say the same: adapters show nothing"


def test_each_role_has_a_model_of_its_own_when_merged_and_shares_the_base_when_not(base: str, adapted: Path) -> None:
    def models(merge: bool | None) -> int:
        speaker = voices(Weights(base, dtype="float32", folder=adapted), merge=merge)
        return len({id(speaker(role).model) for role in ("decomposer", "solver")})

    assert (models(True), models(False), models(None)) == (2, 1, 1 if torch.cuda.is_available() else 2)


def test_a_quantised_base_is_not_merged(base: str, adapted: Path) -> None:
    with pytest.raises(UsageError, match="8 bit cannot be merged"):
        voices(Weights(base, bits=8, folder=adapted), merge=True)
