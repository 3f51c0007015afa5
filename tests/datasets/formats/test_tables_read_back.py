"""The tables of each format, read by pandas, polars and pyarrow: the same rows, values and types that were written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.formats.csv_tables import pandas_options, polars_options
from cf_ai_platform_client.datasets.table_writing import relative_path
from cf_ai_platform_client.datasets.tables import TABLES, annotation_row, category_row, image_row

from ..awkward import NAMES, POINTS, RLE, SQUARE, lay_awkward
from ..hostile import build, clean
from ..sample import lay_sample

FORMATS = ("csv", "jsonl", "parquet", "arrow")
Rows = list[dict[str, Any]]


def with_pandas(folder: Path, table: str, format: str) -> Rows:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = folder / f"{table}.{format}"
    if format == "csv":
        frame = pandas.read_csv(path, **pandas_options(table))
    elif format == "jsonl":
        frame = pandas.read_json(path, lines=True, dtype=False, precise_float=True)
    else:
        frame = pandas.read_parquet(path) if format == "parquet" else pandas.read_feather(path)
    return [{name: missing_is_none(value) for name, value in row.items()} for row in frame.to_dict("records")]


def with_polars(folder: Path, table: str, format: str) -> Rows:
    polars = pytest.importorskip("polars")
    path = folder / f"{table}.{format}"
    if format == "csv":
        frame = polars.read_csv(path, **polars_options(table))
    elif format == "jsonl":
        frame = polars.read_ndjson(path, infer_schema_length=None)
    else:
        frame = polars.read_parquet(path) if format == "parquet" else polars.read_ipc(path)
    rows: Rows = frame.to_dicts()
    return rows


def missing_is_none(value: Any) -> Any:
    return None if type(value).__name__ == "NAType" or (isinstance(value, float) and math.isnan(value)) else value


def expected(dataset: datasets.Dataset, path: Any = lambda sample: None) -> dict[str, Rows]:
    rows: dict[str, list[Any]] = {"images": [], "annotations": [], "categories": []}
    for sample in dataset.samples():
        number = len(rows["images"]) + 1
        rows["images"].append(image_row(sample, number, path=path(sample), split=None))
        for annotation in sample.annotations:
            count = len(rows["annotations"]) + 1
            rows["annotations"].append(annotation_row(annotation, sample, count, number, split=None))
    rows["categories"] = list(map(category_row, dataset.categories))
    return {
        table: [dict(zip([column.name for column in columns], row, strict=True)) for row in rows[table]]
        for table, columns in TABLES.items()
    }


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("awkward")
    return lay_awkward(folder / "in")


@pytest.mark.parametrize("read", [with_pandas, with_polars])
@pytest.mark.parametrize("format", FORMATS)
def test_awkward_values_come_back_as_they_were(read: Any, format: str, awkward: Path, tmp_path: Path) -> None:
    if format in ("parquet", "arrow"):
        pytest.importorskip("pyarrow")
    dataset = datasets.open(awkward)
    report = dataset.convert(format, tmp_path / "out", images="none")
    assert (report.images.went_out, report.annotations.went_out) == (2 * len(NAMES), 3 * len(NAMES))
    for table, rows in expected(dataset).items():
        assert read(tmp_path / "out", table, format) == rows


@pytest.mark.parametrize("format", FORMATS)
def test_the_sample_comes_back_with_all_boxes(format: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    dataset = datasets.open(lay_sample(tmp_path / "in"))
    report = dataset.convert(format, tmp_path / "out")
    assert (report.documents.went_out, report.images.went_out, report.annotations.went_out) == (36, 36, 615)
    rows = with_polars(tmp_path / "out", "annotations", format)
    boxes = [(row["bbox_x"], row["bbox_y"], row["bbox_width"], row["bbox_height"]) for row in rows]
    assert boxes == [annotation.bbox for annotation in dataset.annotations()]
    assert [row["area"] for row in rows] == [annotation.area for annotation in dataset.annotations()]
    images = with_polars(tmp_path / "out", "images", format)
    assert [row["image_id"] for row in images] == [*range(1, 37)]
    assert {row["image_id"] for row in rows} <= {row["image_id"] for row in images}
    assert all((tmp_path / "out" / row["path"]).is_file() for row in images)
    categories = with_polars(tmp_path / "out", "categories", format)
    named = {row["category_id"]: (row["supercategory"], row["category"]) for row in categories}
    assert {(named[row["category_id"]], (row["supercategory"], row["category"])) for row in rows} == {
        (both, both) for both in {(row["supercategory"], row["category"]) for row in rows}
    }


@pytest.mark.parametrize("format", FORMATS)
def test_two_runs_write_the_same_bytes(format: str, awkward: Path, tmp_path: Path) -> None:
    if format in ("parquet", "arrow"):
        pytest.importorskip("pyarrow")
    for out in ("one", "two"):
        datasets.open(awkward).convert(format, tmp_path / out, images="none")
    for table in TABLES:
        name = f"{table}.{format}"
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_json_in_columns_is_coco_with_string_counts(awkward: Path, tmp_path: Path) -> None:
    datasets.open(awkward).convert("jsonl", tmp_path / "out", images="none")
    content = (tmp_path / "out" / "annotations.jsonl").read_bytes()
    assert content.isascii()
    first, second, third = map(json.loads, content.splitlines()[:3])
    assert json.loads(first["segmentation"]) == [SQUARE]
    assert json.loads(second["segmentation"]) == RLE
    assert third["segmentation"] is None
    assert json.loads(first["keypoints"]) == POINTS
    assert json.loads(second["extra"]) == {"note": NAMES[0]}


def test_a_csv_is_rfc_4180_with_unix_line_ends(awkward: Path, tmp_path: Path) -> None:
    datasets.open(awkward).convert("csv", tmp_path / "out", images="none")
    lines = (tmp_path / "out" / "categories.csv").read_bytes().decode("utf-8").split("\n")
    assert lines[0] == "category_id,category,supercategory,keypoints,skeleton,extra"
    assert lines[1] == '1,"NA","NA","[""a"",""b"",""NA""]","[[1,2]]",'
    assert lines[-1] == ""


def test_the_types_in_the_file_are_those_of_the_docstring(awkward: Path, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    datasets.open(awkward).convert("parquet", tmp_path / "parquet", images="none")
    datasets.open(awkward).convert("arrow", tmp_path / "arrow", images="none")
    types = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "text": pa.string()}
    for table, columns in TABLES.items():
        schema = pa.schema([pa.field(each.name, types[each.kind], each.optional) for each in columns])
        assert parquet.read_schema(tmp_path / "parquet" / f"{table}.parquet").equals(schema)
        with pa.memory_map(str(tmp_path / "arrow" / f"{table}.arrow")) as file:
            assert pa.ipc.open_file(file).schema.equals(schema)


@pytest.mark.parametrize("read", [with_pandas, with_polars])
@pytest.mark.parametrize("format", FORMATS)
def test_the_hostile_collection_comes_back_and_all_is_accounted_for(read: Any, format: str, tmp_path: Path) -> None:
    if format in ("parquet", "arrow"):
        pytest.importorskip("pyarrow")
    cases = build(tmp_path / "in")
    dataset = datasets.open(tmp_path / "in")
    report = dataset.convert(format, tmp_path / "out", images="none")
    assert report.annotations.came_in == sum(case.came_in for case in cases)
    assert report.annotations.went_out == sum(case.out for case in cases)
    assert report.documents.is_balanced
    assert report.images.is_balanced
    assert report.annotations.is_balanced
    root = str(tmp_path / "in")
    for table, rows in expected(dataset, lambda sample: relative_path(sample.path, root)).items():
        assert read(tmp_path / "out", table, format) == rows


def test_the_tables_of_a_merged_dataset_are_those_of_what_it_was_merged_from(tmp_path: Path) -> None:
    pytest.importorskip("polars")
    clean(tmp_path / "in")
    dataset = datasets.open(tmp_path / "in")
    dataset.merge(tmp_path / "merged")
    dataset.convert("csv", tmp_path / "one", images="none")
    datasets.open(tmp_path / "merged").convert("csv", tmp_path / "two", images="none")
    for table, columns in TABLES.items():
        one, two = (with_polars(tmp_path / name, table, "csv") for name in ("one", "two"))
        for column in {each.name for each in columns} - {"path", "file_name", "extra", "batch_id"}:
            assert [row[column] for row in one] == [row[column] for row in two], (table, column)


def test_a_split_is_a_column_and_ids_go_on(tmp_path: Path) -> None:
    dataset = datasets.open(lay_sample(tmp_path / "in"))
    split = dataset.split(0.5, 0.25, 0.25, seed=1)
    report = split.convert("csv", tmp_path / "out", images="none")
    assert report.annotations.went_out == 615
    images = with_polars(tmp_path / "out", "images", "csv")
    assert [row["image_id"] for row in images] == [*range(1, 37)]
    assert [*dict.fromkeys(row["split"] for row in images)] == ["train", "val", "test"]
    annotations = with_polars(tmp_path / "out", "annotations", "csv")
    of_image = {row["image_id"]: row["split"] for row in images}
    assert all(row["split"] == of_image[row["image_id"]] for row in annotations)


def test_row_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("cf_ai_platform_client.datasets.table_writing.GROUP_ROWS", 100)
    datasets.open(lay_sample(tmp_path / "in")).convert("parquet", tmp_path / "out", images="none")
    file = parquet.ParquetFile(tmp_path / "out" / "annotations.parquet")
    assert [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)] == [100] * 6 + [15]
