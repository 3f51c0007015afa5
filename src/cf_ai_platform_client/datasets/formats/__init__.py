"""The formats that a dataset can be written in, each a module with a `write`."""

from __future__ import annotations

from importlib import import_module

from ..conversion import Writer

FORMATS = {
    "coco": "coco",
    "yolo": "yolo_detection",
    "yolo-seg": "yolo_segmentation",
    "yolo-pose": "yolo_pose",
    "voc": "voc",
    "masks-semantic": "semantic_masks",
    "masks-instance": "instance_masks",
    "csv": "csv_tables",
    "jsonl": "json_lines",
    "parquet": "parquet",
    "arrow": "arrow",
}
"""Names, and the modules here that write them."""


def writer(name: str) -> Writer:
    """Return the writer of a format. Raises ValueError for one that is not known."""
    if name not in FORMATS:
        raise ValueError(f"format is {name!r}, but must be one of: {', '.join(FORMATS)}.")
    write: Writer = import_module(f".{FORMATS[name]}", __name__).write
    return write
