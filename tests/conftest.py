"""What several tests share: where the real data lies, and a home of their own for caches."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test can reach a hub, fetch prices, or spend money.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_BASE", "OPENAI_BASE_URL"):
    os.environ.pop(key, None)

# Tests that run beside one another share the cores; torch alone would take all of them in each process.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts the tests in the background makes them ignore Ctrl-C, and with them every command they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How fast a machine draws examples is no behaviour of the tool: busy machines pass, too.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

DATA = Path(os.environ.get("SOCRATIC_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real data sets, or skip: they are read where they lie and never copied here."""
    if not (DATA / "gsm8k" / "train.jsonl").is_file():
        pytest.skip(f"no real data at {DATA}: set SOCRATIC_TEST_DATA")
    return DATA
