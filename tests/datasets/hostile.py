"""A collection of COCO files that break tools: a case a file, with what is to become of it.

`build(folder)` writes all of them, `clean(folder)` those of which every image and annotation can be used. Documents lie
in folders by batch; images lie next to them, where Pillow is there to write them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Object = dict[str, Any]
WIDTH, HEIGHT = 64, 48


@dataclass(frozen=True)
class Case:
    """One document. `codes` are the findings that it must give; `out` of the `came_in` annotations can be used."""

    name: str
    batch: str
    content: bytes
    codes: frozenset[str] = frozenset()
    came_in: int = 0
    out: int = 0
    images_in: int = 0
    images_out: int = 0
    clean: bool = False
    fixable: bool = False
    files: dict[str, tuple[int, int, int]] = field(default_factory=dict[str, tuple[int, int, int]])

    @property
    def document(self) -> str:
        """The path of the file relative to the folder."""
        return f"{self.batch}/{self.name}.json" if self.batch else f"{self.name}.json"


def build(folder: Path, names: Iterable[str] | None = None) -> list[Case]:
    """Write the cases, and their images, below a folder; return what was written."""
    chosen = [CASES[name] for name in (CASES if names is None else names)]
    for case in chosen:
        path = folder / case.document
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case.content)
        if find_spec("PIL") is not None:
            for name, (width, height, orientation) in case.files.items():
                write_image(path.parent / name, width, height, orientation)
    return chosen


def clean(folder: Path) -> list[Case]:
    """Write the cases of which nothing is left out: odd, yet each annotation has a good box and a category."""
    return build(folder, [case.name for case in CASES.values() if case.clean])


def write_image(path: Path, width: int, height: int, orientation: int = 0) -> None:
    """Write a small picture; `orientation` is its EXIF tag, 0 for none."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (width, height), (width % 256, height % 256, 90))
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    picture.save(path, exif=exif)


def runs(rows: list[str]) -> list[int]:
    """Return the run lengths of a drawing, column by column, from a run of zeros.

    >>> runs(["#.", "##"])
    [0, 2, 1, 1]
    """
    counts, last = [0], "."
    for x in range(len(rows[0])):
        for row in rows:
            if row[x] == last:
                counts[-1] += 1
            else:
                counts.append(1)
                last = row[x]
    return counts


def compressed(counts: list[int]) -> str:
    """Write run lengths as COCO's string: differences to two runs before, five bits a character, from "0"."""
    text = ""
    for at, count in enumerate(counts):
        number, more = count - (counts[at - 2] if at > 2 else 0), True
        while more:
            five, number = number & 31, number >> 5
            more = number != (-1 if five & 16 else 0)
            text += chr((five | 32 if more else five) + 48)
    return text


def drawing(width: int = WIDTH, height: int = HEIGHT, hole: bool = False, pieces: int = 1) -> list[str]:
    """Draw squares of 10 pixels, 8 down, with a hole of 4 where asked for."""
    rows = [["."] * width for _ in range(height)]
    for piece in range(pieces):
        left = 6 + 20 * piece
        for y in range(8, 18):
            for x in range(left, left + 10):
                rows[y][x] = "." if hole and 11 <= y < 15 and left + 3 <= x < left + 7 else "#"
    return ["".join(row) for row in rows]


def rle(rows: list[str] | None = None, **changed: Any) -> Object:
    """Return a mask as COCO has it, its counts a string."""
    rows = rows or drawing()
    return {"size": [len(rows), len(rows[0])], "counts": compressed(runs(rows)), **changed}


SQUARE = [6.0, 8.0, 16.0, 8.0, 16.0, 18.0, 6.0, 18.0]
BOX = [6.0, 8.0, 10.0, 10.0]


def image(number: Any = 1, name: Any = "plot.jpg", **changed: Any) -> Object:
    return {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT, **changed}


