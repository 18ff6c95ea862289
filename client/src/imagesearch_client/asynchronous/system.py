"""The client's methods that ask how the system is."""

from __future__ import annotations

from collections.abc import AsyncIterator

from imagesearch_client.asynchronous.calls import AsyncCalls
from imagesearch_client.errors import ClientError
from imagesearch_client.patience import Retry
from imagesearch_client.quotas import Quota
from imagesearch_client.requests import DOCTOR_TIMEOUT, RECONCILE_TIMEOUT
from imagesearch_client.system import Info, Reconciliation, Report


class AsyncSystemCalls(AsyncCalls):
    """Ask how the system is; a part of `AsyncClient`."""

    async def info(self) -> Info:
        """Return what the running system says about itself."""
        return Info.parse(await self._connection.json("GET", "/api/v2/info", Retry.SAFE))

    def quotas(self) -> AsyncIterator[Quota]:
        """Iterate over the quotas of what the key reaches, page by page."""
        return self._pages("/api/v2/quotas", Quota.parse)

    async def reconcile(self, dry_run: bool = False) -> Reconciliation:
        """Compare the stores and repair what a crash left behind; a dry run only compares."""
        path, body = "/api/v2/admin/reconcile", {"dry_run": dry_run}
        answer = await self._connection.json("POST", path, Retry.NEVER, json=body, timeout=RECONCILE_TIMEOUT)
        return Reconciliation.parse(answer)

    async def doctor(self) -> Report:
        """Return what is wrong with the system, as the API sees it, and what to do."""
        path = "/api/v2/admin/doctor"
        return Report.parse(await self._connection.json("GET", path, Retry.SAFE, timeout=DOCTOR_TIMEOUT))

    async def healthy(self) -> bool:
        """Tell whether the API process answers; raise nothing when it does not."""
        return await self._says_yes("/healthz")

    async def ready(self) -> bool:
        """Tell whether the whole system can work now; raise nothing when it cannot."""
        return await self._says_yes("/readyz")

    async def _says_yes(self, path: str) -> bool:
        try:
            await self._connection.send("GET", path, Retry.NEVER)
        except ClientError:
            return False
        return True
