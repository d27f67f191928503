"""What a recipe says: data, parts and settings of a whole experiment, typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from socratic_cli.errors import UsageError, did_you_mean
from socratic_cli.settings import Annotation, Asking, Decoding, Selection, Settings, Training

Spec = str | dict[str, Any]


class Source(Selection):
    """Problems: a data set and split, or a file, and which of them."""

    source: str = Field(description="gsm8k/train, arithmetic:2-3/test, a JSONL file.")


def _named(value: Any) -> Any:
    return {"source": value} if isinstance(value, str) else value


ShortSource = Annotated[Source, BeforeValidator(_named, json_schema_input_type=str | Source)]
"""A source that may be given by its name alone."""


class Verifying(Settings):
    """A verifier, trained within the run on what the arm's own student samples; what it leaves out is the arm's."""

    train: ShortSource | None = Field(None, description="Problems that are sampled [default: the training problems].")
    samples: int = Field(8, gt=0, description="Chains of each of them.")
    decoding: dict[str, Any] = Field(default_factory=dict, description="Decoding settings of sampling that differ.")
    scheme: Spec = Field("verifier", description="What the verifier reads.")
    student: Spec | None = Field(None, description="Who becomes the verifier.")
    training: dict[str, Any] = Field(default_factory=dict, description="Training settings that differ.")


class Arm(Settings):
    """One way to make a student; what it leaves out is the recipe's."""

    scheme: Spec = Field(description="How reasoning is written down.")
    train: ShortSource | None = Field(None, description="Problems to learn from.")
    teacher: Spec | None = Field(None, description="Who writes the annotations.")
    students: tuple[Spec, ...] | None = Field(None, description="Who is trained.")
    solving: Spec | None = Field(
        None, description="The scheme when solving, where only that differs: socratic repeats=end."
    )
    trained: bool = Field(True, description="False: the untrained student, prompted with exemplars.")
    castings: tuple[dict[str, str], ...] = Field(
        (),
        description="Solve once more with others in roles: gold, a student's folder or a model to prompt, by role.",
    )
    annotation: dict[str, Any] = Field(default_factory=dict, description="Annotation settings that differ.")
    training: dict[str, Any] = Field(default_factory=dict, description="Training settings that differ.")
    decoding: dict[str, Any] = Field(default_factory=dict, description="Decoding settings that differ.")
    verifier: Verifying | None = Field(None, description="Weighs the samples of an arm that decodes several.")
    seeds: tuple[int, ...] | None = Field(None, description="Seeds that differ.")


class Recipe(Settings):
    """An experiment: every arm with every student and seed, trained on `train` and scored on `test`."""

    name: str = Field(
        "recipe", pattern=r"^[\w.-]+$", description="Names the folder of the results [default: the file]."
    )
    train: ShortSource
    test: ShortSource
    teacher: Spec = Field("gold", description="Who writes the annotations.")
    students: tuple[Spec, ...] = Field(description="Who is trained.")
    annotation: Annotation = Annotation()
    asking: Asking = Asking()
    training: Training = Training()
    decoding: Decoding = Decoding()
    seeds: tuple[int, ...] = (0,)
    arms: dict[str, Arm] = Field(min_length=1, description="Name of the arm: its scheme and what differs.")

    @field_validator("arms", mode="before", json_schema_input_type=dict[str, str | Arm])
    @classmethod
    def _short_arms(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: {"scheme": arm} if isinstance(arm, str) else arm for name, arm in value.items()}

    def only(self, names: Iterable[str]) -> Recipe:
        """Return the recipe with these arms alone, in its own order.

        Raises:
            UsageError: it has no such arm.
        """
        wanted = set(names)
        for name in sorted(wanted - set(self.arms)):
            near = did_you_mean(name, list(self.arms))
            raise UsageError(f"the recipe has no arm {name!r}.{near} It has {', '.join(self.arms)}")
        return self.model_copy(update={"arms": {name: arm for name, arm in self.arms.items() if name in wanted}})


def merged(settings: Settings, changes: Mapping[str, Any]) -> Any:
    """Return settings with some changed; epochs and max_steps displace one another."""
    given = settings.model_dump(exclude_unset=True)
    if "max_steps" in changes:
        given.pop("epochs", None)
    if "epochs" in changes:
        given.pop("max_steps", None)
    return type(settings).model_validate({**given, **changes})


def sampling(arm: Arm, verifying: Verifying) -> dict[str, Any]:
    """Return how decoding changes where the student of an arm is sampled for its verifier."""
    return {**arm.decoding, "choose": None, "samples": verifying.samples, **verifying.decoding}
