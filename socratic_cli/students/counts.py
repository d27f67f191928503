"""What a training run of one role has come to so far: its losses, and what was read for them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from socratic_cli.parts import Progress, Trained
from socratic_cli.students.fitting import Fitting
from socratic_cli.students.tokens import Sequence


@dataclass
class Counts:
    """Losses of steps, tokens that were read, those of them that were learnt, padding, and seconds."""

    losses: list[float] = field(default_factory=list)
    read: int = 0
    learnt: int = 0
    padded: int = 0
    seconds: float = 0.0

    def step(self, batch: list[Sequence], loss: float, padded: int) -> None:
        """Count a step."""
        self.losses.append(loss)
        self.read += sum(map(len, batch))
        self.learnt += sum(sequence.targets for sequence in batch)
        self.padded += padded

    def numbers(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return asdict(self)

    def load(self, numbers: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        for name in asdict(self):
            setattr(self, name, numbers[name])

    def noted(self, norm: float, rate: float) -> dict[str, float]:
        """Return what is noted of a step."""
        return {
            "loss": self.losses[-1],
            "learning_rate": rate,
            "grad_norm": norm,
            "tokens": self.read,
            "target_tokens": self.learnt,
            "padding_tokens": self.padded,
            "seconds": round(self.seconds, 3),
        }

    def progress(self, role: str, step: int, total: int) -> Progress:
        """Return where the run stands."""
        return Progress(role=role, step=step, steps=total, loss=self.losses[-1], tokens=self.read, seconds=self.seconds)

    def trained(self, fitting: Fitting, best: dict[str, Any], dtype: str) -> Trained:
        """Return what the run was, with the step that was `best` on held-out problems."""
        steps = len(self.losses)
        tail = self.losses[-max(1, steps // 10) :]
        return Trained(
            role=fitting.role,
            sequences=len(fitting.sequences),
            left_out=fitting.left_out,
            target_tokens=self.learnt,
            tokens=self.read,
            padding=round(self.padded / (self.read + self.padded), 4),
            steps=steps,
            loss=sum(tail) / len(tail),
            seconds=self.seconds,
            dtype=dtype,
            kept_step=best.get("step"),
            **best.get("numbers", {}),
        )
