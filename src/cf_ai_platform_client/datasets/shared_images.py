"""Image files that several documents list, as those of COCO's instances and captions do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class SharedImages:
    """Looks at the images of one document after the other; remembers two numbers for each file."""

    def __init__(self) -> None:
        self._first: dict[int, str] = {}
        self._example: tuple[str, str] | None = None
        self._count = 0

    def see(self, document: str, paths: Iterable[str | None]) -> Counter[str]:
        """Take in the images of a document; return how many of them each earlier document lists too."""
        found: Counter[str] = Counter()
        for path in paths:
            first = document if path is None else self._first.setdefault(hash(path), document)
            if first != document:
                found[first] += 1
                self._example = self._example or (first, document)
        self._count += found.total()
        return found

    def warnings(self) -> list[str]:
        """Tell of all of them at once."""
        if self._example is None:
            return []
        first, second = self._example
        return [
            f"{self._count:,} images are of files that another document lists too, such as those of {first} and "
            f"{second}: they count once for each. Open one of these files in place of the folder."
        ]
