from __future__ import annotations

from uuid import UUID

from cf_ai_platform_client.core.export_orders import ExportOrder
from cf_ai_platform_client.models import ExportFormat
from cf_ai_platform_client.transfer.created import CreatedExports


def test_only_this_very_export_with_an_equal_order_is_ones_own() -> None:
    created, order = CreatedExports(), ExportOrder("n", ExportFormat("CSV"), ("p",))
    created.add("s", UUID(int=1), order)
    assert created.has("s", UUID(int=1), ExportOrder("n", ExportFormat.CSV, ("p",)))
    assert not created.has("s", UUID(int=1), ExportOrder("n", ExportFormat.CSV))
    assert not created.has("s", UUID(int=2), order)
    assert not created.has("t", UUID(int=1), order)


def test_the_oldest_are_forgotten() -> None:
    created, order = CreatedExports(), ExportOrder("n")
    for number in range(1001):
        created.add("s", UUID(int=number), order)
    assert not created.has("s", UUID(int=0), order)
    assert created.has("s", UUID(int=1), order)
    assert created.has("s", UUID(int=1000), order)