def category(number: Any = 1, name: Any = "tree", supercategory: Any = "plant", **more: Any) -> Object:
    return {"id": number, "name": name, "supercategory": supercategory, **more}


def thing(number: Any = 1, segmentation: Any = None, **changed: Any) -> Object:
    """Return an annotation of the square with nothing wrong, but for what is changed; `...` takes a member away."""
    entry = {
        "id": number,
        "image_id": 1,
        "category_id": 1,
        "bbox": BOX,
        "area": 100.0,
        "iscrowd": 0,
        "segmentation": [SQUARE] if segmentation is None else segmentation,
        **changed,
    }
    return {name: value for name, value in entry.items() if value is not ...}


def document(*things: Any, images: Any = None, categories: Any = None, **more: Any) -> Object:
    return {
        "info": {"description": "hostile", "asset_url": "https://assets.example.com/plot.jpg"},
        "licenses": [],
        "images": [image()] if images is None else images,
        "categories": [category()] if categories is None else categories,
        "annotations": list(things),
        **more,
    }


CASES: dict[str, Case] = {}


def add(
    name: str,
    content: Object | bytes,
    *codes: str,
    batch: str = "North",
    out: int | None = None,
    images_out: int | None = None,
    clean: bool = False,
    fixable: bool = False,
    orientation: int = 0,
    size: tuple[int, int] | None = None,
) -> None:
    came_in = images_in = 0
    files: dict[str, tuple[int, int, int]] = {}
    if isinstance(content, dict):
        came_in = len(content["annotations"]) if isinstance(content.get("annotations"), list) else 0
        images_in = len(content["images"]) if isinstance(content.get("images"), list) else 0
        # Each case has an image name of its own, so that cases do not meet in one folder.
        for entry in content["images"] if images_in else []:
            if isinstance(entry, dict) and entry.get("file_name") in ("plot.jpg", "other.jpg"):
                entry["file_name"] = f"{name} {entry['file_name']}"
            drawn = size or (WIDTH, HEIGHT)
            if isinstance(entry, dict) and _is_plain(entry.get("file_name")):
                files[entry["file_name"]] = (*drawn, orientation)
    CASES[name] = Case(
        name,
        batch,
        content if isinstance(content, bytes) else json.dumps(content).encode(),
        frozenset(codes),
        came_in,
        came_in if out is None else out,
        images_in,
        images_in if images_out is None else images_out,
        clean,
        fixable,
        files,
    )


def _is_plain(name: Any) -> bool:
    return (
        isinstance(name, str)
        and name.endswith((".jpg", ".png"))
        and not any(c in name for c in "\\%:")
        and (not name.startswith(("/", ".")))
    )


