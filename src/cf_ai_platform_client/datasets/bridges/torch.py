"""torch: a map-style `Dataset` of images and targets, as torchvision's detection references take them.

https://docs.pytorch.org/vision/stable/models.html#object-detection-instance-segmentation-and-person-keypoint-detection
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from ..extras import require
from ..report import Report, warn_of_left_out
from .torch_samples import TorchSamples, Transforms

if TYPE_CHECKING:
    from ..dataset import Dataset


def to_torch(
    dataset: Dataset,
    *,
    transforms: Transforms | None = None,
    masks: bool | None = None,
    keypoints: bool | None = None,
    missing: Literal["raise", "skip"] = "raise",
    report: Report | None = None,
) -> Any:
    """Return a `torch.utils.data.Dataset`; its items are pairs of an image and a target.

    `transforms(image, target)` makes another pair of them. The image is float32, 3 × height × width, from 0 to 1. The
    target has `boxes` (float32, n × 4: left, top, right, bottom, clipped to the image), `labels` (int64, category ids
    from 1), `area` (float32, the document's), `iscrowd` (int64), `image_id` (int, from 1, as `merge` numbers), and
    where there are, `masks` (uint8, n × height × width) and `keypoints` (float32, n × k × 3).

    `masks` and `keypoints` are None for "if every annotation has them"; with True, annotations without are left out.
    Boxes without area, and outside the image, are left out. `missing` says what becomes of samples whose image is not
    on the disk. All that is left out is counted in `.report`, which is `report` if one is given; without, a Python
    warning tells it, too.

    The dataset has `categories`, and `collate` for DataLoader(collate_fn=…); it can be pickled, so that a DataLoader
    can have workers. Raises ItemError for an image that is missing, not of the document's size, or too large for masks;
    MissingExtra without torch, numpy and Pillow.
    """
    if missing not in ("raise", "skip"):
        raise ValueError(f"missing is {missing!r}, but must be one of: raise, skip.")
    kind = _kind()
    for module in ("numpy", "PIL.Image"):
        require(module, "torch", "torch datasets")
    samples: TorchSamples = kind(dataset, transforms, Report() if report is None else report)
    samples.index(dataset, masks, keypoints, missing)
    warn_of_left_out(samples.report, report)
    return samples


def collate(batch: Iterable[tuple[Any, Any]]) -> tuple[tuple[Any, ...], ...]:
    """Return the images of a batch, and its targets: they are of different sizes, so they are not stacked."""
    return tuple(zip(*batch, strict=True))


@lru_cache(maxsize=1)
def _kind() -> Any:
    """Return the class: it has torch's as a base, and torch may be missing when this module is imported."""
    base = require("torch.utils.data", "torch", "torch datasets").Dataset
    members = {"__reduce__": _reduce, "collate": staticmethod(collate), "__doc__": TorchSamples.__doc__}
    return type("TorchDataset", (TorchSamples, base), members)


def _reduce(samples: TorchSamples) -> tuple[Any, ...]:
    return _restored, (samples.__dict__,)


def _restored(state: dict[str, Any]) -> Any:
    found = _kind().__new__(_kind())
    found.__dict__.update(state)
    return found
