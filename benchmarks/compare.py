"""The published client and this one, side by side: the same project, one machine, one run, rounds in turn.

    make bench
    python benchmarks/compare.py [--items 2000] [--bytes 20000] [--rounds 3] [--only SHAPE] [--json]

The published client gets an environment of its own below `build/`. Files go to memory where the system has `/dev/shm`,
so that a disk which is still flushing does not count. Each figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PUBLISHED = "cf-ai-platform-client==0.3.0"
FIGURES = ("items_per_s", "cpu_ms_per_item", "peak_mb")
KINDS = ("workItems", "annotations", "signedurls", "storage")


@dataclass(frozen=True)
class Shape:
    """A server's delays in milliseconds, and the workers of both clients."""

    name: str
    api_ms: int
    storage_ms: int
    published: str
    ours: str


SHAPES = (
    Shape("loopback", 0, 0, "10", "10"),
    Shape("delays", 40, 40, "10", "10"),
    Shape("delays-auto", 40, 40, "10", "auto"),
)


def main() -> None:
    """Measure and print."""
    options = _options()
    interpreters = {"published": _published_python(), "ours": Path(sys.executable)}
    measured: dict[str, Any] = {}
    for shape in SHAPES:
        if options.only in {None, shape.name}:
            measured[shape.name] = figures = _measure(shape, options, interpreters)
            if not options.json:
                _print_table(shape, figures)
    if options.json:
        print(json.dumps(measured))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--bytes", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=[shape.name for shape in SHAPES])
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _published_python() -> Path:
    """Return an interpreter that has the published client, made where it is missing."""
    home = HERE.parent / "build" / "published"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (home / "ready").exists():
        venv.create(home, clear=True)
        line = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), PUBLISHED]
        subprocess.run(line, check=True)
        (home / "ready").touch()
    return python


def _measure(shape: Shape, options: argparse.Namespace, interpreters: Mapping[str, Path]) -> dict[str, Any]:
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in interpreters}
    workers = {"published": shape.published, "ours": shape.ours}
    with server(options.items, options.bytes, shape.api_ms, shape.storage_ms) as origin:
        for _ in range(options.rounds):
            for name, python in interpreters.items():
                rounds[name].append(download(python, origin, workers[name], options.items))
    medians = {name: _median(each) for name, each in rounds.items()}
    ours, published = medians["ours"], medians["published"]
    ratios = {"items_per_s": ours["items_per_s"] / published["items_per_s"]}
    ratios |= {key: published[key] / ours[key] for key in FIGURES[1:]}
    return {**medians, "times_better": ratios}


def _median(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: statistics.median(figures[key] for figures in rounds) for key in rounds[0]}


@contextmanager
def server(*arguments: int) -> Iterator[str]:
    """Run `server.py` with these arguments, and return where it is."""
    line = [sys.executable, str(HERE / "server.py"), *map(str, arguments)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def download(python: Path, origin: str, workers: str, items: int) -> dict[str, Any]:
    """Download once with the client of an interpreter, check every file, and return the figures."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as destination:
        line = [str(python), str(HERE / "driver.py"), f"{origin}/api/v1", destination, workers]
        run = subprocess.run(line, capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"{python} failed:\n{run.stderr}")
        figures = json.loads(run.stdout.splitlines()[-1])
        _check_files(sorted(Path(destination).rglob("*.json")), items)
    with urllib.request.urlopen(f"{origin}/stats") as answer:
        counts = json.load(answer)
    return {**figures, **{kind: counts.get(kind, 0) for kind in KINDS}}


def _check_files(paths: Sequence[Path], items: int) -> None:
    """Stop where a client was fast because it did not do its work."""
    if len(paths) != items:
        sys.exit(f"{len(paths)} files came, not {items}.")
    for path in paths:
        if not json.loads(path.read_bytes())["info"]["asset_url"].startswith("assets/"):
            sys.exit(f"{path} has no asset_url.")


def _print_table(shape: Shape, figures: Mapping[str, Mapping[str, float]]) -> None:
    delays = f"{shape.api_ms} ms an API call, {shape.storage_ms} ms a document" if shape.api_ms else "no delays"
    print(f"\n{shape.name}: {delays}; max_workers {shape.published} (published), {shape.ours} (ours)")
    print(f"{'':14}" + "".join(f"{name:>17}" for name in (*FIGURES, *KINDS)))
    for name in ("published", "ours"):
        cells = [f"{figures[name][key]:>17,.2f}" for key in FIGURES]
        print(f"{name:14}" + "".join([*cells, *(f"{figures[name][kind]:>17,.0f}" for kind in KINDS)]))
    print(f"{'times better':14}" + "".join(f"{figures['times_better'][key]:>17,.2f}" for key in FIGURES))


if __name__ == "__main__":
    main()