def _add_rows_of_the_table() -> None:
    two = document(
        thing(),
        thing(1, category_id=1, bbox=[30.0, 8.0, 10.0, 10.0], segmentation=...),
        images=[image(), image(1, "other.jpg")],
        categories=[category(), category(1, "car", "vehicle")],
    )
    add(
        "two files concatenated",
        two,
        "duplicate_image_id",
        "duplicate_category_id",
        "duplicate_annotation_id",
        "ambiguous_image_id",
        out=0,
        fixable=True,
    )
    add("annotation id 0", document(thing(0), thing(1)), "zero_annotation_id", clean=True, fixable=True)
    add("duplicate annotation ids", document(thing(7), thing(7)), "duplicate_annotation_id", clean=True, fixable=True)
    gaps = document(thing(1, area=...), thing(2, iscrowd=...), thing(3, rle(), area=..., iscrowd=...))
    add("missing area or iscrowd", gaps, "missing_area", "missing_iscrowd", clean=True, fixable=True)
    add("RLE with iscrowd 0", document(thing(1, rle())), clean=True)
    parts = [SQUARE, [x + 20 * (at % 2 == 0) for at, x in enumerate(SQUARE)]]
    both = document(thing(1, rle()), thing(2, parts, bbox=[6.0, 8.0, 30.0, 10.0], area=200.0))
    add("string counts and multi-part polygons", both, clean=True)
    add("iscrowd 1 on one RLE object", document(thing(1, rle(), iscrowd=1)), "crowd_single_object", clean=True)
    four = document(thing(1, [[6.0, 8.0, 16.0, 18.0]]), thing(2, [SQUARE, [1, 2, 3, 4]]))
    add("polygon of 4 numbers", four, "short_polygon", clean=True, fixable=True)
    add("flat list polygon", document(thing(1, SQUARE)), "flat_polygon", clean=True, fixable=True)
    add("empty segmentation", document(thing(1, [])), "empty_segmentation", clean=True, fixable=True)
    ring = [9.0, 11.0, 13.0, 11.0, 13.0, 15.0, 9.0, 15.0]
    add("outer and inner ring", document(thing(1, [SQUARE, ring])), "polygon_in_polygon", clean=True)
    sure = str(rle()["counts"].encode())
    add("bytes counts", document(thing(1, rle(counts=sure))), "bytes_counts", clean=True, fixable=True)
    c_order = runs(["".join(column) for column in zip(*drawing(), strict=True)])
    rows = document(
        thing(1, {"size": [HEIGHT, WIDTH], "counts": compressed(c_order)}),
        thing(2, {"size": [WIDTH, HEIGHT], "counts": compressed(c_order)}),
    )
    add("C-order mask", rows, "c_order_mask", "rle_size_swapped")
    short, long = runs(drawing())[:-1], [*runs(drawing()), 5]
    sums = document(
        thing(1, rle(counts=compressed(short))),
        thing(2, rle(counts=long)),
        thing(3, rle(counts=long), bbox=None),
        thing(4, rle(counts=[-1, *runs(drawing())])),
    )
    add("RLE runs that do not fit", sums, "rle_sum", "bad_rle", "no_geometry", out=3)
    strings = document(thing("a", image_id="one"), images=[image("one")])
    add("string image ids", strings, "string_id", clean=True, fixable=True)
    stems = document(thing(), thing(2, image_id=2), images=[image(1, "same.jpg"), image(2, "same.png")])
    add("same stem, other extension", stems, "same_stem", clean=True, batch="South")
    case = document(thing(), thing(2, image_id=2), images=[image(1, "Case.jpg"), image(2, "case.JPG")])
    add("same name but for case", case, "same_file_name", batch="West")
    one_name = document(thing(), thing(2, category_id=5), categories=[category(), category(5)])
    add("two category ids of one name", one_name, "same_category_name", clean=True, fixable=True)
    add(
        "null width and height",
        document(thing(), images=[image(width=None, height=None)]),
        "missing_size",
        fixable=True,
    )
    boxes = document(thing(1, bbox=None), thing(2, rle(), bbox=...), thing(3, ..., bbox=None))
    add("null bbox", boxes, "missing_bbox", "no_geometry", out=2, fixable=True)
    named = document(
        thing(),
        thing(2, category_id=2),
        images=[image(1, "Straße 樹木 é.jpg")],
        categories=[category(1, "Bäume"), category(2, "樹木", "植物")],
    )
    add("non-ASCII names", json.loads(json.dumps(named)), clean=True, batch="Südhang 樹")


