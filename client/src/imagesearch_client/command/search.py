"""`imagesearch search`: which indexed pictures look like this one, or like these?"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

import click

from imagesearch_client.command.explanation import explain_option, regions_as_json, write_explanation
from imagesearch_client.command.output import print_json, print_table
from imagesearch_client.command.pairs import read_json_object
from imagesearch_client.command.root import Session
from imagesearch_client.pictures import Picture
from imagesearch_client.queries import Query, Shape
from imagesearch_client.results import SearchResult

MAX_RESULTS = 16_384


@click.command()
@click.argument("pictures", nargs=-1, type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--image-id", type=click.IntRange(1), help="Search by an indexed picture.")
@click.option("--key", help="Search by the indexed picture that has this id of yours.")
@click.option("--path", help="Search by the indexed picture of this path, as the server sees it.")
@click.option("--url", help="Search by the picture at this URL; the server must allow its host.")
@click.option(
    "--vector", type=click.File(encoding="utf-8"), help="Search by 512 numbers in a JSON list; - for stdin."
)
@click.option("--box", metavar="X,Y,W,H", help="Only this part: pixels, or fractions with a decimal point.")
@click.option("--collection", default="default", show_default=True)
@click.option("--top-k", type=click.IntRange(1, MAX_RESULTS), help="How many results; 10 unless given.")
@click.option("--page", type=click.IntRange(1, MAX_RESULTS), help="Which page of the results, from 1.")
@click.option("--page-size", type=click.IntRange(1, MAX_RESULTS), help="Results of one page; 10 unless given.")
@click.option("--max-distance", type=click.FloatRange(0, 1), help="Leave out what is farther away.")
@click.option("--partition", help="Only pictures of this user, tenant or album.")
@click.option("--filter", "filter_text", metavar="JSON", help='Such as \'{"eq": ["colour", "red"]}\'.')
@click.option("--group-by", metavar="FIELD", help="Only the nearest of each partition, or value of this field.")
@click.option("--exclude-self", is_flag=True, help="Leave out the indexed picture that is searched by.")
@click.option(
    "--include", multiple=True, type=click.Choice(["metadata", "size", "thumbnail", "vector"]), help="For --json."
)
@explain_option
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
@click.pass_obj
def search(
    session: Session,
    /,
    *,
    pictures: tuple[Path, ...],
    box: str | None,
    collection: str,
    filter_text: str | None,
    include: tuple[str, ...],
    explain: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Print the indexed pictures that look most like PICTURES, nearest first.

    The distance is 1 - cosine, in 0..1: smaller is more similar. --explain is for one result: the nearest, or that
    of a --page of one.
    """
    query = _query({name: options.pop(name) for name in ("image_id", "key", "path", "url", "vector")}, box)
    if bool(pictures) == (query is not None):
        raise click.UsageError("name PICTURES, or exactly one of --image-id, --key, --path, --url and --vector")
    if options["top_k"] is not None and (options["page"] is not None or options["page_size"] is not None):
        raise click.UsageError("either --top-k, or --page and --page-size")
    if explain is not None:
        options |= _of_one_result(options)
    options |= {"filter": read_json_object(filter_text, "--filter"), "include": list(include) or None}
    if len(pictures) > 1:
        if explain is not None:
            raise click.UsageError("--explain goes with one picture")
        _search_many(session, collection, pictures, box, Shape(**options), as_json=as_json)
        return
    sought: Picture | Query = query if query is not None else pictures[0]
    found = session.client.search(collection, sought, box=None if query else box, **options)
    if explain is not None and found.results:
        write_explanation(found.results[0].regions, explain)
    if as_json:
        print_json(_as_json(found))
        return
    print_table(
        session.console,
        ("distance", "path"),
        [(f"{result.distance:.6f}", result.path) for result in found.results],
    )


def _of_one_result(options: dict[str, Any]) -> dict[str, Any]:
    """Return what has the API explain a result, and ask for no more than one."""
    if options["top_k"] is None and options["page"] is None and options["page_size"] is None:
        options = {"top_k": 1}
    if 1 not in (options["top_k"], options.get("page_size")):
        raise click.UsageError("--explain is for one result: --top-k 1, or --page-size 1")
    return {**options, "explain": "picture"}


def _query(given: dict[str, Any], box: str | None) -> Query | None:
    chosen = {name: value for name, value in given.items() if value is not None}
    if not chosen:
        return None
    if len(chosen) > 1:
        raise click.UsageError("exactly one of --image-id, --key, --path, --url and --vector")
    if "vector" in chosen:
        chosen["vector"] = _numbers(chosen["vector"])
    return Query(**chosen, box=box)


def _numbers(file: TextIO) -> list[float]:
    try:
        numbers = json.load(file)
    except ValueError:
        numbers = None
    if not isinstance(numbers, list) or not all(type(number) in (int, float) for number in numbers):
        raise click.BadParameter("a JSON list of numbers is expected", param_hint="--vector")
    return numbers


def _search_many(
    session: Session,
    collection: str,
    pictures: tuple[Path, ...],
    box: str | None,
    shape: Shape,
    *,
    as_json: bool,
) -> None:
    if box is not None:
        raise click.UsageError("--box goes with one picture")
    answers = session.client.search_many(collection, pictures, shape)
    if as_json:
        print_json({"queries": [_as_json(found) for found in answers]})
        return
    rows = [
        (picture, f"{result.distance:.6f}", result.path)
        for picture, found in zip(pictures, answers, strict=True)
        for result in found.results
    ]
    print_table(session.console, ("picture", "distance", "path"), rows)


def _as_json(found: SearchResult) -> dict[str, Any]:
    """Return an answer without the parts of results that were not asked for."""
    results = []
    for result in found.results:
        facts = asdict(replace(result, regions=None))
        results.append({name: value for name, value in facts.items() if value is not None})
        if result.regions is not None:
            results[-1]["regions"] = regions_as_json(result.regions)
    return {"results": results, "took_ms": dict(found.took_ms)}
