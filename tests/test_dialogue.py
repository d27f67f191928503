"""A dialogue is played with a model or rehearsed with known replies; both end it properly."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_cli.dialogue import (
    Dialogue,
    Passage,
    RehearsalError,
    Reply,
    Transcript,
    Turn,
    Unanswered,
    cut,
    merge,
    play,
    rehearse,
)
from socratic_cli.errors import TeacherError
from socratic_cli.records import Example, Problem, Rationale, Step, Usage

PROBLEM = Problem(id="a", question="Why?")


class Script:
    """A model that says its lines in their order, and remembers what it was asked."""

    def __init__(self, *lines: Reply | Exception) -> None:
        self.lines = list(lines)
        self.asked: list[Turn] = []

    async def reply(self, turn: Turn) -> Reply:
        self.asked.append(turn)
        line = self.lines.pop(0)
        if isinstance(line, Exception):
            raise line
        return line


def talk(stop: tuple[str, ...] = ()) -> Dialogue:
    """Ask for a step and for an answer."""
    step = yield Turn("solver", "Q:\n", PROBLEM, stop=stop)
    answer = yield Turn("solver", f"Q:\n{step.text}####", PROBLEM)
    return Rationale(steps=(Step(solution=step.text),), answer=answer.text.strip())


def played(dialogue: Dialogue, *lines: Reply | Exception) -> Transcript:
    return asyncio.run(play(dialogue, Script(*lines)))


def closed(dialogue: Generator[Turn, Reply, Rationale]) -> bool:
    return inspect.getgeneratorstate(dialogue) == inspect.GEN_CLOSED


class TestPlaying:
    def test_it_ends_with_a_rationale_and_remembers_the_way(self) -> None:
        usage = Usage(prompt_tokens=2, completion_tokens=1)
        transcript = played(talk(), Reply("So.", usage=usage), Reply(" 5", usage=usage))
        assert transcript.rationale == Rationale(steps=(Step(solution="So."),), answer="5")
        assert transcript.unanswered is None
        assert [(e.prompt, e.reply) for e in transcript.exchanges] == [("Q:", "So."), ("So.####", " 5")]
        assert transcript.usage == Usage(prompt_tokens=4, completion_tokens=2)

    def test_a_filtered_reply_is_refused(self) -> None:
        transcript = played(talk(), Reply("I cannot", "content_filter"))
        assert transcript.unanswered is not None
        assert transcript.unanswered.reason == "refused"
        assert [exchange.reply for exchange in transcript.exchanges] == ["I cannot"]

    def test_a_reply_cut_by_its_length_is_truncated(self) -> None:
        transcript = played(talk(), Reply("So it", "length"))
        assert transcript.unanswered is not None
        assert transcript.unanswered.reason == "truncated"
        assert transcript.rationale is None

    def test_a_reply_that_reached_its_mark_before_its_length_is_whole(self) -> None:
        transcript = played(talk(stop=("\n",)), Reply("So.\nAnd then", "length"), Reply(" 5"))
        assert transcript.rationale == Rationale(steps=(Step(solution="So.\n"),), answer="5")

    def test_what_was_used_before_it_failed_is_counted(self) -> None:
        transcript = played(talk(), Reply("So.", usage=Usage(prompt_tokens=7)), Reply("", "length"))
        assert transcript.usage.prompt_tokens == 7

    def test_a_scheme_may_find_no_answer(self) -> None:
        def hopeless() -> Dialogue:
            yield Turn("solver", "Q:\n", PROBLEM)
            raise Unanswered("unreadable", "what is this?")

        transcript = played(hopeless(), Reply("?"))
        assert transcript.unanswered is not None
        assert (transcript.unanswered.reason, transcript.unanswered.detail) == ("unreadable", "what is this?")

    def test_a_scheme_may_know_the_answer_without_asking(self) -> None:
        def silent() -> Dialogue:
            return Rationale(answer="5")
            yield

        assert played(silent()).rationale == Rationale(answer="5")

    def test_an_error_of_the_model_comes_through_and_the_dialogue_is_closed(self) -> None:
        dialogue = talk()
        with pytest.raises(TeacherError, match="no voice"):
            played(dialogue, TeacherError("no voice"))
        assert closed(dialogue)

    @pytest.mark.parametrize("end", ["length", "content_filter"])
    def test_the_dialogue_is_closed_when_it_ends_early(self, end: str) -> None:
        dialogue = talk()
        played(dialogue, Reply("", end))
        assert closed(dialogue)

    def test_the_dialogue_is_closed_when_its_task_is_cancelled(self) -> None:
        class Endless:
            async def reply(self, turn: Turn) -> Reply:
                await asyncio.sleep(60)
                return Reply(turn.prompt)

        dialogue = talk()

        async def cancelled() -> None:
            await asyncio.wait_for(play(dialogue, Endless()), timeout=0.01)

        with pytest.raises(TimeoutError):
            asyncio.run(cancelled())
        assert closed(dialogue)


class TestCutting:
    @pytest.mark.parametrize(
        ("text", "stop", "rest"),
        [
            ("a\nb\nc", ("\n",), "a\n"),
            ("a ** b #### c", ("####", " **"), "a **"),
            ("#### 5", (" **", "####"), "####"),
            ("abc", ("\n",), "abc"),
            ("a\nb", (), "a\nb"),
            ("", ("\n",), ""),
        ],
    )
    def test_a_text_ends_with_its_first_mark(self, text: str, stop: tuple[str, ...], rest: str) -> None:
        assert cut(text, stop) == rest

    @given(st.text("ab*#\n", max_size=20), st.sets(st.sampled_from(["\n", "**", "####", "b"])).map(tuple))
    def test_what_is_cut_stays(self, text: str, stop: tuple[str, ...]) -> None:
        assert text.startswith(cut(text, stop))
        assert cut(cut(text, stop), stop) == cut(text, stop)


class TestRehearsing:
    def test_every_turn_becomes_an_example(self) -> None:
        assert rehearse(talk(stop=("\n",)), ["So.\n", " 5"]) == [
            Example(role="solver", prompt="Q:\n", completion="So.\n", eos=False),
            Example(role="solver", prompt="Q:\nSo.\n####", completion=" 5", eos=True),
        ]

    @pytest.mark.parametrize(
        ("replies", "fault"),
        [
            ([], "no reply is left for the solver after 0 replies"),
            (["So.\n"], "no reply is left for the solver after 1 replies"),
            (["So.\n", " 5", "more"], "ended before the reply 'more'"),
            (["So."], "lacks its mark"),
            (["So.\nAnd"], "goes on after its mark"),
            (["So.\n", ""], "reply of the solver"),
        ],
    )
    def test_replies_that_do_not_fit_are_an_error(self, replies: list[str], fault: str) -> None:
        dialogue = talk(stop=("\n",))
        with pytest.raises(RehearsalError, match=fault):
            rehearse(dialogue, replies)
        assert closed(dialogue)

    def test_a_prompt_that_ends_in_a_blank_is_an_error(self) -> None:
        def blank() -> Dialogue:
            yield Turn("solver", "Q: ", PROBLEM)
            return Rationale()

        with pytest.raises(RehearsalError, match="ends in a blank"):
            rehearse(blank(), ["5"])

    def test_a_scheme_that_cannot_read_its_own_replies_is_an_error(self) -> None:
        def strict() -> Dialogue:
            yield Turn("solver", "Q:\n", PROBLEM)
            raise Unanswered("unreadable", "what is this?")

        with pytest.raises(RehearsalError, match="what is this"):
            rehearse(strict(), ["5"])


class TestMerging:
    def test_turns_that_extend_one_another_are_one_passage(self) -> None:
        (passage,) = merge(rehearse(talk(stop=("\n",)), ["So.\n", " 5"]))
        assert passage == Passage("solver", "Q:\nSo.\n#### 5", ((3, 7), (11, 13)), eos=True)

    def test_nothing_is_learnt_after_an_end_of_sequence(self) -> None:
        examples = [
            Example(role="solver", prompt="Q", completion="A", eos=True),
            Example(role="solver", prompt="QA and", completion="B", eos=True),
        ]
        assert [passage.text for passage in merge(examples)] == ["QA", "QA andB"]

    def test_roles_are_kept_apart(self) -> None:
        examples = [
            Example(role="decomposer", prompt="Q\n", completion="How?", eos=False),
            Example(role="solver", prompt="Q\nHow?", completion=" So.\n", eos=False),
            Example(role="decomposer", prompt="Q\nHow? So.\n", completion="####", eos=False),
        ]
        assert [(p.role, len(p.spans)) for p in merge(examples)] == [("decomposer", 2), ("solver", 1)]

    @given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.text("xy\n", max_size=3), st.text("xy", min_size=1))))
    def test_no_completion_is_lost_and_none_is_moved(self, parts: list[tuple[str, str, str]]) -> None:
        examples: list[Example] = []
        text = ""
        for role, prompt, completion in parts:
            examples.append(Example(role=role, prompt=text + prompt, completion=completion, eos=False))
            text += prompt + completion
        learnt = [(p.role, p.text[:start], p.text[start:end]) for p in merge(examples) for start, end in p.spans]
        assert sorted(learnt) == sorted((e.role, e.prompt, e.completion) for e in examples)