def _add_shapes() -> None:
    many = [category(number, f"class {number:03}") for number in range(1, 301)]
    add(
        "300 categories",
        document(*(thing(n, category_id=n) for n in range(1, 301, 7)), categories=many),
        clean=True,
        batch="South",
    )
    add("image without annotations", document(images=[image(), image(2, "other.jpg")]), clean=True)
    hole = rle(drawing(hole=True))
    add("hole in RLE", document(thing(1, hole, area=84.0)), clean=True)
    listed = {"size": [HEIGHT, WIDTH], "counts": runs(drawing(hole=True))}
    add("list counts", document(thing(1, listed, area=84.0)), "list_counts", clean=True, fixable=True)
    crowd = rle(drawing(pieces=3))
    crowds = document(thing(), thing(2, crowd, iscrowd=1, bbox=[6.0, 8.0, 50.0, 10.0], area=300.0))
    add("crowds", crowds, clean=True)
    person = category(1, "person", "being", keypoints=["nose", "left eye", "right eye"], skeleton=[[1, 2], [1, 3]])
    points = [11.0, 9.0, 2, 9.0, 10.0, 1, 0, 0, 0]
    add(
        "keypoints",
        document(thing(1, keypoints=points, num_keypoints=2), categories=[person]),
        clean=True,
    )
    add(
        "keypoints that are wrong",
        document(
            thing(1, keypoints=points[:-1], num_keypoints=2),
            thing(2, keypoints=points[:-3], num_keypoints=2),
            thing(3, keypoints=[*points[:-1], 7], num_keypoints=3),
            thing(4, keypoints=points, num_keypoints=9),
            thing(5, keypoints=points),
            categories=[person],
        ),
        "bad_keypoints",
        "keypoints_count",
        "keypoint_visibility",
        "num_keypoints",
        fixable=True,
    )
    add("unknown fields", document(thing(attributes={"dbh_cm": 31.5}), images=[image(captured_by="drone")]), clean=True)
    add("EXIF, the raw size", document(thing()), "exif_raw_size", orientation=6, clean=True)
    add("EXIF, the oriented size", document(thing()), "exif_oriented_size", orientation=6, size=(HEIGHT, WIDTH))
    add("size is not the image's", document(thing()), "image_size_differs", size=(32, 32))


def _add_ids_and_numbers() -> None:
    add(
        "unknown ids",
        document(
            thing(1, image_id=9), thing(2, category_id=9), thing(3, image_id=...), thing(4, category_id=None), thing(5)
        ),
        "unknown_image_id",
        "unknown_category_id",
        out=1,
    )
    texts = document(
        thing(1, area="100.0", bbox=["6", "8.0", "10", "10"], image_id="1", iscrowd="0"),
        images=[image(width="64", height=48.0)],
    )
    add("numbers as text", texts, "number_type", clean=True, fixable=True)
    add("no annotation id", document(thing(...), thing(None)), "missing_annotation_id", clean=True, fixable=True)
    lost = document(thing(), thing(2, image_id=None), images=[image(), image(None, "other.jpg")])
    add("no image id", lost, "missing_image_id", "unknown_image_id", out=1, images_out=1)
    names = [category(1, ""), category(2, None), category(3, 7), category(None, "lost")]
    add(
        "category names",
        document(thing(), thing(2, category_id=2), thing(3, category_id=3), categories=names),
        "empty_category_name",
        "category_name_not_text",
        "missing_category_id",
        "same_category_name",
        fixable=True,
    )
    twins = [category(1, "tree", "plant"), category(2, "tree", "model")]
    add("one name, two supercategories", document(thing(), categories=twins), "same_name_other_supercategory")
    same_again = document(thing(), images=[image(), image()], categories=[category(), category()])
    add("the same entry again", same_again, "same_image_again", "same_category_again", images_out=1, fixable=True)


