"""Lines of JSON: what is written is read again, and what cannot be read is named by file and line."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socratic_cli import jsonl
from socratic_cli.errors import InputError, OutputError
from socratic_cli.jsonl import MAX_LINE, Invalid, Writer, claim, read, record, write_all
from socratic_cli.records import Problem

GOOD = b'{"id": "a", "question": "Why?"}\n'

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lines.jsonl"


def problems(path: Path) -> list[Problem]:
    return list(read(path, record(Problem)))


class TestReading:
    @given(st.lists(objects, min_size=1, max_size=4))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_what_was_written_is_read_again(self, tmp_path: Path, lines: list[dict[str, Any]]) -> None:
        path = tmp_path / "any.jsonl"
        write_all(path, lines)
        assert [line.value for line in read(path, lambda line: line)] == lines

    def test_it_is_lazy(self, path: Path) -> None:
        path.write_bytes(GOOD + b"nonsense\n")
        assert next(read(path, record(Problem))).id == "a"

    def test_blank_lines_byte_order_marks_and_missing_ends_do_not_matter(self, path: Path) -> None:
        path.write_bytes(b"\xef\xbb\xbf" + GOOD + b"\n  \r\n" + GOOD.replace(b"\n", b"\r\n") + GOOD.rstrip())
        assert len(problems(path)) == 3

    def test_unknown_fields_pass_through(self, path: Path) -> None:
        path.write_text('{"id": "a", "question": "Why?", "mine": {"kept": [1]}}')
        assert problems(path)[0].line()["mine"] == {"kept": [1]}

    @pytest.mark.parametrize(
        ("line", "sentence"),
        [
            (b"nonsense", "invalid json"),
            (b"{", "invalid json"),
            (b"[1]", "requested type"),
            (b"null", "null"),
            (b'"text"', "requested type"),
            (b'{"id": "\xe9"}', "not valid utf-8"),
            ('{"id": "ä"}'.encode("utf-16"), "not valid utf-8"),
            (b'{"a": 1}{"b": 2}', "Extra data"),
            (b"[" * 100_000, "nested too deeply"),
            (b'{"n": ' + b"9" * 5_000 + b"}", "invalid json"),
            (b'{"id": "a", "question": "\\uD800"}', "a text holds half a character"),
            (b'{"id": "a"}', "this is no problem: question: field required"),
            (b'{"id": 1, "question": "Why?"}', "this is no problem: id: input should be a valid string"),
        ],
    )
    def test_a_line_that_cannot_be_read_is_named(self, path: Path, line: bytes, sentence: str) -> None:
        path.write_bytes(GOOD + b"\n" + line + b"\n" + GOOD)
        with pytest.raises(InputError, match=rf"lines\.jsonl:3: .*{sentence}"):
            problems(path)

    @pytest.mark.parametrize("length", [MAX_LINE + 1, MAX_LINE + 2, 10 * 1024 * 1024])
    def test_a_line_of_megabytes_is_no_line_and_the_next_is_counted_right(self, path: Path, length: int) -> None:
        path.write_bytes(b"x" * (length - 1) + b"\n" + GOOD + b"bad\n")
        faults: list[Invalid] = []
        assert len(list(read(path, record(Problem), faults.append))) == 1
        assert [fault.fault.split(": ")[0][-2:] for fault in faults] == [":1", ":3"]
        assert "longer than 4 MB" in faults[0].fault

    def test_the_longest_line_is_read(self, path: Path) -> None:
        line = GOOD.replace(b"Why?", b"?" * (MAX_LINE - len(GOOD) + 4))
        path.write_bytes(line)
        assert len(line) == MAX_LINE
        assert len(problems(path)) == 1

    def test_invalid_lines_can_be_set_aside_whole(self, path: Path) -> None:
        path.write_bytes(b"bad\n" + GOOD + b'{"id": "b"}\n')
        aside: list[Invalid] = []
        assert [problem.id for problem in read(path, record(Problem), aside.append)] == ["a"]
        assert [invalid.raw for invalid in aside] == [b"bad\n", b'{"id": "b"}\n']

    @pytest.mark.parametrize("content", [b"", b"\n\n"])
    def test_an_empty_file_is_an_error(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"lines\.jsonl is empty"):
            problems(path)

    def test_a_missing_file_and_a_directory_are_named(self, path: Path) -> None:
        with pytest.raises(InputError, match=r"lines\.jsonl cannot be read: No such file"):
            problems(path)
        with pytest.raises(InputError, match="is a directory"):
            problems(path.parent)

    def test_a_gzipped_file_is_unpacked_as_it_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "lines.jsonl.gz"
        path.write_bytes(gzip.compress(GOOD + b"\n" + GOOD.replace(b"a", b"b")))
        assert [line.where for line in read(path, lambda line: line)] == [f"{path}:1", f"{path}:3"]

    @pytest.mark.parametrize(
        "content",
        [GOOD, gzip.compress(GOOD * 9)[:-9], gzip.compress(GOOD)[:12] + b"\xff" * 30],
        ids=["not packed", "torn", "damaged"],
    )
    def test_a_gzipped_file_that_is_none_or_torn_is_named(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "lines.jsonl.gz"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"lines\.jsonl\.gz cannot be unpacked after line"):
            problems(path)

    def test_standard_input_is_a_dash_and_stays_open(self) -> None:
        code = (
            "import sys; from socratic_cli import jsonl; "
            "print([line for line in jsonl.read('-', lambda line: (line.where, line.value))], sys.stdin.closed)"
        )
        ran = subprocess.run([sys.executable, "-c", code], input=b'{"a": 1}\n', capture_output=True, check=True)
        assert ran.stdout.decode().strip() == "[('<stdin>:1', {'a': 1})] False"


class TestWriting:
    def test_each_line_is_in_the_file_at_once(self, path: Path) -> None:
        with Writer(path) as writer:
            writer.write({"a": 1})
            assert path.read_text() == '{"a": 1}\n'
            writer.write(Problem(id="a", question="Why?"))
            assert writer.count == 2
        assert json.loads(path.read_text().splitlines()[1]) == {"id": "a", "question": "Why?"}

    def test_it_appends_and_makes_folders(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "folder" / "lines.jsonl"
        for number in range(2):
            with Writer(path) as writer:
                writer.write({"a": number})
        assert path.read_text() == '{"a": 0}\n{"a": 1}\n'

    def test_a_dash_is_standard_output_which_stays_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        out = io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        with Writer("-") as writer:
            writer.write({"a": 1})
        assert out.getvalue() == '{"a": 1}\n'

    def test_a_place_that_cannot_be_written_is_named(self, path: Path) -> None:
        path.write_text("a file")
        with pytest.raises(OutputError, match=r"below\.jsonl cannot be written"):
            Writer(path / "below.jsonl")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_full_disk_is_a_sentence(self) -> None:
        with pytest.raises(OutputError, match="No space left"):
            Writer("/dev/full").write({"a": 1})

    def test_a_file_is_written_whole_or_not_at_all(self, path: Path) -> None:
        path.write_text("before\n")

        def torn() -> Any:
            yield {"a": 1}
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_all(path, torn())
        assert path.read_text() == "before\n"
        write_all(path, [{"a": 2}])
        assert path.read_text() == '{"a": 2}\n'
        assert list(path.parent.iterdir()) == [path]


class TestClaiming:
    def test_a_new_or_an_empty_file_is_free(self, path: Path) -> None:
        claim(path)
        assert not path.exists()
        path.touch()
        claim(path)

    def test_an_existing_file_is_refused_and_untouched(self, path: Path) -> None:
        path.write_text("mine\n")
        for _ in range(2):
            with pytest.raises(OutputError, match=r"--resume .*--overwrite"):
                claim(path)
        assert path.read_text() == "mine\n"

    def test_what_is_to_be_overwritten_stays_until_there_is_something_instead(self, path: Path) -> None:
        path.write_text("old\n")
        claim(path, overwrite=True)
        assert path.read_bytes() == b"old\n"

    def test_a_packed_file_is_no_output_and_stays_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "out.jsonl.gz"
        path.write_bytes(gzip.compress(GOOD * 9))
        for options in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(OutputError, match=r"name it .*out\.jsonl, and gzip it"):
                claim(path, **options)
        assert len(problems(path)) == 9

    def test_a_directory_is_no_file(self, tmp_path: Path) -> None:
        for options in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(OutputError, match="is a directory"):
                claim(tmp_path, **options)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (b"", b""),
            (b"whole\n", b"whole\n"),
            (b"whole\ntorn", b"whole\n"),
            (b"torn", b""),
            (b"whole\n" + b"t" * 200_000, b"whole\n"),
            (b"w" * 65_536 + b"\n" + b"t" * 65_535, b"w" * 65_536 + b"\n"),
        ],
        ids=["empty", "whole", "torn", "only torn", "long", "at the edge of a block"],
    )
    def test_on_resume_a_torn_last_line_is_taken_off(self, path: Path, before: bytes, after: bytes) -> None:
        path.write_bytes(before)
        claim(path, resume=True)
        claim(path, resume=True)
        assert path.read_bytes() == after

    def test_standard_output_needs_no_claim(self) -> None:
        claim("-")


def test_the_limit_of_a_line_is_said_in_megabytes() -> None:
    assert jsonl.MAX_LINE == 4 * 1024**2
