"""Data sets and the references that name them: the real files, files of one's own, and their faults."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from socratic_cli import plugins, sources
from socratic_cli.datasets.strategyqa import pair
from socratic_cli.datasets.svamp import worked
from socratic_cli.errors import InputError, SocraticError, UsageError
from socratic_cli.jsonl import Invalid
from socratic_cli.notation import equations, read, write
from socratic_cli.parts import Dataset
from socratic_cli.records import Problem, Solution, Step
from socratic_cli.sources import resolve

SIZES = {
    "gsm8k/train": 7473,
    "gsm8k/test": 1319,
    "gsm8k:main/train": 7473,
    "gsm8k:main/test": 1319,
    "svamp/train": 700,
    "svamp/test": 300,
    "strategyqa/train": 1603,
    "strategyqa/test": 687,
    "strategyqa/official-train": 2061,
    "strategyqa/official-dev": 229,
}


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as stream:
        yield from map(json.loads, stream)


@pytest.fixture
def write_lines(tmp_path: Path) -> Any:
    """Return a function that writes objects, or raw lines, to a file and returns its path as a reference."""

    def write_them(*lines: Any) -> str:
        path = tmp_path / "mine.jsonl"
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return str(path)

    return write_them


# The real data


@pytest.mark.parametrize(("ref", "size"), SIZES.items())
def test_every_split_is_whole_and_every_problem_has_an_answer_and_an_id(ref: str, size: int, data_dir: Path) -> None:
    problems = list(resolve(ref, data_dir=data_dir))
    assert len(problems) == size == len({problem.id for problem in problems})
    assert all(problem.question and problem.answer for problem in problems)
    assert all(problem.question == problem.question.strip() for problem in problems)
    for problem in problems:
        again = read(write(problem.rationale))
        assert again.answer == problem.answer
        assert [step.solution for step in again.steps] == [step.solution for step in problem.steps]


@pytest.mark.parametrize("file", ["train", "test", "train_socratic", "test_socratic"])
def test_the_notation_reads_and_writes_every_answer_of_gsm8k_to_the_letter(file: str, data_dir: Path) -> None:
    blank_lines = 0
    for line in lines_of(data_dir / "gsm8k" / f"{file}.jsonl"):
        whole = line["answer"].replace("\n\n", "\n")
        blank_lines += whole != line["answer"]
        assert write(read(line["answer"])) == whole
    # A blank line is no step: the one thing that is not kept.
    assert blank_lines == {"train": 4, "test": 2}.get(file, 0)


def test_gsm8k_has_subquestions_in_its_socratic_form_only(data_dir: Path) -> None:
    socratic = list(resolve("gsm8k/test", data_dir=data_dir))
    main = list(resolve("gsm8k:main/test", data_dir=data_dir))
    assert [problem.id for problem in main] == [problem.id for problem in socratic]
    assert main[17].id == "gsm8k/test/17"
    assert all(step.subquestion for problem in socratic for step in problem.steps)
    assert not any(step.subquestion for problem in main for step in problem.steps)
    assert all(step.solution for problem in (*main, *socratic) for step in problem.steps)


def test_svamp_joins_its_parts_and_works_its_equations_out(data_dir: Path) -> None:
    problems = [problem for split in ("train", "test") for problem in resolve(f"svamp/{split}", data_dir=data_dir)]
    assert not any(" ." in problem.question or "?." in problem.question for problem in problems)
    assert all(problem.answer and problem.answer.isdecimal() for problem in problems)
    assert Counter(len(problem.steps) for problem in problems) == {0: 2, 1: 762, 2: 236}
    for problem in problems:
        if problem.steps:
            assert equations(problem.steps[-1])[-1].right == problem.answer
    kinds = {problem.metadata["type"] for problem in problems}
    assert kinds == {"Addition", "Subtraction", "Multiplication", "Common-Division"}


def test_strategyqa_is_split_as_its_recorded_teachers_saw_it(data_dir: Path) -> None:
    train = {problem.question for problem in resolve("strategyqa/train", data_dir=data_dir)}
    test = {problem.question for problem in resolve("strategyqa/test", data_dir=data_dir)}
    assert len(train & test) == 1
    recorded = json.loads((data_dir / "recorded" / "gpt35" / "strategyqa.json").read_bytes())
    assert {row["input"].strip() for row in recorded} <= train


def test_strategyqa_pairs_subquestions_with_facts_where_that_can_be_done(data_dir: Path) -> None:
    parts = ("official-train", "official-dev")
    problems = [problem for part in parts for problem in resolve(f"strategyqa/{part}", data_dir=data_dir)]
    assert Counter(problem.answer for problem in problems) == {"no": 1219, "yes": 1071}
    asked = Counter(frozenset(step.subquestion is not None for step in problem.steps) for problem in problems)
    assert asked == {frozenset({True}): 2165, frozenset({False}): 125}
    assert not any("#1" in (step.subquestion or "") for problem in problems for step in problem.steps)
    assert all(problem.steps[-1].solution.endswith(f"the answer is {problem.answer}.") for problem in problems)
    for problem in problems:
        told = " ".join(step.solution for step in problem.steps)
        assert all(fact in told for fact in problem.facts)


# What the data sets do with their fields


def test_pairing_gives_the_last_question_the_facts_left() -> None:
    steps = pair(("What is it?", "Is #1 big?"), ("It is A", "A is B", "B is big"), "So the answer is yes.")
    assert steps == (
        Step(subquestion="What is it?", solution="It is A"),
        Step(subquestion="Is answer 1 big?", solution="A is B. B is big. So the answer is yes."),
    )
    assert pair(("A?", "B?"), ("a.",), "So no.")[-1] == Step(subquestion="B?", solution="So no.")


def test_questions_without_facts_are_left_out() -> None:
    assert pair(("A?", "B?", "C?"), ("a.",), "So no.") == (Step(solution="a."), Step(solution="So no."))
    assert pair((), (), "So no.") == (Step(solution="So no."),)


@pytest.mark.parametrize(
    ("equation", "steps"),
    [
        ("( 76.0 - 25.0 )", ["76-25 = <<76-25=51>>51"]),
        ("( ( 2.0 + 3.0 ) * 4.0 )", ["2+3 = <<2+3=5>>5", "5*4 = <<5*4=20>>20"]),
        ("( 1.0 / 8.0 )", ["1/8 = <<1/8=0.125>>0.125"]),
        ("( 60.0 * ( 55.0 / 15.0 ) )", ["55/15 = <<55/15=11/3>>11/3", "60*11/3 = <<60*11/3=220>>220"]),
        ("8.0", []),
    ],
)
def test_an_equation_is_worked_out_exactly(equation: str, steps: list[str]) -> None:
    assert worked(equation, "x:1") == steps


@pytest.mark.parametrize(
    "equation", ["", "( 1 + 2", "( 1 + 2 ) 3", "( 1 / 0 )", "( 1 ** 2 )", "__import__('os')", "( 1 + ( 2 - 2 ]"]
)
def test_what_is_no_equation_is_refused_with_its_place(equation: str) -> None:
    with pytest.raises(InputError, match=r"x:1: the equation .* cannot be worked out"):
        worked(equation, "x:1")


# From the hub, which no test reaches: its rows are handed in


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """Return the rows of a stand-in hub, by repository, configuration and split."""
    rows: dict[tuple[Any, ...], list[dict[str, Any]]] = {}

    def load_dataset(repository: str, config: str | None = None, *, split: str) -> list[dict[str, Any]]:
        if (repository, config, split) not in rows:
            raise ConnectionError(f"Couldn't reach {repository!r} on the Hub\nand much more")
        return rows[repository, config, split]

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    return rows


def test_gsm8k_from_the_hub_is_gsm8k_from_the_files(hub: Any, data_dir: Path) -> None:
    hub["openai/gsm8k", "socratic", "test"] = list(lines_of(data_dir / "gsm8k" / "test_socratic.jsonl"))
    assert list(resolve("gsm8k/test")) == list(resolve("gsm8k/test", data_dir=data_dir))


def test_svamp_from_the_hub_may_have_answers_in_text(hub: Any) -> None:
    row = {
        "ID": "chal-1",
        "Body": "A has 7 eggs ",
        "Question": "How many?",
        "Equation": "( 7.0 - 2.0 )",
        "Answer": "5.0",
    }
    hub["ChilleD/SVAMP", None, "train"] = [row | {"Type": "Subtraction"}]
    (problem,) = resolve("svamp/train")
    assert problem.question == "A has 7 eggs. How many?"
    assert (problem.answer, problem.steps) == ("5", (Step(solution="7-2 = <<7-2=5>>5"),))


def test_strategyqa_from_the_hub_may_lack_subquestions_and_have_its_facts_in_one(hub: Any) -> None:
    row = {"qid": "a1", "term": "T", "question": "Is it?", "answer": False, "facts": "A is B. B is  C."}
    hub["ChilleD/StrategyQA", None, "test"] = [row]
    (problem,) = resolve("strategyqa/test")
    assert problem.facts == ("A is B. B is C.",)
    assert [step.solution for step in problem.steps] == ["A is B. B is C.", "So the answer is no."]
    with pytest.raises(UsageError, match=r"official-dev needs the authors' train.json"):
        resolve("strategyqa/official-dev")


@pytest.mark.parametrize("ref", ["gsm8k/train", "svamp/test", "strategyqa/train"])
@pytest.mark.usefixtures("hub")
def test_a_hub_out_of_reach_is_a_sentence_that_tells_the_way_out(ref: str) -> None:
    with pytest.raises(
        SocraticError, match=r"cannot be loaded .* Couldn't reach .*\n.*--data-dir or SOCRATIC_DATA"
    ) as caught:
        next(resolve(ref))
    assert "much more" not in str(caught.value)


# Files that are missing or broken


@pytest.mark.parametrize(
    ("ref", "file"),
    [("gsm8k/train", "train_socratic.jsonl"), ("svamp/test", "SVAMP.json"), ("strategyqa/official-dev", "dev.json")],
)
def test_a_missing_file_is_named_whole_with_the_way_out(ref: str, file: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is missing: the data folder .*--data-dir or SOCRATIC_DATA") as caught:
        next(resolve(ref, data_dir=tmp_path))
    assert str(tmp_path / ref.partition("/")[0] / file) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", r"dev.json is not JSON"),
        ("[3]", r"dev.json\[0\] is no JSON object"),
        ('[{"qid": "a"}]', r"dev.json\[0\]: there is no field 'question'. Fields: qid"),
        ('[{"qid": "a", "question": ["x"]}]', r"the field 'question' is a list; a text is due"),
        (
            '[{"qid": "a", "question": "x"}, {"qid": "a", "question": "y"}]',
            r"problems 0 and 1 .* one id, 'strategyqa/a'",
        ),
    ],
)
def test_a_broken_file_is_explained(content: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "strategyqa").mkdir()
    (tmp_path / "strategyqa" / "dev.json").write_text(content)
    with pytest.raises(InputError, match=fault):
        list(resolve("strategyqa/official-dev", data_dir=tmp_path))


def test_a_line_of_gsm8k_out_of_the_notation_is_named(tmp_path: Path) -> None:
    (tmp_path / "gsm8k").mkdir()
    (tmp_path / "gsm8k" / "test.jsonl").write_text('{"question": "q", "answer": "a\\n#### 1\\nb"}\n')
    with pytest.raises(InputError, match=r"test.jsonl:1: the worked answer cannot be read: there is text after"):
        list(resolve("gsm8k:main/test", data_dir=tmp_path))


# Files of one's own


def test_our_own_problems_are_read_back_as_they_were_written(write_lines: Any, data_dir: Path) -> None:
    problems = list(resolve("strategyqa/official-dev", data_dir=data_dir, limit=50))
    assert list(resolve(write_lines(*(problem.line() for problem in problems)))) == problems


def test_fields_it_does_not_know_pass_through(write_lines: Any) -> None:
    (problem,) = resolve(write_lines({"question": "q", "answer": "1", "topic": "eggs", "level": {"a": [1]}}))
    assert problem.line() | {"id": ""} == {
        "id": "",
        "question": "q",
        "answer": "1",
        "topic": "eggs",
        "level": {"a": [1]},
    }


def test_the_problem_of_a_solution_is_taken(write_lines: Any, data_dir: Path) -> None:
    (problem,) = resolve("gsm8k/train", data_dir=data_dir, limit=1)
    solution = Solution(problem=problem, scheme="cot", author="me", steps=(Step(solution="guess"),), answer="7")
    assert list(resolve(write_lines(solution.line()))) == [problem]


@pytest.mark.parametrize("file", ["test", "test_socratic"])
def test_lines_in_the_form_of_gsm8k_become_steps_and_an_answer(file: str, data_dir: Path) -> None:
    ref = "gsm8k/test" if "socratic" in file else "gsm8k:main/test"
    named = list(resolve(ref, data_dir=data_dir))
    raw = list(resolve(str(data_dir / "gsm8k" / f"{file}.jsonl")))
    assert [problem.rationale for problem in raw] == [problem.rationale for problem in named]
    assert [problem.question for problem in raw] == [problem.question for problem in named]
    assert len({problem.id for problem in raw}) == len(raw)


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (True, "yes"), (False, "no"), (51.0, "51"), (-3, "-3"), (0.5, "0.5"), (1e21, "1" + "0" * 21), (0, "0"),
        (1234567.25, "1234567.25"), ("72", "72"), (" no ", "no"), ("#### 72", "72"), ("a = 3\n####72", "72"),
        (None, None), ("", None), ("C# and F#", "C# and F#"),
    ],
)  # fmt: skip
def test_an_answer_becomes_a_string(given: Any, answer: str | None, write_lines: Any) -> None:
    (problem,) = resolve(write_lines({"question": "q", "answer": given}))
    assert problem.answer == answer


def test_steps_may_be_lines_and_a_fact_may_stand_alone(write_lines: Any) -> None:
    (problem,) = resolve(write_lines({"question": "q", "steps": ["How? ** So.", "Then."], "facts": "F."}))
    assert problem.steps == (Step(subquestion="How?", solution="So."), Step(solution="Then."))
    assert problem.facts == ("F.",)


def test_fields_may_have_other_names(write_lines: Any) -> None:
    path = write_lines({"prompt": "q", "gold": 4, "key": 7, "answer": ["not this"], "problem": {"question": "no"}})
    named = resolve(path, question_field="prompt", answer_field="gold", id_field="key")
    worded = resolve(f"{path} question_field=prompt answer_field=gold id_field=key")
    for (problem,) in (list(named), list(worded)):
        assert (problem.id, problem.question, problem.answer) == ("7", "q", "4")


def test_a_problem_without_an_id_gets_one_that_lasts(write_lines: Any) -> None:
    minus, plus, again = (list(resolve(write_lines({"question": text}))) for text in ("5 - 3?", "5 + 3?", "5 - 3?"))
    assert minus[0].id == again[0].id != plus[0].id


FAULTS: list[tuple[Any, str]] = [
    ({"q": 1, "text": "x"}, r"mine.jsonl:2: there is no field 'question'. Fields: q, text\n.*--question-field"),
    ({}, r"mine.jsonl:2: there is no field 'question'. Fields: none"),
    ({"question": 5}, r"mine.jsonl:2: the field 'question' is a number; a text is due"),
    ({"question": "  "}, r"mine.jsonl:2: the field 'question' is empty"),
    ({"question": "y", "answer": [1]}, r"mine.jsonl:2: the answer \[1\] is a list"),
    ({"question": "y", "answer": {"a": 1}}, r"mine.jsonl:2: the answer .* is an object"),
    ('{"question": "y", "answer": NaN}', r"mine.jsonl:2: the answer nan is a number"),
    ({"question": "y", "answer": "a\n#### 1\nb"}, r"mine.jsonl:2: the worked answer cannot be read"),
    ({"question": "y", "id": True}, r"mine.jsonl:2: the id is a boolean; a text or a whole number is due"),
    ({"question": "y", "id": 1.5}, r"mine.jsonl:2: the id is a number"),
    ({"question": "y", "steps": 3}, r"mine.jsonl:2: this is no problem: steps"),
    ({"question": "y", "steps": ["a ** b ** c"]}, r"mine.jsonl:2: a step cannot be read"),
    ({"question": "y", "metadata": "m"}, r"mine.jsonl:2: this is no problem: metadata"),
    ('{"question": "\\ud800"}', r"mine.jsonl:2: a text holds half a character"),
    ({"problem": {"id": "3"}}, r"mine.jsonl:2: there is no field 'question'. Fields: id"),
    ("[1, 2]", r"mine.jsonl:2: "),
    ('{"question": ', r"mine.jsonl:2: "),
    ({"question": "x"}, r"mine.jsonl:2: the question of line 1 again. Take one out, or give both an id"),
]


@pytest.mark.parametrize(("line", "fault"), FAULTS)
def test_a_bad_line_is_named_and_explained(line: Any, fault: str, write_lines: Any) -> None:
    problems = resolve(write_lines({"question": "x"}, line))
    assert next(problems).question == "x"
    with pytest.raises(InputError, match=fault) as caught:
        next(problems)
    assert "--skip-invalid" not in str(caught.value)  # which a verb has, and a recipe has not


def test_bad_lines_can_be_set_aside_with_their_bytes_and_the_good_ones_read(write_lines: Any) -> None:
    bad = [line for line, _ in FAULTS]
    aside: list[Invalid] = []
    path = write_lines({"question": "x"}, *bad, {"question": "z"})
    assert [problem.question for problem in resolve(path, on_invalid=aside.append)] == ["x", "z"]
    assert len(aside) == len(bad)
    raws = [invalid.raw.decode().strip() for invalid in aside]
    assert raws == [line.strip() if isinstance(line, str) else json.dumps(line) for line in bad]


def test_bad_lines_can_be_skipped_with_a_warning_each(write_lines: Any, caplog: pytest.LogCaptureFixture) -> None:
    path = write_lines({"question": "x"}, {"q": 1}, {"question": "z"})
    with caplog.at_level(logging.WARNING):
        assert len(list(resolve(f"{path} skip_invalid=true"))) == 2
    assert "mine.jsonl:2" in caplog.text


def test_doubled_ids_name_both_lines(write_lines: Any) -> None:
    path = write_lines({"id": "a", "question": "x"}, "", {"id": "b", "question": "x"}, {"id": "a", "question": "z"})
    with pytest.raises(InputError, match=r"mine.jsonl:4: the id 'a' of line 1 again. Each problem needs its own id"):
        list(resolve(path))


def test_the_same_question_under_two_ids_is_two_problems(write_lines: Any) -> None:
    assert len(list(resolve(write_lines({"id": 1, "question": "x"}, {"id": 2, "question": "x"})))) == 2


@pytest.mark.parametrize(("option", "flag"), [("answer_field", "--answer-field"), ("id_field", "--id-field")])
def test_a_field_asked_for_by_name_must_be_there(option: str, flag: str, write_lines: Any) -> None:
    path = write_lines({"question": "x", "gold": 1})
    with pytest.raises(InputError, match=rf"mine.jsonl:1: there is no field 'glod' \({flag}\). Fields: question, gold"):
        list(resolve(f"{path} {option}=glod"))


def test_standard_input_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b'{"question": "x"}\n{"q": 1}\n')
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        problems = resolve("-")
        assert next(problems).question == "x"
        with pytest.raises(InputError, match=r"<stdin>:2: there is no field 'question'"):
            next(problems)


def test_an_empty_file_and_a_missing_one_are_explained(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(InputError, match=r"empty.jsonl is empty: one JSON object a line is due"):
        list(resolve(str(tmp_path / "empty.jsonl")))
    with pytest.raises(InputError, match=r"none.jsonl cannot be read: No such file"):
        list(resolve(str(tmp_path / "none.jsonl")))


# References


def test_limit_stops_reading_and_offset_begins_later(write_lines: Any) -> None:
    path = write_lines(*({"question": str(number)} for number in range(5)), "this is never read")
    assert [problem.question for problem in resolve(path, limit=2)] == ["0", "1"]
    assert [problem.question for problem in resolve(path, offset=3, limit=2)] == ["3", "4"]
    assert list(resolve(path, limit=0)) == []


def test_what_is_read_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: Any) -> Iterator[Problem]:
        number = 0
        while True:
            yield Problem(id=str(number := number + 1), question="q")

    monkeypatch.setattr(plugins.part_class(Dataset, "gsm8k"), "problems", endless)
    assert [problem.id for problem in resolve("gsm8k/train", offset=1000, limit=2)] == ["1001", "1002"]


@pytest.mark.parametrize(
    ("ref", "name", "options", "split"),
    [
        ("gsm8k/train", "gsm8k", {}, "train"),
        ("gsm8k:main/test", "gsm8k:main", {}, "test"),
        ("arithmetic:2-4/train seed=3 count=9", "arithmetic:2-4", {"seed": "3", "count": "9"}, "train"),
        ("-", "jsonl", {"path": "-"}, None),
        ("some dir/mine.jsonl", "jsonl", {"path": "some dir/mine.jsonl"}, None),
        ("jsonl:a/b.txt id_field=k", "jsonl", {"path": "a/b.txt", "id_field": "k"}, None),
    ],
)
def test_references_are_read(ref: str, name: str, options: dict[str, str], split: str | None) -> None:
    assert sources.parse(ref) == ({"name": name, **options}, split)


def test_a_file_of_any_name_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "my problems.txt"
    path.write_text('{"question": "x"}\n')
    assert len(list(resolve(str(path)))) == 1
    assert len(list(resolve(f"'{path}' answer_field=answer id_field=id skip_invalid=yes"))) == 0


@pytest.mark.parametrize(
    ("ref", "fault"),
    [
        ("gsmk/train", r"no data set 'gsmk'. Did you mean 'gsm8k'\? Data sets: arithmetic, gsm8k"),
        ("problems.json", r"'problems.json': there is no such file, and no data set"),
        ("", r"there is no such file"),
        ("gsm8k", r"gsm8k names no split: write gsm8k/train or gsm8k/test"),
        ("gsm8k:main", r"gsm8k:main names no split: write gsm8k:main/train or gsm8k:main/test"),
        ("gsm8k/tset", r"gsm8k/tset: no split 'tset'. Did you mean 'test'\? Splits of gsm8k: train, test."),
        ("gsm8k:soc/train", r"gsm8k: config: input should be 'socratic' or 'main' \(got 'soc'\)"),
        ("svamp:x/train", r"svamp takes nothing after a colon"),
        ("gsm8k/train confg=main", r"unknown option 'confg'. Did you mean 'config'\?"),
        ("gsm8k/train main", r"'main' in 'gsm8k/train main' is not option=value"),
        ("gsm8k/train 'main", r"closing quotation"),
        ("jsonl/all", r"jsonl: 'path' is missing"),
        (str(Path(__file__).parent), r"is a directory: name a .jsonl file in it, or a data set with --data-dir"),
    ],
)
def test_a_wrong_reference_is_explained_at_once(ref: str, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        resolve(ref)


def test_fields_are_named_for_files_only(data_dir: Path) -> None:
    with pytest.raises(UsageError, match=r"--question-field is for files of your own: gsm8k/train knows its fields"):
        resolve("gsm8k/train", data_dir=data_dir, question_field="prompt")


def test_a_reference_beats_the_flag_for_its_folder(data_dir: Path) -> None:
    (problem,) = resolve(f"gsm8k/train data_dir='{data_dir}'", data_dir=Path("/nowhere"), limit=1)
    assert problem.id == "gsm8k/train/0"


@pytest.mark.parametrize("name", plugins.names(Dataset))
def test_every_data_set_says_what_it_is_and_what_its_options_do(name: str) -> None:
    found = plugins.part_class(Dataset, name)
    assert found.__doc__
    assert all(field.description for field in found.model_fields.values())
    assert "properties" in found.model_json_schema()
