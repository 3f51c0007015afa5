from __future__ import annotations

import re
from pathlib import Path

from cf_ai_platform_client.datasets.finding_codes import CODES
from cf_ai_platform_client.datasets.findings import json_path

from .hostile import CASES

GUIDE = Path(__file__).parents[2] / "docs" / "findings.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*) \| (.*) \| (.*) \|$", re.MULTILINE)
ELSEWHERE = {
    "ambiguous_category_id",
    "bad_category",
    "bad_info",
    "bad_size",
    "category_conflict",
    "duplicate_item_id",
    "empty_mask",
    "exif_turned",
    "file_name_elsewhere",
    "image_in_other_document",
    "image_unreadable",
    "keypoints_without_names",
    "other_encoding",
    "polygon_outside",
    "polygon_without_area",
    "same_object_twice",
    "unreadable_file",
    "zero_category_id",
}
"""What no case of the collection has: it has tests of its own."""


def test_the_guide_has_a_row_for_each_code() -> None:
    rows = {row[0]: row[1:] for row in ROW.findall(GUIDE.read_text(encoding="utf-8"))}
    assert rows == {code: (kind.severity, kind.meaning, kind.fix or "–", kind.trips) for code, kind in CODES.items()}


def test_each_code_has_a_case_or_a_test_of_its_own() -> None:
    told = {code for case in CASES.values() for code in case.codes}
    assert told | ELSEWHERE == set(CODES)
    assert not told & ELSEWHERE


def test_paths_are_json_paths() -> None:
    assert json_path(()) == "$"
    assert json_path(("annotations", 0, "segmentation", 2)) == "$.annotations[0].segmentation[2]"
