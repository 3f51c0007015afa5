"""Does `max_workers="auto"` find what the best fixed setting gives: three shapes of server, one machine, one run.

    python benchmarks/concurrency.py [--items 3000] [--bytes 20000] [--rounds 1] [--only SHAPE]

Each figure is work items a second, the median of the rounds; the settings take turns within a round.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compare import download, server


@dataclass(frozen=True)
class Shape:
    """A server's delays in milliseconds, how many open requests it takes at most (0: all), and what to try on it."""

    name: str
    api_ms: int
    storage_ms: int
    most_at_once: int
    fixed: tuple[int, ...]


SHAPES = (
    Shape("fast", 0, 0, 0, (5, 10, 20, 40, 80)),
    Shape("delays", 40, 40, 0, (10, 20, 40, 80, 100)),
    Shape("at most 20 at once", 40, 40, 20, (5, 8, 10, 12, 15, 20)),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=3000)
    parser.add_argument("--bytes", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=[shape.name for shape in SHAPES])
    options = parser.parse_args()
    for shape in SHAPES:
        if options.only in {None, shape.name}:
            _print(shape, _measure(shape, options))


def _measure(shape: Shape, options: argparse.Namespace) -> dict[str, float]:
    rates: dict[str, list[float]] = {}
    delays = (shape.api_ms, shape.storage_ms, shape.most_at_once)
    with server(options.items, options.bytes, *delays) as origin:
        for _ in range(options.rounds):
            for setting in (*map(str, shape.fixed), "auto"):
                figures = download(Path(sys.executable), origin, setting, options.items)
                rates.setdefault(setting, []).append(figures["items_per_s"])
    return {setting: statistics.median(each) for setting, each in rates.items()}


def _print(shape: Shape, rates: Mapping[str, float]) -> None:
    best = max(rate for setting, rate in rates.items() if setting != "auto")
    print(f"\n{shape.name}: {shape.api_ms} ms an API call, {shape.storage_ms} ms a document")
    print("".join(f"{setting:>9}" for setting in rates) + "   auto / best fixed")
    print("".join(f"{rate:>9,.0f}" for rate in rates.values()) + f"   {rates['auto'] / best:.2f}", flush=True)


if __name__ == "__main__":
    main()
