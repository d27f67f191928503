"""Typed settings: one class serves the flags of a verb and the keys of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator


class Settings(BaseModel):
    """Settings are frozen and know all their keys: an unknown one is an error, never ignored; so is an infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Dtype = Literal["auto", "float32", "bfloat16", "float16"]
Reading = Literal["same-answer", "exact", "first-number", "last-number", "marked"]


class Selection(Settings):
    """Which problems of a source are taken, and where and how they are read."""

    limit: int | None = Field(None, gt=0, description="At most so many problems.")
    offset: int = Field(0, ge=0, description="Problems passed over at the beginning.")
    data_dir: Path | None = Field(
        None,
        description="Folder with the data sets' files; without it they come from the hub.",
        json_schema_extra={"envvar": "SOCRATIC_DATA"},
    )
    question_field: str | None = Field(None, description="Field of the question in a JSONL of your own.")
    answer_field: str | None = Field(None, description="Field of the answer in a JSONL of your own.")


Engine = Literal["local", "ray"]


class Spread(Settings):
    """Who does the work: this process, or others beside it. The result is the same."""

    workers: int = Field(
        1, gt=0, description="Processes that share the work: each has the student, or asks the teacher."
    )
    engine: Engine = Field(
        "local", description="What workers are: processes of this machine, or actors of Ray, in RAY_ADDRESS's cluster."
    )
    cpus_per_worker: float | None = Field(
        None, gt=0, description="ray: cores each worker asks for [default: 1; without RAY_ADDRESS its share]."
    )
    gpus_per_worker: float | None = Field(
        None,
        ge=0,
        description="ray: GPUs each asks for; 0.5: two share one [default: 1 or, of fewer, its share; to annotate 0].",
    )

    @model_validator(mode="after")
    def _of_ray(self) -> Self:
        for name in ("cpus_per_worker", "gpus_per_worker"):
            wanted = getattr(self, name)
            if wanted is not None and self.engine != "ray":
                raise ValueError(f"{name} is what an actor of Ray asks for: give engine=ray as well")
            if wanted is not None and wanted > 1 and wanted != int(wanted):
                raise ValueError(f"{name}: a part of one, or a whole number")
        return self

    @property
    def shared(self) -> bool:
        """Whether anybody beside this process works."""
        return self.workers > 1 or self.engine == "ray"


class Asking(Spread):
    """How a paid or a busy service is asked. None of it changes what is replied."""

    concurrency: int = Field(
        64, gt=0, description="Most requests in flight; how many really are adapts to what the service bears."
    )
    requests_per_minute: float | None = Field(None, gt=0, description="Rate limit of requests.")
    tokens_per_minute: float | None = Field(None, gt=0, description="Rate limit of tokens, prompt and completion.")
    patience: float = Field(600.0, gt=0, description="Seconds after which a request is given up, retries included.")
    attempts: int = Field(6, gt=0, description="Attempts at a request that fails while others are answered.")
    backoff: float = Field(0.5, ge=0, description="Seconds before the second attempt, doubled with each.")
    max_cost: float | None = Field(None, gt=0, description="US dollars that may be spent by this output in all.")
    batch: bool = Field(False, description="Through the provider's batch service: half the price, within a day.")
    poll: float = Field(60.0, gt=0, description="Seconds between two looks at a batch.")


class Annotation(Settings):
    """What is asked of a teacher, and what is kept of it."""

    samples: int = Field(1, gt=0, description="Rationales of each problem; doubled ones are left out.")
    until_correct: int | None = Field(
        None, gt=0, description="Ask until a rationale is right, at most so many times; instead of samples."
    )
    rationalize: bool = Field(False, description="Where all are wrong, ask once more and show the gold answer.")
    steps: Literal["check", "drop", "fix"] = Field(
        "check", description="Steps that miscalculate: tag them, drop the rationale, or fix them."
    )

    @model_validator(mode="after")
    def _one_count(self) -> Self:
        if self.until_correct is not None and self.samples > 1:
            raise ValueError("give samples or until_correct, not both")
        return self


