"""One call a work item: where is its COCO document."""

from __future__ import annotations

from collections.abc import Callable

from ..core.manifest import read_annotation
from ..core.requests import annotation_call, json_of
from ..core.storage_paths import result_path
from ..models import Annotation
from .calls import Calls
from .job import Job


class Annotating:
    """Asks for the annotation of each job and hands the job on with its path in the space."""

    def __init__(self, calls: Calls, project_id: str, space_id: str, hand_on: Callable[[Job], None]) -> None:
        self._calls = calls
        self._project_id = project_id
        self._space_id = space_id
        self._hand_on = hand_on

    async def attempt(self, job: Job) -> None:
        """Make one attempt for a job."""
        item_id = job.item.id
        reply = await self._calls.once(annotation_call(self._project_id, item_id))
        annotation = read_annotation(json_of(reply, "annotations"), item_id)
        job.path = result_path(annotation, self._space_id, item_id)
        self._hand_on(job)


async def get_annotation(calls: Calls, project_id: str, item_id: str) -> Annotation:
    """Ask for one annotation, patiently."""
    call = annotation_call(project_id, item_id)
    return await calls.patiently(call, lambda reply: read_annotation(json_of(reply, "annotations"), item_id))
