"""litellm's `acompletion` behind a semaphore, and nothing else: the loop that people write first."""

from __future__ import annotations

import asyncio

import litellm

from tests.benchmarks.peers.task import MAX_TOKENS, MODEL, TEMPERATURE, Message, Task, done, given


async def _asked(task: Task) -> list[str | None]:
    slots = asyncio.Semaphore(task.concurrency)

    async def one(messages: list[Message]) -> str | None:
        async with slots:
            response = await litellm.acompletion(
                model=f"openai/{MODEL}",
                api_base=task.url,
                messages=messages,
                temperature=TEMPERATURE,
                max_tokens=MAX_TOKENS,
            )
        text: str | None = response.choices[0].message.content
        return text

    return await asyncio.gather(*map(one, task.prompts))


if __name__ == "__main__":
    task = given()
    done(task, asyncio.run(_asked(task)))
