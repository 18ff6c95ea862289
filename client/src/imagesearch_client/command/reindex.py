"""`imagesearch reindex`: build a collection's index anew while searches go on."""

from __future__ import annotations

import click

from imagesearch_client.command.answers import json_option
from imagesearch_client.command.follow import follow
from imagesearch_client.command.pairs import read_pairs
from imagesearch_client.command.root import Session


@click.command()
@click.argument("collection")
@click.option("--index-type", help="AUTOINDEX, HNSW, IVF_SQ8, DISKANN or FLAT.")
@click.option("--index-param", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@click.option("--network", help="Such as vgg16; `imagesearch info` lists those that run.")
@click.option("--pipeline", help="published or recommended.")
@click.option("--preprocessing", multiple=True, metavar="KEY=VALUE", help="Such as side=320, pooling=gem.")
@click.option("--extract", is_flag=True, help="Read every picture again, also where its vector could be copied.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Show progress until the job ends.")
@json_option
@click.pass_obj
def reindex(
    session: Session,
    /,
    *,
    collection: str,
    index_type: str | None,
    index_param: tuple[str, ...],
    network: str | None,
    pipeline: str | None,
    preprocessing: tuple[str, ...],
    extract: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Build the index of COLLECTION anew, beside the one that searches use until it is done.

    What is not named stays as it is. With another network or preprocessing, or when the workers run other weights,
    every picture is extracted again; otherwise the vectors are copied. Exits as `index` does.
    """
    job = session.client.reindex(
        collection,
        index_type=index_type,
        index_params=read_pairs(index_param, "--index-param") or None,
        network=network,
        pipeline=pipeline,
        preprocessing=read_pairs(preprocessing, "--preprocessing") or None,
        extract=extract,
    )
    follow(session, job, wait=wait, as_json=as_json)
