"""What a training shows: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import re
import struct
import subprocess
from pathlib import Path

import pytest

from tests import tiny
from tests.command import COMMAND, socratic

WIDE = 120


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("console")
    done = socratic("annotate", "arithmetic:2/train", "--limit", "8", "--scheme", "socratic", "-o", folder / "a.jsonl")
    assert done.code == 0, done.err
    tiny.gpt2(folder / "base", context=256)
    return folder


def command(place: Path, output: str, steps: int) -> list[str]:
    student = f"huggingface:{place / 'base'}"
    settings = ["--max-steps", str(steps), "--batch-size", "1"]
    return ["train", str(place / "a.jsonl"), "-o", str(place / output), "--student", student, *settings]


def on_a_terminal(arguments: list[str], width: int) -> str:
    """Run the command with a terminal as its standard error, and return what the terminal was sent."""
    import fcntl
    import termios

    leader, follower = os.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    environment |= {"TERM": "xterm-256color", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*COMMAND, *arguments], stdin=subprocess.DEVNULL, stderr=follower, env=environment)
    os.close(follower)
    sent = b""
    try:
        while block := os.read(leader, 65536):
            sent += block
    except OSError:  # the other end is closed
        pass
    os.close(leader)
    assert process.wait(60) == 0, sent
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sent.decode())


@pytest.mark.parametrize("width", [WIDE, 80])
def test_a_terminal_shows_loss_speed_and_the_time_that_is_left(place: Path, width: int) -> None:
    shown = on_a_terminal(command(place, f"s{width}", 200), width)
    bars = [line for line in re.split(r"[\r\n]+", shown) if "train " in line]
    for role in ("decomposer", "solver"):
        of_role = [line for line in bars if line.startswith(f"train {role} ")]
        moving = [line for line in of_role if re.search(r"loss \d\.\d{3}, \d+ tokens/s", line)]
        assert len(moving) > 1, shown[-2000:]
        assert any(re.search(r" \d+/200 \d:\d\d:\d\d \d:\d\d:\d\d loss ", line) for line in moving), moving
        assert "200/200" in of_role[-1]
    assert all(len(line) <= width for line in bars)


def test_elsewhere_a_line_now_and_then_says_the_same(place: Path) -> None:
    done = socratic(*command(place, "lines", 20), OMP_NUM_THREADS="1")
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if line.startswith("train solver: ")]
    pattern = r"train solver: (\d+)/20 loss \d\.\d{3}, \d+ tokens/s, \d:\d\d:\d\d left"
    assert [re.fullmatch(pattern, line).group(1) for line in told] == ["4", "8", "12", "16", "20"]  # type: ignore[union-attr]
    assert told[-1].endswith(" 0:00:00 left")
    assert "\x1b" not in done.err
