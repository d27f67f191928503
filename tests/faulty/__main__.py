"""Serve until ended; the port is the first line of what is printed."""

from __future__ import annotations

import asyncio
import json
import resource
import sys

from tests.faulty.plan import Options
from tests.faulty.service import Service


async def main(options: Options) -> None:
    service = Service(options)
    server = await asyncio.start_server(service.serve, "127.0.0.1", options.port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    if not options.attached:
        await server.serve_forever()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        asyncio.run(main(Options(**json.loads("".join(sys.argv[1:]) or "{}"))))
    except KeyboardInterrupt:
        sys.exit(130)