def _add_geometry() -> None:
    add(
        "degenerate boxes",
        document(
            thing(1, ..., bbox=[6, 8, 0, 10]),
            thing(2, ..., bbox=[6, 8, -10, 10]),
            thing(3, bbox=[6, 8, 0, 0]),
            thing(4, ..., bbox=[6, 8, 10]),
        ),
        "degenerate_box",
        "bad_bbox",
        "no_geometry",
        out=1,
        fixable=True,
    )
    add(
        "boxes out of the image",
        document(thing(1, ..., bbox=[100, 100, 10, 10]), thing(2, ..., bbox=[60, 40, 10, 10])),
        "box_outside",
        "box_partly_outside",
    )
    add(
        "boxes as two corners",
        document(
            thing(1, ..., bbox=[40, 30, 60, 45], area=300),
            thing(2, bbox=[6, 8, 16, 18]),
            thing(3, bbox=[20, 20, 10, 10]),
        ),
        "box_of_corners",
        "box_partly_outside",
        "box_differs",
    )
    add(
        "area that is wrong", document(thing(1, area=-5), thing(2, area=5000)), "bad_area", "area_differs", fixable=True
    )
    add(
        "iscrowd that is wrong",
        document(thing(1, iscrowd=True), thing(2, iscrowd=2)),
        "bad_iscrowd",
        "crowd_with_polygons",
        fixable=True,
    )
    add(
        "segmentation that is wrong",
        document(
            thing(1, "none"),
            thing(2, [SQUARE[:-1]]),
            thing(3, {"size": [HEIGHT], "counts": "x"}),
            thing(4, {"size": [9, 9], "counts": [40, 2, 39]}),
            thing(5, [[[6, 8], [16, 8], [16, 18], [6, 18]]]),
            thing(6, [["6", "a", 3, 4, 5, 6]]),
        ),
        "bad_segmentation",
        "bad_polygon",
        "bad_rle",
        "rle_size_differs",
        "paired_polygon",
        "list_counts",
        "box_differs",
        "area_differs",
        fixable=True,
    )
    nan = json.dumps(
        document(
            thing(1, bbox=[float("nan"), 0, 5, 5]),
            thing(2, area=float("inf")),
            thing(3, ..., bbox=[1, 2, float("nan"), 4]),
        )
    )
    add_counted(
        "NaN and Infinity",
        nan.encode(),
        3,
        2,
        "not_strict_json",
        "bad_bbox",
        "missing_area",
        "no_geometry",
        fixable=True,
    )


def _add_far_numbers() -> None:
    far = 10**300
    add(
        "numbers that are too far",
        document(
            thing(1, ..., bbox=[0, 0, far, far], area=...),
            thing(2, ..., bbox=[0, 0, 1e200, 1e200], area=...),
            thing(3, ..., bbox=[1.7e308] * 4),
            thing(4, [[0, 0, far, 0, far, far]], bbox=...),
            thing(5, [[-1.7e308, 0, 1.7e308, 0, 1.7e308, 1.7e308]]),
            thing(6, ..., num_keypoints=far),
            thing(7, ..., keypoints=[1e300, 0, 2], num_keypoints=1),
            thing(8, {"size": [far, 1], "counts": [0, far]}),
            images=[image(width=None, height=None)],
        ),
        "bad_bbox",
        "bad_keypoints",
        "bad_polygon",
        "bad_rle",
        "missing_size",
        "no_geometry",
        "num_keypoints",
        out=4,
        fixable=True,
    )


def _add_ambiguous_text() -> None:
    listed = [("1", "oak"), ("1", "ash"), ("x", "elm"), ("x", "yew"), (7, "fir"), (8, "fir"), (8, "fig")]
    add(
        "text ids that several have",
        document(
            thing(1, category_id="1"),
            thing(2, category_id=1),
            thing(3, category_id="x"),
            thing(4, image_id="1", category_id=7),
            thing(5, ..., image_id=1, category_id=7),
            thing(6, category_id=8, image_id=1),
            images=[image("1"), image("1", "other.jpg"), image(1, "third.jpg")],
            categories=[category(*each) for each in listed],
        ),
        "ambiguous_category_id",
        "ambiguous_image_id",
        "duplicate_category_id",
        "duplicate_image_id",
        "same_category_name",
        "string_id",
        out=1,
    )
    origins: tuple[Object, ...] = ({"batch": 5}, {"work_item_id": 5}, {"source_file": [1]}, {"original_file_name": {}})
    odd = [image(at, f"origin {at}.jpg", **origin) for at, origin in enumerate(origins, 1)]
    odd += [image(5, "origin.jpg", batch={"a": 1}, work_item_id=["x"], license=[1]), image(6, "ORIGIN.jpg", license={})]
    add("origins that are no text", document(images=odd), "bad_origin", "same_file_name")


