"""Downloads a project with the client that this interpreter has, and prints what it took as JSON.

python benchmarks/driver.py BASE_URL DESTINATION MAX_WORKERS
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

from cf_ai_platform_client import SyncCFUserClient


def main(base_url: str, destination: str, max_workers: str) -> None:
    """Download once."""
    workers: object = int(max_workers) if max_workers.isdecimal() else max_workers
    wall, cpu = time.perf_counter(), _cpu_seconds()
    with SyncCFUserClient.create_with_api_key("benchmark", base_url=base_url) as client:
        summary = client.download_project("project", "space", destination, max_workers=workers)  # type: ignore[arg-type]
    wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
    figures = {
        "successful": summary.successful,
        "items_per_s": summary.successful / wall,
        "cpu_ms_per_item": 1000 * cpu / max(1, summary.successful),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main(*sys.argv[1:4])
