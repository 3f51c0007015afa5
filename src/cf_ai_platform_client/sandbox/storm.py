"""About what a bad day looks like, as rows."""

from __future__ import annotations

from collections.abc import Sequence

from .faults import Fault

_EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"

STORM: Sequence[Fault] = (
    Fault("work_items", rate=0.05, action="status", status=503),
    Fault("batches", nth=1, action="status", status=503),
    Fault("annotations", rate=0.02, action="status", status=429, headers={"Retry-After": "1"}, times=5),
    Fault("annotations", rate=0.3, action="status", status=503),
    Fault("annotations", rate=0.03, action="reset"),
    Fault("signed_urls", rate=0.2, action="status", status=503),
    Fault("storage", rate=0.3, action="status", status=503),
    Fault("storage", rate=0.05, action="reset"),
    Fault("storage", rate=0.05, action="truncated"),
    Fault(
        "storage",
        rate=0.02,
        once_per_path=True,
        action="status",
        status=403,
        body=_EXPIRED,
    ),
)
