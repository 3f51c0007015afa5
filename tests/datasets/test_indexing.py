from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets import indexing
from cf_ai_platform_client.datasets.indexing import SampleIndex
from cf_ai_platform_client.datasets.records import Image, Sample

from . import hostile
from .folders import two_batches, write
from .hostile import thing


def test_an_index_has_what_iteration_has(tmp_path: Path) -> None:
    hostile.build(tmp_path)
    dataset = datasets.open(tmp_path)
    index = dataset.index()
    samples = list(dataset.samples())
    assert len(index) == len(samples)
    assert [index[number] for number in reversed(range(len(index)))] == samples[::-1]
    assert index[-1] == samples[-1]
    with pytest.raises(IndexError):
        index[len(index)]
    assert list(index[1:-1:2]) == samples[1:-1:2]
    assert (len(index[:2]), len(index[5:2])) == (2, 0)
    assert repr(index[:3]) == "<SampleIndex images=3>"
    with pytest.raises(TypeError, match="must be integers"):
        index["1"]  # type: ignore[call-overload]


def test_an_index_goes_to_another_process(tmp_path: Path) -> None:
    index = datasets.open(two_batches(tmp_path)).filter(batches=["South"]).index()
    index[0]
    again = pickle.loads(pickle.dumps(index))
    assert [sample.key for sample in again] == ["South/c/c.jpg", "South/c/d.jpg"]
    assert index._kept
    assert not pickle.loads(pickle.dumps(index))._kept


def test_folders_are_listed_once_for_all_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        write(tmp_path / f"{number}.json", thing())
    (tmp_path / "7.jpg").touch()
    index = datasets.open(tmp_path).filter(categories=["tree"]).index()
    listed: list[object] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir(path))
    assert sum(sample.path is not None for sample in index) == 1
    assert listed == []


def loader(loaded: list[int], size: int) -> indexing.Load:
    def load(number: int) -> tuple[list[Sample], int]:
        loaded.append(number)
        return [Sample(str(number), "", "", Image(1, "a.jpg"))], size

    return load


def test_documents_are_kept_up_to_some_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []
    monkeypatch.setattr(indexing, "_CACHED_BYTES", 100)
    index = SampleIndex(((number, 0) for number in range(10)), loader(loaded, 40))
    assert [index[number].work_item_id for number in (0, 1, 0, 2, 0, 1)] == ["0", "1", "0", "2", "0", "1"]
    assert loaded == [0, 1, 2, 1]


def test_a_document_that_is_larger_is_kept_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []
    monkeypatch.setattr(indexing, "_CACHED_BYTES", 100)
    index = SampleIndex([(0, 0), (0, 0), (1, 0)], loader(loaded, 400))
    assert [index[number].work_item_id for number in (0, 1, 0, 2, 0)] == ["0", "0", "0", "1", "0"]
    assert loaded == [0, 1, 0]
