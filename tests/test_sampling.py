"""Sampled tokens: as often as they are likely, from the nucleus alone, whoever is written beside them."""

from __future__ import annotations

from random import Random

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor
from transformers import TopPLogitsWarper

from socratic_cli.settings import Decoding
from socratic_cli.students.sampling import draw

VOCABULARY = 2_000


@pytest.fixture
def logits() -> Tensor:
    """Some rows of a model's logits: peaked ones, and one so flat that a few hundred tokens are no nucleus."""
    noise = torch.randn((5, VOCABULARY), generator=torch.Generator().manual_seed(0))
    return noise * torch.tensor([0.1, 1.0, 2.0, 4.0, 8.0])[:, None]


def sampled(row: Tensor, times: int, **options: float) -> list[int]:
    dice = [Random(number) for number in range(times)]
    return draw(row.expand(times, -1), dice, Decoding(**options))


@pytest.mark.parametrize(("top_p", "nucleus"), [(1.0, [0, 1, 2, 3]), (0.8, [0, 1, 2]), (0.7, [0, 2])])
def test_tokens_come_as_often_as_they_are_likely(top_p: float, nucleus: list[int]) -> None:
    row = torch.tensor([3.0, 1.0, 2.0, 0.0])
    times = 4_000
    counts = torch.bincount(torch.tensor(sampled(row, times, temperature=2.0, top_p=top_p)), minlength=4)
    assert counts[nucleus].sum() == times
    wanted = times * (row[nucleus].double() / 2).softmax(dim=-1)
    assert chisquare(counts[nucleus].double(), wanted).pvalue > 0.001


@pytest.mark.parametrize("top_p", [0.01, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("at", range(5))
def test_only_the_nucleus_is_sampled(logits: Tensor, at: int, top_p: float) -> None:
    row = logits[at]
    nucleus = set(
        TopPLogitsWarper(top_p)(torch.tensor([[0]]), row[None].double())[0].isfinite().nonzero()[:, 0].tolist()
    )
    seen = set(sampled(row, 300, temperature=1.0, top_p=top_p))
    assert seen <= nucleus
    assert len(seen) > 1 or len(nucleus) < 5


def test_tokens_as_likely_as_the_last_of_the_nucleus_are_sampled_too() -> None:
    assert set(sampled(torch.tensor([1.0, 0.0, 1.0, 1.0]), 200, temperature=1.0, top_p=0.4)) == {0, 2, 3}


@pytest.mark.parametrize("top_p", [1.0, 0.9])
def test_a_token_does_not_depend_on_the_rows_beside_it(logits: Tensor, top_p: float) -> None:
    decoding = Decoding(temperature=1.0, top_p=top_p)
    together = draw(logits, [Random(at) for at in range(5)], decoding)
    assert together == [draw(logits[at : at + 1], [Random(at)], decoding)[0] for at in range(5)]


def test_greedy_takes_the_likeliest(logits: Tensor) -> None:
    assert draw(logits, [Random(0)] * 5, Decoding()) == logits.argmax(dim=-1).tolist()
