"""A dataset as three tables that refer to each other: images, annotations, categories.

The same columns and types in CSV, JSON Lines, Parquet, Arrow, pandas and polars. `?` marks what may be missing (null):

| images          | type    |                                                                                   |
|-----------------|---------|-----------------------------------------------------------------------------------|
| `image_id`      | int     | dense from 1, in the order of the documents' paths                                 |
| `work_item_id`  | text    |                                                                                   |
| `batch`         | text    | the batch's name                                                                  |
| `batch_id`      | int?    |                                                                                   |
| `document`      | text    | the COCO file it was delivered in, relative to the dataset, with `/`               |
| `source_id`     | text    | the image's id in that document                                                   |
| `file_name`     | text    | as the document has it                                                            |
| `path`          | text?   | the image on the disk: beside written tables relative to them, else to the dataset |
| `width`         | int?    | pixels                                                                            |
| `height`        | int?    | pixels                                                                            |
| `split`         | text?   | train, val or test                                                                |
| `extra`         | text?   | JSON: what else the document says of the image                                     |

| annotations     | type    |                                                                                   |
|-----------------|---------|-----------------------------------------------------------------------------------|
| `annotation_id` | int     | dense from 1                                                                      |
| `image_id`      | int     | of `images`                                                                       |
| `category_id`   | int     | of `categories`                                                                   |
| `category`      | text    | its name                                                                          |
| `supercategory` | text    |                                                                                   |
| `bbox_x`        | float   | left, pixels                                                                      |
| `bbox_y`        | float   | top                                                                               |
| `bbox_width`    | float   |                                                                                   |
| `bbox_height`   | float   |                                                                                   |
| `area`          | float   | square pixels                                                                     |
| `iscrowd`       | bool    |                                                                                   |
| `segmentation`  | text?   | JSON: `[[x, y, …], …]` or `{"size": [height, width], "counts": "…"}`                |
| `keypoints`     | text?   | JSON: `[x, y, visibility, …]`                                                       |
| `num_keypoints` | int?    |                                                                                   |
| `source_id`     | text    | the annotation's id in the document it was delivered in                           |
| `work_item_id`  | text    |                                                                                   |
| `batch`         | text    |                                                                                   |
| `split`         | text?   | as its image's                                                                    |
| `extra`         | text?   | JSON: what else the document says of the annotation                                |

| categories      | type    |                                                                                   |
|-----------------|---------|-----------------------------------------------------------------------------------|
| `category_id`   | int     | dense from 1                                                                      |
| `category`      | text    | the name                                                                          |
| `supercategory` | text    |                                                                                   |
| `keypoints`     | text?   | JSON: `["nose", …]`                                                                 |
| `skeleton`      | text?   | JSON: `[[1, 2], …]`, from 1                                                         |
| `extra`         | text?   | JSON                                                                              |

JSON in a column is ASCII, whatever the names; all other text is as the documents have it, but for half a surrogate
pair, which no file can hold: U+FFFD is in its place. A merged dataset has the tables of what it was merged from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .coco_rows import encode_lines
from .origins import rest_of_annotation, rest_of_image, source_id_of, source_of
from .records import Annotation, Category, Polygons, Rle, Sample

Kind = Literal["int", "float", "bool", "text"]

Value: TypeAlias = "int | float | bool | str | None"

Row: TypeAlias = "tuple[Value, ...]"

TableName = Literal["images", "annotations", "categories"]


@dataclass(frozen=True)
class Column:
    """A column: its name, what is in it, whether that may be missing, and whether few values come again and again."""

    name: str
    kind: Kind = "text"
    optional: bool = False
    repeats: bool = False


IMAGES = (
    Column("image_id", "int"),
    Column("work_item_id"),
    Column("batch", repeats=True),
    Column("batch_id", "int", optional=True),
    Column("document"),
    Column("source_id"),
    Column("file_name"),
    Column("path", optional=True),
    Column("width", "int", optional=True),
    Column("height", "int", optional=True),
    Column("split", optional=True, repeats=True),
    Column("extra", optional=True),
)

ANNOTATIONS = (
    Column("annotation_id", "int"),
    Column("image_id", "int"),
    Column("category_id", "int"),
    Column("category", repeats=True),
    Column("supercategory", repeats=True),
    Column("bbox_x", "float"),
    Column("bbox_y", "float"),
    Column("bbox_width", "float"),
    Column("bbox_height", "float"),
    Column("area", "float"),
    Column("iscrowd", "bool"),
    Column("segmentation", optional=True),
    Column("keypoints", optional=True),
    Column("num_keypoints", "int", optional=True),
    Column("source_id"),
    Column("work_item_id"),
    Column("batch", repeats=True),
    Column("split", optional=True, repeats=True),
    Column("extra", optional=True),
)

CATEGORIES = (
    Column("category_id", "int"),
    Column("category"),
    Column("supercategory", repeats=True),
    Column("keypoints", optional=True),
    Column("skeleton", optional=True),
    Column("extra", optional=True),
)

TABLES: dict[TableName, tuple[Column, ...]] = {
    "images": IMAGES,
    "annotations": ANNOTATIONS,
    "categories": CATEGORIES,
}
"""The columns of each table, in their order."""


def columns_of(table: str) -> tuple[Column, ...]:
    """Return a table's columns. Raises ValueError for a table that there is not.

    >>> [column.name for column in columns_of("categories")][:2]
    ['category_id', 'category']
    """
    for name, columns in TABLES.items():
        if name == table:
            return columns
    raise ValueError(f"table is {table!r}, but must be one of: {', '.join(TABLES)}.")


def image_row(sample: Sample, image_id: int, *, path: str | None, split: str | None) -> Row:
    """Return a sample's row of `images`."""
    image, (source, document) = sample.image, source_of(sample)
    return (
        image_id,
        sample.work_item_id,
        sample.batch,
        sample.batch_id,
        document,
        str(source),
        image.file_name,
        path,
        image.width,
        image.height,
        split,
        _json_or_none(rest_of_image(sample)),
    )


