from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets import extras
from cf_ai_platform_client.datasets.converting import convert
from cf_ai_platform_client.datasets.formats import FORMATS, writer

from .formats.written import lay
from .hostile import build, category, document, image, thing, write_image


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"format": "COCO"}, "format is 'COCO', but must be one of: coco, yolo, .*, arrow"),
        ({"images": "move"}, "images is 'move', but must be one of: copy, link, none"),
        ({"crowds": "all"}, "crowds is 'all', but must be one of: keep, skip, or None"),
        ({"out": "in/out"}, "out is 'in/out', which lies in the dataset 'in'"),
        ({"out": "."}, "out is '.', in which the dataset 'in' lies"),
        ({"out": "full"}, "out is 'full', which is not empty: choose a new folder, or overwrite=True"),
    ],
)
def test_arguments_are_refused_before_anything_is_written(
    arguments: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lay(Path("in"), document(thing()))
    Path("full").mkdir()
    Path("full/mine.txt").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=message):
        datasets.open("in").convert(**{"format": "coco", "out": "out", **arguments})
    assert sorted(tmp_path.rglob("*")) == before


def test_one_file_may_have_what_is_made_of_it_beside_it(tmp_path: Path) -> None:
    lay(tmp_path / "in", document(thing()))
    datasets.open(tmp_path / "in/0.json").convert("coco", tmp_path / "in/out")
    with pytest.raises(ValueError, match=r"in which the dataset .*0\.json' lies"):
        datasets.open(tmp_path / "in/0.json").convert("coco", tmp_path / "in", overwrite=True)


def test_every_format_has_a_writer_and_a_line_for_people() -> None:
    assert all(callable(writer(name)) for name in FORMATS)
    assert all(each.text.endswith(".") and len(each.text) < 60 for each in FORMATS.values())


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_accounts_for_the_whole_hostile_collection(name: str, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    pytest.importorskip("pyarrow")
    pytest.importorskip("pycocotools")
    cases = build(tmp_path / "in")
    report = datasets.open(tmp_path / "in").convert(name, tmp_path / "out")
    assert report.documents.is_balanced
    assert report.images.is_balanced
    assert report.annotations.is_balanced
    assert report.documents.came_in == len(cases)


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_images_whose_names_are_awkward(name: str, overwrite: bool, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    pytest.importorskip("pyarrow")
    long = f"{'x' * 200}/{'y' * 100}"
    names = ["a.jpg", "a.jpg", "b/a.jpg", "b_a.jpg", "c", "c/d.jpg", long, f"{long}.a"]
    images = [image(1, name, height=9 + at) for at, name in enumerate(names)]
    lay(tmp_path / "in", document(images=images, categories=[category(keypoints=["nose"])]))
    for folder in ("c", "b"):
        (tmp_path / "in" / folder).mkdir()
    write_image(tmp_path / "in/b/a.jpg", 64, 11)
    report = datasets.open(tmp_path / "in").convert(name, tmp_path / "out", overwrite=overwrite)
    assert report.images.went_out == len(names)
    if FORMATS[name].module.startswith(("yolo", "voc", "semantic", "instance")):
        written = [path.stem for path in (tmp_path / "out").rglob("*") if path.suffix in {".txt", ".xml", ".png"}]
        assert len([stem for stem in written if stem[:2] in {"0_", "c_", "c-"}]) == len(names)


@pytest.mark.parametrize("name", FORMATS)
def test_overwriting_with_less_leaves_nothing_of_before(name: str, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    pytest.importorskip("pyarrow")
    pytest.importorskip("pycocotools")
    build(tmp_path / "in", ["crowds", "non-ASCII names", "keypoints"])
    dataset = datasets.open(tmp_path / "in")
    less = dataset.filter(item_ids=["keypoints"])
    less.convert(name, tmp_path / "less")
    dataset.convert(name, tmp_path / "out")
    less.convert(name, tmp_path / "out", overwrite=True)
    names = [sorted(path.relative_to(out) for path in out.rglob("*")) for out in (tmp_path / "out", tmp_path / "less")]
    assert names[0] == names[1]


def test_a_missing_library_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = lay(tmp_path / "in", document(thing()))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(extras.MissingExtra, match=r"pip install 'cf-ai-platform-client\[tables\]'"):
        dataset.convert("parquet", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_progress_is_told_while_files_are_written(tmp_path: Path) -> None:
    dataset = lay(tmp_path / "in", *(document(thing()) for _ in range(5)))
    seen: list[int] = []
    convert(
        dataset, "voc", tmp_path / "out", images="none", progress=lambda report: seen.append(report.documents.came_in)
    )
    assert seen == sorted(seen)
    assert {1, 2, 3, 4, 5} <= set(seen)


_INTERRUPTED = """
import os, signal, sys
from cf_ai_platform_client import datasets
from cf_ai_platform_client.datasets.converting import convert
def interrupt(report):
    if report.documents.came_in == 3:
        os.kill(os.getpid(), signal.SIGINT)
convert(datasets.open(sys.argv[1]), "voc", sys.argv[2], images="none", progress=interrupt)
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signals between processes")
def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    lay(tmp_path / "in", *(document(thing()) for _ in range(500)))
    ran = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, tmp_path / "in", tmp_path / "out"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.stderr.endswith("KeyboardInterrupt\n")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
