"""StrategyQA: yes-no questions whose reasoning must be found first (Geva et al., 2021).

The authors' files hold 2,061 + 229 answered questions. Studies of distillation split all of them again, 1,603 + 687
(Ho et al., 2022), and so does the hub: `train` and `test` are that split wherever the data come from. Its positions
are counted in yet another order of the questions, so the test side is noted here, by the order of the ids. One
question stands on both sides, under two ids.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from typing import ClassVar

from socratic_cli import fields
from socratic_cli.datasets import origin
from socratic_cli.errors import UsageError
from socratic_cli.jsonl import Line
from socratic_cli.parts import Dataset
from socratic_cli.records import Problem, Step

REPOSITORY = "ChilleD/StrategyQA"
_OFFICIAL = {"official-train": ("train.json",), "official-dev": ("dev.json",)}
# A bit for each of the 2,290 ids in their alphabetical order: 1 where the question is in `test`.
_TEST = base64.b64decode(
    "AlCBQABkiAIHhmAMiEELqgNCTFwmwCADBAGGTIDqj5FQUEBEFgk0HJIAMUIFkkTkIQ0gKzKBgTASpoQTEJBOY7wJCACLCCYE"
    "CoQCG0YyCKbkJlBkgQDggRiKQksk6DRYeQMRy4xAmwCrR5oAIkUzWKABA4aiAo0CcQFAIUQYEsOKCBAJNo+mYwagIVhqAzQF"
    "I+gUbETIIB0gLAwIgYQScMYqwEkGiABAtECCQATnUUgDEMHiAAxwWck0AGkAxUh4AgiJtiggCCC2QFBFmQgAVhgCEAIhABAA"
    "WRAkIANiGhBI7AByCH4SSA4FEikr4jgCKskaAA1AFggMjFRBAAQBogoR9B1UulQQcCAySoxBCAZYAYAdAqgsAogMASIZVEw="
)
_REFERENCE = re.compile(r"\s*#(\d+)")


class StrategyQA(Dataset):
    """StrategyQA: 1,603 + 687 yes-no questions with facts, and gold steps paired from facts and subquestions."""

    repository: ClassVar[str | None] = REPOSITORY
    splits: ClassVar[tuple[str, ...]] = ("train", "test", *_OFFICIAL)

    def problems(self, split: str) -> Iterator[Problem]:
        """Yield the questions in the order of the files.

        Raises:
            UsageError: an official split without the authors' files.
        """
        if self.data_dir is not None:
            return map(_problem, self._local(split))
        if split in _OFFICIAL:
            raise UsageError(f"{split} needs the authors' train.json and dev.json: name their folder with --data-dir")
        return map(_problem, origin.hub(REPOSITORY, split))

    def _local(self, split: str) -> list[Line]:
        assert self.data_dir is not None
        files = _OFFICIAL.get(split, ("train.json", "dev.json"))
        paths = [origin.local(self.data_dir, "strategyqa", file) for file in files]
        lines = [line for path in paths for line in origin.numbered(path, origin.json_file(path))]
        return lines if split in _OFFICIAL else _side(lines, split)


def _side(lines: list[Line], split: str) -> list[Line]:
    bits = f"{int.from_bytes(_TEST, 'big'):0{len(lines)}b}"
    in_test = dict(zip(sorted(fields.text(line, "qid") for line in lines), bits, strict=False))
    wanted = "1" if split == "test" else "0"
    return [line for line in lines if in_test[line.value["qid"]] == wanted]


def _problem(line: Line) -> Problem:
    answer = fields.answer(line.value.get("answer"), line.where)
    facts = _texts(line.value.get("facts"))
    return Problem(
        id=f"strategyqa/{fields.text(line, 'qid')}",
        question=fields.text(line, "question"),
        answer=answer,
        steps=pair(_texts(line.value.get("decomposition")), facts, f"So the answer is {answer}."),
        facts=facts,
        metadata={"term": line.value.get("term")},
    )


def _texts(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return a list of texts, or the one text that the hub has in its place, without doubled blanks."""
    texts = [value] if isinstance(value, str) else value or ()
    folded = (" ".join(text.split()) for text in texts)
    return tuple(text for text in folded if text)


def pair(questions: tuple[str, ...], facts: tuple[str, ...], conclusion: str) -> tuple[Step, ...]:
    """Pair subquestions with the facts that answer them, by their order; the last one concludes with the facts left.

    The data set does not say which fact answers what. Its questions are at most one more than its facts in 2,165 of
    2,290 problems, as the last one weighs the answers before it. In the other 125 questions would be left without a
    fact: there the facts are the steps, and no subquestion is made to fit.
    """
    if not questions or len(facts) < len(questions) - 1:
        return tuple(Step(solution=text) for text in (*facts, conclusion))
    inner = len(questions) - 1
    solutions = (*facts[:inner], " ".join([*map(_stopped, facts[inner:]), conclusion]))
    return tuple(
        Step(subquestion=_resolved(question), solution=solution)
        for question, solution in zip(questions, solutions, strict=True)
    )


def _stopped(fact: str) -> str:
    return fact if fact.endswith((".", "!", "?")) else f"{fact}."


def _resolved(question: str) -> str:
    """Put "answer 1" where a question refers to an earlier one as #1."""
    return _REFERENCE.sub(r" answer \1", question).strip()
