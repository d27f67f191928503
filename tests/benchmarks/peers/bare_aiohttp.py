"""aiohttp alone: no client of a provider, no check of what comes. What one process can do at the most."""

from __future__ import annotations

import asyncio

import aiohttp

from tests.benchmarks.peers.task import MAX_TOKENS, MODEL, TEMPERATURE, Message, Task, done, given


async def _asked(task: Task) -> list[str]:
    slots = asyncio.Semaphore(task.concurrency)
    connector = aiohttp.TCPConnector(limit=task.concurrency)
    async with aiohttp.ClientSession(connector=connector, headers={"Authorization": "Bearer sk-none"}) as session:

        async def one(messages: list[Message]) -> str:
            body = {"model": MODEL, "messages": messages, "temperature": TEMPERATURE, "max_tokens": MAX_TOKENS}
            async with slots, session.post(f"{task.url}/chat/completions", json=body) as response:
                text: str = (await response.json())["choices"][0]["message"]["content"]
                return text

        return await asyncio.gather(*map(one, task.prompts))


if __name__ == "__main__":
    task = given()
    done(task, asyncio.run(_asked(task)))
