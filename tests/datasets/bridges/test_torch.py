"""The torch bridge inside torch: what a detector is given, from one process and from workers."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.bridges.torch import collate, to_torch
from cf_ai_platform_client.datasets.records import Annotation, Rle
from cf_ai_platform_client.datasets.report import Report
from cf_ai_platform_client.errors import ItemError

from .. import hostile
from ..folders import write
from ..hostile import CASES, HEIGHT, WIDTH, build, clean, drawing, thing, write_image
from ..sample import lay_sample

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
tool = pytest.importorskip("pycocotools.mask")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> datasets.Dataset:
    return datasets.open(lay_sample(tmp_path_factory.mktemp("sample")))


def one(folder: Path, *names: str) -> datasets.Dataset:
    build(folder, names)
    return datasets.open(folder)


def twice(image: Any, target: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return image * 2, {**target, "seen": True}


def test_it_is_a_torch_dataset_of_all_images_and_annotations(sample: datasets.Dataset) -> None:
    found = sample.to_torch()
    assert isinstance(found, torch.utils.data.Dataset)
    assert len(found) == 36
    targets = [target for _, target in found]
    assert [target["image_id"] for target in targets] == [*range(1, 37)]
    assert sum(len(target["labels"]) for target in targets) == 615
    assert found.report.images.is_balanced
    assert found.report.annotations.is_balanced


def test_boxes_are_corners_and_labels_category_ids(sample: datasets.Dataset) -> None:
    for (_, target), records in zip(sample.to_torch(), sample.samples(), strict=True):
        boxes = [[x, y, x + w, y + h] for x, y, w, h in (each.bbox for each in records.annotations)]
        assert torch.allclose(target["boxes"], torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), atol=1e-3)
        assert target["boxes"].dtype == torch.float32
        assert target["labels"].tolist() == [each.category.id for each in records.annotations]
        assert target["labels"].dtype == target["iscrowd"].dtype == torch.int64
        assert target["area"].tolist() == pytest.approx([each.area for each in records.annotations])


def test_pixels_are_those_that_pillow_reads(sample: datasets.Dataset) -> None:
    from PIL import Image

    image, _ = sample.to_torch()[0]
    with Image.open(next(iter(sample.samples())).path or "") as picture:
        pixels = torch.tensor(list(picture.convert("RGB").tobytes())).reshape(picture.height, picture.width, 3)
    assert image.dtype == torch.float32
    assert torch.equal((image * 255).round().to(torch.int64), pixels.permute(2, 0, 1))


def test_masks_are_there_where_each_annotation_has_one(tmp_path: Path) -> None:
    dataset = one(tmp_path, "RLE with iscrowd 0", "string counts and multi-part polygons", "hole in RLE", "list counts")
    found = dataset.to_torch()
    areas = []
    for image, target in found:
        assert target["masks"].dtype == torch.uint8
        assert target["masks"].shape == (len(target["labels"]), *image.shape[1:])
        areas += target["masks"].sum(dim=(1, 2)).tolist()
    assert sorted(areas) == [84, 84, 100, 100, 200]


def test_a_mask_is_the_drawing_pixel_by_pixel(tmp_path: Path) -> None:
    (_, target), *_ = one(tmp_path, "hole in RLE").to_torch()
    assert ["".join(".#"[pixel] for pixel in row) for row in target["masks"][0].tolist()] == drawing(hole=True)


def test_without_a_mask_for_each_there_are_none(tmp_path: Path) -> None:
    dataset = one(tmp_path, "degenerate boxes", "RLE with iscrowd 0", "boxes out of the image")
    assert all("masks" in target for _, target in dataset.filter(item_ids=["RLE with iscrowd 0"]).to_torch())
    assert all("masks" not in target for _, target in dataset.to_torch(report=datasets.Report()))
    assert all("masks" not in target for _, target in one(tmp_path / "one", "crowds").to_torch(masks=False))


def test_with_masks_the_annotations_without_are_left_out_and_told(sample: datasets.Dataset) -> None:
    assert all("masks" not in target for _, target in sample.to_torch())
    with pytest.warns(UserWarning, match=r"^Left out: 461 of 615 annotations \(no segmentation\)\. Pass report="):
        found = sample.to_torch(masks=True)
    boxes_only = sum(not each.segmentation for each in sample.annotations())
    assert 0 < boxes_only < 615
    assert found.report.annotations.left_out == {"no segmentation": boxes_only}
    assert sum(len(target["masks"]) for _, target in found) == 615 - boxes_only
    assert found.report.annotations.is_balanced


def seen_by_pycocotools(annotation: Annotation, size: tuple[int, int]) -> int:
    shape = annotation.segmentation
    if isinstance(shape, Rle):
        return int(tool.area({"size": [shape.height, shape.width], "counts": shape.counts.encode()}))
    return int(tool.area(tool.merge(tool.frPyObjects([list(part) for part in shape or ()], *size))))


def test_masks_of_the_sample_have_the_areas_that_pycocotools_sees(sample: datasets.Dataset) -> None:
    found = sample.to_torch(masks=True, report=datasets.Report())
    for at in range(len(found)):
        image, target = found[at]
        shapes = [each for each in found.sample(at).annotations if each.segmentation]
        areas = [seen_by_pycocotools(each, tuple(image.shape[1:])) for each in shapes]
        assert target["masks"].sum(dim=(1, 2)).tolist() == areas


def test_keypoints_are_n_by_k_by_3(tmp_path: Path) -> None:
    (_, target), *more = one(tmp_path, "keypoints").to_torch()
    assert not more
    assert target["keypoints"].tolist() == [[[11, 9, 2], [9, 10, 1], [0, 0, 0]]]


def test_keypoints_that_no_category_names_cannot_be_asked_for(sample: datasets.Dataset) -> None:
    with pytest.raises(ValueError, match="keypoints is True, but no category names its keypoints"):
        sample.to_torch(keypoints=True)


def test_an_image_without_annotations_has_empty_tensors(tmp_path: Path) -> None:
    found = one(tmp_path, "image without annotations").to_torch()
    assert len(found) == 2
    for _, target in found:
        assert target["boxes"].shape == (0, 4)
        assert target["labels"].shape == target["area"].shape == target["iscrowd"].shape == (0,)


def test_boxes_without_area_do_not_reach_it_and_are_told(tmp_path: Path) -> None:
    dataset = one(tmp_path, "degenerate boxes", "boxes out of the image")
    report = Report()
    found = to_torch(dataset, report=report)
    for _, target in found:
        boxes = target["boxes"]
        assert bool((boxes[:, 2:] > boxes[:, :2]).all())
        assert bool((boxes >= 0).all() and (boxes[:, 0::2] <= WIDTH).all() and (boxes[:, 1::2] <= HEIGHT).all())
    assert report.annotations.left_out["box outside the image"] == 1
    assert report.changed["box clipped to the image"] == 1
    assert report.annotations.is_balanced


def test_crowds_keep_their_sign(tmp_path: Path) -> None:
    (_, target), *_ = one(tmp_path, "crowds").to_torch()
    assert target["iscrowd"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("name", "shape"),
    [("EXIF, the raw size", (3, HEIGHT, WIDTH)), ("EXIF, the oriented size", (3, HEIGHT, WIDTH))],
)
def test_an_image_is_turned_when_only_then_its_size_is_the_documents(
    name: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    image, _ = one(tmp_path, name).to_torch()[0]
    assert image.shape == shape


def test_an_image_of_another_size_names_the_item(tmp_path: Path) -> None:
    found = one(tmp_path, "size is not the image's").to_torch()
    with pytest.raises(
        ItemError, match=r"32 × 32 pixels, but the document says 64 × 48: its boxes do not fit"
    ) as caught:
        found[0]
    assert caught.value.item_id == "size is not the image's"


def test_a_missing_image_names_the_item_or_is_skipped_and_told(tmp_path: Path) -> None:
    dataset = one(tmp_path, "crowds", "keypoints")
    next(tmp_path.rglob("crowds plot.jpg")).unlink()
    with pytest.raises(ItemError, match=r"Work item crowds .*'crowds plot.jpg' is not on the disk.*assets") as caught:
        dataset.to_torch()
    assert caught.value.item_id == "crowds"
    found = dataset.to_torch(missing="skip", report=datasets.Report())
    assert [target["image_id"] for _, target in found] == [2]
    assert found.report.images.left_out == {"no image on the disk": 1}
    assert found.report.annotations.left_out == {"no image on the disk": 2}
    assert found.report.annotations.is_balanced
    with pytest.raises(ValueError, match="missing is 'ignore', but must be one of: raise, skip"):
        dataset.to_torch(missing="ignore")


def test_a_file_that_is_no_image_names_the_item(tmp_path: Path) -> None:
    dataset = one(tmp_path, "crowds")
    next(tmp_path.rglob("crowds plot.jpg")).write_bytes(b"no image")
    with pytest.raises(ItemError, match="Work item crowds .* is no image that can be read"):
        dataset.to_torch()[0]


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    from PIL import Image

    dataset = one(tmp_path, "crowds")
    path = next(tmp_path.rglob("crowds plot.jpg"))
    Image.frombytes("I;16", (WIDTH, HEIGHT), (257 * 100).to_bytes(2, "little") * (WIDTH * HEIGHT)).save(path, "PNG")
    image, _ = dataset.to_torch()[0]
    assert (image * 255).round().unique().tolist() == [100]


def test_an_image_whose_document_has_no_size_has_its_own(tmp_path: Path) -> None:
    dataset = one(tmp_path, "null width and height")
    image, target = dataset.to_torch()[0]
    assert image.shape == (3, HEIGHT, WIDTH)
    assert len(target["labels"]) == 1


def test_it_goes_through_a_pickle_and_transforms_are_applied(tmp_path: Path) -> None:
    clean(tmp_path)
    found = to_torch(datasets.open(tmp_path).filter(item_ids=["crowds", "keypoints"]), transforms=twice)
    again = pickle.loads(pickle.dumps(found))
    assert isinstance(again, torch.utils.data.Dataset)
    for (image, target), (other, same) in zip(found, again, strict=True):
        assert torch.equal(image, other)
        assert torch.equal(target["boxes"], same["boxes"])
        assert target["seen"]


@pytest.mark.slow
def test_workers_that_are_spawned_give_the_same(sample: datasets.Dataset) -> None:
    found = sample.to_torch()
    loader = torch.utils.data.DataLoader(
        found, batch_size=8, num_workers=1, collate_fn=collate, multiprocessing_context="spawn"
    )
    ids = [target["image_id"] for _, targets in loader for target in targets]
    assert ids == [*range(1, 37)]


def test_random_order_is_the_same_as_in_turn(sample: datasets.Dataset) -> None:
    found = sample.to_torch()
    forward = {at: found[at][1]["boxes"] for at in range(len(found))}
    for at in reversed(range(len(found))):
        assert torch.equal(found[at][1]["boxes"], forward[at])
    with pytest.raises(IndexError):
        found[len(found)]


def test_every_clean_case_reaches_torch_with_each_annotation(tmp_path: Path) -> None:
    cases = clean(tmp_path)
    found = datasets.open(tmp_path).to_torch()
    assert sum(len(target["labels"]) for _, target in found) == sum(case.out for case in cases)
    assert len(found) == sum(case.images_out for case in cases)
    assert max(int(target["labels"].max()) for _, target in found if len(target["labels"])) > 256


def test_cocoeval_takes_the_targets_for_perfect_detections(sample: datasets.Dataset, tmp_path: Path) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    part = sample.split(0.5, 0.25, 0.25, seed=3).train
    part.convert("coco", tmp_path / "out", images="none")
    detections = [
        {
            "image_id": target["image_id"],
            "category_id": label,
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "score": 0.9,
        }
        for _, target in part.to_torch()
        for label, box in zip(target["labels"].tolist(), target["boxes"].tolist(), strict=True)
    ]
    truth = COCO(str(tmp_path / "out" / "annotations.json"))
    evaluation = COCOeval(truth, truth.loadRes(detections), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert len(detections) > 100
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_all_cases_are_accounted_for(tmp_path: Path) -> None:
    build(tmp_path)
    report = Report()
    to_torch(datasets.open(tmp_path), missing="skip", report=report)
    assert report.annotations.came_in == sum(case.came_in for case in CASES.values())
    assert report.annotations.is_balanced
    assert report.images.is_balanced


def test_masks_that_are_too_large_to_draw_name_the_item(tmp_path: Path) -> None:
    write(tmp_path / "item.json", thing(), images=[hostile.image(width=100_000, height=100_000)])
    dataset = datasets.open(tmp_path)
    write_image(tmp_path / "plot.jpg", WIDTH, HEIGHT)
    for masks in (None, True):
        with pytest.raises(ItemError, match=r"^Work item item .*100,000 x 100,000, above the limit of 1,073,741,824"):
            dataset.to_torch(masks=masks)
    assert len(dataset.to_torch(masks=False)) == 1


def test_it_says_what_it_is(sample: datasets.Dataset) -> None:
    assert repr(sample.to_torch()) == "<TorchDataset images=36 targets=boxes>"
    nuclei = sample.filter(categories=["nucleus"], keep_empty=False)
    assert repr(nuclei.to_torch()) == "<TorchDataset images=16 targets=boxes,masks>"
