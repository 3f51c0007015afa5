from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets import indexing
from cf_ai_platform_client.datasets.indexing import SampleIndex
from cf_ai_platform_client.datasets.records import Image, Sample
from cf_ai_platform_client.errors import DiskError

from . import hostile
from .folders import two_batches, write
from .hostile import image, thing


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
    with pytest.raises(TypeError, match="takes a whole number or a slice"):
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


def changed(number: int) -> Exception:
    return AssertionError(number)


def test_documents_are_kept_up_to_some_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []
    monkeypatch.setattr(indexing, "_CACHED_BYTES", 100)
    index = SampleIndex(((number, 0) for number in range(10)), loader(loaded, 40), changed)
    assert [index[number].work_item_id for number in (0, 1, 0, 2, 0, 1)] == ["0", "1", "0", "2", "0", "1"]
    assert loaded == [0, 1, 2, 1]


def test_a_document_that_is_larger_is_kept_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []
    monkeypatch.setattr(indexing, "_CACHED_BYTES", 100)
    index = SampleIndex([(0, 0), (1, 0)], loader(loaded, 400), changed)
    assert [index[number].work_item_id for number in (0, 0, 1, 0)] == ["0", "0", "1", "0"]
    assert loaded == [0, 1, 0]


def lose(path: Path) -> None:
    path.unlink()


def break_off(path: Path) -> None:
    path.write_bytes(b"{")


def lose_images(path: Path) -> None:
    write(path, images=[])


def get_images(path: Path) -> None:
    write(path, images=[image(1, "z.jpg"), image(2, "y.jpg")])


@pytest.mark.parametrize("change", [lose, break_off, lose_images, get_images])
@pytest.mark.parametrize("batches", [None, ["North"]])
def test_a_document_that_was_changed_is_an_error_and_no_end(
    tmp_path: Path, change: Callable[[Path], None], batches: list[str] | None
) -> None:
    two_batches(tmp_path)
    dataset = datasets.open(tmp_path)
    index = (dataset.filter(batches=batches) if batches else dataset).index()
    change(tmp_path / "North" / "b.json")
    assert index[0].image.file_name == "a.jpg"
    with pytest.raises(DiskError, match=r"North/b\.json was changed after the dataset was opened\. Open it again"):
        list(index)
    for part in (index[1:], index[1::-1], pickle.loads(pickle.dumps(index))[1:2]):
        with pytest.raises(DiskError, match="was changed after"):
            part[0]


@pytest.mark.parametrize("change", [lose, break_off])
def test_no_index_is_made_without_a_document_that_was_there(tmp_path: Path, change: Callable[[Path], None]) -> None:
    dataset = datasets.open(two_batches(tmp_path))
    view = dataset.filter(categories=["tree"])
    change(tmp_path / "North" / "b.json")
    with pytest.raises(DiskError, match="was changed after"):
        view.index()


def test_what_is_no_number_of_an_image_is_told(tmp_path: Path) -> None:
    index = datasets.open(two_batches(tmp_path)).index()
    for number in (4, -5):
        with pytest.raises(IndexError, match=rf"^There is no image {number}: the index has 4 images, numbered from 0"):
            index[number]
    for wrong in ("a", 1.0, None):
        with pytest.raises(TypeError, match=r"^An index of images takes a whole number or a slice, not "):
            index[wrong]  # type: ignore[call-overload]
