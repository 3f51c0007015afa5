"""Which exports a client object created, and what they hold: only those are its own to attach to."""

from __future__ import annotations

from uuid import UUID

from ..core.export_orders import ExportOrder

_KEPT = 1000


class CreatedExports:
    """The latest exports of a client, with their orders."""

    def __init__(self) -> None:
        self._orders: dict[tuple[str, UUID], ExportOrder] = {}

    def add(self, space_id: str, export_id: UUID, order: ExportOrder) -> None:
        """Remember an export."""
        self._orders[space_id, export_id] = order
        if len(self._orders) > _KEPT:
            del self._orders[next(iter(self._orders))]

    def has(self, space_id: str, export_id: UUID, order: ExportOrder) -> bool:
        """Tell whether this very export was created here, by an equal order."""
        return self._orders.get((space_id, export_id)) == order
