"""Engines that write replies of one model, each measured in a process of its own.

    python -m tests.benchmarks.serving_ways WAY MODEL PROMPTS NEW OUT

WAY is one of those below; MODEL is a folder in that engine's own format; PROMPTS is a JSON list of lists of tokens; so
many NEW tokens follow each, greedily, whatever they are. OUT gets the tokens and what they took. Nothing of socratic is
imported for an engine of others, so that it can live in an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks import processor

Prompts = list[list[int]]
Written = list[list[int]]
Write = Callable[[Prompts, int], Written]


def socratic(model: str, width: int) -> Write:
    """Load the scheduler behind `socratic solve --backend transformers`."""
    from dataclasses import replace
    from threading import Event

    from socratic_cli.backends import Weights
    from socratic_cli.settings import Decoding
    from socratic_cli.students import writing
    from socratic_cli.students.requests import Request
    from socratic_cli.students.scheduler import Scheduler
    from socratic_cli.students.voices import voices

    writing._REPEATED = 10**6  # the same number of tokens for all
    voice = voices(Weights(model))("anyone")
    voice.activate()
    language = replace(voice.language, ends=frozenset())

    def write(prompts: Prompts, new: int) -> Written:
        decoding = Decoding(max_new_tokens=new, batch_size=width)
        scheduler = Scheduler(voice, decoding, Event())
        begun = []
        for ids in prompts:
            one = writing.Writing(language, Request(""), decoding)
            one.ids, one._prompt = list(ids), len(ids)
            begun.append(one)
            scheduler.add(one)
        while scheduler.work:
            scheduler.step()
        return [one.ids[len(ids) :] for one, ids in zip(begun, prompts, strict=True)]

    return write


def openvino(model: str, width: int) -> Write:
    """Load OpenVINO GenAI's continuous batching, on an export of optimum-intel."""
    import numpy
    import openvino as ov
    import openvino_genai as genai

    schedule = genai.SchedulerConfig()
    schedule.max_num_seqs, schedule.cache_size, schedule.enable_prefix_caching = width, 1, True
    how = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "bf16"}
    pipe = genai.ContinuousBatchingPipeline(model, schedule, "CPU", how)

    def write(prompts: Prompts, new: int) -> Written:
        greedy = genai.GenerationConfig(max_new_tokens=new, ignore_eos=True, do_sample=False)
        inputs = [ov.Tensor(numpy.array([ids], dtype=numpy.int64)) for ids in prompts]
        handles = [pipe.add_request(at, one, greedy) for at, one in enumerate(inputs)]
        while pipe.has_non_finished_requests():
            pipe.step()
        return [list(handle.read_all()[0].generated_ids) for handle in handles]

    return write


def ctranslate2(model: str, width: int, kind: str = "float32") -> Write:
    """Load CTranslate2, which has no bfloat16 on a CPU; the model is an export of its own."""
    import ctranslate2 as ct2

    generator = ct2.Generator(model, device="cpu", compute_type=kind, intra_threads=1, inter_threads=1)
    words = json.loads((Path(model) / "vocabulary.json").read_text(encoding="utf-8"))

    def write(prompts: Prompts, new: int) -> Written:
        found = generator.generate_batch(
            [[words[token] for token in ids] for ids in prompts],
            max_batch_size=width,
            max_length=new,
            min_length=new,
            sampling_topk=1,
            include_prompt_in_result=False,
        )
        return [list(one.sequences_ids[0]) for one in found]

    return write


def ctranslate2_int8(model: str, width: int) -> Write:
    """Load CTranslate2 with weights of 8 bit."""
    return ctranslate2(model, width, "int8_float32")


def vllm(model: str, width: int) -> Write:
    """Load vLLM's engine, as the plugin does."""
    os.environ.update(VLLM_LOGGING_STREAM="ext://sys.stderr", VLLM_LOGGING_LEVEL="ERROR", VLLM_CPU_KVCACHE_SPACE="1")
    from vllm import SamplingParams
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    engine: Any = LLMEngine.from_engine_args(
        EngineArgs(
            model=model,
            skip_tokenizer_init=True,
            dtype="bfloat16",
            max_num_seqs=width,
            max_model_len=1024,
            generation_config="vllm",
            enforce_eager=True,
            disable_log_stats=True,
        )
    )

    def write(prompts: Prompts, new: int) -> Written:
        greedy = SamplingParams(temperature=0, max_tokens=new, ignore_eos=True, detokenize=False)
        written: dict[str, list[int]] = {}
        for at, ids in enumerate(prompts):
            engine.add_request(f"{at}", {"prompt_token_ids": ids}, greedy)
        while engine.has_unfinished_requests():
            for output in engine.step():
                written[output.request_id] = list(output.outputs[0].token_ids)
        return [written[f"{at}"] for at in range(len(prompts))]

    return write


WAYS: dict[str, Callable[[str, int], Write]] = {
    "socratic": socratic,
    "openvino": openvino,
    "ctranslate2": ctranslate2,
    "ctranslate2-int8": ctranslate2_int8,
    "vllm": vllm,
}


def main(way: str, model: str, prompts: str, new: str, out: str) -> None:
    """Write, and tell what it took."""
    asked: Prompts = json.loads(Path(prompts).read_text(encoding="utf-8"))
    write = WAYS[way](model, len(asked))
    write([ids[: len(ids) // 2] for ids in asked], 4)  # whatever is made at the first use
    began, spent = time.perf_counter(), processor.spent()
    written = write(asked, int(new))
    told = {"seconds": time.perf_counter() - began, "cpu": processor.spent() - spent, "written": written}
    Path(out).write_text(json.dumps(told), encoding="utf-8")
    os._exit(0)  # engines of others take long to go, and some never do


if __name__ == "__main__":
    main(*sys.argv[1:])
