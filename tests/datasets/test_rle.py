from __future__ import annotations

import random

import pytest

from cf_ai_platform_client.datasets import rle

mask = pytest.importorskip("pycocotools.mask")
numpy = pytest.importorskip("numpy")


@pytest.mark.parametrize("seed", range(40))
def test_it_agrees_with_pycocotools(seed: int) -> None:
    chance = random.Random(seed)
    height, width, share = chance.randrange(1, 40), chance.randrange(1, 40), chance.random()
    pixels = [[int(chance.random() < share) for _ in range(width)] for _ in range(height)]
    theirs = mask.encode(numpy.asfortranarray(pixels, dtype=numpy.uint8))
    counts = theirs["counts"].decode("ascii")
    runs = rle.decode(counts)
    assert sum(runs) == height * width
    assert rle.encode(runs) == counts
    assert rle.area(runs) == mask.area(theirs)
    assert (rle.bbox(runs, height) or (0, 0, 0, 0)) == tuple(mask.toBbox(theirs))


@pytest.mark.parametrize("size", [1, 15, 16, 31, 511, 512, 20_000, 600_000, 30_000_000])
def test_runs_of_every_length_are_written_as_pycocotools_does(size: int) -> None:
    runs = [3, size, 1, 2 * size, size]
    theirs = mask.frPyObjects({"size": [1, sum(runs)], "counts": runs}, 1, sum(runs))
    assert rle.encode(runs) == theirs["counts"].decode("ascii")
    assert rle.decode(rle.encode(runs)) == runs


@pytest.mark.parametrize("text", ["é", "p", "P", "0P", " 0", "P" * 30 + "0"])
def test_what_is_no_string_of_runs_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="counts is no compressed string"):
        rle.decode(text)


def drawn(*rows: str) -> tuple[list[int], int]:
    pixels = numpy.asfortranarray([[int(char == "#") for char in row] for row in rows], dtype=numpy.uint8)
    return rle.decode(mask.encode(pixels)["counts"].decode("ascii")), len(rows)


@pytest.mark.parametrize(
    ("rows", "is_one"),
    [
        (("###", "#.#", "###"), True),
        (("#.#", "#.#", "###"), True),
        (("#.#", "...", "###"), False),
        (("#..", ".#.", "..#"), True),
        (("#.#", "#.#", "#.#"), False),
        (("#####", "....#", "###.#", "#...#", "#####"), True),
        (("...",), False),
    ],
)
def test_pieces_hang_together_by_sides_and_corners(rows: tuple[str, ...], is_one: bool) -> None:
    assert rle.is_one_piece(*drawn(*rows)) is is_one


@pytest.mark.parametrize("seed", range(60))
def test_whole_columns_are_pieces_like_any_other(seed: int) -> None:
    chance = random.Random(seed)
    height, runs = chance.randrange(1, 5), [chance.randrange(0, 14) for _ in range(chance.randrange(1, 9))]
    runs.append(-sum(runs) % height)
    pixels = [at & 1 for at, run in enumerate(runs) for _ in range(run)]
    spots = {divmod(at, height) for at, is_object in enumerate(pixels) if is_object}
    open_spots = [min(spots)] if spots else []
    rest = spots - set(open_spots)
    while open_spots:
        x, y = open_spots.pop()
        near = {(x + right, y + down) for right in (-1, 0, 1) for down in (-1, 0, 1)} & rest
        rest -= near
        open_spots += near
    assert rle.is_one_piece(runs, height) is (bool(spots) and not rest)


def test_a_mask_of_any_size_is_judged_by_its_runs() -> None:
    assert rle.is_one_piece([0, 10**18], 10**9)
    assert not rle.is_one_piece([5, 10**17, 3 * 10**9, 10**17], 10**9)
