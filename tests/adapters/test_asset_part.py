from __future__ import annotations

import base64
import gzip
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cf_ai_platform_client.adapters.asset_part import AssetPart
from cf_ai_platform_client.adapters.bodies import SPOOL_ABOVE
from cf_ai_platform_client.adapters.local_store import LocalStore, Staged
from cf_ai_platform_client.core.naming import SafeName
from cf_ai_platform_client.errors import CFError, DiskError, ResponseError

from .disks import files_of_at_most

BIG = os.urandom(1 << 16) * 48  # 3 MiB
PIECE = 1 << 18


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    store = LocalStore(str(tmp_path))
    yield store
    store.close()


@pytest.fixture
def part(store: LocalStore) -> Iterator[AssetPart]:
    part = AssetPart(opener(store), 8 << 20, "the asset of a")
    yield part
    if part.staged is not None:
        store.discard(part.staged)


def opener(store: LocalStore) -> Callable[[str], Staged]:
    return lambda extension: store.start(SafeName("plots"), SafeName(f"a{extension}"))


def headers(content: bytes, **more: str) -> dict[str, str]:
    return {"content-length": str(len(content)), "etag": '"1"', **{k.replace("_", "-"): v for k, v in more.items()}}


def fill(part: AssetPart, content: bytes) -> None:
    for start in range(0, len(content), PIECE):
        part.write(memoryview(content)[start : start + PIECE])


def written(part: AssetPart) -> bytes:
    assert part.staged is not None
    return Path(part.staged.path).with_name(part.staged.partial).read_bytes()


def test_a_small_asset_stays_in_memory(part: AssetPart, tmp_path: Path) -> None:
    part.start(200, headers(b"small"))
    fill(part, b"small")
    assert part.finish() == hashlib.sha256(b"small").digest()
    assert (part.content, part.staged, part.etag) == (b"small", None, '"1"')
    assert not part.can_go_on, "it comes as fast again"
    assert list(tmp_path.iterdir()) == []


def test_a_big_one_is_in_its_folder_as_it_comes(part: AssetPart) -> None:
    part.start(200, headers(BIG))
    fill(part, BIG[: SPOOL_ABOVE + PIECE])
    assert written(part) == BIG[: SPOOL_ABOVE + PIECE]
    fill(part, BIG[SPOOL_ABOVE + PIECE :])
    assert part.finish() == hashlib.sha256(BIG).digest()
    assert (part.content, written(part), part.bytes.size) == (None, BIG, len(BIG))


def test_it_goes_on_where_it_broke_off(part: AssetPart) -> None:
    digest = base64.b64encode(hashlib.sha256(BIG).digest()).decode()
    assert dict(part.headers('"old"')) == {"Accept-Encoding": "identity", "If-None-Match": '"old"'}
    part.start(200, headers(BIG, x_amz_checksum_sha256=digest))
    half = 2 << 20
    fill(part, BIG[:half])
    with pytest.raises(ResponseError, match="Only 2,097,152 of 3,145,728 bytes came"):
        part.finish()
    assert part.can_go_on
    assert dict(part.headers('"old"')) == {"Accept-Encoding": "identity", "Range": f"bytes={half}-", "If-Range": '"1"'}
    part.start(206, {"content-range": f"bytes {half}-{len(BIG) - 1}/{len(BIG)}", "etag": '"1"'})
    fill(part, BIG[half:])
    assert part.finish() == hashlib.sha256(BIG).digest()
    assert written(part) == BIG


def test_another_file_begins_anew(part: AssetPart) -> None:
    part.start(200, headers(BIG))
    fill(part, BIG)
    other = b"other"
    part.start(200, headers(other))
    assert written(part) == b""
    fill(part, other)
    assert part.finish() == hashlib.sha256(other).digest()
    assert (written(part), part.bytes.head) == (other, other)


@pytest.mark.parametrize("content", [b"plain " * 9, BIG])
def test_a_compressed_one_is_kept_plain_and_its_digest_is_of_what_was_sent(part: AssetPart, content: bytes) -> None:
    sent = gzip.compress(content)
    digest = base64.b64encode(hashlib.md5(sent).digest()).decode()
    part.start(200, headers(sent, content_encoding="gzip", content_md5=digest))
    fill(part, sent)
    assert part.finish() == hashlib.sha256(content).digest()
    assert (part.content or written(part)) == content


def test_a_compressed_one_that_is_cut(part: AssetPart) -> None:
    sent = gzip.compress(BIG)[:-9]
    part.start(200, headers(sent, content_encoding="gzip"))
    fill(part, sent)
    with pytest.raises(ResponseError) as caught:
        part.finish()
    assert caught.value.code == "truncated"
    assert not part.can_go_on, "nothing more comes"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda part: part.start(206, {"content-range": "bytes 5-9/10"}), "mismatch"),
        (lambda part: part.start(206, {"content-range": f"bytes {part.size}-{part.size}/99999999"}), "truncated"),
        (lambda part: part.start(200, {"content-length": "9000000"}), "too_large"),
        (lambda part: part.write(bytes(8 << 20)), "too_large"),
        (lambda part: part.write(bytes(2 << 20)), "mismatch"),
    ],
)
def test_what_cannot_be_right_is_not_gone_on_with(
    part: AssetPart, spoil: Callable[[AssetPart], object], code: str
) -> None:
    part.start(200, headers(BIG))
    fill(part, BIG[: 2 << 20])
    assert part.can_go_on
    with pytest.raises(CFError) as caught:
        spoil(part)
    assert caught.value.code == code
    assert "document" not in str(caught.value)
    assert not part.can_go_on


def test_a_limit_says_which_one_it_is(part: AssetPart) -> None:
    with pytest.raises(
        ResponseError, match=r"The asset of a is larger than 8,388,608 bytes\. Raise asset_bytes of Limits"
    ):
        part.start(200, {"content-length": "9000000"})


def test_a_wrong_digest_names_the_asset(part: AssetPart) -> None:
    part.start(200, headers(b"abc", content_md5=base64.b64encode(bytes(16)).decode()))
    part.write(b"abc")
    with pytest.raises(ResponseError, match="The asset does not have the checksum"):
        part.finish()


def test_a_disk_that_is_full_is_said(part: AssetPart) -> None:
    part.start(200, headers(BIG))
    with files_of_at_most(2 << 20), pytest.raises(DiskError) as caught:
        fill(part, BIG)
    assert caught.value.code == "disk_full"
    assert str(caught.value.filename).endswith("a.bin")
