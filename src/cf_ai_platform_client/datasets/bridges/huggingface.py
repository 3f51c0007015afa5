"""Hugging Face: a `datasets.Dataset` of images and their objects, as its object-detection guides have it.

https://huggingface.co/docs/datasets/object_detection
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.arguments import StrPath
from ..extras import require
from ..formats.class_names import class_names
from ..records import Sample
from ..report import Report, warn_of_left_out
from ..tables import segmentation_text
from .exif_watch import ExifWatch

if TYPE_CHECKING:
    from ..dataset import Dataset


def to_huggingface(dataset: Dataset, *, cache_dir: StrPath | None = None, report: Report | None = None) -> Any:
    """Return a `datasets.Dataset`, made sample by sample; memory does not grow with it.

    Its columns are `image` (by path, None where it is not on the disk), `image_id` (from 1, as `merge` numbers),
    `width`, `height`, `file_name`, `work_item_id`, `batch`, and `objects`: lists of `id` (from 1), `bbox` (left, top,
    width, height), `category` (a ClassLabel: category ids less 1), `area`, `iscrowd` and `segmentation` (JSON text as
    in `datasets.tables`, None where there is none). What is left out is told in `report`, without one by a
    Python warning.

    It is an Arrow file in a new folder below `cache_dir`; by default below the system's temporary folder, and removed
    when Python ends: Hugging Face's own cache is left alone, and nothing stale comes from it. No network is needed.
    `datasets` turns images as their EXIF orientation says when it opens them; where documents mean them as they are
    stored, that is a warning in `report`, without one a Python warning.

    Raises MissingExtra without datasets and Pillow.
    """
    hf = require("datasets", "huggingface", "Hugging Face datasets")
    if cache_dir is not None:
        Path(cache_dir).mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="cf-ai-huggingface-", dir=cache_dir)
    if cache_dir is None:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    told, watch = Report() if report is None else report, ExifWatch("Hugging Face datasets")
    found = hf.Dataset.from_generator(
        _examples,
        gen_kwargs={"dataset": dataset, "report": told, "watch": watch},
        features=_features(hf, class_names(dataset.categories)),
        cache_dir=folder,
    )
    watch.tell(report)
    warn_of_left_out(told, report)
    return found


def _examples(dataset: Dataset, report: Report, watch: ExifWatch) -> Iterator[dict[str, Any]]:
    first = 1
    for image_id, sample in enumerate(dataset.samples(report), 1):
        watch.look(sample)
        yield _example(sample, image_id, first)
        first += len(sample.annotations)
        report.images.went_out += 1
        report.annotations.went_out += len(sample.annotations)


def _example(sample: Sample, image_id: int, first: int) -> dict[str, Any]:
    annotations = sample.annotations
    return {
        "image": sample.path,
        "image_id": image_id,
        "width": sample.image.width,
        "height": sample.image.height,
        "file_name": sample.image.file_name,
        "work_item_id": sample.work_item_id,
        "batch": sample.batch,
        "objects": {
            "id": list(range(first, first + len(annotations))),
            "bbox": [each.bbox for each in annotations],
            "category": [each.category.id - 1 for each in annotations],
            "area": [each.area for each in annotations],
            "iscrowd": [each.iscrowd for each in annotations],
            "segmentation": [
                segmentation_text(each.segmentation) if each.segmentation else None for each in annotations
            ],
        },
    }


def _features(hf: Any, names: list[str]) -> Any:
    text, whole, real = hf.Value("string"), hf.Value("int64"), hf.Value("float64")
    return hf.Features(
        {
            "image": hf.Image(),
            "image_id": whole,
            "width": whole,
            "height": whole,
            "file_name": text,
            "work_item_id": text,
            "batch": text,
            "objects": hf.Sequence(
                {
                    "id": whole,
                    "bbox": hf.Sequence(real, length=4),
                    "category": hf.ClassLabel(names=names),
                    "area": real,
                    "iscrowd": hf.Value("bool"),
                    "segmentation": text,
                }
            ),
        }
    )
