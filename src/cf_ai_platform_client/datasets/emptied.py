"""Images that are shown without any object, although their document has some: trained on, they are background."""

from __future__ import annotations

from collections.abc import Iterable, Set

from .document_ids import read_id
from .json_types import is_list, is_object
from .reading import Reading
from .records import Item, Sample


class Emptied:
    """Counts them during one pass: those whose objects filters hide, and those whose objects reading left out."""

    def __init__(self) -> None:
        self.by_filters = 0
        self.by_reading = 0

    def see(self, found: Reading, everything: Iterable[Item], shown: Iterable[Item]) -> None:
        """Look at a document's images, before filters and after."""
        empty = [sample for sample in _samples(shown) if not sample.annotations]
        if not empty:
            return
        annotated = {id(sample.image) for sample in _samples(everything) if sample.annotations}
        referred = _referred(found) if found.annotations_left_out else frozenset[str]()
        for sample in empty:
            if id(sample.image) in annotated:
                self.by_filters += 1
            elif str(sample.image.id) in referred:
                self.by_reading += 1


def _samples(items: Iterable[Item]) -> Iterable[Sample]:
    return (sample for item in items for sample in item.samples)


def _referred(found: Reading) -> Set[str]:
    """Return the ids of the images that a document's annotations refer to, as text."""
    entries = (found.data or {}).get("annotations")
    ids = (read_id(entry.get("image_id")) for entry in entries if is_object(entry)) if is_list(entries) else ()
    return {str(each) for each in ids if each is not None}
