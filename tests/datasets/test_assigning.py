from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cf_ai_platform_client.datasets.assigning import Shares, assign, position


def assigned(units: dict[str, list[int]], *shares: float, seed: int = 0, **options: object) -> dict[str, str]:
    given_options = {"pinned": {}, "stratify": False, **options}
    return assign(units, Shares(*shares), seed, **given_options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shares", "spans"),
    [
        ((0.8, 0.1, 0.1), {"train": (0.0, 0.8), "val": (0.8, pytest.approx(0.9)), "test": (pytest.approx(0.9), 1.0)}),
        ((0.9, 0.1, 0), {"train": (0.0, 0.9), "val": (0.9, 1.0)}),
        ((0, 0, 1), {"test": (0.0, 1.0)}),
    ],
)
def test_a_share_of_0_gives_no_split(shares: tuple[float, float, float], spans: object) -> None:
    assert Shares(*shares).spans == spans


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ((0.9, 0.1, 0.1), "train, val and test are 0.9, 0.1 and 0.1, 1.1 together, but must be 1 together"),
        ((8, 1, 1), "train is 8, but must be a share from 0"),
        ((1, -0.1, 0.1), "val is -0.1, but must be a share"),
        ((True, 0, 0), "train is True, but must be a share"),
        ((0, 0, float("nan")), "test is nan, but must be a share"),
    ],
)
def test_shares_that_are_none(shares: tuple[float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Shares(*shares)


def test_positions_are_the_same_on_every_machine() -> None:
    assert [round(position(0, name), 6) for name in ("a", "樹", "\ud83d")] == [0.051689, 0.133132, 0.455907]


def test_many_units_go_by_the_shares() -> None:
    found = list(assigned({str(n): [] for n in range(5000)}, 0.7, 0.2, 0.1).values())
    assert [round(found.count(name) / 5000, 1) for name in ("train", "val", "test")] == [0.7, 0.2, 0.1]


def test_another_seed_gives_another_split() -> None:
    units = {str(n): [] for n in range(50)}
    assert assigned(units, seed=1) != assigned(units, seed=2)


def test_a_rare_category_gets_into_every_split_by_the_unit_that_is_nearest() -> None:
    units = {str(n): [0] for n in range(100)}
    rare = [name for name, split in assigned(units).items() if split == "train"][:3]
    units |= {name: [0, 1] for name in rare}
    found = assigned(units, stratify=True)
    assert {found[name] for name in rare} == {"train", "val", "test"}
    moved = [name for name in units if found[name] != assigned(units)[name]]
    assert len(moved) == 2
    to_val = next(name for name in moved if found[name] == "val")
    assert position(0, to_val) == max(position(0, name) for name in rare)


@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (0.5, 0.5, 0), (0, 0.5, 0.5)])
@pytest.mark.parametrize("seed", range(20))
def test_a_category_of_fewer_units_than_splits_gets_into_the_first_split(
    shares: tuple[float, float, float], seed: int
) -> None:
    first, *others = Shares(*shares).spans
    units = {str(n): [0] for n in range(100)} | {"one": [0, 1], **{str(n): [0, 2] for n in range(len(others))}}
    plain, found = assigned(units, *shares, seed=seed), assigned(units, *shares, seed=seed, stratify=True)
    assert found["one"] == first
    assert first in {found[str(n)] for n in range(len(others))}
    assert len([unit for unit in units if found[unit] != plain[unit]]) <= 2
    pinned = {"one": others[0]}
    assert assigned(units, *shares, seed=seed, stratify=True, pinned=pinned)["one"] == others[0]


def test_what_a_split_loses_to_the_first_comes_back_by_another_unit() -> None:
    plain = assigned({str(n): [] for n in range(20)})
    by_split = {split: [unit for unit in plain if plain[unit] == split] for split in ("train", "val", "test")}
    units = {by_split["val"][0]: [0, 1], by_split["train"][0]: [0], by_split["test"][0]: [0]}
    found = assigned(units, stratify=True)
    assert found == {by_split["val"][0]: "train", by_split["train"][0]: "val", by_split["test"][0]: "test"}


def test_what_is_moved_is_not_needed_where_it_was() -> None:
    units = {str(n): [n % 5] for n in range(400)}
    units["rare"] = [5]
    for n in range(3):
        units[f"rare {n}"] = [5, 6]
    found = assigned(units, stratify=True)
    for category in range(6):
        assert {found[unit] for unit, categories in units.items() if category in categories} == {"train", "val", "test"}


def test_what_is_known_stays() -> None:
    units = {str(n): [0] for n in range(20)}
    pinned = {"0": "test", "1": "train", "2": "val"}
    assert {name: assigned(units, pinned=pinned, stratify=True)[name] for name in pinned} == pinned


units_of = st.dictionaries(st.text(max_size=4), st.lists(st.integers(0, 4), max_size=3, unique=True), max_size=30)
shares_of = st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.5, 0), (0.34, 0.33, 0.33), (0, 0.5, 0.5)])


@given(units_of, units_of, shares_of, st.integers(0, 3))
def test_nothing_moves_when_others_are_added(
    units: dict[str, list[int]], more: dict[str, list[int]], shares: tuple[float, float, float], seed: int
) -> None:
    before, after = assigned(units, *shares, seed=seed), assigned({**more, **units}, *shares, seed=seed)
    assert {name: after[name] for name in units} == before


@given(units_of, units_of, shares_of)
def test_only_units_of_categories_that_lack_somewhere_move_and_none_that_is_pinned(
    units: dict[str, list[int]], more: dict[str, list[int]], shares: tuple[float, float, float]
) -> None:
    before = assigned(units, *shares, stratify=True)
    plain = assigned(units, *shares)
    lacking = {
        category
        for categories in units.values()
        for category in categories
        if len({plain[unit] for unit in units if category in units[unit]}) < len(Shares(*shares).spans)
    }
    moved = [name for name in units if before[name] != plain[name]]
    lost = {category for name in moved for category in units[name] if lacking.intersection(units[name])}
    assert all((lacking | lost).intersection(units[name]) for name in moved)
    after = assigned({**more, **units}, *shares, stratify=True, pinned=before)
    assert {name: after[name] for name in units} == before


@given(units_of, shares_of)
def test_the_order_of_units_does_not_matter(units: dict[str, list[int]], shares: tuple[float, float, float]) -> None:
    turned = dict(reversed(units.items()))
    assert assigned(turned, *shares, stratify=True) == assigned(units, *shares, stratify=True)


@given(units_of, shares_of)
def test_no_category_gets_into_fewer_splits_but_for_rare_ones_beside_it(
    units: dict[str, list[int]], shares: tuple[float, float, float]
) -> None:
    plain, found = assigned(units, *shares), assigned(units, *shares, stratify=True)
    for category in range(5):
        having = [unit for unit, categories in units.items() if category in categories]
        splits = len(Shares(*shares).spans)
        beside = {other for unit in having for other in units[unit]}
        if all(sum(other in units[unit] for unit in units) >= splits for other in beside):
            assert len({found[unit] for unit in having}) >= len({plain[unit] for unit in having})


@given(units_of, shares_of)
def test_every_category_gets_into_the_first_split(
    units: dict[str, list[int]], shares: tuple[float, float, float]
) -> None:
    found = assigned(units, *shares, stratify=True)
    first, *others = Shares(*shares).spans
    for category in range(5):
        having = [unit for unit, categories in units.items() if category in categories]
        if 0 < len(having) <= len(others):
            assert first in {found[unit] for unit in having}
