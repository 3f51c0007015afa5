"""How many came in, went out and were left out, and why: what every tool tells in the end."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts one kind of thing; what came in went out or was left out."""

    came_in: int = 0
    went_out: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])

    @property
    def is_balanced(self) -> bool:
        """Whether nothing is unaccounted for."""
        return self.came_in == self.went_out + self.left_out.total()


@dataclass
class Report:
    """What a tool did: documents, images and annotations by fate, and what was changed in those that went out.

    `left_out` and `changed` count by reasons that people read, such as "no category" and "area filled from the mask".
    `emptied` counts images that went out although all of their objects were left out.
    """

    documents: Tally = field(default_factory=Tally)
    images: Tally = field(default_factory=Tally)
    annotations: Tally = field(default_factory=Tally)
    changed: Counter[str] = field(default_factory=Counter[str])
    warnings: list[str] = field(default_factory=list[str])
    files: list[str] = field(default_factory=list[str])
    emptied: int = 0

    def all_the_rest_went_out(self) -> None:
        """Count as gone out what came in and was not left out."""
        for tally in (self.documents, self.images, self.annotations):
            tally.went_out = tally.came_in - tally.left_out.total()

    def tell_emptied(self) -> None:
        """Warn of the images that are left without any object, once all of them were counted."""
        if self.emptied:
            what = f"All objects of {counted(self.emptied, 'image')} were left out"
            self.warnings.append(f"{what}: trained on, they are taken for images of nothing.")

    def of_what_was_left_out(self) -> Report:
        """Return a new report of what was left out and changed, and of the documents; that of the rest may follow."""
        images, annotations = (
            Tally(tally.left_out.total(), 0, Counter(tally.left_out)) for tally in (self.images, self.annotations)
        )
        documents = Tally(self.documents.came_in, 0, Counter(self.documents.left_out))
        return Report(documents, images, annotations, Counter(self.changed), list(self.warnings), emptied=self.emptied)


def counted(count: int, one: str, many: str = "") -> str:
    """Write a number of things.

    >>> counted(1, "image"), counted(2000, "category", "categories")
    ('1 image', '2,000 categories')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def warn_of_left_out(report: Report, given: Report | None, *changes: str) -> None:
    """Warn of what was left out, and of these changes, where nobody gave a report that tells it."""
    if given is not None:
        return
    parts = [
        f"{count:,} of {tally.came_in:,} {things} ({reason})"
        for things, tally in (("images", report.images), ("annotations", report.annotations))
        for reason, count in tally.left_out.most_common()
    ]
    parts += [f"{change} ({report.changed[change]:,})" for change in changes if report.changed[change]]
    if parts:
        warnings.warn(f"Left out: {'; '.join(parts)}. Pass report=datasets.Report() to be told there.", stacklevel=4)
