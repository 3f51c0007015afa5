from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from cf_ai_platform_client import SyncCFUserClient, datasets
from cf_ai_platform_client.adapters.journal import Journal, Outcome, StoredFile
from cf_ai_platform_client.adapters.journal_file import journal_path
from cf_ai_platform_client.adapters.local_store import LocalStore
from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.core.planning import Entry, Version
from cf_ai_platform_client.datasets.documents import find_documents, is_inside
from cf_ai_platform_client.datasets.report import Report
from cf_ai_platform_client.errors import DiskError
from cf_ai_platform_client.sandbox import Project, Sandbox
from cf_ai_platform_client.sandbox.project import Selection

from ..adapters.disks import mounted
from ..adapters.journals import held
from .folders import write
from .hostile import document, image, thing

links = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


def paths(root: Path) -> list[str]:
    return [document.path for document in find_documents(root).found]


def reported(root: Path) -> Report:
    report = Report()
    for _ in datasets.open(root).items(report):
        pass
    return report


@pytest.fixture
def downloaded(tmp_path: Path, cf_sandbox: Sandbox) -> Path:
    out = tmp_path / "out"
    with SyncCFUserClient(cf_sandbox.api_key, cf_sandbox.base_url) as client:
        client.download_project(cf_sandbox.project_id, cf_sandbox.space_id, out)
    return out


def test_all_json_files_are_found_in_the_order_of_their_paths_by_code_point(tmp_path: Path) -> None:
    for name in ("b/2.json", "b/10.json", "a b/x.JSON", "a/z.json", "Ü/x.json", "z.json", "b.json", "a/notes.txt"):
        write(tmp_path / name)
    assert paths(tmp_path) == ["a b/x.JSON", "a/z.json", "b.json", "b/10.json", "b/2.json", "z.json", "Ü/x.json"]


def test_hidden_files_and_folders_are_left_aside(tmp_path: Path) -> None:
    for name in (".cf-ai/run.json", ".git/x.json", "a/.hidden/x.json", "a/._x.json", "a/x.json"):
        write(tmp_path / name)
    assert paths(tmp_path) == ["a/x.json"]


@links
def test_links_out_of_the_folder_are_not_followed_and_told(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root / "a.json")
    outside = write(tmp_path / "outside" / "x.json")
    (root / "file.json").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "round").symlink_to(root)
    (root / "nothing.json").symlink_to(root / "gone.json")
    (root / "inside.json").symlink_to(root / "a.json")
    assert paths(root) == ["a.json", "inside.json"]
    report = reported(root)
    assert report.documents.came_in == 4
    assert report.documents.left_out == {"a link out of the folder, or to nothing": 2}
    assert sorted(report.warnings) == [
        "folder is a link to a folder, which is not followed.",
        "round is a link to a folder, which is not followed.",
    ]


