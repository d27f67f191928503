"""TRL's SFTTrainer, or the Trainer of transformers, on prepared data.

    with_trl.py SETUP MODEL DATA OUT DTYPE SEED ROWS STEPS

SETUP is `default` (prompt-completion examples, as SFTTrainer comes), `packing` (the same, packed), `best` (one
conversation a problem, loss on the assistant, packed, no checkpointing) or `trainer` (transformers alone).
DTYPE is what autocast computes in, or float32 for none of it; SEED is of the order of the rows. A pass takes ROWS, and
as many passes make a step that there are STEPS of them. All learn the end-of-sequence token after a completion.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

RATE = 2e-4
_TURNS = (
    "{% for m in messages %}{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content }}{% if loop.last %}{{ eos_token }}{% endif %}{% endgeneration %}"
    "{% else %}{{ m.content }}{% endif %}{% endfor %}"
)
_SETUPS: dict[str, dict[str, Any]] = {
    "default": {},
    "packing": {"packing": True, "max_length": 1024},
    "best": {
        "packing": True,
        "max_length": 1024,
        "assistant_only_loss": True,
        "gradient_checkpointing": False,
    },
}


def _common(out: str, dtype: str, seed: int, rows: int, passes: int) -> dict[str, Any]:
    return {
        "output_dir": out,
        "per_device_train_batch_size": rows,
        "gradient_accumulation_steps": passes,
        "num_train_epochs": 1,
        "learning_rate": RATE,
        "bf16": dtype == "bfloat16",
        "use_cpu": True,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": seed,
    }


def _loaded(model: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    return AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32), tokenizer


def _trl(setup: str, model: str, rows: list[dict[str, Any]], settings: dict[str, Any]) -> Any:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer  # type: ignore[import-not-found]

    weights, tokenizer = _loaded(model)
    if setup == "best":
        tokenizer.chat_template = _TURNS
    return SFTTrainer(
        model=weights,
        args=SFTConfig(**settings, **_SETUPS[setup]),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )


def _trainer(model: str, rows: list[dict[str, Any]], settings: dict[str, Any]) -> Any:
    from datasets import Dataset
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    weights, tokenizer = _loaded(model)

    def coded(row: dict[str, str]) -> dict[str, list[int]]:
        prompt, reply = (tokenizer(row[key], add_special_tokens=False).input_ids for key in ("prompt", "completion"))
        reply = [*reply, tokenizer.eos_token_id]
        return {"input_ids": prompt + reply, "labels": [-100] * len(prompt) + reply}

    data = Dataset.from_list([coded(row) for row in rows])
    return Trainer(
        model=weights,
        args=TrainingArguments(**settings),
        train_dataset=data,
        data_collator=DataCollatorForSeq2Seq(tokenizer, padding=True),
    )


def main(setup: str, model: str, data: str, out: str, dtype: str, seed: str, rows_a_pass: str, steps: str) -> None:
    """Train once over the data, save the model, and note the seconds of the training itself."""
    rows = [json.loads(line) for line in Path(data).read_text(encoding="utf-8").splitlines()]

    def prepared(passes: int) -> Any:
        settings = _common(out, dtype, int(seed), int(rows_a_pass), passes)
        return _trainer(model, rows, settings) if setup == "trainer" else _trl(setup, model, rows, settings)

    packed = len(prepared(1).train_dataset)  # rows after packing
    trainer = prepared(math.ceil(packed / int(rows_a_pass) / int(steps)))
    seconds = trainer.train().metrics["train_runtime"]
    told = {"seconds": seconds, "steps": trainer.state.global_step}
    trainer.model.save_pretrained(out)
    (Path(out) / "told.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
