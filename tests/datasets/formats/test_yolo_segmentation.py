"""YOLO outlines, read back by supervision and drawn by pycocotools."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.formats.walking import stem_of
from cf_ai_platform_client.datasets.records import Annotation, Rle, Sample

from ..hostile import HEIGHT, SQUARE, WIDTH, build, document, drawing, image, rle, thing
from .written import drawn, flat_names, iou, labels, lay, pixels, read_yolo, size, texts

numpy = pytest.importorskip("numpy")
pytest.importorskip("PIL")
pytest.importorskip("pycocotools")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools

RING = [9.0, 11.0, 13.0, 11.0, 13.0, 15.0, 9.0, 15.0]


def outline(words: list[str], width: int, height: int) -> list[float]:
    return [float(word) * (height if at % 2 else width) for at, word in enumerate(words[1:])]


def has_mask(annotation: Annotation, sample: Sample) -> bool:
    """Tell whether an object has pixels that fit its image."""
    shape = annotation.segmentation
    if shape is None or annotation.iscrowd:
        return False
    fits = not isinstance(shape, Rle) or (shape.width, shape.height) == size(sample)
    return fits and bool(pixels(annotation, sample).any())


def pairs(dataset: datasets.Dataset, out: Path) -> Iterator[tuple[Sample, Annotation, list[str]]]:
    """Pair each object that must be there with its line."""
    written = labels(out)
    for name, sample in flat_names(dataset).items():
        lines = written.pop(stem_of(name), [])
        kept = [each for each in sample.annotations if has_mask(each, sample)]
        for annotation, line in zip(kept, lines, strict=True):
            yield sample, annotation, line
    assert not written


def bounds(annotation: Annotation, sample: Sample) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of an object's outlines, or of its pixels where it has none."""
    shape = annotation.segmentation
    if isinstance(shape, Rle):
        rows, columns = numpy.nonzero(pixels(annotation, sample))
        return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    xs, ys = ([number for part in shape or () for number in part[axis::2]] for axis in (0, 1))
    return min(xs), min(ys), max(xs), max(ys)


