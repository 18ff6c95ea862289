"""Routes about the system itself: what runs here, what it may read, and repairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from flask import request
from flask.typing import ResponseReturnValue

import imagesearch
from imagesearch.access.scopes import Scope
from imagesearch.catalog import tenants
from imagesearch.catalog.jobs.open_work import open_work
from imagesearch.contract import Findings, Queue, Reconcile, TaskName
from imagesearch.doctor.examine import examine, is_healthy
from imagesearch.errors import StoreUnavailable
from imagesearch.files.subdirectories import subdirectories
from imagesearch.networks import NetworkSpec
from imagesearch.pipeline import DEFAULT_PRESET, PREPROCESSING_VERSION, Preset, fingerprint, pooled_model
from imagesearch.worker.registry import WorkerReport
from imagesearch_api.http.admission import admitted
from imagesearch_api.http.answers import answer
from imagesearch_api.http.bodies import read_json
from imagesearch_api.http.callers import needs, tenancy
from imagesearch_api.http.fields import naming_source
from imagesearch_api.http.lanes import Lane
from imagesearch_api.models.requests.jobs import ReconcileBody
from imagesearch_api.models.responses.system import (
    Diagnosis,
    Directories,
    Finding,
    Info,
    Network,
    Pipeline,
    Reconciliation,
    Report,
    Work,
    Worker,
)
from imagesearch_api.networks import consumes, spec_of
from imagesearch_api.openapi.operation import operation
from imagesearch_api.openapi.parameters import DIRECTORY
from imagesearch_api.services import current
from imagesearch_api.v2 import v2

RECONCILE_TIMEOUT = 60.0


@v2.get("/info")
@operation({200: Info})
@needs(Scope.READ)
@admitted(Lane.READS)
def info() -> ResponseReturnValue:
    """Say what runs here: version, network, workers, collections."""
    settings = current().settings
    workers = current().jobs.workers.alive()
    with current().catalog.reading() as tx:
        found = tenants.all_collections(tx, tenancy())
        counts = tenants.counts(tx, [collection.id for collection in found], tenancy())
    # Extractors report their network, since nothing else here knows it.
    extractor = next((worker for worker in workers if worker.model is not None), None)
    model = extractor.model if extractor else None
    return answer(
        Info(
            version=imagesearch.__version__,
            weights=extractor.weights if extractor else None,
            untrained=extractor.untrained if extractor else None,
            model=model,
            fingerprint=_default_fingerprint(extractor),
            preprocessing_version=PREPROCESSING_VERSION,
            collections=len(found),
            images=sum(counts.values()),
            images_capped=any(tenants.is_capped(count, tenancy()) for count in counts.values()),
            searches_by_url=bool(settings.allowed_url_hosts),
            takes_uploads=current().writes.uploads is not None,
            max_upload_bytes=settings.max_upload_bytes,
            workers=[
                Worker(name=one.name, queues=list(one.queues), version=one.version)
                for one in workers
                # Their names are those of machines.
                if not tenancy().is_bound
            ],
            networks=_networks(workers),
        )
    )


def _default_fingerprint(extractor: WorkerReport | None) -> str | None:
    spec = spec_of(extractor) if extractor is not None else None
    if extractor is None or extractor.model is None or spec is None:
        return None
    return fingerprint(extractor.model, DEFAULT_PRESET.options(spec))


def _networks(workers: Sequence[WorkerReport]) -> list[Network]:
    """Return what live workers run, by identity."""
    by_model: dict[str, list[WorkerReport]] = defaultdict(list)
    for worker in workers:
        if worker.model is not None:
            by_model[worker.model].append(worker)
    return [
        Network(
            network=spec.name,
            dimension=spec.dimension,
            input_side=spec.side,
            model=model,
            weights=by_model[model][0].weights,
            untrained=by_model[model][0].untrained,
            extractors=sum(consumes(worker, Queue.EXTRACT) for worker in by_model[model]),
            query_extractors=sum(consumes(worker, Queue.QUERY) for worker in by_model[model]),
            pipelines=[_pipeline(preset, spec, model) for preset in Preset],
        )
        for model in sorted(by_model)
        if (spec := spec_of(by_model[model][0])) is not None
    ]


def _pipeline(preset: Preset, spec: NetworkSpec, model: str) -> Pipeline:
    options = preset.options(spec)
    return Pipeline(
        pipeline=preset,
        pooling=options.pooling or spec.pooling,
        model=pooled_model(model, options),
        preprocessing=options.to_dict(),
        fingerprint=fingerprint(model, options),
    )


@v2.get("/directories")
@operation({200: Directories}, parameters=(DIRECTORY,), errors=(403, 404))
@needs(Scope.READ)
@admitted(Lane.READS)
def list_directories() -> ResponseReturnValue:
    """List the directories in one that may be read, or all that may be read where none is named."""
    roots = tenancy().roots_within(current().jobs.roots)
    text = request.args.get("path")
    if text is None:
        return answer(Directories.of_roots(roots.allowed))
    with naming_source("path"):
        found = subdirectories(text, roots)
    return answer(Directories.of(found.path, found.parent, found.names, is_complete=found.is_complete))


@v2.get("/work")
@operation({200: Work})
@needs(Scope.READ)
@admitted(Lane.STATUS)
def work() -> ResponseReturnValue:
    """Say how much there is to do for each kind of worker, waiting or in hand; a bound key will not do."""
    tenancy().require_everything()
    with current().search.catalog.reading() as tx:
        found = open_work(tx)
    return answer(Work(plan=found.plan, extract=found.extract, index=found.index))


@v2.get("/admin/doctor")
@operation({200: Report})
@needs(Scope.ADMIN)
@admitted(Lane.READS)
def run_doctor() -> ResponseReturnValue:
    """Look at stores, workers and directories, as this process sees them, and say what is wrong and what to do."""
    found = examine(current().patient)
    lines = [
        Diagnosis(subject=one.subject, verdict=one.verdict.value, found=one.found, todo=one.todo) for one in found
    ]
    return answer(Report(healthy=is_healthy(found), diagnoses=lines))


@v2.post("/admin/reconcile")
@operation({200: Reconciliation}, json=ReconcileBody)
@needs(Scope.ADMIN)
@admitted(Lane.SUBMISSIONS)
def run_reconcile() -> ResponseReturnValue:
    """Find what a crash left behind, repair it unless it is a dry run, and say what was found."""
    body = read_json(ReconcileBody)
    question = Reconcile(dry_run=body.dry_run, deep=True)
    found = Findings.from_wire(current().ask(TaskName.RECONCILE, question, RECONCILE_TIMEOUT))
    if any(finding.kind == "store_unavailable" for finding in found.findings):
        raise StoreUnavailable("vector or catalogue", "the indexer could not reach it")
    findings = [Finding(kind=one.kind, count=one.count, detail=one.detail) for one in found.findings]
    return answer(Reconciliation(dry_run=body.dry_run, findings=findings))
