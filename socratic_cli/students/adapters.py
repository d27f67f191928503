"""LoRA: one frozen base, one small adapter a role.

peft is imported where it is used: it loads bitsandbytes and with it torch's compiler, some seconds that a student
without adapters need not wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import save_file
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from socratic_cli.errors import StudentError

if TYPE_CHECKING:
    from peft import PeftModel

WEIGHTS = "adapter_model.safetensors"


@dataclass(frozen=True, slots=True)
class Lora:
    """The shape of an adapter."""

    rank: int
    alpha: int
    dropout: float
    targets: tuple[str, ...]

    def on(self, base: PreTrainedModel, role: str) -> PeftModel:
        """Return the base, frozen, with a new adapter.

        Raises:
            StudentError: the base has no layers of the names asked for.
        """
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=list(self.targets) or "all-linear",
            fan_in_fan_out=any(isinstance(layer, Conv1D) for layer in base.modules()),  # GPT-2, unless in 8-bit
            task_type="CAUSAL_LM",
        )
        try:
            return get_peft_model(base, config, adapter_name=role)  # adapters are float32 whatever the base is
        except ValueError as fault:
            raise StudentError(f"no adapter fits {type(base).__name__}: {fault}") from fault


def save(model: PeftModel, role: str, folder: Path) -> None:
    """Save the adapter of a role, as peft itself would, without the model card."""
    from peft import get_peft_model_state_dict

    folder.mkdir(parents=True, exist_ok=True)
    weights = get_peft_model_state_dict(model, adapter_name=role)
    save_file({name: weight.contiguous() for name, weight in weights.items()}, folder / WEIGHTS, {"format": "pt"})
    config = model.peft_config[role]
    trains, config.inference_mode = config.inference_mode, True
    config.save_pretrained(str(folder))
    config.inference_mode = trains


def attach(base: PreTrainedModel, folder: Path, roles: Iterable[str]) -> PeftModel:
    """Return the base with the saved adapters of all roles.

    Raises:
        StudentError: an adapter was trained on another base.
    """
    from peft import PeftModel

    first, *others = roles
    try:
        model = PeftModel.from_pretrained(base, str(folder / first), adapter_name=first)
        for role in others:
            model.load_adapter(str(folder / role), adapter_name=role)
    except (RuntimeError, ValueError, OSError, SafetensorError) as fault:
        raise StudentError(
            f"the adapters in {folder} do not fit their base: give the model they were trained on"
        ) from fault
    return model.eval()
