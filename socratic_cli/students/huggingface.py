"""Any causal language model of transformers as a student: full fine-tuning, LoRA, 8-bit, on GPU or CPU."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from socratic_cli import plugins
from socratic_cli.backends import Backend, Weights
from socratic_cli.dialogue import Model, Passage
from socratic_cli.errors import StudentError
from socratic_cli.hashing import probed
from socratic_cli.parts import HeldOut, Progress, Student, Trained
from socratic_cli.settings import Decoding, Dtype, Training

if TYPE_CHECKING:  # torch and transformers take seconds to import: a list of students must not
    from socratic_cli.students.roles import Base


class HuggingFace(Student):
    """A causal language model from huggingface.co or a folder.

    Fine-tuned in full, every role gets a model of its own; with LoRA they share one base; joint, they are one.
    """

    main_option: ClassVar[str | None] = "base"
    has_backends: ClassVar[bool] = True

    # Also `model`, as the flag and most people call it; the attribute of that name is the port's method.
    base: str = Field(
        min_length=1,
        validation_alias=AliasChoices("base", "model"),
        description="Id on huggingface.co, or a folder with config.json, *.safetensors and a tokenizer.",
    )
    revision: str | None = Field(None, description="Branch, tag or commit on huggingface.co [default: main].")
    dtype: Dtype = Field("auto", description="Type to compute in; auto is bfloat16 where the hardware has it.")
    load_in_8bit: bool = Field(
        False, description="Hold the base in 8-bit integers. To train, it is frozen and adapters are learnt (LoRA)."
    )
    load_in_4bit: bool = Field(
        False,
        description="Hold the base in 4-bit floats (NF4). To train, it is frozen and adapters are learnt (QLoRA).",
    )
    joint: bool = Field(False, description="One model that learns and plays all roles, instead of one for each.")
    lora: bool = Field(False, description="Freeze the base and learn a small adapter for each role.")
    lora_rank: int = Field(16, gt=0, description="Rank of the adapters.")
    lora_alpha: int = Field(32, gt=0, description="Scale of the adapters; their effect is alpha / rank.")
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout before the adapters.")
    lora_targets: tuple[str, ...] = Field((), description="Layers that get an adapter [default: all linear ones].")
    gradient_checkpointing: bool = Field(False, description="Save memory and lose speed in training.")

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if self.load_in_8bit and self.load_in_4bit:
            raise ValueError("give load_in_8bit or load_in_4bit, not both")
        return self

    @property
    def identity(self) -> str:
        """The label, and what lies in the base's folder: another may lie there tomorrow."""
        named = bool(self.base) and Path(self.base).is_dir()
        return f"{super().identity} {probed(Path(self.base))}" if named else super().identity

    def train(
        self,
        passages: Iterable[Passage],
        training: Training,
        folder: Path,
        report: Callable[[Progress], None],
        held_out: HeldOut | None = None,
    ) -> list[Trained]:
        """Train one role after another, each from the base."""
        from socratic_cli.students import roles

        by_role: dict[str, list[Passage]] = defaultdict(list)
        for passage in passages:
            by_role[passage.role].append(passage)
        if not by_role:
            raise StudentError("there is nothing to train on")
        return roles.train(self._base(), dict(sorted(by_role.items())), training, folder, report, held_out)

    @contextmanager
    def model(self, folder: Path | None, decoding: Decoding) -> Iterator[Model]:
        """Let the backend load the models of all roles, or the untrained base, which replies in every role."""
        with plugins.load(Backend, decoding.backend).open(self.weights(folder), decoding) as opened:
            yield opened

    def weights(self, folder: Path | None) -> Weights:
        """Return where the weights are that were saved in a folder, or those of the untrained base."""
        return Weights(self.where(), self.revision, self.dtype, self._bits, folder)

    def about(self) -> dict[str, str]:
        """Return the base, and the licence that its own model card names."""
        from socratic_cli.students.weights import license_of

        named = license_of(self.where(), self.revision)
        known = {} if Path(self.base).is_dir() else {"base_model": self.base}  # a hub knows nobody's folders
        return known | ({"license": named} if named else {})

    def where(self) -> str:
        """Return the id or folder of the base; a student that brings its own weights overrides this."""
        return self.base

    @property
    def _bits(self) -> Literal[4, 8] | None:
        return 4 if self.load_in_4bit else 8 if self.load_in_8bit else None

    def _base(self) -> Base:
        from socratic_cli.students.adapters import Lora
        from socratic_cli.students.roles import Base

        lora = Lora(self.lora_rank, self.lora_alpha, self.lora_dropout, self.lora_targets)
        return Base(
            model=self.where(),
            revision=self.revision,
            dtype=self.dtype,
            bits=self._bits,
            lora=lora if self.lora or self._bits else None,
            checkpointing=self.gradient_checkpointing,
            joint=self.joint,
        )
