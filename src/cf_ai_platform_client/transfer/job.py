"""A work item's document, or its asset, on its way through the stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from ..core.naming import SafeName, asset_file_name, extension_of, item_file_name
from ..core.planning import Entry, Verdict, kept
from ..core.retry import Tries
from ..models import WorkItem


@dataclass(slots=True)
class Job:
    """What the stages know of one work item: each fills in what the next needs.

    `tries` counts within the present stage. `entry` is what the journal knows; with `ask` the document is wanted only
    if it changed since. `etag` is the one that came with the document. `asset` is what becomes of the asset once this
    has ended, None where it is not wanted.
    """

    kind: ClassVar[Literal["document", "asset"]] = "document"

    index: int
    item: WorkItem
    entry: Entry | None = None
    ask: bool = False
    tries: Tries = field(default_factory=Tries)
    path: str = ""
    etag: str | None = None
    url: str = field(default="", repr=False)
    signed_again: bool = False
    sign_alone: bool = False
    asset: AssetPlan | None = None

    @property
    def known_etag(self) -> str | None:
        """The ETag of the document on disk, where only another one is wanted and it may still be this one."""
        version = self.entry.version if self.ask and self.entry else None
        return version.etag if version and version.result == self.result else None

    @property
    def result(self) -> str | None:
        """Where its document is, as the journal keeps it."""
        return kept(self.path)

    @property
    def file_name(self) -> SafeName:
        """What its file is called, once its URL is known."""
        return item_file_name(self.item.id, extension_of(self.url))

    def enter_stage(self) -> None:
        """Start counting attempts anew."""
        self.tries = Tries()


@dataclass(frozen=True, slots=True)
class AssetPlan:
    """What is to become of an asset, "none" where its item names none; `path` is where one that is skipped is."""

    verdict: Verdict | Literal["none"]
    entry: Entry | None = None
    path: str = ""


@dataclass(slots=True)
class AssetJob(Job):
    """The asset of a work item: begins in the place of the job of its document when that has ended.

    `beside` is the extension of the document's file, "" where there is none; `extension` is the asset's own. `wrong`
    counts the bodies that came whole and were not what they are to be, `furthest` is how many bytes an attempt brought.
    """

    kind: ClassVar[Literal["document", "asset"]] = "asset"

    beside: str = ""
    extension: str = ""
    wrong: int = 0
    furthest: int = 0

    @classmethod
    def after(cls, job: Job, path: str | None) -> AssetJob:
        """Make the job that follows that of a document, which is here at a path, or was before, or is not."""
        plan = job.asset or AssetPlan("none")
        path = path or (job.entry.path if job.entry else None) or ""
        stem, dot, suffix = path.rpartition(".")
        beside = f"{dot}{suffix}" if stem else ""
        return cls(job.index, job.item, plan.entry, plan.verdict == "ask", asset=plan, beside=beside)

    @property
    def result(self) -> str | None:
        """Nothing: the journal keeps a digest of where an asset comes from."""
        return None

    @property
    def file_name(self) -> SafeName:
        """What its file is called, once its extension is known."""
        return asset_file_name(self.item.id, self.extension, self.beside)

    @property
    def lost_its_name(self) -> bool:
        """Whether the document has the name now that the file of the asset had."""
        path = self.entry.path if self.entry else None
        name = (path or "").rpartition("/")[2]
        return bool(self.beside) and name == item_file_name(self.item.id, self.beside)
