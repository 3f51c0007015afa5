"""How long a dataset takes beside `json.load` of each of its files: opened, counted and merged.

    python benchmarks/datasets.py [--files 10000] [--bytes 20000] [--rounds 5] [--json]

The files go to memory where the system has `/dev/shm`. Ours and `json.load` run in turn, each in a process of its own;
the figures are medians, the ratio is what to compare.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SHAPES = ("as the sample", "polygons", "boxes", "boxes, each with an empty segmentation")
"""As the sample: of four objects, one has an outline, of 40 points, and three are boxes with an empty segmentation."""

_LOAD = """
for path in sorted(root.rglob("*.json")):
    with path.open(encoding="utf-8") as file:
        json.load(file)
"""
_COUNT = """
from cf_ai_platform_client import datasets
counts = datasets.open(root).counts()
assert counts.items == counts.images == files, counts
assert sum(category.annotations for category in counts.categories) == counts.annotations
"""
_STATS = """
from cf_ai_platform_client import datasets
dataset = datasets.open(root)
assert dataset.stats().items == files
"""
_DUMP = """
lot = {"images": [], "annotations": [], "categories": []}
for path in sorted(root.rglob("*.json")):
    with path.open(encoding="utf-8") as file:
        found = json.load(file)
    for name, rows in lot.items():
        rows.extend(found[name])
with (root.parent / "dumped.json").open("w", encoding="utf-8") as file:
    json.dump(lot, file)
"""
_MERGE = """
from cf_ai_platform_client import datasets
report = datasets.open(root).merge(root.parent / "merged", overwrite=True)
assert report.images.went_out == files, report
"""
_TIMED = """
import json, sys, time
from pathlib import Path
root, files = Path(sys.argv[1]), int(sys.argv[2])
began = time.perf_counter()
{work}
took = time.perf_counter() - began
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
except ImportError:
    peak = 0.0
print(json.dumps([took, peak]))
"""


def main() -> None:
    """Measure and print."""
    options = _options()
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    figures: dict[str, Any] = {}
    for shape in SHAPES:
        with tempfile.TemporaryDirectory(prefix="cf-ai-datasets-", dir=memory) as folder:
            root = Path(folder, "annotations")
            make_folder(root, options.files, options.bytes, shape)
            figures[shape] = measure(root, options.files, options.rounds)
        if not options.json:
            _print(shape, figures[shape])
    if options.json:
        print(json.dumps(figures))


def make_folder(root: Path, files: int, size: int, shape: str) -> None:
    """Write documents of about `size` bytes, as of a project with ten batches; the same ones each time."""
    chance = random.Random(0)
    for number in range(files):
        batch = root / f"Batch {number % 10}"
        batch.mkdir(parents=True, exist_ok=True)
        (batch / f"{number:08x}-0000-4000-8000-{number:012x}.json").write_bytes(_document(size, shape, chance))


def measure(root: Path, files: int, rounds: int) -> dict[str, Any]:
    """Return medians in seconds, and the most memory in MB."""
    works = {"json.load": _LOAD, "open and count": _COUNT, "stats": _STATS, "json.dump too": _DUMP, "merge": _MERGE}
    taken: dict[str, list[Sequence[float]]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(_run(work, root, files))
    found = {name: statistics.median(seconds for seconds, _ in each) for name, each in taken.items()}
    peaks = {name: max(peak for _, peak in each) for name, each in taken.items()}
    ratio = {name: found[name] / found["json.dump too" if name == "merge" else "json.load"] for name in works}
    return {"seconds": found, "ratio": ratio, "peak_mb": peaks}


def _document(size: int, shape: str, chance: random.Random) -> bytes:
    annotations: list[dict[str, object]] = []
    document = {
        "info": {"description": "benchmark", "version": "1.0"},
        "licenses": [],
        "images": [{"id": 1, "file_name": "a.jpg", "width": 1920, "height": 1080}],
        "categories": [{"id": number, "name": f"class {number}", "supercategory": "thing"} for number in range(1, 11)],
        "annotations": annotations,
    }
    length = len(json.dumps(document))
    while length < size:
        annotation = _annotation(len(annotations) + 1, shape, chance)
        annotations.append(annotation)
        length += len(json.dumps(annotation)) + 2
    return json.dumps(document).encode()


def _annotation(number: int, shape: str, chance: random.Random) -> dict[str, object]:
    x, y = round(chance.uniform(0, 1800), 2), round(chance.uniform(0, 1000), 2)
    found: dict[str, object] = {"id": number, "image_id": 1, "category_id": chance.randint(1, 10), "iscrowd": 0}
    found |= {"bbox": [x, y, 60.5, 40.25], "area": 1217.5}
    if shape == "polygons" or (shape == "as the sample" and number % 4 == 0):
        points = 12 if shape == "polygons" else 40
        around = [(x + 60.5 * chance.random(), y + 40.25 * chance.random()) for _ in range(points)]
        found["segmentation"] = [[round(value, 2) for point in around for value in point]]
    elif shape != "boxes":
        found["segmentation"] = []
    return found


def _run(work: str, root: Path, files: int) -> Sequence[float]:
    command = [sys.executable, "-c", _TIMED.format(work=work), str(root), str(files)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: list[float] = json.loads(done.stdout)
    return figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--bytes", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _print(shape: str, figures: dict[str, Any]) -> None:
    print(f"{shape}:")
    for name, seconds in figures["seconds"].items():
        ratio, peak = figures["ratio"][name], figures["peak_mb"][name]
        beside = "load and dump" if name == "merge" else "json.load"
        print(f"  {name:<16}{seconds:8.2f} s  {ratio:6.2f} of {beside:<15}{peak:7.0f} MB at most")


if __name__ == "__main__":
    main()
