"""What a saved student knows of itself, for people and hubs: README.md, a model card, with the scores it was given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from socratic_cli import curve, jsonl, markdown, plugins
from socratic_cli.card import Card, read_card
from socratic_cli.parts import Scheme, Student
from socratic_cli.records import Benchmark

NAME, SCORES = "README.md", "scores.jsonl"
_PAPER = "https://arxiv.org/abs/2212.00193"


def tell(card: Card, folder: Path, title: str) -> None:
    """Write the model card, with the training curve and the scores that are in the folder."""
    known = read_scores(folder)
    lines = [*_front(card, title, known), "", *_told(card, title, folder), "", *_scored(known), "", *_USE, ""]
    beside = folder / f".{NAME}.part"
    beside.write_text("\n".join(lines), encoding="utf-8")
    beside.replace(folder / NAME)


def read_scores(folder: Path) -> list[Benchmark]:
    """Read the scores that a student was given."""
    path = folder / SCORES
    return list(jsonl.read(path, jsonl.record(Benchmark))) if path.is_file() else []


def add_score(folder: Path, benchmark: Benchmark) -> None:
    """Give a student a score, in place of an earlier one on the same problems with the same settings."""
    new = (benchmark.source, benchmark.setting)
    others = [one for one in read_scores(folder) if (one.source, one.setting) != new]
    jsonl.write_all(folder / SCORES, [*others, benchmark])
    tell(read_card(folder), folder, folder.resolve().name)


def _front(card: Card, title: str, benchmarks: list[Benchmark]) -> Iterator[str]:
    """Yield the block of YAML that hubs read."""
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type=one.dataset,
            dataset_name=one.source,
            dataset_split=one.split,
            metric_type="accuracy",
            metric_name=f"accuracy ({one.setting})",
            metric_value=round(one.score.accuracy, 4),
        )
        for one in benchmarks
    ]
    data: dict[str, Any] = {**card.about, "pipeline_tag": "text-generation"}
    data["tags"] = ["socratic", "distillation", "chain-of-thought", "reasoning"]
    if results:
        data |= {"model_name": title, "eval_results": results}
    yield "---"
    yield ModelCardData(**data).to_yaml()
    yield "---"


def _told(card: Card, title: str, folder: Path) -> Iterator[str]:
    yield f"# {title}"
    yield ""
    yield f"A student of `socratic` {card.socratic}, trained after [Shridhar, Stolfo and Sachan (2022)]({_PAPER})."
    yield ""
    yield f"- Scheme: `{plugins.load(Scheme, card.scheme).label}`"
    yield f"- Base: `{plugins.load(Student, card.student).label}`" + _licensed(card.about)
    yield f"- Problems: {card.problems:,}"
    yield from (f"- Annotations by `{author}`: {count:,}" for author, count in sorted(card.teachers.items()))
    yield from (f"- Annotations left out: {count:,} ({reason})" for reason, count in sorted(card.left_out.items()))
    yield f"- Training: `{json.dumps(card.training.model_dump(mode='json', exclude_defaults=True))}`, else defaults"
    yield ""
    yield "## Training"
    yield ""
    yield from _table(*_learnt(card))
    if (folder / curve.NAME).is_file():
        yield f"\n![Loss by role over the optimiser steps]({curve.NAME})"
    yield ""
    yield "`trained-on.txt` holds fingerprints of the training questions: `socratic solve` and `socratic bench` say"
    yield "which test questions were among these."


def _licensed(about: Mapping[str, str]) -> str:
    return f", under the licence `{about['license']}`" if "license" in about else ""


def _learnt(card: Card) -> Iterator[tuple[str, list[str]]]:
    """Yield the columns of what each role learnt: a head, and a cell a role."""
    roles = card.roles
    yield "role", [role.role for role in roles]
    yield "sequences", [f"{role.sequences:,}" for role in roles]
    yield "tokens learnt", [f"{role.target_tokens:,}" for role in roles]
    yield "steps", [f"{role.steps:,}" for role in roles]
    yield "loss (nats a token)", [f"{role.loss:.3f}" for role in roles]
    if any(role.kept_step is not None for role in roles):
        yield "step kept", ["-" if role.kept_step is None else f"{role.kept_step:,}" for role in roles]
        yield "held-out loss", [_number(role.held_out_loss, ".3f") for role in roles]
    if any(role.held_out_accuracy is not None for role in roles):
        yield "held-out problems solved", [_number(role.held_out_accuracy, ".1%") for role in roles]


def _scored(benchmarks: list[Benchmark]) -> Iterator[str]:
    yield "## Scores"
    yield ""
    if not benchmarks:
        yield "None yet: `socratic bench STUDENT --problems gsm8k/test --card` measures and adds them."
        return
    yield "Exact match of the final answer; unanswered problems count as wrong. The intervals are Wilson's."
    yield ""
    yield from _table(
        ("problems", [f"`{one.source}`" for one in benchmarks]),
        ("decoding", [one.setting for one in benchmarks]),
        ("number", [f"{one.score.problems:,}" for one in benchmarks]),
        ("correct", [f"{one.score.correct:,}" for one in benchmarks]),
        ("accuracy", [f"{one.score.accuracy:.1%}" for one in benchmarks]),
        ("95% interval", [f"{one.score.low:.1%} - {one.score.high:.1%}" for one in benchmarks]),
        ("unanswered", [f"{one.score.unanswered:,}" for one in benchmarks]),
        ("trained on", [f"{one.score.leaked:,}" for one in benchmarks]),
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _table(*columns: tuple[str, list[str]]) -> Iterator[str]:
    """Yield a table given by its columns; the first is words, the others numbers."""
    heads, cells = zip(*columns, strict=True)
    return markdown.table(heads, zip(*cells, strict=True))


_USE = """## Use

```sh
hf download OWNER/NAME --local-dir student        # this repository
socratic solve student problems.jsonl             # lines like {"question": "Ann has 3 hens ..."}
```""".splitlines()
