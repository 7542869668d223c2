"""Server-sent events of a job (WHATWG HTML, section 9.2): the record at once, then at each change, until it has ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from leadline.server.job_store import ENDED, Job

# Proxies and clients give up a connection on which nothing comes.
KEEP_ALIVE_S = 15.0
# A listener that gets no more than 20 records a second misses none that it could show.
_LEAST_S = 0.05


async def iter_events(job: Job, keep_alive_s: float = KEEP_ALIVE_S) -> AsyncIterator[str]:
    """Yield the text of the events: ``progress`` with each new record, and ``done``, ``failed`` or ``cancelled`` as the last.

    A listener that is slow, or comes late, gets the newest record and not those between.

    Args:
        job: whose.
        keep_alive_s: send a comment when nothing else was sent for so long.
    """
    changed, stop = job.watch()
    try:
        while True:
            changed.clear()
            record = job.record()
            ended = record["state"] in ENDED
            yield f"event: {record['state'] if ended else 'progress'}\ndata: {json.dumps(record)}\n\n"
            if ended:
                return
            await asyncio.sleep(_LEAST_S)
            while not await _is_set(changed, keep_alive_s):
                yield ": still here\n\n"
    finally:
        stop()


async def _is_set(event: asyncio.Event, within_s: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), within_s)
    except TimeoutError:
        return False
    return True
