"""FiftyOne: a dataset of its own, imported from the COCO folder that is written first.

https://docs.voxel51.com/user_guide/import_datasets.html#cocodetectiondataset
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.arguments import StrPath
from ..extras import require
from ..report import Report, warn_of_left_out
from .pictures import image_path

if TYPE_CHECKING:
    from ..conversion import Images
    from ..dataset import Dataset


def to_fiftyone(
    dataset: Dataset,
    out: StrPath,
    *,
    name: str | None = None,
    persistent: bool = False,
    images: Images = "copy",
    overwrite: bool = False,
    report: Report | None = None,
) -> Any:
    """Write a COCO folder to `out`, and return the `fiftyone.Dataset` that FiftyOne's importer makes of it.

    Its samples have the fields `detections` (all objects), `segmentations` and `keypoints`, where there are such, and
    `coco_id`, the image's id in `out`. The folder has to stay: FiftyOne reads the images there. `name` and `persistent`
    are FiftyOne's: a dataset that is not persistent is gone from its database after the session. `images` is "copy" or
    "link". FiftyOne leaves out objects in images that are not on the disk, so those raise ItemError before anything is
    written. Raises ValueError where `out` is not empty, unless `overwrite`, and MissingExtra without fiftyone.
    """
    if images == "none":
        raise ValueError("images is 'none', but FiftyOne reads images in the folder that is written: 'copy' or 'link'.")
    fiftyone = require("fiftyone", "fiftyone", "FiftyOne datasets")
    for sample in dataset.samples():
        image_path(sample)
    written = dataset.convert("coco", out, images=images, overwrite=overwrite)
    if report is not None:
        vars(report).update(vars(written))
    warn_of_left_out(written, report)
    folder = Path(out)
    return fiftyone.Dataset.from_dir(
        dataset_type=fiftyone.types.COCODetectionDataset,
        data_path=str(folder / "images"),
        labels_path=str(folder / "annotations.json"),
        label_types=["detections", "segmentations", "keypoints"],
        include_id=True,
        name=name,
        persistent=persistent,
    )
