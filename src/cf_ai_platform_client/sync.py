"""The blocking client: one line a method over the async one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from typing_extensions import Self

from .client import CFUserClient
from .core.retry import RetryPolicy
from .portal import Blocking, blocking, blocking_iterator
from .settings import Limits, settings_from_env


class SyncCFUserClient(Blocking[CFUserClient]):
    """`CFUserClient` for scripts, threads and notebooks: the same methods, which wait for their result.

    >>> SyncCFUserClient("your-api-key")
    SyncCFUserClient(base_url='https://api.ai.cloudfactory.app/api/v1')
    """

    BASE_URL: ClassVar[str] = CFUserClient.BASE_URL

    def __init__(
        self,
        api_key: str,
        base_url: str | None = None,
        *,
        retry: RetryPolicy | None = None,
        limits: Limits | None = None,
        allowed_hosts: Iterable[str] = (),
    ) -> None:
        client = CFUserClient(
            api_key, base_url or self.BASE_URL, retry=retry, limits=limits, allowed_hosts=allowed_hosts
        )
        super().__init__(client, lambda: client)

    @classmethod
    def create_with_api_key(cls, api_key: str, base_url: str | None = None) -> Self:
        """Make a client from an API key. Raises ValueError for an empty or malformed one."""
        return cls(api_key, base_url)

    @classmethod
    def from_env(cls, profile: str | None = None, *, config_file: Path | None = None) -> Self:
        """Make a client from the environment or a profile, as `CFUserClient.from_env` does."""
        settings = settings_from_env(profile, config_file=config_file)
        return cls(settings.api_key.reveal(), settings.base_url)

    @property
    def api_key(self) -> str:
        """The API key, without the space around it."""
        return self.twin.api_key

    @property
    def base_url(self) -> str:
        """Where the platform is."""
        return self.twin.base_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and end the background thread; the client stays usable."""
        self.portal.close()

    download_project = blocking(CFUserClient.download_project)
    list_batches = blocking(CFUserClient.list_batches)
    retry_failed = blocking(CFUserClient.retry_failed)
    get_annotation = blocking(CFUserClient.get_annotation)
    iter_work_items = blocking_iterator(CFUserClient.iter_work_items)
    iter_annotations = blocking_iterator(CFUserClient.iter_annotations)
    create_export = blocking(CFUserClient.create_export)
    get_export = blocking(CFUserClient.get_export)
    list_exports = blocking(CFUserClient.list_exports)
    iter_exports = blocking_iterator(CFUserClient.iter_exports)
    delete_export = blocking(CFUserClient.delete_export)
    wait_for_export = blocking(CFUserClient.wait_for_export)
    download_export_file = blocking(CFUserClient.download_export_file)
    export = blocking(CFUserClient.export)
