"""Rule 2: `file_name` is a relative POSIX path, percent-decoded, unique without regard to case and by stem."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.core.naming import is_safe, name_key
from cf_ai_platform_client.datasets.names import ORIGINAL, Named, Names, flat_name, name_on_disk, safe_path, stem_key
from cf_ai_platform_client.datasets.records import Image, Sample


def sample(file_name: str, item: str = "item", batch: str = "", number: int = 1, path: str | None = None) -> Sample:
    key = f"{item}/{file_name}#{number}"
    return Sample(item, batch, f"{batch}/{item}.json", Image(number, file_name), path=path, key=key)


def named(samples: Sequence[Sample]) -> list[str]:
    names = Names.of(samples)
    return [names(each) for each in samples]


@pytest.mark.parametrize(
    ("file_name", "safe"),
    [
        ("plot.jpg", "plot.jpg"),
        ("plots/one.jpg", "plots/one.jpg"),
        ("north%20field%2Fa.png", "north field/a.png"),
        ("C:\\data\\plot.png", "C_/data/plot.png"),
        ("/data/images/plot.png", "data/images/plot.png"),
        ("../../secret.png", "secret.png"),
        ("%2e%2e/secret.png", "secret.png"),
        ("a/./b//c.png", "a/b/c.png"),
        ("con.jpg", "_con.jpg"),
        ("a:b?.jpg", "a_b_.jpg"),
        ("", "_"),
        ("..", "_"),
        ("Straße 樹木 é.jpg", "Straße 樹木 é.jpg"),
        ("樹" * 100 + ".jpg", "樹" * 65 + ".jpg"),
    ],
)
def test_paths_are_relative_posix_and_safe(file_name: str, safe: str) -> None:
    assert safe_path(file_name) == safe


def test_a_name_that_nobody_else_has_is_kept() -> None:
    assert named([sample("a.jpg", "1"), sample("b.jpg", "2", "North")]) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("plot.jpg", "plot.jpg"), ("plot.jpg", "PLOT.jpg"), ("plot.jpg", "plot.png"), ("é.jpg", "e\u0301.jpg")],
    ids=["the same", "but for case", "same stem, other extension", "composed and not"],
)
def test_what_some_tool_takes_for_the_same_is_told_apart(first: str, second: str) -> None:
    assert named([sample(first, "1", "North"), sample(second, "2", "South")]) == [f"North/{first}", f"South/{second}"]
    assert named([sample(first, "1", "North"), sample(second, "2", "North")]) == [
        f"North/1/{first}",
        f"North/2/{second}",
    ]
    assert named([sample(first, "1"), sample(second, "2")]) == [f"1/{first}", f"2/{second}"]
    one, two = named([sample(first, "1"), sample(second, "1", number=2)])
    assert one.startswith("1/")
    assert stem_key(one) != stem_key(two)


def test_images_of_one_document_with_one_id_are_told_apart() -> None:
    twins = [Sample("d", "", "d.json", Image(1, name), key=key) for name, key in (("a.jpg", "d/a"), ("a.jpg", "d/a#2"))]
    flat = [Sample("d", "", "d.json", Image(1, name), key=name) for name in ("b/a.jpg", "b_a.jpg")]
    assert len({stem_key(name) for name in named([*twins, *flat])}) == 4


@pytest.mark.parametrize("name", ["a", "A"])
def test_a_name_is_no_folder_of_another(name: str) -> None:
    first, second = named([sample(name, "1"), sample("a/b/c.jpg", "2")])
    assert (first[:2], len(first), second) == (f"{name}-", len("a-0123456789abcdef"), "a/b/c.jpg")
    assert named([sample("North", "1"), sample("p.jpg", "2", "North"), sample("p.jpg", "3", "South")])[0] != "North"
    assert named([sample("North.jpg", "1", "North"), sample("p.jpg", "2", "North")]) == ["North.jpg", "p.jpg"]


@pytest.mark.parametrize("suffix", ["", ".a", ".jpg", ".tiff"])
def test_a_flat_name_has_room_for_another_suffix(suffix: str) -> None:
    name = flat_name(f"{'x' * 200}/{'y' * 100}{suffix}")
    assert is_safe(name)
    assert is_safe(f"{name.rpartition('.')[0] or name}.txt")
    assert name.endswith(suffix)


def test_a_folder_is_no_difference_where_tools_have_none() -> None:
    assert named([sample("a/b.jpg", "1"), sample("a_b.jpg", "2")]) == ["1/a/b.jpg", "2/a_b.jpg"]


def test_a_batch_before_the_name_does_not_meet_another_name() -> None:
    taken = sample("North/plot.jpg", "3")
    names = named([sample("plot.jpg", "1", "North"), sample("plot.jpg", "2", "South"), taken])
    assert names == ["North/1/plot.jpg", "South/plot.jpg", "North/plot.jpg"]


def test_batch_and_item_before_the_name_do_not_meet_another_name() -> None:
    twins = [sample("plot.jpg", "1", "North"), sample("plot.jpg", "2", "North")]
    first, second, taken = named([*twins, sample("North/1/plot.jpg", "3")])
    assert (second, taken) == ("North/2/plot.jpg", "North/1/plot.jpg")
    assert first.startswith("North/1/plot-")
    assert len(first) == len("North/1/plot-0123456789abcdef.jpg")


def test_what_was_named_before_is_not_decoded_again() -> None:
    image = Image(1, "100%25.jpg", extra={ORIGINAL: "100%2525.jpg"})
    assert named([Sample("1", "", "annotations.json", image)]) == ["100%25.jpg"]


def test_one_file_name_for_formats_without_folders() -> None:
    assert flat_name("North/plot.jpg") == "North_plot.jpg"
    long = flat_name("/".join(["樹" * 60] * 3) + "/plot.jpg")
    assert len(long.encode()) <= 255
    assert long.endswith(".jpg")
    assert long != flat_name("/".join(["樹" * 60] * 3) + "/plat.jpg")


def test_where_an_image_is_on_the_disk() -> None:
    assert name_on_disk(sample("a.jpg", path="/data/North/1.jpg"), "/data") == "North/1.jpg"
    assert name_on_disk(sample("n/a.jpg", path="/data/images/n/a.jpg"), "/data") == "n/a.jpg"
    assert name_on_disk(sample("a.jpg", path="/database/a.jpg"), "/data") is None
    assert name_on_disk(sample("a.jpg"), "/data") is None


parts = st.text(st.sampled_from("aAbé%2F/\\.:_ 樹"), max_size=6)
samples = st.lists(st.builds(sample, parts, st.sampled_from("12"), st.sampled_from(["", "a", "A/b"])), max_size=8).map(
    lambda found: [
        Sample(each.work_item_id, each.batch, each.document, Image(1, each.image.file_name), key=str(n))
        for n, each in enumerate(found)
    ]
)


@given(samples)
def test_names_are_safe_and_unlike_each_other_by_stem_and_case(found: list[Sample]) -> None:
    names = named(found)
    assert all(is_safe(part) for name in names for part in name.split("/"))
    assert len({stem_key(name) for name in names}) == len(names)
    folders = {name_key(name[:at]) for name in names for at, each in enumerate(name) if each == "/"}
    assert not folders & {name_key(name) for name in names}
    flat = [flat_name(name) for name in names]
    assert len({(name.rpartition(".")[0] or name).casefold() for name in flat}) == len(names)


@given(samples)
def test_names_do_not_depend_on_the_order(found: list[Sample]) -> None:
    assert named(found[::-1]) == named(found)[::-1]


@given(samples)
def test_names_once_given_stay(found: list[Sample]) -> None:
    once = named(found)
    again = [
        Sample(
            each.work_item_id, each.batch, "annotations.json", Image(n, name, extra={ORIGINAL: each.image.file_name})
        )
        for n, (each, name) in enumerate(zip(found, once, strict=True))
    ]
    assert named(again) == once


@given(parts)
def test_a_safe_path_is_safe_already(name: str) -> None:
    assert safe_path(safe_path(name), decode=False) == safe_path(name)


def test_a_kept_name_gives_way_to_that_of_another_document() -> None:
    def names_of(*documents: str) -> list[str]:
        names, found = (
            Names(),
            [Named("p.jpg", True, "", each, f"{each}.json", str(at)) for at, each in enumerate(documents)],
        )
        for each in found:
            names.keep(each)
        names.settle()
        return [names.name(each) for each in found]

    assert names_of("1", "1") == ["p.jpg", "p.jpg"]
    assert names_of("1", "2") == ["1/p.jpg", "2/p.jpg"]


def test_a_reserved_name_counts() -> None:
    names = Names()
    assert names.reserve("North/1.jpg")
    assert not names.reserve("north/1.png")
    waiting = Named("North_1.jpg", False, "", "7", "7.json", "7/North_1.jpg")
    names.note(waiting)
    names.settle()
    assert names.name(waiting) == "7/North_1.jpg"
