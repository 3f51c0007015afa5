from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.frames import to_pandas, to_polars

from .awkward import NAMES, lay_awkward
from .sample import lay_sample

pytest.importorskip("pyarrow")


@pytest.fixture
def awkward(tmp_path: Path) -> datasets.Dataset:
    return datasets.open(lay_awkward(tmp_path / "awkward"))


def test_pandas_has_the_annotations_with_their_boxes(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    dataset = datasets.open(lay_sample(tmp_path / "in"))
    frame = dataset.to_pandas()
    assert len(frame) == 615
    boxes: Any = frame[["bbox_x", "bbox_y", "bbox_width", "bbox_height"]].itertuples(index=False, name=None)
    assert list(boxes) == [annotation.bbox for annotation in dataset.annotations()]
    assert frame["area"].sum() == sum(annotation.area for annotation in dataset.annotations())


def test_pandas_types_tell_what_a_column_holds(awkward: datasets.Dataset) -> None:
    pandas = pytest.importorskip("pandas")
    frame = to_pandas(awkward)
    types = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert types["category"] == types["supercategory"] == types["batch"] == "category"
    assert types["annotation_id"] == types["image_id"] == types["category_id"] == "int64"
    assert types["num_keypoints"] == "Int64"
    assert types["bbox_x"] == types["area"] == "float64"
    assert types["iscrowd"] == "bool"
    assert frame["num_keypoints"][0] == 2
    assert frame["num_keypoints"][1] is pandas.NA
    assert list(frame["category"].cat.categories) == NAMES


def test_polars_has_the_same_as_pandas(awkward: datasets.Dataset) -> None:
    pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    for table in ("annotations", "images", "categories"):
        here, there = to_polars(awkward, table), to_pandas(awkward, table)
        assert list(here.columns) == list(there.columns)
        for name in here.columns:
            assert here[name].is_null().to_list() == there[name].isna().tolist()
            assert here[name].drop_nulls().to_list() == there[name].dropna().tolist()
    assert to_polars(awkward).schema["category"] == polars.Categorical
    assert to_polars(awkward)["category"].cast(polars.String).unique(maintain_order=True).to_list() == NAMES


def test_the_path_of_an_image_opens_as_it_is(tmp_path: Path) -> None:
    pytest.importorskip("polars")
    images = to_polars(datasets.open(lay_sample(tmp_path / "in")), "images")
    assert len(images) == 36
    assert all(Path(path).is_file() for path in images["path"])


@pytest.mark.parametrize("frame", [to_pandas, to_polars])
def test_another_table_is_refused_with_the_names_of_those_that_are(frame: Any, awkward: datasets.Dataset) -> None:
    with pytest.raises(ValueError, match="table is 'boxes', but must be one of: images, annotations, categories"):
        frame(awkward, "boxes")


@pytest.mark.parametrize("frame", [to_pandas, to_polars])
def test_what_is_left_out_is_a_warning_without_a_report(frame: Any, tmp_path: Path) -> None:
    pytest.importorskip(frame.__name__.removeprefix("to_"))
    box = {"image_id": 1, "bbox": [0, 0, 2, 2]}
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}],
        "categories": [{"id": 1, "name": "tree"}],
        "annotations": [{**box, "id": 1, "category_id": 1}, {**box, "id": 2, "category_id": 7}],
    }
    (tmp_path / "a.json").write_text(json.dumps(document), encoding="utf-8")
    dataset, report = datasets.open(tmp_path), datasets.Report()
    assert len(frame(dataset, report=report)) == 1
    assert report.annotations.is_balanced
    (reason,) = report.annotations.left_out
    with pytest.warns(UserWarning, match="Left out: 1 of 2 annotations") as warned:
        frame(dataset)
    assert reason in str(warned[0].message)
