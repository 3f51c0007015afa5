"""What a dataset is made of: images, categories and annotations, as they are after reading.

What COCO does not name is kept in `extra`.

Formats: https://cocodataset.org/#format-data. Lengths are in pixels of the image as it is stored, from its top left.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

SourceId: TypeAlias = "int | str"
"""An id as a document has it: unique in the document only."""

Box: TypeAlias = "tuple[float, float, float, float]"
"""Left, top, width, height."""

Polygons: TypeAlias = "tuple[tuple[float, ...], ...]"
"""Outlines that together are one object: x, y, x, y, … of at least three points each; none of them is a hole."""


class Category(msgspec.Struct, frozen=True):
    """A class of objects. `id` is the dataset's own, dense from 1; documents may have others."""

    id: int
    name: str
    supercategory: str = ""
    keypoints: tuple[str, ...] = ()
    skeleton: tuple[tuple[int, int], ...] = ()
    extra: dict[str, Any] = {}


class Image(msgspec.Struct, frozen=True):
    """An image as its document describes it; `width` and `height` are None where nothing tells them."""

    id: SourceId
    file_name: str
    width: int | None = None
    height: int | None = None
    extra: dict[str, Any] = {}


class Rle(msgspec.Struct, frozen=True):
    """A mask as run lengths, column by column from a run of zeros; `counts` is COCO's compressed string."""

    height: int
    width: int
    counts: str


class Annotation(msgspec.Struct, frozen=True):
    """An object in an image. `area` is in square pixels, `keypoints` holds x, y, visibility of each.

    `category` is the dataset's, `category_id` and `image_id` are the document's.
    """

    id: SourceId
    image_id: SourceId
    category_id: SourceId
    category: Category
    bbox: Box
    area: float
    iscrowd: bool = False
    segmentation: Polygons | Rle | None = None
    keypoints: tuple[float, ...] = ()
    num_keypoints: int | None = None
    extra: dict[str, Any] = {}


class Sample(msgspec.Struct, frozen=True):
    """One image and all that is annotated in it: what is split, converted and trained on.

    `document` is the path of the COCO file relative to the dataset, with `/`; `path` is where the image is on the disk,
    None where it is not. `key` tells this image from others, on every machine, after every rerun, once merged and
    whatever else is in the dataset; copies of an image have one key. It begins with the work item or the document.
    `origin` is the id that the image had before it was merged, and the document; None where it was not.
    """

    work_item_id: str
    batch: str
    document: str
    image: Image
    annotations: tuple[Annotation, ...] = ()
    batch_id: int | None = None
    path: str | None = None
    key: str = ""
    origin: tuple[SourceId, str] | None = None

    def __post_init__(self) -> None:
        if not self.key:
            name = self.image.extra.get("original_file_name", self.image.file_name)
            msgspec.structs.force_setattr(self, "key", f"{self.work_item_id}/{name}")


class Item(msgspec.Struct, frozen=True):
    """A work item, or a COCO file that stands for one: its images, and the categories that it names.

    `category_ids` are the document's ids of `categories`, one each; `info` and `licenses` are the document's.
    """

    work_item_id: str
    batch: str
    document: str
    samples: tuple[Sample, ...]
    categories: tuple[Category, ...] = ()
    batch_id: int | None = None
    category_ids: tuple[SourceId, ...] = ()
    info: dict[str, Any] = {}
    licenses: tuple[dict[str, Any], ...] = ()
