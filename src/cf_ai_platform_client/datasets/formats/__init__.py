"""The formats that a dataset can be written in, each a module with a `write`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from ..conversion import Writer


@dataclass(frozen=True)
class Format:
    """A format: the module here that writes it, and one line for people."""

    module: str
    text: str


FORMATS = {
    "coco": Format("coco", "COCO, a JSON file a split."),
    "yolo": Format("yolo_detection", "YOLO boxes, a text file an image, and data.yaml."),
    "yolo-seg": Format("yolo_segmentation", "YOLO outlines."),
    "yolo-pose": Format("yolo_pose", "YOLO boxes with keypoints."),
    "voc": Format("voc", "Pascal VOC boxes, an XML file an image."),
    "masks-semantic": Format("semantic_masks", "PNG files whose pixels are classes."),
    "masks-instance": Format("instance_masks", "PNG files whose pixels are objects."),
    "csv": Format("csv_tables", "CSV tables of images, annotations and categories."),
    "jsonl": Format("json_lines", "The tables as JSON Lines."),
    "parquet": Format("parquet", "The tables as Parquet."),
    "arrow": Format("arrow", "The tables as Arrow (Feather) files."),
}
"""All formats by their names."""


def writer(name: str) -> Writer:
    """Return the writer of a format. Raises ValueError for one that is not known."""
    if name not in FORMATS:
        raise ValueError(f"format is {name!r}, but must be one of: {', '.join(FORMATS)}.")
    write: Writer = import_module(f".{FORMATS[name].module}", __name__).write
    return write
