from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.extras import MissingExtra
from cf_ai_platform_client.datasets.records import Sample
from cf_ai_platform_client.datasets.table_writing import GROUP_CHARACTERS, GROUP_ROWS, RowGroups
from cf_ai_platform_client.datasets.tables import Row

from .hostile import build
from .sample import lay_sample


def groups_of(rows: list[Row]) -> list[list[Row]]:
    written: list[list[Row]] = []
    groups = RowGroups(lambda group: written.append(list(group)))
    for row in rows:
        groups.add(row)
    groups.flush()
    assert groups.count == len(rows)
    return written


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [
        ([], []),
        ([(1, "a")] * GROUP_ROWS, [GROUP_ROWS]),
        ([(1, None)] * (GROUP_ROWS + 1), [GROUP_ROWS, 1]),
        ([(1, "x" * (GROUP_CHARACTERS // 2))] * 5, [2, 2, 1]),
    ],
)
def test_groups_are_bounded_in_rows_and_characters(rows: list[Row], sizes: list[int]) -> None:
    assert [len(group) for group in groups_of(rows)] == sizes


def test_half_a_surrogate_pair_becomes_a_sign_that_can_be_written() -> None:
    assert groups_of([(1, "a\udcff", "樹", None)]) == [[(1, "a\ufffd", "樹", None)]]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "arrow"])
def test_a_folder_whose_name_is_not_utf_8_is_written_too(format: str, tmp_path: Path) -> None:
    if format in ("parquet", "arrow"):
        pytest.importorskip("pyarrow")
    build(tmp_path / "in", ["crowds"])
    (tmp_path / "in" / "North").rename(os.fsdecode(os.fsencode(tmp_path / "in") + b"/\xff"))
    report = datasets.open(tmp_path / "in").convert(format, tmp_path / "out", images="none")
    assert report.annotations.went_out == 2
    assert "\ufffd".encode() in (tmp_path / "out" / f"images.{format}").read_bytes() or format != "csv"


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_csv_and_json_lines_need_no_extra(format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("pyarrow", "pandas", "polars", "numpy", "PIL"):
        monkeypatch.setitem(sys.modules, library, None)
    report = datasets.open(lay_sample(tmp_path / "in")).convert(format, tmp_path / "out")
    assert report.annotations.went_out == 615
    assert len([*(tmp_path / "out" / "images").rglob("*.jpg")]) == 36


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_without_pyarrow_a_sentence_says_what_to_install(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    build(tmp_path / "in", ["crowds"])
    with pytest.raises(MissingExtra, match=r"tables need pyarrow, .*pip install 'cf-ai-platform-client\[tables\]'"):
        datasets.open(tmp_path / "in").convert(format, tmp_path / "out", images="none")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "arrow"])
def test_what_fails_midway_leaves_nothing(format: str, tmp_path: Path) -> None:
    if format in ("parquet", "arrow"):
        pytest.importorskip("pyarrow")
    build(tmp_path / "in", ["crowds", "keypoints"])
    asked: list[str] = []

    def fails_in_the_end(sample: Sample) -> bool:
        asked.append(sample.document)
        if len(asked) == 4:  # the first two are asked for the names
            raise RuntimeError("in the end")
        return True

    dataset = datasets.open(tmp_path / "in").filter(where=fails_in_the_end)
    with pytest.raises(RuntimeError, match="in the end"):
        dataset.convert(format, tmp_path / "out")
    gc.collect()  # a writer that is left open would complain now
    assert not (tmp_path / "out").exists()


def test_an_image_that_is_not_on_the_disk_has_no_path(tmp_path: Path) -> None:
    build(tmp_path / "in", ["crowds"])
    for image in tmp_path.rglob("*.jpg"):
        image.unlink()
    datasets.open(tmp_path / "in").convert("csv", tmp_path / "out")
    header, row = (tmp_path / "out" / "images.csv").read_text("utf-8").splitlines()
    assert row.split(",")[header.split(",").index("path")] == ""
