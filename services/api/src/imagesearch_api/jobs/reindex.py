"""Take a reindex: decide whether vectors can be copied, and commit the job with its reindex build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast
from uuid import uuid4

from imagesearch.access.tenants import Owner
from imagesearch.catalog import collections, jobs, tenants
from imagesearch.catalog.collection import Collection
from imagesearch.catalog.collections import short_model
from imagesearch.catalog.jobs import IdempotencyKey
from imagesearch.catalog.quotas import admission
from imagesearch.catalog.reindex import builds
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import JobKind
from imagesearch.errors import Conflict, ConflictCode
from imagesearch.pipeline import Preset, pipeline_of
from imagesearch.vectors import IndexSpec, IndexType, VectorStore
from imagesearch_api.indexes import checked_index
from imagesearch_api.jobs.ports import Jobs
from imagesearch_api.jobs.repeats import digest_of, earlier, marked, same_request
from imagesearch_api.networks import find_network, running_models


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Say what the new index is to be; what is None, or an option not named, stays as the collection has it."""

    index_type: IndexType | None = None
    index_params: Mapping[str, Any] | None = None
    pipeline: Preset | None = None
    preprocessing: Mapping[str, Any] | None = None
    network: str | None = None
    extract: bool = False
    """Read every picture again, also where the vectors could be copied: they are not to be trusted."""
    callback_url: str | None = None
    """Who is told of the end."""

    def digest(self, name: str) -> str:
        """Return a digest of what was asked of a collection."""
        return digest_of([name, asdict(self)])


def submit_reindex(
    ports: Jobs,
    vectors: VectorStore,
    name: str,
    wanted: Rebuild,
    *,
    origin: JobOrigin,
    owner: Owner,
    idempotency_key: IdempotencyKey | None = None,
) -> jobs.Job:
    """Commit the job that builds a collection's index anew, and ask for its planning.

    With the collection's own preprocessing and network, vectors are copied from store to store, unless that is not
    wanted. Otherwise every picture is extracted again.

    Raises:
        CallbackRejected: nobody may be called back there.
        Forbidden: the key is bound to a partition.
        IndexRejected: the store in use cannot build such an index.
        NotFound: there is no such collection.
        NetworkRejected: no network of that name is known.
        Conflict: it is being reindexed already, the idempotency key was used for another request, or the workers
            run the network with several other weights.
        StoreUnavailable: a store does not answer; no job was made.
    """
    owner.tenancy.require_whole_collections()
    before = earlier(ports, idempotency_key, wanted.digest(name))
    if before is not None:
        return before
    ports.check_callback(wanted.callback_url)
    network = find_network(ports.workers, wanted.network) if wanted.network is not None else None
    workers = ports.workers.alive()
    with ports.catalog.transaction() as tx:
        collection = tenants.collection(tx, name, owner.tenancy)
    spec = _index(vectors, collection, wanted)
    try:
        with ports.catalog.transaction() as tx:
            # Held, so that no build before this one is switched to in between.
            collection = collections.lock_shared(tx, collection.id)
            network = network or collection.network_spec
            basis = wanted.pipeline or collection.preprocessing
            preprocessing = pipeline_of(network, basis, wanted.preprocessing or {})
            model = model_to_build_with(collection, network.name, running_models(workers, network.name))
            admission.require_job(tx, collection.id, None)
            job = builds.submit(
                tx,
                collection,
                jobs.NewJob(
                    id=str(uuid4()),
                    origin=origin,
                    directory=None,
                    kind=JobKind.REINDEX,
                    owner=owner,
                    callback_url=wanted.callback_url,
                    **marked(idempotency_key, wanted.digest(name)),
                    options={
                        "index_type": spec.index_type,
                        "index_params": dict(spec.params),
                        "preprocessing": preprocessing.to_dict(),
                        "network": network.name,
                        "extract": wanted.extract,
                    },
                ),
                index_type=spec.index_type,
                index_params=dict(spec.params),
                preprocessing=preprocessing,
                network=network,
                model=model,
                extract=wanted.extract,
            )
    except jobs.KeyTaken as taken:
        return same_request(taken.job, wanted.digest(name))
    except Conflict:
        # It came twice at once, and the other was faster.
        before = earlier(ports, idempotency_key, wanted.digest(name))
        if before is None:
            raise
        return before
    ports.announce(job)
    return job


def _index(vectors: VectorStore, collection: Collection, wanted: Rebuild) -> IndexSpec:
    index_type = wanted.index_type or cast(IndexType, collection.index_type)
    params = wanted.index_params
    if params is None:
        # Those of another index type would mean nothing.
        params = collection.index_params if index_type == collection.index_type else {}
    return checked_index(index_type, dict(params), vectors)


def model_to_build_with(collection: Collection, network: str, running: set[str]) -> str | None:
    """Return the network with weights to build with; None takes those whose first answer comes.

    That is the collection's own where a worker has it or none is there, and the one that workers run otherwise.
    While a collection has no vectors, any weights are as good as its own.

    Args:
        collection: that is reindexed.
        network: name of the network that is wanted.
        running: identities of that name that live extractors have.

    Raises:
        Conflict: workers run several.
    """
    own = collection.model
    if collection.network == network and (own is None or not running or own in running):
        return own
    if len(running) > 1:
        shown = ", ".join(sorted(short_model(model) for model in running))
        raise Conflict(
            f"The workers run several networks ({shown}); start all of them with the same weights.",
            ConflictCode.WEIGHTS_DIFFER,
        )
    return next(iter(running), None)