@pytest.mark.parametrize(("folder", "objects"), [("sample_folder", 154), ("hostile_folder", 112)])
def test_outlines_enclose_the_same_pixels(
    folder: str, objects: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    dataset = datasets.open(request.getfixturevalue(folder))
    report = dataset.convert("yolo-seg", tmp_path / "out")
    compared = 0
    for sample, annotation, line in pairs(dataset, tmp_path / "out"):
        width, height = size(sample)
        read = drawn([outline(line, width, height)], height, width)
        assert iou(read, pixels(annotation, sample)) >= (0.99 if folder == "hostile_folder" else 0.995)
        if isinstance(annotation.segmentation, Rle):
            assert (read == pixels(annotation, sample)).all()
        assert line[0] == str(dataset.categories.index(annotation.category))
        compared += 1
    assert compared == report.annotations.went_out == objects
    assert report.annotations.is_balanced
    assert report.images.is_balanced


@pytest.mark.parametrize("folder", ["sample_folder", "hostile_folder"])
def test_supervision_reads_as_many_masks_where_they_are(
    folder: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    dataset = datasets.open(request.getfixturevalue(folder))
    dataset.convert("yolo-seg", tmp_path / "out")
    samples = flat_names(dataset)
    found = 0
    for path, picture, detections in read_yolo(tmp_path / "out"):
        sample = samples[Path(path).name]
        kept = [each for each in sample.annotations if has_mask(each, sample)]
        assert len(detections) == len(kept)
        found += len(kept)
        if picture.shape[1::-1] != size(sample):
            continue
        for annotation, mask, (left, top, right, bottom) in zip(
            kept, detections.mask if kept else (), detections.xyxy, strict=True
        ):
            expected = pixels(annotation, sample).astype(bool)
            # It rounds corners, and draws the rim too, which is up to a pixel more on each side.
            assert (expected & ~mask).sum() <= max(3, 0.1 * expected.sum())
            assert (left, top, right, bottom) == pytest.approx(bounds(annotation, sample), abs=1e-3)
    assert found > 90


def test_labels_that_are_read_and_converted_again_are_the_same(hostile_folder: Path, tmp_path: Path) -> None:
    dataset = datasets.open(hostile_folder)
    dataset.convert("yolo-seg", tmp_path / "first")
    images, things = [], []
    sizes = {stem_of(name): size(sample) for name, sample in flat_names(dataset).items()}
    for number, (stem, lines) in enumerate(labels(tmp_path / "first").items(), 1):
        width, height = sizes[stem]
        images.append({"id": number, "file_name": f"{stem}.jpg", "width": width, "height": height})
        for words in lines:
            shape = [outline(words, width, height)]
            things.append(thing(len(things) + 1, shape, image_id=number, category_id=int(words[0]), bbox=..., area=...))
    kinds = [{"id": at, "name": f"{at:03}"} for at in range(len(dataset.categories))]
    again = lay(tmp_path / "in", {"images": images, "annotations": things, "categories": kinds})
    report = again.convert("yolo-seg", tmp_path / "second")
    assert report.annotations.went_out == len(things)
    assert texts(tmp_path / "second") == texts(tmp_path / "first")


def test_an_outer_and_an_inner_ring_are_drawn_as_a_union(tmp_path: Path) -> None:
    build(tmp_path / "in", ["outer and inner ring"])
    dataset = datasets.open(tmp_path / "in")
    report = dataset.convert("yolo-seg", tmp_path / "out")
    ((_, _, line),) = pairs(dataset, tmp_path / "out")
    assert outline(line, WIDTH, HEIGHT) == pytest.approx(SQUARE, abs=1e-4)
    assert report.changed["parts that overlap made one, by their pixels"] == 1


def test_a_hole_in_a_mask_stays_and_its_bridge_is_told(tmp_path: Path) -> None:
    build(tmp_path / "in", ["hole in RLE", "list counts"])
    dataset = datasets.open(tmp_path / "in")
    report = dataset.convert("yolo-seg", tmp_path / "out")
    for _, _, line in pairs(dataset, tmp_path / "out"):
        assert int(drawn([outline(line, WIDTH, HEIGHT)], HEIGHT, WIDTH).sum()) == 84
    assert report.changed["hole bridged: joined to the outline by a seam of no width"] == 2


def test_parts_are_joined_to_one_outline_and_it_is_told(tmp_path: Path) -> None:
    away = [x + 20 * (at % 2 == 0) for at, x in enumerate(SQUARE)]
    things = [thing(1, [SQUARE, away]), thing(2, rle(drawing(pieces=3)))]
    dataset = lay(tmp_path / "in", document(*things))
    report = dataset.convert("yolo-seg", tmp_path / "out")
    (lines,) = labels(tmp_path / "out").values()
    areas = [int(drawn([outline(line, WIDTH, HEIGHT)], HEIGHT, WIDTH).sum()) for line in lines]
    assert areas == [200, 300]
    assert report.changed["parts joined to one outline by bridges of no width"] == 2


@pytest.mark.parametrize("shift", [(5.0, 0.0), (5.0, 5.0), (0.0, 0.0)])
def test_parts_that_overlap_are_one_and_nothing_of_them_is_lost(shift: tuple[float, float], tmp_path: Path) -> None:
    other = [number + shift[at % 2] for at, number in enumerate(SQUARE)]
    dataset = lay(tmp_path / "in", document(thing(1, [SQUARE, other])))
    dataset.convert("yolo-seg", tmp_path / "out")
    ((sample, annotation, line),) = pairs(dataset, tmp_path / "out")
    assert (drawn([outline(line, WIDTH, HEIGHT)], HEIGHT, WIDTH) == pixels(annotation, sample)).all()


def test_parts_that_share_a_side_are_not_taken_apart(tmp_path: Path) -> None:
    other = [number + 10 * (at % 2 == 0) for at, number in enumerate(SQUARE)]
    report = lay(tmp_path / "in", document(thing(1, [SQUARE, other]))).convert("yolo-seg", tmp_path / "out")
    (((_, *words),),) = labels(tmp_path / "out").values()
    assert int(drawn([outline(["0", *words], WIDTH, HEIGHT)], HEIGHT, WIDTH).sum()) == 200
    assert "parts that overlap made one, by their pixels" not in report.changed


def test_what_has_no_mask_is_left_out_and_the_images_that_lose_all_are_told(tmp_path: Path) -> None:
    report = lay(tmp_path / "in", document(thing(1, ...))).convert("yolo-seg", tmp_path / "out")
    assert report.annotations.left_out == {"no mask, only a box": 1}
    assert any("All objects of 1 image were left out" in warning for warning in report.warnings)


def test_a_mask_of_another_size_is_left_out(tmp_path: Path) -> None:
    small = {"size": [9, 9], "counts": [40, 2, 39]}
    report = lay(tmp_path / "in", document(thing(1, small))).convert("yolo-seg", tmp_path / "out")
    assert report.annotations.left_out == {"mask of another size than its image": 1}


def test_outlines_are_clipped_to_the_image_and_it_is_told(tmp_path: Path) -> None:
    things = [thing(1, [[54, 38, 74, 38, 74, 58, 54, 58]]), thing(2, [[70, 60, 80, 60, 80, 70]], bbox=[70, 60, 10, 10])]
    report = lay(tmp_path / "in", document(*things)).convert("yolo-seg", tmp_path / "out")
    ((words,),) = labels(tmp_path / "out").values()
    assert sorted(set(outline(words, WIDTH, HEIGHT))) == pytest.approx([38, 48, 54, 64], abs=1e-4)
    assert report.annotations.left_out == {"mask without pixels in its image": 1}
    assert report.changed["outline clipped to its image"] == 2


def test_a_part_in_another_one_is_left_out_and_the_outline_stays_as_exact_as_it_was(tmp_path: Path) -> None:
    around = [6.25, 8.25, 16.75, 8.25, 16.75, 18.75, 6.25, 18.75]
    lay(tmp_path / "in", document(thing(1, [RING, around]))).convert("yolo-seg", tmp_path / "out")
    ((words,),) = labels(tmp_path / "out").values()
    assert outline(words, WIDTH, HEIGHT) == pytest.approx(around, abs=1e-3)


def test_without_pycocotools_it_is_said_which_objects_need_it_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)
    dataset = lay(tmp_path / "in", document(thing(1, rle()), thing(2, [SQUARE, RING])))
    with pytest.raises(ImportError, match=r"in several parts that may overlap need pycocotools.*\[masks\]"):
        dataset.convert("yolo-seg", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("width", "height", "limit"),
    [(2**31 - 1, 1, "1,073,741,824 pixels"), (2**21, 2, "1,048,576 pixels a side")],
)
def test_masks_of_an_image_that_is_too_large_are_left_out_but_outlines_are_not(
    tmp_path: Path, width: int, height: int, limit: str
) -> None:
    whole = {"size": [height, width], "counts": [0, height * width]}
    overlapping = [[0, 0, 9, 0, 9, 1, 0, 1], [4, 0, 12, 0, 12, 1, 4, 1]]
    apart = [[0, 0, 9, 0, 9, 1, 0, 1], [14, 0, 22, 0, 22, 1, 14, 1]]
    things = [thing(at, shape) for at, shape in enumerate((whole, overlapping, apart), 1)]
    report = lay(tmp_path / "in", document(*things, images=[image(width=width, height=height)])).convert(
        "yolo-seg", tmp_path / "out"
    )
    assert report.annotations.left_out == {f"mask of an image of {width:,} x {height:,}, above the limit of {limit}": 2}
    assert report.annotations.went_out == 1
    assert report.annotations.is_balanced