class Training(Settings):
    """How a student is trained."""

    epochs: float | None = Field(
        None, gt=0, description="Passes over the training set [default: 3, unless --max-steps]."
    )
    max_steps: int | None = Field(None, gt=0, description="Optimiser steps, instead of epochs.")
    learning_rate: float = Field(2e-4, gt=0, description="Peak learning rate of AdamW; adapters want about 1e-3.")
    warmup: float = Field(0.1, ge=0, lt=1, description="Share of the steps in which the learning rate rises linearly.")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's weight decay.")
    batch_size: int = Field(16, gt=0, description="Sequences of one optimiser step.")
    tokens_per_batch: int | None = Field(
        None,
        gt=0,
        description="Tokens, padding included, of one forward pass; a step takes as many passes as it needs"
        " [default: 4096 on a GPU, 1024 on a CPU].",
    )
    max_length: int = Field(1024, gt=1, description="Tokens of one sequence; longer ones are left out and counted.")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of a target's probability spread over the vocabulary."
    )
    role_weights: dict[str, PositiveFloat] = Field(
        {}, description="Weights of roles in the loss of a joint student: decomposer=0.5,solver=2; else 1."
    )
    max_grad_norm: float = Field(1.0, gt=0, description="Gradient norm above which it is clipped.")
    seed: int = Field(0, description="Seed of the order of the data and of new weights.")
    held_out: int = Field(
        0,
        ge=0,
        description="Problems that are not trained on: the step that does best on them is the one that is kept.",
    )
    choose_by: Literal["loss", "accuracy"] = Field(
        "loss", description="What is best on held-out problems; accuracy is of the role that writes the answer."
    )
    evaluate_steps: int | None = Field(
        None, gt=0, description="Optimiser steps between two evaluations [default: a tenth of them]."
    )
    early_stopping: int | None = Field(
        None, gt=0, description="Evaluations without a better one that end the training of a role."
    )
    checkpoint_steps: int | None = Field(
        None, gt=0, description="Optimiser steps between two checkpoints [default: five minutes]."
    )
    tracker: Literal["tensorboard", "wandb", "mlflow"] | None = Field(
        None, description="Where the training can be followed as well, step by step."
    )

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.epochs is not None and self.max_steps is not None:
            raise ValueError("give epochs or max_steps, not both")
        return self

    @model_validator(mode="after")
    def _held_out(self) -> Self:
        given = [name for name in ("choose_by", "evaluate_steps", "early_stopping") if name in self.model_fields_set]
        unset = [name for name in given if getattr(self, name) not in (None, "loss")]
        if unset and not self.held_out:
            raise ValueError(f"{unset[0]} is about held-out problems: say with held_out how many")
        return self

    def identity(self) -> dict[str, Any]:
        """Return the settings that the weights depend on."""
        return self.model_dump(mode="json", exclude={"checkpoint_steps", "tracker"})

    @property
    def full_epochs(self) -> float:
        """Epochs when no number of steps was given."""
        return self.epochs if self.epochs is not None else 3.0


class Decoding(Settings):
    """How a student writes."""

    max_new_tokens: int = Field(
        256, gt=0, description="Tokens of one reply; a longer one is truncated and its problem unanswered."
    )
    max_new_tokens_of: dict[str, PositiveInt] = Field(
        {}, description="The same for single roles: decomposer=64,solver=128; else --max-new-tokens."
    )
    temperature: float = Field(0.0, ge=0, description="0 is greedy; above, replies are sampled.")
    top_p: float = Field(1.0, gt=0, le=1, description="Nucleus of the sampled tokens.")
    batch_size: int = Field(64, gt=0, description="Replies written at the same time.")
    backend: str = Field(
        "transformers", description="Who runs a student's weights; options follow as key=value. See `socratic list`."
    )
    calculator: Literal["off", "check", "force"] = Field(
        "off",
        description="The result of a calculation, <<48/2= or 48/2 =, is written for the student (force), or checked and"
        " told (check).",
    )
    seed: int = Field(0, description="Seed of sampling.")
    samples: int = Field(1, gt=0, description="Chains of each problem; the answer that most of them reach is taken.")
    choose: Literal["vote", "best", "weighted"] | None = Field(
        None,
        description="How an answer is chosen among samples: vote; with a verifier best, the chain it believes most, or"
        " weighted, the answer it believes most [default: vote, or weighted].",
    )

    def room(self, role: str) -> int:
        """Return the tokens that one reply of a role may have."""
        return self.max_new_tokens_of.get(role, self.max_new_tokens)

    @model_validator(mode="after")
    def _different(self) -> Self:
        if self.samples > 1 and not self.temperature:
            raise ValueError("samples vote only if they can differ: give a temperature, 0.7 for one")
        return self


class Scoring(Settings):
    """How solutions are read, compared and checked."""

    read: Reading | None = Field(
        None, description="How answers are read: as given and compared as values, to the letter, or found in the text."
    )
    output_field: str | None = Field(
        None, description="Field of what another tool wrote, in a JSONL or JSON of its own. lm-eval's are known."
    )
    id_field: str | None = Field(
        None, description="Field of the id in such a file, which then needs no questions; else these pair problems."
    )
    label_field: str | None = Field(None, description="Field with the file's own verdict, to be compared with ours.")
    baseline: str | None = Field(None, description="Arm that the others are compared with, instead of all with all.")
    by: str = Field("steps", description="Tables of slices, with commas: steps, operations, operators, type ...")
    train: str | None = Field(
        None, description="Training questions to look for copies among: annotations.jsonl, gsm8k/train ..."
    )
    near: float = Field(
        0.5, gt=0, le=1, description="Share of common word triples, numbers masked, from which two questions are near."
    )
    min_accuracy: float | None = Field(
        None, ge=0, le=1, description="Exit with 4 if the accuracy of an arm is below; 0.62 is 62%."
    )
