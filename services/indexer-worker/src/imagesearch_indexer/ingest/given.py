"""Decide what a job gives to a picture: its own line's, its path's, its job's, and what its file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from imagesearch import photo_facts
from imagesearch.catalog.images import Image
from imagesearch.catalog.jobs import Job
from imagesearch.catalog.labels import Labels
from imagesearch.catalog.states import JobOrigin
from imagesearch.contract import ExtractedImage, IndexBatch, UnchangedImage
from imagesearch.path_rules import KEY


def given_to(job: Job, path: str, own: Labels) -> Labels:
    """Return what a job gives to a picture before it is read.

    What a caller says wins over what the path says, name by name; metadata of a line stand in place of the job's.

    Args:
        job: the job.
        path: of the picture's file.
        own: what its line of a manifest gives.
    """
    labels = own.over(job.labels)
    rule = job.wishes.path_rule
    found = None if rule is None else rule.read(_beneath(job, path))
    if found is None:
        return labels
    said = {name: value for name, value in found.items() if name != KEY}
    key = found.get(KEY)
    return Labels(
        labels.partition,
        {**said, **(labels.metadata or {})} if said else labels.metadata,
        str(key) if labels.own_key is None and key is not None else labels.own_key,
    )


def beside_facts(job: Job, row: Image, labels: Labels, facts: Mapping[str, Any] | None = None) -> Labels:
    """Return the same with the facts that the image has from then on: those of its file, which no job takes away.

    Args:
        job: the job. One of a single picture gives the whole metadata, facts included.
        row: the image.
        labels: what it is given.
        facts: what was read from its file; None leaves those that it has.
    """
    if job.origin is JobOrigin.SINGLE_IMAGE or (labels.metadata is None and facts is None):
        return labels
    if facts is None:
        facts = photo_facts.of(row.metadata)
    base = photo_facts.without(row.metadata) if labels.metadata is None else labels.metadata
    return replace(labels, metadata={**facts, **base})


def facts_read(message: IndexBatch, rows: Mapping[int, Image]) -> dict[int, dict[str, Any]]:
    """Return what an answer says of the files of images, by id.

    What was known of a file does not hold for new bytes about which nobody asked.
    """
    read: list[ExtractedImage | UnchangedImage] = [*message.images, *message.unchanged]
    said = {each.image_id: each.facts for each in read if each.facts is not None}
    for image in message.images:
        row = rows.get(image.image_id)
        is_new = row is not None and row.sha256 not in (None, image.sha256)
        if is_new and image.facts is None:
            said[image.image_id] = {}
    return said


def _beneath(job: Job, path: str) -> str:
    """Return the path beneath the job's directory; whole where the job has none, or the file lies elsewhere."""
    if job.directory is None or not PurePath(path).is_relative_to(job.directory):
        return path
    return str(PurePath(path).relative_to(job.directory))
