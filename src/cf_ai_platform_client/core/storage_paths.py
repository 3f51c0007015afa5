"""From an annotation's result to a path in the space, and from signed URLs back to the paths they are for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from ..errors import ItemError, ResponseError
from ..models import Annotation, SignedURLObject
from .redaction import printable

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_NOT_QUOTED = "/?%:@!$&'()*+,;=[]~|^`{}\"<>\\"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def result_path(annotation: Annotation, space_id: str, item_id: str) -> str:
    """Return where the COCO document of a work item is, relative to its space.

    Raises ItemError (`no_result`) where the annotation names none, ResponseError (`mismatch`) where it is another
    item's.
    """
    if not _same_item(annotation.work_item_id, item_id):
        raise _mismatch(f"the annotation of {printable(annotation.work_item_id)}", item_id)
    url = (annotation.metadata or {}).get("coco_results_url")
    if not isinstance(url, str) or not url.strip():
        raise ItemError(
            f"Work item {printable(item_id)} has no COCO result: its annotation names no coco_results_url.",
            code="no_result",
            item_id=item_id,
            hint="It may not be annotated yet, or not in a form that COCO can hold.",
        )
    return space_relative(url.strip(), space_id, item_id)


@dataclass(frozen=True, slots=True)
class AssetPlace:
    """Where an asset is: a `path` in the space, to be signed, or else a `url` to be fetched as it is."""

    path: str = ""
    url: str = ""


def asset_place(asset_url: str, space_id: str, item_id: str) -> AssetPlace:
    """Read the `assetUrl` of a work item. Raises ItemError (`invalid_item`) for what no storage can have.

    >>> asset_place("assets/a.jpg", "s1", "a").path, asset_place("https://images.example/ä.jpg", "s1", "a").url
    ('assets/a.jpg', 'https://images.example/%C3%A4.jpg')
    """
    text = asset_url.strip()
    scheme, is_url, rest = text.partition("://")
    if not is_url or not _SCHEME.fullmatch(scheme):
        return AssetPlace(path=text)
    if scheme.lower() in {"https", "http"}:
        host, slash, path = rest.partition("#")[0].partition("/")
        return AssetPlace(url=f"{scheme.lower()}://{host}{slash}{quote(path, safe=_NOT_QUOTED)}")
    if scheme != "s3":
        raise ItemError(
            f"The asset of work item {printable(item_id)} is at {printable(scheme)}://, which cannot be fetched.",
            code="invalid_item",
            item_id=item_id,
            hint="It must be a path in the space, or an https URL.",
        )
    return AssetPlace(path=space_relative(text, space_id, item_id, "asset"))


def space_relative(url: str, space_id: str, item_id: str, what: str = "result") -> str:
    """Cut `s3://BUCKET/spaces/SPACE/` off a storage URL; a path without a scheme stays as it is.

    >>> space_relative("s3://bucket/spaces/s1/coco_output/a.json", "s1", "a")
    'coco_output/a.json'
    """
    if not url.startswith("s3://"):
        return url
    _, _, path = url[len("s3://") :].partition("/")
    _, found, relative = f"/{path}".partition(f"/spaces/{space_id}/")
    if found and relative:
        return relative
    raise ItemError(
        f"The {what} of work item {printable(item_id)} is not in the space {printable(space_id)}: {printable(url)}.",
        code="invalid_item",
        item_id=item_id,
        hint="Check the space id.",
    )


def match_signed_urls(paths: Sequence[str], answers: Iterable[SignedURLObject], space_id: str) -> Mapping[str, str]:
    """Find the URL of each path, whatever the order and spelling; a path without a clear answer is missing."""
    exact: dict[str, str] = {}
    for answer in answers:
        exact.setdefault(answer.path, answer.signed_url)
    found = {path: exact[path] for path in paths if exact.get(path)}
    if len(found) < len(set(paths)):
        found |= _loosely_matched(paths, exact, found, space_id)
    return found


def _loosely_matched(
    paths: Sequence[str], exact: Mapping[str, str], found: Mapping[str, str], space_id: str
) -> dict[str, str]:
    asked = Counter(_normal(path, space_id) for path in set(paths))
    loose: dict[str, str] = {}
    for answered, url in exact.items():
        loose.setdefault(_normal(answered, space_id), url)
    missing = {path: _normal(path, space_id) for path in paths if path not in found}
    return {path: loose[name] for path, name in missing.items() if asked[name] == 1 and loose.get(name)}


def only_signed_url(path: str, answers: Sequence[SignedURLObject], space_id: str, item_id: str) -> str:
    """Return the URL that answers a call with one path; its spelling may differ, its item may not."""
    match = match_signed_urls([path], answers, space_id).get(path)
    if match:
        return match
    if len(answers) != 1:
        raise ResponseError(
            f"The platform signed no URL for work item {printable(item_id)}.",
            code="mismatch",
            item_id=item_id,
        )
    (answer,) = answers
    if _names_another(path, answer.path, space_id) or _lacks_item(path, answer.path, item_id):
        raise _mismatch(f"a URL for {printable(answer.path)}", item_id)
    return answer.signed_url


def _names_another(path: str, answered: str, space_id: str) -> bool:
    """Tell whether the answer's path holds an id that was not asked for in the place of one that was."""
    asked, named = set(_UUID.findall(path.lower())), set(_UUID.findall(answered.lower()))
    strange = named - asked - {space_id.lower()}
    return bool(strange) and not (asked and asked <= named)


def _same_item(named: str, asked: str) -> bool:
    """Tell whether two ids are the same: only UUIDs may differ by case."""
    return named == asked or (bool(_UUID.fullmatch(asked)) and named.lower() == asked.lower())


def _lacks_item(path: str, answered: str, item_id: str) -> bool:
    """Tell whether the answer stands beside what was asked for, without the item's id in its name."""
    folder, _, name = unquote(path).rpartition("/")
    other_folder, _, other = unquote(answered).rpartition("/")
    return folder == other_folder and item_id in name and item_id not in other


def _normal(path: str, space_id: str) -> str:
    """Unquote a path and cut its slashes, its bucket and its space."""
    place, is_url, rest = path.partition("://")
    plain = unquote(rest.partition("/")[2] if is_url else place).strip("/")
    before, found, relative = f"/{plain}".partition(f"/spaces/{space_id}/")
    return relative if found and (is_url or not before) else plain


def _mismatch(got: str, item_id: str) -> ResponseError:
    return ResponseError(
        f"The platform answered with {got} when asked for work item {printable(item_id)}.",
        code="mismatch",
        item_id=item_id,
        hint="Nothing was saved for it.",
    )