def annotation_row(
    annotation: Annotation, sample: Sample, annotation_id: int, image_id: int, *, split: str | None
) -> Row:
    """Return an annotation's row of `annotations`."""
    category = annotation.category
    return (
        annotation_id,
        image_id,
        category.id,
        category.name,
        category.supercategory,
        *map(float, annotation.bbox),
        float(annotation.area),
        annotation.iscrowd,
        None if annotation.segmentation is None else segmentation_text(annotation.segmentation),
        _json_or_none(annotation.keypoints),
        annotation.num_keypoints,
        str(source_id_of(annotation, sample)),
        sample.work_item_id,
        sample.batch,
        split,
        _json_or_none(rest_of_annotation(annotation, sample)),
    )


def category_row(category: Category) -> Row:
    """Return a category's row of `categories`."""
    return (
        category.id,
        category.name,
        category.supercategory,
        _json_or_none(category.keypoints),
        _json_or_none(category.skeleton),
        _json_or_none(category.extra),
    )


def segmentation_text(segmentation: Polygons | Rle) -> str:
    """Return a segmentation as COCO writes it in JSON.

    >>> segmentation_text(Rle(height=2, width=3, counts="06"))
    '{"size":[2,3],"counts":"06"}'
    """
    if isinstance(segmentation, Rle):
        return json_text({"size": (segmentation.height, segmentation.width), "counts": segmentation.counts})
    return json_text(segmentation)


def json_text(value: Any) -> str:
    r"""Return JSON in ASCII, without spaces.

    >>> json_text({"größe": "😀"})
    '{"gr\\u00f6\\u00dfe":"\\ud83d\\ude00"}'
    """
    return encode_lines([value]).decode()


def _json_or_none(value: Any) -> str | None:
    return json_text(value) if value else None
