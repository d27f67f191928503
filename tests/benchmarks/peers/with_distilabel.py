"""distilabel: a pipeline of one task, whose batches are as large as requests may be in flight.

Its cache is off. It sends a batch together and waits for the whole of it, so that is its concurrency.
"""

from __future__ import annotations

import os

from tests.benchmarks.peers.task import MAX_TOKENS, MODEL, TEMPERATURE, Task, done, given


def _texts(task: Task) -> list[str]:
    from distilabel.models import OpenAILLM  # type: ignore[import-not-found]
    from distilabel.pipeline import Pipeline  # type: ignore[import-not-found]
    from distilabel.steps import LoadDataFromDicts  # type: ignore[import-not-found]
    from distilabel.steps.tasks import ChatGeneration  # type: ignore[import-not-found]

    with Pipeline(name="throughput", cache_dir=str(task.folder)) as pipeline:
        rows = [{"messages": messages} for messages in task.prompts]
        load = LoadDataFromDicts(name="load", data=rows, batch_size=task.concurrency)
        generation = {"temperature": TEMPERATURE, "max_new_tokens": MAX_TOKENS}
        model = OpenAILLM(model=MODEL, base_url=task.url, api_key="sk-none", generation_kwargs=generation)
        ask = ChatGeneration(name="ask", llm=model, input_batch_size=task.concurrency, add_raw_output=False)
        load >> ask
    said = pipeline.run(use_cache=False, dataset_batch_size=task.concurrency)
    texts: list[str] = said["default"]["train"]["generation"]
    return texts


if __name__ == "__main__":
    # A line a request is what it logs otherwise, and that takes longer than the request.
    os.environ["DISTILABEL_LOG_LEVEL"] = "WARNING"
    # Its steps are processes, which read this file once more.
    task = given()
    done(task, _texts(task))
