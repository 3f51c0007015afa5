"""Rule 1 and its rows of the table: one document, whose ids are new, and of which every object leads to its source."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets import merging
from cf_ai_platform_client.datasets.report import Report

from ..conftest import files_below
from . import hostile
from .hostile import category, document, image, thing

Object = dict[str, Any]

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools, numpy 2


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "annotations"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "merged"


def write(root: Path, **documents: Object) -> None:
    for name, content in documents.items():
        path = root / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")


def merged(root: Path, out: Path, **options: Any) -> Object:
    datasets.open(root).merge(out, **options)
    found: Object = json.loads((out / "annotations.json").read_bytes())
    return found


def map_of(out: Path) -> list[Object]:
    return [json.loads(line) for line in (out / "map.jsonl").read_text(encoding="utf-8").splitlines()]


def test_two_per_item_files_with_the_same_ids_stay_apart(root: Path, out: Path) -> None:
    write(root, a=document(thing(), categories=[category(1, "tree")]))
    write(root, b=document(thing(), images=[image(1, "other.jpg")], categories=[category(1, "car", "vehicle")]))
    found = merged(root, out)
    assert [each["id"] for each in found["images"]] == [1, 2]
    assert [(each["id"], each["image_id"], each["category_id"]) for each in found["annotations"]] == [
        (1, 1, 1),
        (2, 2, 2),
    ]
    assert [(each["id"], each["name"]) for each in found["categories"]] == [(1, "tree"), (2, "car")]


def test_ids_are_dense_from_1(root: Path, out: Path) -> None:
    write(root, a=document(thing(0), thing(77), images=[image(0), image(5, "x.jpg")], categories=[category(0)]))
    write(root, b=document(thing(0, image_id=9), images=[image(9)]))
    found = merged(root, out)
    for name in ("images", "annotations", "categories"):
        assert [each["id"] for each in found[name]] == list(range(1, len(found[name]) + 1))


def test_categories_are_matched_by_supercategory_and_name_never_by_id(root: Path, out: Path) -> None:
    write(root, a=document(thing(), categories=[category(1, "tree", "plant"), category(2, "tree", "model")]))
    turned = [category(1, "tree", "model"), category(7, "tree", "plant")]
    write(root, b=document(thing(category_id=7), categories=turned))
    found = merged(root, out)
    assert [(each["supercategory"], each["name"]) for each in found["categories"]] == [
        ("plant", "tree"),
        ("model", "tree"),
    ]
    assert [each["category_id"] for each in found["annotations"]] == [1, 1]


def test_pairs_of_category_ids_beyond_those_in_mind_have_a_line_an_item(
    root: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "_REMEMBERED", 2)
    listed = [category(number, f"class {number}") for number in (1, 2, 3)]
    write(root, a=document(categories=listed), b=document(categories=listed))
    merged(root, out)
    found = [(line["id"], line["document"]) for line in map_of(out) if line["kind"] == "category"]
    assert found == [(1, "a.json"), (2, "a.json"), (3, "a.json"), (3, "b.json")]


def test_a_license_that_is_no_id_stays_as_it_is(root: Path, out: Path) -> None:
    images = [image(1, license=[1]), image(2, "b.jpg", license={}), image(3, "c.jpg", license=7)]
    write(root, a=document(images=images, licenses=[{"id": 7, "name": "CC0"}]))
    assert [each["license"] for each in merged(root, out)["images"]] == [[1], {}, 1]


def test_images_without_names_have_keys_of_their_own(root: Path) -> None:
    names = ["", "#2", "", "", "#2"]
    write(root, a=document(images=[image(at, name) for at, name in enumerate(names, 1)]))
    keys = [sample.key for sample in datasets.open(root).samples()]
    assert keys == ["a/", "a/#2", "a/#3", "a/#4", "a/#2#2"]


def test_categories_and_images_without_annotations_are_kept(root: Path, out: Path) -> None:
    write(root, a=document(categories=[category(3, "never seen")]))
    found = merged(root, out)
    assert [each["name"] for each in found["categories"]] == ["never seen"]
    assert (len(found["images"]), found["annotations"]) == (1, [])


def test_sources_are_kept_in_extra_fields_and_lead_back_from_the_map(root: Path, out: Path) -> None:
    write(root, North__a=document(thing(8), images=[image(1)]), South__b=document(thing(8), categories=[category(4)]))
    write(root, South__b=document(thing(9, image_id=6, category_id=4), images=[image(6)], categories=[category(4)]))
    found = merged(root, out)
    assert [
        (each["work_item_id"], each["batch"], each["source_id"], each["source_file"]) for each in found["images"]
    ] == [
        ("a", "North", 1, "North/a.json"),
        ("b", "South", 6, "South/b.json"),
    ]
    assert [(each["work_item_id"], each["batch"], each["source_id"]) for each in found["annotations"]] == [
        ("a", "North", 8),
        ("b", "South", 9),
    ]
    place = {"work_item_id": "b", "batch": "South", "document": "South/b.json"}
    assert map_of(out)[-3:] == [
        {"kind": "category", "id": 1, "source_id": 4, **place},
        {"kind": "image", "id": 2, "source_id": 6, **place},
        {"kind": "annotation", "id": 2, "source_id": 9, **place},
    ]


def test_licenses_become_one_where_they_are_equal_and_images_follow(root: Path, out: Path) -> None:
    one, other = {"name": "CC BY", "url": "https://example.com/by"}, {"name": "CC0"}
    write(root, a=document(images=[image(license=1)], licenses=[{"id": 1, **one}]))
    write(root, b=document(images=[image(license=2)], licenses=[{"id": 1, **other}, {"id": 2, **one}]))
    found = merged(root, out)
    assert found["licenses"] == [{"id": 1, **one}, {"id": 2, **other}]
    assert [each["license"] for each in found["images"]] == [1, 1]


def test_of_info_what_all_documents_say_is_kept(root: Path, out: Path) -> None:
    write(root, a=document(info={"year": 2026, "asset_url": "a"}), b=document(info={"year": 2026, "asset_url": "b"}))
    assert merged(root, out)["info"] == {"year": 2026}


def test_rle_is_written_with_string_counts(root: Path, out: Path) -> None:
    listed = {"size": [48, 64], "counts": hostile.runs(hostile.drawing())}
    write(root, a=document(thing(1, listed), thing(2, hostile.rle())))
    assert [each["segmentation"] for each in merged(root, out)["annotations"]] == [hostile.rle()] * 2


def test_names_are_ascii_unless_asked_for(root: Path, out: Path, tmp_path: Path) -> None:
    write(root, a=document(thing(), images=[image(1, "樹 😀.jpg")], categories=[category(1, "Bäume")]))
    found = merged(root, out)
    assert (out / "annotations.json").read_bytes().isascii()
    merged(root, tmp_path / "utf8", ascii_only=False)
    content = (tmp_path / "utf8/annotations.json").read_bytes()
    assert "樹 😀.jpg".encode() in content
    assert json.loads(content) == found


def test_an_image_on_the_disk_has_the_name_that_leads_to_it(root: Path, out: Path) -> None:
    pytest.importorskip("PIL")
    write(
        root, North__a=document(images=[image(1, "https://cdn/x.jpg")]), North__b=document(images=[image(1, "y.jpg")])
    )
    hostile.write_image(root / "North/a.jpg", 64, 48)
    assert [(each["file_name"], each.get("original_file_name")) for each in merged(root, out)["images"]] == [
        ("North/a.jpg", "https://cdn/x.jpg"),
        ("y.jpg", None),
    ]


def test_names_on_the_disk_that_are_alike_stay_when_they_are_merged_again(
    root: Path, out: Path, tmp_path: Path
) -> None:
    pytest.importorskip("PIL")
    write(root, a=document(images=[image(1, "same.jpg"), image(2, "same.png")]))
    for name in ("same.jpg", "same.png"):
        hostile.write_image(root / name, 64, 48)
    report = datasets.open(root).merge(out)
    assert "1 of the images on the disk have a name that another has" in report.warnings[1]
    assert [each["file_name"] for each in merged(out, tmp_path / "again")["images"]] == ["same.jpg", "same.png"]
    assert (tmp_path / "again/annotations.json").read_bytes() == (out / "annotations.json").read_bytes()


def test_images_are_copied_under_names_of_their_own(root: Path, out: Path) -> None:
    pytest.importorskip("PIL")
    write(root, North__a=document(images=[image(1, "p.jpg")]), South__b=document(images=[image(1, "P.png")]))
    hostile.write_image(root / "North/p.jpg", 64, 48)
    hostile.write_image(root / "South/P.png", 64, 48)
    names = [each["file_name"] for each in merged(root, out, images="copy")["images"]]
    assert names == ["North/p.jpg", "South/P.png"]
    assert (out / "images/South/P.png").read_bytes() == (root / "South/P.png").read_bytes()


def test_out_may_be_a_file(root: Path, tmp_path: Path) -> None:
    write(root, a=document(thing()))
    target = tmp_path / "all.json"
    report = datasets.open(root).merge(target)
    assert report.files == [str(target), str(tmp_path / "all.map.jsonl")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.json", "all.map.jsonl", "annotations"]
    with pytest.raises(ValueError, match=r"all\.json is there already"):
        datasets.open(root).merge(target)
    with pytest.raises(ValueError, match=r"a file, but images need a folder"):
        datasets.open(root).merge(tmp_path / "b.json", images="copy")
    with pytest.raises(ValueError, match="images is 'move', but must be one of: copy, link, none"):
        datasets.open(root).merge(tmp_path / "b.json", images="move")  # type: ignore[arg-type]


def test_a_file_is_replaced_where_an_earlier_merge_wrote_it_and_no_other(root: Path, tmp_path: Path) -> None:
    write(root, a=document(thing()))
    target, lines = tmp_path / "all.json", tmp_path / "all.map.jsonl"
    dataset = datasets.open(root)
    dataset.merge(target)
    first = target.read_bytes(), lines.read_bytes()
    dataset.filter(categories=[]).merge(target, overwrite=True)
    assert (target.read_bytes(), lines.read_bytes()) != first
    dataset.merge(target, overwrite=True)
    assert (target.read_bytes(), lines.read_bytes()) == first
    for path, content in ((target, b"precious"), (lines, b"precious"), (lines, b'{"kind": 1}'), (lines, b"\xff")):
        kept, whole = path.read_bytes(), files_below(tmp_path)
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"all\.(map\.)?jsonl? is not known to be of an earlier run"):
            dataset.merge(target, overwrite=True)
        assert files_below(tmp_path) == {**whole, path.name: content}
        path.write_bytes(kept)


def test_images_of_one_document_with_one_id_and_name_stay_apart(root: Path, out: Path, tmp_path: Path) -> None:
    twins = [image(1, "a.jpg"), image(1, "a.jpg", height=9), image(2, "b/a.jpg"), image(2, "b_a.jpg")]
    write(root, d=document(images=twins))
    names = [each["file_name"] for each in merged(root, out)["images"]]
    assert len({name.casefold() for name in names}) == 4
    copied = merged(root, tmp_path / "copied", images="copy")
    assert [each["file_name"] for each in copied["images"]] == names
    assert merged(out, tmp_path / "again") == merged(root, tmp_path / "anew")


def test_an_image_is_no_folder_of_another(root: Path, out: Path, tmp_path: Path) -> None:
    write(root, x__d=document(images=[image(1, "a")]), y__e=document(images=[image(1, "a/b.jpg")]))
    (root / "y/a").mkdir()
    (root / "x/a").write_bytes(b"1")
    (root / "y/a/b.jpg").write_bytes(b"2")
    found = [each["file_name"] for each in merged(root, out, images="copy")["images"]]
    assert [(out / "images" / name).read_bytes() for name in found] == [b"1", b"2"]
    again = merged(out, tmp_path / "again", images="copy")
    assert [each["file_name"] for each in again["images"]] == found


FOREIGN = {"source_id": "cam", "source_file": "../../nowhere.json", "batch": 5}


@pytest.mark.parametrize(
    ("members", "kept"),
    [
        ({"source_id": "cam"}, {"original_source_id": "cam"}),
        (FOREIGN, {"original_source_id": "cam", "original_source_file": "../../nowhere.json"}),
        ({"source_id": 1, "original_source_id": 2}, {"original_original_source_id": 1, "original_source_id": 2}),
        ({"source_id": True, "work_item_id": ""}, {"original_source_id": True, "original_work_item_id": ""}),
        ({"source_id": 9, "source_file": "North/a.json", "batch": "North"}, {}),
    ],
)
def test_members_of_others_that_are_named_as_ours_are_kept_apart(
    root: Path, out: Path, tmp_path: Path, members: Object, kept: Object
) -> None:
    write(root, North__a=document(thing(8, image_id=9, source_id="x", batch="y"), images=[image(9, **members)]))
    found = merged(root, out)
    (row,), (annotation,) = found["images"], found["annotations"]
    place: Object = {"work_item_id": "a", "batch": "North"}
    place |= {"source_id": 9, "source_file": "North/a.json", "sample_key": "North/a/plot.jpg"}
    assert row == {**image(1), **place, **kept}
    assert (annotation["source_id"], annotation["batch"]) == (8, "North")
    assert (annotation["original_source_id"], annotation["original_batch"]) == ("x", "y")
    for line, source_id in zip(map_of(out)[1:], (9, 8), strict=True):
        assert (line["source_id"], line["batch"], line["document"]) == (source_id, "North", "North/a.json")
    assert merged(out, tmp_path / "again") == found
    assert map_of(tmp_path / "again")[1:] == map_of(out)[1:]


def test_the_hostile_collection_comes_in_goes_out_and_is_left_out_as_said(root: Path, out: Path) -> None:
    cases = hostile.build(root)
    report = datasets.open(root).merge(out)
    found = json.loads((out / "annotations.json").read_bytes())
    assert report.annotations.is_balanced
    assert report.images.is_balanced
    assert report.annotations.came_in == sum(case.came_in for case in cases)
    assert report.annotations.went_out == len(found["annotations"]) == sum(case.out for case in cases)
    assert report.images.went_out == len(found["images"])
    assert report.documents.is_balanced


def collection(root: Path, which: str) -> None:
    if which == "hostile":
        hostile.build(root)
    else:
        source = Path(datasets.__file__).parent.parent / "sandbox/data/coco"
        for name, content in files_below(source).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)


@pytest.mark.parametrize("which", ["sample", "hostile"])
def test_merging_what_was_merged_gives_the_same_bytes(root: Path, out: Path, tmp_path: Path, which: str) -> None:
    collection(root, which)
    merged(root, out)
    again = tmp_path / "again"
    datasets.open(out).merge(again)
    assert (again / "annotations.json").read_bytes() == (out / "annotations.json").read_bytes()
    datasets.open(out / "annotations.json").merge(tmp_path / "third.json")
    assert (tmp_path / "third.json").read_bytes() == (out / "annotations.json").read_bytes()


def test_the_bytes_are_the_same_on_every_machine(root: Path, tmp_path: Path) -> None:
    hostile.build(root)
    code = "import sys; from cf_ai_platform_client import datasets; datasets.open(sys.argv[1]).merge(sys.argv[2])"
    for seed in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, root, tmp_path / seed], check=True, env=environ)
    for name in ("annotations.json", "map.jsonl"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


@pytest.mark.parametrize("which", ["sample", "hostile"])
def test_the_map_is_injective_and_names_every_new_id(root: Path, out: Path, which: str) -> None:
    collection(root, which)
    found = merged(root, out)
    for kind, rows in (("image", found["images"]), ("annotation", found["annotations"])):
        lines = [line for line in map_of(out) if line["kind"] == kind]
        assert [line["id"] for line in lines] == [row["id"] for row in rows]
        if which == "sample":
            assert len({(line["document"], line["source_id"]) for line in lines}) == len(lines)
    assert {line["id"] for line in map_of(out) if line["kind"] == "category"} == {
        row["id"] for row in found["categories"]
    }


def loaded(path: Path) -> Any:
    coco = pytest.importorskip("pycocotools.coco")
    with redirect_stdout(io.StringIO()):
        return coco.COCO(str(path))


@pytest.mark.parametrize("which", ["sample", "hostile"])
def test_pycocotools_reads_the_same_images_boxes_and_masks(root: Path, out: Path, which: str) -> None:
    numpy: Any = pytest.importorskip("numpy")
    masks: Any = pytest.importorskip("pycocotools.mask")
    collection(root, which)
    dataset = datasets.open(root)
    dataset.merge(out)
    coco = loaded(out / "annotations.json")
    samples = list(dataset.samples())
    assert len(coco.imgs) == len(samples)
    assert len(coco.anns) == sum(len(sample.annotations) for sample in samples)
    assert [each["name"] for each in coco.loadCats(coco.getCatIds())] == [each.name for each in dataset.categories]
    number = 0
    for image_id, sample in enumerate(samples, 1):
        for annotation in sample.annotations:
            number += 1
            read = coco.anns[number]
            assert (read["image_id"], tuple(read["bbox"])) == (image_id, annotation.bbox)
            shape: Any = annotation.segmentation
            if read.get("segmentation") and isinstance(read["segmentation"], dict):
                size = [shape.height, shape.width]
                source = masks.decode({"size": size, "counts": shape.counts.encode()})
                assert numpy.array_equal(masks.decode(read["segmentation"]), source)
    assert number == len(coco.anns)


def detection(truth: Any, annotation: Object, kind: str) -> Object:
    shape = {"bbox": annotation["bbox"]} if kind == "bbox" else {"segmentation": truth.annToRLE(annotation)}
    return {"image_id": annotation["image_id"], "category_id": annotation["category_id"], "score": 0.9, **shape}


@pytest.mark.parametrize("which", ["sample", "hostile"])
@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_a_merged_set_as_its_own_detections_is_perfect(root: Path, out: Path, which: str, kind: str) -> None:
    evaluation: Any = pytest.importorskip("pycocotools.cocoeval")
    if which == "hostile":
        hostile.clean(root)
    else:
        collection(root, which)
    merged(root, out)
    truth = loaded(out / "annotations.json")
    lacking = {each["image_id"] for each in truth.anns.values() if kind == "segm" and "segmentation" not in each}
    chosen = [each for each in truth.anns.values() if not each["iscrowd"] and each["image_id"] not in lacking]
    with redirect_stdout(io.StringIO()):
        found = truth.loadRes([detection(truth, each, kind) for each in chosen])
        judge = evaluation.COCOeval(truth, found, kind)
        judge.params.imgIds = sorted({each["image_id"] for each in chosen})
        judge.params.maxDets = [1, 100, 1000]
        judge.evaluate()
        judge.accumulate()
    precision = judge.eval["precision"][:, :, :, 0, -1]
    assert precision[precision > -1].mean() == pytest.approx(1.0)
    assert (precision > -1).any()


text = st.text(max_size=5)
things = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([1, 2])), max_size=5)
documents = st.lists(st.tuples(st.lists(text, min_size=1, max_size=3), text, things), max_size=4)


@given(documents)
def test_merging_is_injective_and_a_fixed_point(tmp_path_factory: pytest.TempPathFactory, found: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("merging")
    for number, (names, category_name, objects) in enumerate(found):
        content = document(
            *(thing(each, image_id=at % len(names), category_id=which) for each, (at, which) in enumerate(objects)),
            images=[image(at, name) for at, name in enumerate(names)],
            categories=[category(1, category_name), category(2, "tree")],
        )
        write(folder / "in", **{f"{number}": content})
    (folder / "in").mkdir(exist_ok=True)
    report: Report = datasets.open(folder / "in").merge(folder / "out")
    lines = [json.dumps([line["kind"], line["document"], line["source_id"]]) for line in map_of(folder / "out")]
    kept = [line for line in lines if "category" not in line]
    assert len(set(kept)) == len(kept) == report.images.went_out + report.annotations.went_out
    datasets.open(folder / "out").merge(folder / "again")
    assert (folder / "again/annotations.json").read_bytes() == (folder / "out/annotations.json").read_bytes()
