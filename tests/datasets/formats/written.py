"""Datasets to write, and what was written: on the disk, and as tools read it that this project did not write."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client.datasets import Dataset
from cf_ai_platform_client.datasets import open as open_dataset
from cf_ai_platform_client.datasets.names import Names, flat_name
from cf_ai_platform_client.datasets.records import Annotation, Rle, Sample

Corners = tuple[float, float, float, float]


def lay(folder: Path, *documents: Any) -> Dataset:
    """Write COCO documents into a new folder, and open it."""
    folder.mkdir()
    for number, each in enumerate(documents):
        (folder / f"{number}.json").write_text(json.dumps(each), encoding="utf-8")
    return open_dataset(folder)


def supervision() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without OpenCV it warns on import
        return pytest.importorskip("supervision")


def read_yolo(out: Path, split: str = "train") -> Any:
    data = supervision().DetectionDataset
    return data.from_yolo(str(out / "images" / split), str(out / "labels" / split), str(out / "data.yaml"))


def read_voc(out: Path) -> Any:
    data = supervision().DetectionDataset
    return data.from_pascal_voc(str(out / "JPEGImages"), str(out / "Annotations"))


def labels(out: Path, split: str = "train") -> dict[str, list[list[str]]]:
    """Return the words of each line of each label file, by its stem."""
    return {
        path.stem: [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        for path in sorted((out / "labels" / split).iterdir())
    }


def texts(out: Path, split: str = "train") -> dict[str, str]:
    return {path.stem: path.read_text(encoding="ascii") for path in (out / "labels" / split).iterdir()}


def flat_names(dataset: Dataset) -> dict[str, Sample]:
    """Return the images of a dataset by the name that they have where there are no folders."""
    names = Names.of(dataset.samples())
    return {flat_name(names(sample)): sample for sample in dataset.samples()}


def size(sample: Sample) -> tuple[int, int]:
    """Return an image's width and height; those of the collection that have none are of its usual size."""
    return sample.image.width or 64, sample.image.height or 48


def corners(annotation: Annotation, image: Sample) -> Corners:
    """Return a box within its image as left, top, right and bottom."""
    (left, top, wide, high), (width, height) = annotation.bbox, size(image)
    return max(0, left), max(0, top), min(width, left + wide), min(height, top + high)


def is_boxed(annotation: Annotation, image: Sample) -> bool:
    left, top, right, bottom = corners(annotation, image)
    return left < right and top < bottom


def pixels(annotation: Annotation, image: Sample) -> Any:
    """Return an object's mask as pycocotools has it."""
    masks = pytest.importorskip("pycocotools.mask")
    width, height = size(image)
    shape = annotation.segmentation
    assert shape is not None
    if isinstance(shape, Rle):
        return masks.decode({"size": [shape.height, shape.width], "counts": shape.counts.encode()})
    return drawn(shape, height, width)


def drawn(polygons: Sequence[Sequence[float]], height: int, width: int) -> Any:
    """Draw polygons with pycocotools, as one object."""
    masks = pytest.importorskip("pycocotools.mask")
    parts = [[float(number) for number in polygon] for polygon in polygons]
    return masks.decode(masks.merge(masks.frPyObjects(parts, height, width)))


def iou(one: Any, other: Any) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))
