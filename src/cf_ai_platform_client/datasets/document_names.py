"""Names of documents that are written again: as they are where every system takes them, and unlike each other."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from ..core.naming import clean_name, name_key


def document_names(documents: Iterable[str]) -> dict[str, str]:
    """Return a relative path for each document that every system takes, and takes for no other.

    Among equal ones, also by case or composition, one that is as it was keeps its name; others get a digest of theirs.

    >>> document_names(["a:b.json", "a_b.json", "c?.json"])
    {'a:b.json': 'a_b-bd75638c35e6b353.json', 'a_b.json': 'a_b.json', 'c?.json': 'c_.json'}
    """
    cleaned = {document: "/".join(map(clean_name, document.split("/"))) for document in documents}
    alike: defaultdict[str, list[str]] = defaultdict(list)
    folders: set[str] = set()
    for document, name in cleaned.items():
        alike[name_key(name)].append(document)
        parts = name_key(name).split("/")
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    return {
        document: name if _keeps(document, name, alike[name_key(name)], folders) else _marked(document, name)
        for document, name in cleaned.items()
    }


def _keeps(document: str, name: str, alike: list[str], folders: set[str]) -> bool:
    if name_key(name) in folders:
        return False
    others = [other for other in alike if other != document]
    return not others or (name == document and all(name_key(other) != name_key(document) for other in others))


def _marked(document: str, name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    digest = hashlib.sha256(document.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{stem}-{digest}{dot}{suffix}"
