"""The models of a student's roles: trained from one base, and saved.

full fine-tuning   folder/<role>/model.safetensors, config.json and tokenizer
joint              folder/joint/ of either kind, in place of the roles
LoRA               folder/<role>/adapter_model.safetensors, adapter_config.json and tokenizer
both               folder/<role>/trained.json, what the training was; it is written last
"""

# mypy: allow-untyped-calls
# (parts of transformers are not annotated)
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from transformers import PreTrainedModel

from socratic_cli import processes
from socratic_cli.dialogue import Passage
from socratic_cli.errors import StudentError, UsageError, did_you_mean
from socratic_cli.parts import HeldOut, Progress, Trained
from socratic_cli.settings import Dtype, Training
from socratic_cli.students import adapters, choosing, shards
from socratic_cli.students.checkpoints import Checkpoints
from socratic_cli.students.exams import Exams
from socratic_cli.students.fitting import Fitting, fitting, together
from socratic_cli.students.hardware import device, precision
from socratic_cli.students.learning import Learning
from socratic_cli.students.tokens import Tokens
from socratic_cli.students.weights import (
    Source,
    context,
    load_config,
    load_model,
    load_tokenizer,
    save,
)

_DONE = "trained.json"
Lesson = Mapping[str, list[Passage]]
Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Base:
    """The model that training begins with, and how it is trained."""

    model: str
    revision: str | None
    dtype: Dtype
    bits: Literal[4, 8] | None
    lora: adapters.Lora | None
    checkpointing: bool
    joint: bool = False

    def source(self, *, of_role: Path | None = None, dtype: torch.dtype | None = None) -> Source:
        """Return where the weights are: the base's, or those of a role that was fine-tuned in full."""
        model, revision = (str(of_role), None) if of_role else (self.model, self.revision)
        return Source(model, revision, dtype or precision(self.dtype), self.bits)

    def tokens(self) -> Tokens:
        """Return the base's tokenizer."""
        return Tokens(load_tokenizer(self.model, self.revision))


def train(
    base: Base, lesson: Lesson, training: Training, folder: Path, report: Report, held_out: HeldOut | None = None
) -> list[Trained]:
    """Train every role from the base and save it; roles that an interrupted run finished are not trained again."""
    if base.dtype == "float16":
        raise StudentError("float16 loses small gradients: train with dtype=bfloat16 or dtype=float32")
    processes.join()
    if processes.sharded():
        _refuse_shards(base, training)
    tokens = base.tokens()
    limit = min(training.max_length, context(load_config(base.model, base.revision)) or training.max_length)
    _refuse(base, lesson, training)
    fit = [fitting(role, passages, tokens, limit) for role, passages in lesson.items()]
    if base.joint:
        fit = [together(fit, training.role_weights)]
    exams = Exams(held_out, tokens, limit, training)
    learn = _Adapters(base, tokens, exams) if base.lora else _Full(base, tokens, exams)
    return [_role(learn, one, training, folder, report) for one in fit]


def _refuse(base: Base, lesson: Lesson, training: Training) -> None:
    """Refuse what has no meaning, or no way."""
    weighed = training.role_weights
    if weighed and not base.joint:
        raise UsageError(
            "role_weights weigh roles against one another in one model: train a joint student (option joint=true);"
            " apart, each role has an optimiser that does not see a scale"
        )
    for role in weighed:
        if role not in lesson:
            raise UsageError(f"role_weights: there is no {role!r} to learn.{did_you_mean(role, list(lesson))}")
    if base.bits == 4 and training.held_out and device().type == "cpu":
        raise UsageError(
            "on a CPU, bitsandbytes repacks 4-bit weights when they are evaluated, and the gradients after it are"
            " wrong: leave held_out out, or train with load_in_8bit"
        )


class _Full:
    """Trains all weights. They are kept in float32, where small updates are not lost."""

    def __init__(self, base: Base, tokens: Tokens, exams: Exams) -> None:
        self._base, self._tokens, self._exams = base, tokens, exams

    def train(self, fit: Fitting, training: Training, folder: Path, report: Report) -> Trained:
        with _seeded(training.seed):
            model = load_model(self._base.source(dtype=torch.float32))
            trained = _learn(self._base, fit, model, self._tokens, training, self._exams).learn(folder, report)
        save(model, self._tokens.tokenizer, folder / fit.role)
        return trained


def _refuse_shards(base: Base, training: Training) -> None:
    """Refuse what has no meaning, or no way, with weights in parts."""
    shards.configured()
    if base.lora:
        raise UsageError("a frozen base is not put in parts: launch LoRA, 8 bit and 4 bit without FSDP")
    if training.choose_by == "accuracy":
        raise UsageError("a student in parts cannot solve while it learns: with FSDP choose by loss")


class _Adapters:
    """Trains an adapter a role on one frozen base."""

    def __init__(self, base: Base, tokens: Tokens, exams: Exams) -> None:
        self._base, self._tokens, self._exams = base, tokens, exams
        self._model: PreTrainedModel | None = None

    def train(self, fit: Fitting, training: Training, folder: Path, report: Report) -> Trained:
        assert self._base.lora is not None
        model = self._model = self._model or load_model(self._base.source())
        with _seeded(training.seed):
            adapted = self._base.lora.on(model, fit.role)
            trained = _learn(self._base, fit, model, self._tokens, training, self._exams).learn(folder, report)
        if processes.first():
            adapters.save(adapted, fit.role, folder / fit.role)
            self._tokens.tokenizer.save_pretrained(folder / fit.role)
        adapted.unload()  # gives the base back as it was
        return trained


def _role(learn: _Full | _Adapters, fit: Fitting, training: Training, folder: Path, report: Report) -> Trained:
    done = folder / fit.role / _DONE
    if known := processes.of_first(done.read_text(encoding="utf-8") if done.is_file() else ""):
        return Trained.model_validate_json(known)
    trained = learn.train(fit, training, folder, report)
    processes.meet()  # every one has the weights that are removed here
    if processes.first():
        done.write_text(trained.model_dump_json(indent=2) + "\n", encoding="utf-8")  # last: now the role is whole
        Checkpoints(folder, fit.role).clear()
        choosing.clear(folder, fit.role)
    return trained


def _learn(
    base: Base, fit: Fitting, model: PreTrainedModel, tokens: Tokens, training: Training, exams: Exams
) -> Learning:
    if base.checkpointing:
        # the name that transformers 6 keeps, and the one that 5.0 has
        enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
        enable({"use_reentrant": False})
    computes = precision(base.dtype)
    return Learning(
        fit, model, tokens, training, None if computes == torch.float32 else computes, exams.of(fit.role, model)
    )


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Make new weights and dropout depend on the seed alone, and leave others' randomness alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
