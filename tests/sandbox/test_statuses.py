from __future__ import annotations

from typing import Any

import pytest

from cf_ai_platform_client.sandbox import Project, Sandbox
from cf_ai_platform_client.sandbox.moments import parse_moment
from cf_ai_platform_client.sandbox.project import JSONObject, Selection, read_sample
from cf_ai_platform_client.sandbox.server import read_data
from cf_ai_platform_client.sandbox.statuses import ChangingProject

from .conftest import BATCHES, NUCLEUS, WORK_ITEMS, visit

LATER = "2026-06-01T00:00:00Z"
DONE = Selection(status="COMPLETED")
REVIEW = Selection(status="CLIENT_REVIEW")


def sample(count: int = 100) -> ChangingProject:
    return ChangingProject(read_sample(read_data, count))


def ids(project: ChangingProject, selection: Selection) -> list[str]:
    listing = project.select(selection)
    return [str(listing[position]["id"]) for position in range(len(listing))]


def counts(project: ChangingProject) -> dict[int, int]:
    return {batch["id"]: batch["completedCount"] for batch in project.batches()}


def test_a_changed_item_is_listed_as_it_is_now() -> None:
    project = sample()
    before = ids(project, DONE)
    changed = project.change(NUCLEUS, "CLIENT_REVIEW", LATER)
    assert changed == project.item(NUCLEUS)
    assert changed is not None
    assert (changed["status"], changed["updatedAt"], changed["batchId"]) == ("CLIENT_REVIEW", LATER, 104)
    assert ids(project, DONE) == [item_id for item_id in before if item_id != NUCLEUS]
    assert ids(project, REVIEW) == [NUCLEUS]
    assert ids(project, Selection(item_ids=(NUCLEUS,), status="COMPLETED")) == []
    assert project.change(NUCLEUS, "COMPLETED", LATER)
    assert ids(project, DONE) == before
    assert ids(project, REVIEW) == []
    assert ids(project, Selection(updated=(parse_moment(LATER), None))) == [NUCLEUS]


def test_batches_count_what_is_completed_now() -> None:
    project = sample()
    before = counts(project)
    project.change(NUCLEUS, "CLIENT_REVIEW", LATER)
    assert counts(project) == {**before, 104: before[104] - 1}
    project.change(NUCLEUS, "COMPLETED", LATER)
    assert counts(project) == before


def test_without_a_change_nothing_is_walked_over() -> None:
    class Watched(Project):
        def select(self, selection: Selection) -> Any:
            assert selection.item_ids, "a walk over all of it"
            return super().select(selection)

    project = ChangingProject(Watched([{"id": "a"}]))
    assert project.item("a") == {"id": "a"}
    assert project.change("b", "COMPLETED", LATER) is None
    assert project.item("b") is None
    untouched = read_sample(read_data, 5)
    assert type(ChangingProject(untouched).select(DONE)) is type(untouched.select(DONE))


def test_pages_are_cut_from_one_walk_a_selection() -> None:
    project = sample()
    project.change(NUCLEUS, "CLIENT_REVIEW", LATER)
    listing = project.select(DONE)
    for number in range(7):
        project.select(Selection(batch_ids=frozenset({number})))
    assert project.select(DONE) is listing
    project.select(Selection(batch_ids=frozenset({8})))
    assert project.select(DONE) is not listing, "a few are kept, not any number of them"


def test_all_else_is_the_projects_own() -> None:
    own = Project([{"id": "a"}], [{"id": 1, "name": "x"}], {"p": b"{}"}, project_id="P", space_id="S")
    project = ChangingProject(own)
    project.change("a", "CLIENT_REVIEW", LATER)
    assert (project.project_id, project.space_id) == ("P", "S")
    assert (project.annotation("a"), project.document("p")) == (own.annotation("a"), own.document("p"))
    assert project.batches() == own.batches(), "batches without a count stay so"


@pytest.mark.parametrize("items", [36, 500])
def test_over_http_it_is_the_same_listing(items: int) -> None:
    def listed(**query: Any) -> list[JSONObject]:
        return list(api.get(WORK_ITEMS, params={"limit": 100, **query}).json()["items"])

    with Sandbox(items=items, clock=lambda: 1780272000.0) as sandbox, visit(sandbox) as api:
        total = api.get(WORK_ITEMS, params={"status": "COMPLETED"}).json()["total"]
        assert sandbox.set_status(NUCLEUS, "CLIENT_REVIEW") is None
        assert [item["id"] for item in listed(status="CLIENT_REVIEW")] == [NUCLEUS]
        assert [item["id"] for item in listed(updatedAtFrom=LATER)] == [NUCLEUS]
        assert api.get(WORK_ITEMS, params={"status": "COMPLETED"}).json()["total"] == total - 1
        done = sum(batch["completedCount"] for batch in api.get(BATCHES).json()["items"])
        assert done == items - 1
        answer = api.post(f"http://127.0.0.1:{sandbox.port}/sandbox/workItems/{NUCLEUS}/status", json={"status": "X"})
        assert answer.json() == {"workItem": listed(status="X")[0], "delivery": None}
        assert (answer.json()["workItem"]["status"], answer.json()["workItem"]["updatedAt"]) == ("X", LATER)


def test_what_cannot_be_changed_is_said() -> None:
    with Sandbox() as sandbox:
        with pytest.raises(ValueError, match=r"^Work item nobody was not found\.$"):
            sandbox.set_status("nobody", "COMPLETED")
        with pytest.raises(ValueError, match=r"^status must be a text that is not empty\.$"):
            sandbox.set_status(NUCLEUS, " ")
    with Sandbox() as sandbox, visit(sandbox) as api:
        control = f"http://127.0.0.1:{sandbox.port}/sandbox/workItems"
        calls = [("nobody", {"status": "X"}), (NUCLEUS, {"status": 5}), (NUCLEUS, []), (NUCLEUS, {"status": ""})]
        answers = [api.post(f"{control}/{item_id}/status", json=body) for item_id, body in calls]
        assert [answer.status_code for answer in answers] == [404, 422, 422, 422]
        assert api.post(f"{control}/{NUCLEUS}/status", json={"status": "X"}, headers={"X-API-Key": "no"}).is_error
        assert [item["status"] for item in api.get(WORK_ITEMS, params={"workItemIDs": NUCLEUS}).json()["items"]] == [
            "COMPLETED"
        ]
