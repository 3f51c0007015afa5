from __future__ import annotations

import dataclasses
from typing import Any, get_args

import pytest

from cf_ai_platform_client import events

KINDS: list[Any] = [value for value in vars(events).values() if dataclasses.is_dataclass(value)]


def test_every_kind_is_an_event_but_the_progress_made_of_them() -> None:
    assert set(get_args(events.Event)) == set(KINDS) - {events.Progress}


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_a_frozen_value_with_a_sentence_about_it(kind: Any) -> None:
    names = [field.name for field in dataclasses.fields(kind)]
    value, same = kind(*names), kind(*names)
    assert value == same
    assert hash(value) == hash(same)
    assert kind.__doc__
    assert not kind.__doc__.startswith(f"{kind.__name__}(")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, names[0], "other")
    assert not hasattr(value, "__dict__")
