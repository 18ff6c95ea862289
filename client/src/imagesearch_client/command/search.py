"""`imagesearch search`: which indexed pictures look like this one, or like these?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

import click

from imagesearch_client.command import many_searches
from imagesearch_client.command.answers import json_option
from imagesearch_client.command.explanation import explain_option, without_pictures, write_explanation
from imagesearch_client.command.output import print_json, print_table
from imagesearch_client.command.pairs import read_json_object
from imagesearch_client.command.root import Session
from imagesearch_client.command.sheet import MAX_ON_SHEET, check_sheet, save_sheet
from imagesearch_client.queries import Query, Shape
from imagesearch_client.results import SearchResult

MAX_RESULTS = 16_384
WAYS = "--image-id, --key, --path, --image-url and --vector"


@click.command()
@click.argument("pictures", nargs=-1, type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True))
@click.option("--image-id", type=click.IntRange(1), help="Search by an indexed picture.")
@click.option("--key", help="Search by the indexed picture that has this id of yours.")
@click.option("--path", help="Search by the indexed picture of this path, as the server sees it.")
@click.option("--image-url", help="Search by the picture at this URL; the server must allow its host.")
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
@click.option(
    "--save",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Draw the results, and what was searched by, into a PNG, JPEG or WebP.",
)
@json_option
@click.pass_obj
def search(
    session: Session,
    /,
    *,
    pictures: tuple[str, ...],
    box: str | None,
    collection: str,
    filter_text: str | None,
    include: tuple[str, ...],
    explain: Path | None,
    save: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Print the indexed pictures that look most like PICTURES, nearest first; - reads a path per line from stdin.

    The distance is 1 - cosine, in 0..1: smaller is more similar. --explain is for one result: the nearest, or that
    of a --page of one. Exits with 2 when some of several pictures cannot be searched by.
    """
    query = _query({name: options.pop(name) for name in ("image_id", "key", "path", "image_url", "vector")}, box)
    if bool(pictures) == (query is not None):
        raise click.UsageError(f"name PICTURES, or exactly one of {WAYS}")
    if options["top_k"] is not None and (options["page"] is not None or options["page_size"] is not None):
        raise click.UsageError("either --top-k, or --page and --page-size")
    if explain is not None:
        options |= _of_one_result(options)
    options |= {"filter": read_json_object(filter_text, "--filter"), "include": list(include) or None}
    if len(pictures) > 1 or "-" in pictures:
        if box is not None or explain is not None or save is not None:
            raise click.UsageError("--box, --explain and --save go with one picture")
        many_searches.run(session, collection, pictures, Shape(**options), as_json=as_json)
        return
    if save is not None:
        check_sheet(save, options["top_k"] or options["page_size"] or 0)
    sought: str | Query = query if query is not None else pictures[0]
    found: SearchResult = session.client.search(collection, sought, box=None if query else box, **options)
    answer = session.answers.last
    if explain is not None and found.results:
        write_explanation(found.results[0].regions, explain)
    if save is not None:
        save_sheet(session.client, save, sought, found.results[:MAX_ON_SHEET])
    if as_json:
        print_json(without_pictures(answer))
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
        raise click.UsageError(f"exactly one of {WAYS}")
    if "vector" in chosen:
        chosen["vector"] = _numbers(chosen["vector"])
    if "image_url" in chosen:
        chosen["url"] = chosen.pop("image_url")
    return Query(**chosen, box=box)


def _numbers(file: TextIO) -> list[float]:
    try:
        numbers = json.load(file)
    except ValueError:
        numbers = None
    if not isinstance(numbers, list) or not all(type(number) in (int, float) for number in numbers):
        raise click.BadParameter("a JSON list of numbers is expected", param_hint="--vector")
    return numbers
