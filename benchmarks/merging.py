"""Merge many COCO documents, side by side with `json.load` of each and one `json.dump` of the lot, and write the figures.

    python benchmarks/merging.py [--files 10000] [--kilobytes 20]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_MERGE = """
import resource, sys, time
from cf_ai_platform_client import datasets
dataset = datasets.open(sys.argv[1])
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
dataset.merge(sys.argv[2])
elapsed = time.process_time() - start
print(elapsed, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--files", type=int, default=10_000)
    options.add_argument("--kilobytes", type=int, default=20)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, out = Path(folder, "annotations"), Path(folder, "merged")
        make(root, chosen.files, chosen.kilobytes * 1000)
        plain = load_and_dump(root, Path(folder, "dumped.json"))
        ran = subprocess.run([sys.executable, "-c", _MERGE, root, out], check=True, capture_output=True, text=True)
        merged, memory = map(float, ran.stdout.split())
    print(f"json.load of each and json.dump: {plain:.2f} s")
    print(f"merge: {merged:.2f} s, {merged / plain:.2f} of that, {memory:.0f} MB above start")


def make(root: Path, files: int, size: int) -> None:
    """Write documents of about this size in ten batches, outlines of 20 points as annotators draw them."""
    chance = random.Random(0)
    for number in range(files):
        path = root / f"batch {number % 10}" / f"{chance.getrandbits(128):032x}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document(chance, number, size)))


def document(chance: random.Random, number: int, size: int) -> dict[str, object]:
    """Return one image with as many outlines as make the size."""
    annotations: list[dict[str, object]] = []
    length = 500
    while length < size:
        left, top = round(chance.uniform(0, 900), 2), round(chance.uniform(0, 900), 2)
        points = [round(side + chance.uniform(0, 99), 2) for _ in range(20) for side in (left, top)]
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": 1,
                "category_id": chance.randint(1, 5),
                "segmentation": [points],
                "area": round(chance.uniform(50, 9000), 2),
                "bbox": [left, top, 99.0, 99.0],
                "iscrowd": 0,
            }
        )
        length += len(json.dumps(annotations[-1])) + 2
    return {
        "info": {"description": "benchmark", "asset_url": f"https://assets.example.com/{number}.jpg"},
        "licenses": [],
        "images": [{"id": 1, "file_name": f"image_{number}.jpg", "width": 1024, "height": 1024}],
        "categories": [{"id": each, "name": f"class {each}", "supercategory": "thing"} for each in range(1, 6)],
        "annotations": annotations,
    }


def load_and_dump(root: Path, out: Path) -> float:
    """Return the seconds that it takes without this package, ids left as they are."""
    start = time.process_time()
    lot: dict[str, list[object]] = {"images": [], "annotations": [], "categories": []}
    for path in sorted(root.rglob("*.json")):
        with path.open(encoding="utf-8") as file:
            found = json.load(file)
        for name, rows in lot.items():
            rows.extend(found[name])
    with out.open("w", encoding="utf-8") as target:
        json.dump(lot, target)
    return time.process_time() - start


if __name__ == "__main__":
    main()
