from __future__ import annotations

import pytest

from cf_ai_platform_client.core.jpeg_header import JpegHeader

CASES: dict[bytes, int] = {
    b"": 0,
    b"\xff\xd8\xff": 0,
    b"\x89PNG": 0,
    b"\xff\xd8\xff\xd9": 2,
    b"\xff\xd8\xff\xda\0\x02ab\xff\xda\0\x02": 2,
    b"\xff\xd8\xff\xff\xff\xff\xda\0\x02ab": 5,
    b"\xff\xd8\xff\x01\xff\xd7\xff\xda\0\x02ab": 6,
    b"\xff\xd8\xff\xe0\0\x04\xff\xdaab\xff\xda\0\x02": 8,
    b"\xff\xd8\xff\xe0\xff\xff": 65_539,
    b"\xff\xd8\xff\xe0\xff\xff" + bytes(65_533) + b"\xff\xe1\xff\xff" + bytes(65_533) + b"\xff\xda\0\x02": 131_076,
}


@pytest.mark.parametrize("piece", [1, 3, 4096, 1 << 20])
@pytest.mark.parametrize(("content", "place"), CASES.items(), ids=list(map(str, CASES.values())))
def test_the_pixels_begin_at_the_first_scan_in_whatever_pieces(content: bytes, place: int, piece: int) -> None:
    header = JpegHeader()
    for start in range(0, len(content), piece):
        header.update(content[start : start + piece])
        assert len(header._kept) < 4
    assert header.place == place