@links
def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path / "real" / "North" / "a.json", thing(), images=[image(1, "a.jpg")])
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(datasets.open(tmp_path / "link")) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX")
def test_what_is_no_file_is_left_aside(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    write(tmp_path / "a.json")
    assert paths(tmp_path) == ["a.json"]
    assert reported(tmp_path).documents.left_out == {"neither a file nor a folder": 1}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX")
def test_a_pipe_in_the_place_of_a_downloaded_document_is_not_waited_for(downloaded: Path) -> None:
    path = downloaded / paths(downloaded)[0]
    path.unlink()
    os.mkfifo(path)
    assert reported(downloaded).documents.left_out == {"not readable": 1}
    (finding,) = (each for each in datasets.open(downloaded).validate(images=False) if each.severity == "error")
    assert (finding.code, finding.message) == ("unreadable_file", "The file is not readable.")


def test_a_slash_at_the_end_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.json", thing(), images=[image(1, "a.jpg")])
    (tmp_path / "a.jpg").touch()
    (sample,) = datasets.open(f"{tmp_path}{os.sep}").samples()
    assert sample.path == str(tmp_path / "a.jpg")


def test_one_file_is_a_dataset(tmp_path: Path) -> None:
    write(tmp_path / "other.json")
    dataset = datasets.open(write(tmp_path / "one.coco", thing()))
    assert [item.work_item_id for item in dataset] == ["one"]
    assert dataset.root == tmp_path


def test_a_file_among_annotations_beside_images_is_of_the_folder_above(tmp_path: Path) -> None:
    path = write(tmp_path / "annotations" / "instances_val.json", thing())
    assert datasets.open(path).root == tmp_path / "annotations"
    (tmp_path / "images" / "val").mkdir(parents=True)
    (tmp_path / "images" / "val" / "plot.jpg").touch()
    dataset = datasets.open(path)
    assert dataset.root == tmp_path
    assert [Path(str(sample.path)) for sample in dataset.samples()] == [tmp_path / "images" / "val" / "plot.jpg"]


@pytest.mark.parametrize("path", ["", " ", "a\0b"])
def test_what_is_no_path_is_a_value_error(path: str) -> None:
    with pytest.raises(ValueError, match=r"^path is .*: it must be the path of a folder, or of a COCO file\.$"):
        datasets.open(path)


def test_what_is_not_there_is_a_disk_error(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"nope cannot be read: no such file or directory\. Check the path"):
        datasets.open(tmp_path / "nope")


def test_an_empty_folder_is_an_empty_dataset(tmp_path: Path) -> None:
    dataset = datasets.open(tmp_path)
    assert (len(dataset), list(dataset), dataset.categories, len(dataset.index())) == (0, [], (), 0)


@pytest.mark.parametrize(
    ("path", "inside"),
    [("a/b.jpg", True), ("../b", False), ("a/../../b", False), ("/etc/passwd", False), ("C:/x", False), ("", False)],
)
def test_paths_lead_below_the_folder_or_not(path: str, inside: bool, tmp_path: Path) -> None:
    assert is_inside(str(tmp_path), path) is inside


def test_a_destination_is_read_by_its_journal(downloaded: Path, cf_sandbox: Sandbox) -> None:
    write(downloaded / "Cell nuclei" / "stray.json", thing())
    dataset = datasets.open(downloaded)
    listed = cf_sandbox.project.select(Selection())
    works = {listed[number]["id"]: listed[number] for number in range(len(listed))}
    names = {batch["id"]: batch["name"] for batch in cf_sandbox.project.batches()}
    items = list(dataset)
    assert {item.work_item_id for item in items} == {*works}
    assert len(items) == len(dataset) == 36
    for item in items:
        assert item.batch_id == works[item.work_item_id]["batchId"]
        assert item.batch == names[item.batch_id]
        assert item.document == f"{item.batch}/{item.work_item_id}.json"
    first = dataset.batches()[0]
    assert (first.id, first.name, first.items) == (104, "Cell nuclei", 16)


def project(name: str, items: list[str], documents: dict[str, bytes], batch: int | None = None) -> Project:
    objects = [{"id": batch, "name": f"Süd {name}"}] if batch else []
    files = {f"coco_output/{item}": content for item, content in documents.items()}
    return Project([{"id": item, "batchId": batch} for item in items], objects, files, project_id=name)


def fetched(out: Path, *projects: Project) -> Path:
    for each in projects:
        with Sandbox(project=each) as sandbox, SyncCFUserClient(sandbox.api_key, sandbox.base_url) as client:
            client.download_project(each.project_id, each.space_id, out)
    return out


def test_two_projects_in_one_destination_are_one_dataset_with_keys_of_their_own(tmp_path: Path) -> None:
    content = json.dumps(document(thing(), images=[image(1, "x.jpg")])).encode()
    both = (project(name, ["a"], {"a.json": content}, 7) for name in ("first", "second"))
    dataset = datasets.open(fetched(tmp_path / "out", *both))
    assert len(dataset) == 2
    assert [sample.key for sample in dataset.samples()] == ["first/a/x.jpg", "second/a/x.jpg"]
    assert [batch.name for batch in dataset.batches()] == ["Süd first", "Süd second"]


def test_what_a_document_says_of_its_source_does_not_beat_the_journal(tmp_path: Path) -> None:
    said = {"work_item_id": "a", "batch": "EVIL", "source_file": "../../nowhere.json", "source_id": "cam"}
    odd = document(thing(3, image_id=7, **said), images=[image(7, "x.jpg", **said)])
    dataset = datasets.open(fetched(tmp_path / "in", project("p", ["a"], {"a.json": json.dumps(odd).encode()})))
    (item,) = dataset
    dataset.merge(tmp_path / "out")
    dataset.convert("jsonl", tmp_path / "tables")
    lines = [json.loads(line) for line in (tmp_path / "out/map.jsonl").read_text("utf-8").splitlines()][1:]
    found = json.loads((tmp_path / "out/annotations.json").read_bytes())
    place = {"work_item_id": "a", "batch": item.batch}
    assert [{**place, "document": item.document, "source_id": number} for number in (7, 3)] == [
        {name: line[name] for name in ("work_item_id", "batch", "document", "source_id")} for line in lines
    ]
    (row,), (annotation,) = found["images"], found["annotations"]
    assert row.items() >= {**place, "source_id": 7, "source_file": item.document}.items()
    assert row.items() >= {"original_batch": "EVIL", "original_source_id": "cam"}.items()
    assert annotation.items() >= {**place, "source_id": 3, "original_source_id": "cam"}.items()
    table = json.loads((tmp_path / "tables/images.jsonl").read_bytes())
    assert (table["document"], table["source_id"], table["batch"]) == (item.document, "7", item.batch)
    assert json.loads(table["extra"])["original_source_file"] == "../../nowhere.json"


def kept(out: Path, *files: tuple[str, bytes], gone: str | None = None) -> None:
    """Keep books as a run does that wrote these files for items of the same names, in no batch."""
    journal, store = Journal.open(str(out)), LocalStore(str(out))
    run = journal.begin_run("p", "s", "COMPLETED", 1.0)
    for name, content in files:
        staged = store.stage(SafeName("Default"), SafeName(name), content)
        digest = hashlib.sha256(content).digest()
        journal.list_items(run, {name: ""}, 1.0)
        entry = Entry("", f"Default/{name}", Version(), staged.state, digest)
        journal.record(run, [StoredFile(name, entry, None)], 2.0)
        store.publish(staged)
    with journal.transaction() as execute:
        execute("UPDATE items SET state = 'gone' WHERE item = ?", (gone,))
    journal.end_run(run, Outcome("finished", True, None, 0, 0, 0, 0, 0, 0), 3.0)
    journal.close()
    store.close()


def test_results_that_are_no_json_and_items_that_left_the_project_are_left_out_and_told(tmp_path: Path) -> None:
    content = json.dumps(document(thing())).encode()
    kept(tmp_path, ("a.json", content), ("b.csv", b"x,y"), ("c.png", b"png"), ("d.json", content), gone="d.json")
    report = reported(tmp_path)
    assert [(item.work_item_id, item.batch, item.batch_id) for item in datasets.open(tmp_path)] == [
        ("a.json", "Default", None)
    ]
    assert report.documents.came_in == 4
    assert report.documents.left_out == {"no JSON file": 2, "not in the project any more": 1}


@pytest.mark.parametrize("path", ["../outside.json", "Default/../../outside.json", "/etc/hostname.json"])
def test_a_journal_leads_to_nothing_outside_of_its_folder(path: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(tmp_path / "outside.json")
    kept(root, ("a.json", b"{}"))
    with sqlite3.connect(journal_path(str(root))) as connection:
        connection.execute("UPDATE items SET path = ?", (path,))
    connection.close()
    assert reported(root).documents.left_out == {"a link, or out of the folder": 1}


def test_what_is_missing_or_altered_on_the_disk_is_counted_and_told(downloaded: Path) -> None:
    first, second, third, fourth = (downloaded / path for path in paths(downloaded)[:4])
    first.unlink()
    second.write_bytes(second.read_bytes() + b" ")
    third.write_bytes(b"<html>")
    os.utime(fourth, (1, 1))
    report = reported(downloaded)
    assert report.documents.came_in == 36
    assert report.documents.left_out == {"missing on disk": 1, "not json": 1}
    assert report.warnings == ["2 documents are not as downloaded."]
    assert len(datasets.open(downloaded)) == 34


def test_a_disk_that_cannot_be_written_is_read(tmp_path: Path, downloaded: Path) -> None:
    with mounted(tmp_path / "disk", "size=8m") as remount:
        out = tmp_path / "disk" / "out"
        shutil.copytree(downloaded, out)
        remount("ro")
        assert len(datasets.open(out)) == 36
        assert {item.batch_id for item in datasets.open(out)} == {101, 102, 103, 104}


def test_a_run_that_writes_is_a_disk_error(downloaded: Path) -> None:
    with held(downloaded), pytest.raises(DiskError) as caught:
        datasets.open(downloaded)
    assert str(caught.value) == f"A run is writing to {downloaded}. Open it when the run has ended."


def test_a_damaged_journal_is_a_warning_and_the_folder_is_read_as_any_other(downloaded: Path) -> None:
    write(downloaded / "Cell nuclei" / "stray.json", thing())
    journal_path(str(downloaded)).write_bytes(b"no journal" * 1000)
    with pytest.warns(UserWarning, match=r"^The journal of .* is damaged: its JSON files are read as those of any"):
        dataset = datasets.open(downloaded)
    assert len(dataset) == 37
    assert {item.batch_id for item in dataset} == {None}


def test_images_are_the_assets_that_the_journal_names(tmp_path: Path, cf_sandbox: Sandbox) -> None:
    with SyncCFUserClient(cf_sandbox.api_key, cf_sandbox.base_url) as client:
        client.download_project(cf_sandbox.project_id, cf_sandbox.space_id, tmp_path, assets=True)
    samples = list(datasets.open(tmp_path).samples())
    assert {str(sample.path) for sample in samples} == {
        str(tmp_path / sample.batch / f"{sample.work_item_id}.jpg") for sample in samples
    }
    Path(str(samples[0].path)).unlink()
    report = reported(tmp_path)
    assert report.warnings == ["1 downloaded image is not there any more."]
    assert datasets.open(tmp_path).stats().images_on_disk == 35


def test_keys_are_the_same_without_the_journal(downloaded: Path) -> None:
    before = {sample.key for sample in datasets.open(downloaded).samples()}
    shutil.rmtree(downloaded / ".cf-ai")
    assert {sample.key for sample in datasets.open(downloaded).samples()} == before