def add_counted(name: str, content: bytes, came_in: int, out: int, *codes: str, fixable: bool = False) -> None:
    CASES[name] = Case(name, "Broken", content, frozenset(codes), came_in, out, 1, 1, False, fixable)


def _add_names() -> None:
    for name, file_name, code in (
        ("absolute file name", "/data/images/plot.png", "absolute_file_name"),
        ("drive in file name", "C:\\data\\plot.png", "absolute_file_name"),
        ("backslashes in file name", "north\\slashed.png", "backslash_file_name"),
        ("percent in file name", "plot%20one%2Fa.png", "encoded_file_name"),
        ("parent in file name", "../secret.png", "unsafe_file_name"),
        ("no file name", None, "missing_file_name"),
    ):
        fixable = code in ("backslash_file_name", "encoded_file_name")
        add(name, document(thing(), images=[image(1, file_name)]), code, batch="Names", fixable=fixable)


def _add_whole_documents() -> None:
    good = json.dumps(document(thing(), images=[image(1, "x.jpg")])).encode()
    add("byte order mark", b"\xef\xbb\xbf" + good, "byte_order_mark", batch="Broken")
    add("not JSON", b"<Error><Code>AccessDenied</Code></Error>", "not_json", batch="Broken")
    add("empty file", b"", "not_json", batch="Broken")
    add("cut short", good[: len(good) // 2], "not_json", batch="Broken")
    add("not UTF-8", good.replace(b"tree", b"tr\xe9\xe9"), "not_json", batch="Broken")
    add("not an object", b"[1, 2, 3]", "not_coco", batch="Broken")
    add("another format", b'{"type": "FeatureCollection", "features": []}', "not_coco", batch="Broken")
    add("nested too deeply", b'{"images": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not_json", batch="Broken")
    deep = b"[" * 980 + b"]" * 980
    add("valid, but nested too deeply", good[:-1] + b', "extra": ' + deep + b"}", "not_json", batch="Broken")
    nan = b"[" * 500 + b"NaN" + b"]" * 500
    add("NaN nested too deeply", good[:-1] + b', "extra": ' + nan + b"}", "not_json", batch="Broken")
    add("missing members", b'{"images": []}', "missing_member", batch="Broken", fixable=True)
    add(
        "members of other types",
        b'{"images": {}, "annotations": null, "categories": 3}',
        "not_a_list",
        "missing_member",
        batch="Broken",
        fixable=True,
    )
    add(
        "entries that are no objects",
        document(3, None, [1], thing(), images=[image(), "x"], categories=[category(), None]),
        "not_an_object",
        batch="Broken",
        out=1,
        images_out=1,
    )
    twice = good.replace(b'"area": 100.0', b'"area": 1.0, "area": 100.0')
    add_counted("duplicate keys", twice, 1, 1, "duplicate_key", fixable=True)
    lone = good.replace(b"tree", b"tree \\ud83d")
    add_counted("lone surrogate", lone, 1, 1, "not_strict_json", fixable=True)
    for name in ("byte order mark",):
        CASES[name] = _counted(CASES[name])


def _counted(case: Case) -> Case:
    return Case(case.name, case.batch, case.content, case.codes, 1, 1, 1, 1, False, True)


_BUILDERS: tuple[Callable[[], None], ...] = (
    _add_rows_of_the_table,
    _add_shapes,
    _add_ids_and_numbers,
    _add_geometry,
    _add_far_numbers,
    _add_ambiguous_text,
    _add_names,
    _add_whole_documents,
)
for _build in _BUILDERS:
    _build()
