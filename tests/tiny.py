"""Tiny models of real architectures with random weights and a tokenizer trained on a few lines, made in seconds."""

# mypy: allow-untyped-calls
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

END, BEGIN = "<|end|>", "<|begin|>"
SPREAD = 0.2
"""Of the random weights: at the usual 0.02 a frozen output layer could not tell tokens apart, as a real one can."""
TEXT = [
    "Question: Natalia sold clips to 48 of her friends in April. How many clips did she sell altogether?\nAnswer:\n",
    "How many clips did Natalia sell in May? ** Natalia sold 48/2 = <<48/2=24>>24 clips in May.\n#### 72",
    "Question: Weng earns $12 an hour for babysitting. How much did she earn?\nSubquestions:\nPlan: 1234567890",
]


def gpt2(folder: Path, *, context: int = 128, dropout: float = 0.0) -> str:
    """Save a GPT-2 of 2 layers (Conv1D, learnt positions, no beginning-of-sequence token)."""
    tokenizer = _tokenizer(begins=False)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=context,
        n_embd=64,
        n_layer=2,
        n_head=4,
        initializer_range=SPREAD,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        attn_pdrop=dropout,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return _saved(lambda: GPT2LMHeadModel(config), tokenizer, folder)


def llama(folder: Path, *, context: int = 128, size: int = 64) -> str:
    """Save a Llama of 2 layers (rotary positions, grouped heads) whose tokenizer begins every text with a token.

    Its 4 heads share the `size`; serving engines want heads of 32 and more.
    """
    tokenizer = _tokenizer(begins=True)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=context,
        hidden_size=size,
        intermediate_size=2 * size,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=SPREAD,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return _saved(lambda: LlamaForCausalLM(config), tokenizer, folder)


def model(kind: str, folder: Path, **config: Any) -> str:
    """Save a causal language model of 2 layers of any kind that transformers knows (`gemma3_text`)."""
    tokenizer = _tokenizer(begins=True)
    usual: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 128,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "initializer_range": SPREAD,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.eos_token_id,
    }
    made = AutoConfig.for_model(kind, **usual | config)
    return _saved(lambda: AutoModelForCausalLM.from_config(made), tokenizer, folder)


def bert(folder: Path) -> str:
    """Save a BERT of 2 layers: an encoder, for what compares texts."""
    tokenizer = _tokenizer(begins=True)
    tokenizer.add_special_tokens({"pad_token": END, "cls_token": BEGIN, "sep_token": END})
    config = BertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=512,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        initializer_range=SPREAD,
        pad_token_id=tokenizer.pad_token_id,
    )
    return _saved(lambda: BertModel(config), tokenizer, folder)


MAKERS: dict[str, Callable[..., str]] = {"gpt2": gpt2, "llama": llama}


def _saved(make: Callable[[], PreTrainedModel], tokenizer: PreTrainedTokenizerFast, folder: Path) -> str:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        make().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def _tokenizer(*, begins: bool) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [END, BEGIN] if begins else [END]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    if begins:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{BEGIN} $A", special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        bos_token=BEGIN if begins else None,
        clean_up_tokenization_spaces=False,
    )
