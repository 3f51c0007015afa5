from __future__ import annotations

import json
from pathlib import Path

import pytest

from cf_ai_platform_client.sandbox import Sandbox

from ..datasets import hostile
from ..datasets.hostile import document, thing
from .conftest import Command


def write(folder: Path, content: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "plot.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_nothing_wrong_is_said_and_ends_well(cf_ai: Command, tmp_path: Path) -> None:
    run = cf_ai("dataset", "validate", write(tmp_path / "in", document(thing())), "--no-check-images")
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines()[-1] == "Nothing is wrong."
    assert "1        1         0  annotations" in run.out


def test_errors_end_with_one_and_say_where(cf_ai: Command, tmp_path: Path) -> None:
    run = cf_ai(
        "dataset", "validate", write(tmp_path / "in", document(*(thing(n, area=..., note=n) for n in range(1, 6))))
    )
    assert run.code == 1
    assert "error: missing_area: 5: There is no area (--fix mends it)" in run.out
    assert "  plot.json $.annotations[0].area: area is missing; the segmentation has 100." in run.out
    assert "$.annotations[3]" not in run.out
    assert "and 2 more" in run.out
    assert "Found: 5 errors, 0 warnings, 0 infos." in run.out


def test_warnings_alone_end_well(cf_ai: Command, tmp_path: Path) -> None:
    run = cf_ai("dataset", "validate", write(tmp_path / "in", document(thing(1, []))), "--no-check-images")
    assert run.code == 0
    assert "warning: empty_segmentation: 1" in run.out


def test_less_bad_findings_can_be_hidden_and_more_examples_shown(cf_ai: Command, tmp_path: Path) -> None:
    odd = document(*(thing(n, [], area=...) for n in range(1, 6)))
    run = cf_ai("dataset", "validate", write(tmp_path / "in", odd), "--severity", "error", "--limit", "5")
    assert "empty_segmentation" not in run.out
    assert "$.annotations[4].area" in run.out
    assert "more" not in run.out


def test_json_has_a_line_a_finding_and_the_counts_last(cf_ai: Command, tmp_path: Path) -> None:
    cases = hostile.build(tmp_path / "in")
    run = cf_ai("dataset", "validate", tmp_path / "in", "--json")
    *findings, last = map(json.loads, run.out.splitlines())
    assert (run.code, last["exit_code"]) == (1, 1)
    assert len(findings) == sum(last["summary"]["counts"].values())
    assert set(findings[0]) == {"code", "severity", "document", "path", "message", "fix", "effect"}
    assert last["summary"]["annotations"]["in"] == sum(case.came_in for case in cases)
    assert run.out.isascii()


def test_fix_writes_a_folder_and_says_what_is_left(cf_ai: Command, tmp_path: Path) -> None:
    odd = write(tmp_path / "in", document(thing(0), thing(1, image_id=7)))
    run = cf_ai("dataset", "validate", odd, "--fix", tmp_path / "out", "--no-check-images")
    assert run.code == 1
    assert f"Written: 1 document to {tmp_path / 'out'}, 1 of them changed." in run.out
    assert "Fixed: 1 zero_annotation_id" in run.out
    assert "Left as it was: 1 unknown_image_id" in run.out
    listed = [
        json.loads(line) for line in (tmp_path / "out" / "changes.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [(each["path"], each["after"]) for each in listed] == [("$.annotations[0].id", "2")]


def test_all_fixed_ends_well(cf_ai: Command, tmp_path: Path) -> None:
    odd = write(tmp_path / "in", document(thing(0, area=None)))
    run = cf_ai("dataset", "validate", odd, "--fix", tmp_path / "out", "--json", "--no-check-images")
    last = json.loads(run.out.splitlines()[-1])
    assert (run.code, last["exit_code"]) == (0, 0)
    assert last["summary"]["fix"]["fixed"] == {"zero_annotation_id": 1, "missing_area": 1}
    assert cf_ai("dataset", "validate", tmp_path / "out", "--no-check-images").code == 0


def test_fix_refuses_a_folder_with_files_in_it(cf_ai: Command, tmp_path: Path) -> None:
    odd, out = write(tmp_path / "in", document(thing(0))), write(tmp_path / "out", {})
    run = cf_ai("dataset", "validate", odd, "--fix", out)
    assert run.code == 2
    assert "OUT is" in run.err
    assert "--overwrite" in run.err
    assert (out / "plot.json").read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize("make", [True, False])
def test_a_folder_with_nothing_in_it_or_none_is_said(cf_ai: Command, tmp_path: Path, make: bool) -> None:
    place = tmp_path / "empty"
    if make:
        place.mkdir()
    run = cf_ai("dataset", "validate", place)
    assert run.code == (1 if make else 4)
    assert str(place) in run.err
    assert len(run.err.splitlines()) == 1


def test_the_sample_has_no_errors(cf_ai: Command, cf_sandbox: Sandbox, tmp_path: Path) -> None:
    assert cf_ai("download", cf_sandbox.project_id, cf_sandbox.space_id, tmp_path / "in", sandbox=cf_sandbox).code == 0
    run = cf_ai("dataset", "validate", tmp_path / "in", "--json")
    last = json.loads(run.out.splitlines()[-1])
    assert run.code == 0
    assert last["summary"]["error"] == 0
    assert last["summary"]["documents"] == {"in": 36, "out": 36, "left_out": {}}


def test_a_wrong_size_is_left_as_it_was_and_found_again_in_what_was_fixed(cf_ai: Command, tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    odd = write(tmp_path / "in", document(thing()))
    hostile.write_image(odd / "plot.jpg", 40, 30)
    run = cf_ai("dataset", "validate", odd, "--fix", tmp_path / "out")
    assert run.code == 1
    assert "Left as it was: 1 image_size_differs" in run.out
    assert f"Note: Images stayed behind in {odd}: --images copy or --images link brings them along." in run.out
    run = cf_ai("dataset", "validate", odd, "--fix", tmp_path / "out", "--images", "copy", "--overwrite")
    assert run.code == 1
    assert "stayed behind" not in run.out
    run = cf_ai("dataset", "validate", tmp_path / "out")
    assert run.code == 1
    assert "error: image_size_differs: 1" in run.out


def test_images_need_a_folder_to_go_to(cf_ai: Command, tmp_path: Path) -> None:
    run = cf_ai("dataset", "validate", write(tmp_path / "in", document(thing())), "--images", "copy")
    assert run.code == 2
    assert "add --fix OUT" in run.err


def test_downloaded_images_have_their_places_in_what_was_fixed(
    cf_ai: Command, cf_sandbox: Sandbox, tmp_path: Path
) -> None:
    run = cf_ai("download", cf_sandbox.project_id, cf_sandbox.space_id, tmp_path / "in", "--assets", sandbox=cf_sandbox)
    assert run.code == 0
    assert cf_ai("dataset", "validate", tmp_path / "in", "--fix", tmp_path / "out", "--images", "copy").code == 0
    run = cf_ai("dataset", "stats", tmp_path / "out")
    assert "36 images, 36 on the disk" in run.out


def test_a_folder_without_documents_is_not_called_right(cf_ai: Command, tmp_path: Path) -> None:
    run = cf_ai("dataset", "validate", tmp_path)
    assert (run.code, run.err) == (1, f"There is no COCO document in {tmp_path} that could be used.\n")
    assert "Nothing is wrong" not in run.out


def test_overwriting_goes_with_fix_only(cf_ai: Command, tmp_path: Path) -> None:
    run = cf_ai("dataset", "validate", tmp_path, "--overwrite")
    assert (run.code, "add --fix OUT" in run.err) == (2, True)
