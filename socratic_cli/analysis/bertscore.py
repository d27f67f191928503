"""BERTScore (Zhang et al., 2020) of texts beside references, by an encoder of the user's choice."""

from __future__ import annotations

from collections.abc import Sequence

from socratic_cli.analysis.decomposition import Similarity
from socratic_cli.errors import MissingPackage, UsageError

MODEL = "microsoft/deberta-xlarge-mnli"
"""What the authors of BERTScore advise."""
# Encoders that do not say how much they read read so much.
_LENGTH = 512


def bertscore(model: str = MODEL) -> Similarity:
    """Return a function that computes the mean F1 with a model from the hub or a folder.

    The layer is the one that the package found best for the model, else the last.

    Raises:
        MissingPackage: bert-score is not installed.
        UsageError: there is no such model.
    """
    try:
        from bert_score import BERTScorer
        from bert_score.utils import model2layers
    except ImportError:
        raise MissingPackage("BERTScore", "bert-score") from None
    try:
        scorer = BERTScorer(model, num_layers=model2layers.get(model) or _layers(model))
    except (OSError, ValueError) as fault:
        raise UsageError(f"--bertscore-model {model} cannot be loaded: {str(fault).partition(chr(10))[0]}") from fault
    tokenizer = scorer._tokenizer
    # The package hands the length on to a tokenizer that takes no number as large as "not known" is.
    tokenizer.model_max_length = min(tokenizer.model_max_length, _LENGTH)

    def mean_f1(texts: Sequence[str], references: Sequence[str]) -> float:
        _, _, f1 = scorer.score(list(texts), list(references))
        return float(f1.mean())

    return mean_f1


def _layers(model: str) -> int:
    from transformers import AutoConfig

    return int(AutoConfig.from_pretrained(model).num_hidden_layers)
