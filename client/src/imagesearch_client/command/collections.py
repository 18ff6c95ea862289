"""`imagesearch collections` and `imagesearch count`."""

from __future__ import annotations

import click

from imagesearch_client.command.answers import json_option
from imagesearch_client.command.output import print_facts, print_table
from imagesearch_client.command.pairs import read_pairs
from imagesearch_client.command.root import Session


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def collections(ctx: click.Context, as_json: bool) -> None:
    """List the collections, or work with one."""
    if ctx.invoked_subcommand is not None:
        return
    session: Session = ctx.obj
    found = session.client.collections()
    if as_json:
        session.answers.print_each(found)
        return
    rows = [(each.name, each.images, each.vectors, each.model, each.pipeline, each.created_at) for each in found]
    print_table(session.console, ("name", "images", "vectors", "model", "pipeline", "created"), rows)


@collections.command()
@click.argument("name")
@click.option("--index-type", help="AUTOINDEX, HNSW, IVF_SQ8, DISKANN or FLAT.")
@click.option("--index-param", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@click.option("--network", help="Such as vgg16; `imagesearch info` lists those that run.")
@click.option("--pipeline", help="recommended, unless published is named.")
@click.option("--preprocessing", multiple=True, metavar="KEY=VALUE", help="Such as side=320, pooling=gem.")
@json_option
@click.pass_obj
def create(
    session: Session,
    /,
    *,
    name: str,
    index_type: str | None,
    index_param: tuple[str, ...],
    network: str | None,
    pipeline: str | None,
    preprocessing: tuple[str, ...],
    as_json: bool,
) -> None:
    """Create an empty collection."""
    collection = session.client.create_collection(
        name,
        index_type=index_type,
        index_params=read_pairs(index_param, "--index-param") or None,
        network=network,
        pipeline=pipeline,
        preprocessing=read_pairs(preprocessing, "--preprocessing") or None,
    )
    session.tell(f"Collection {collection.name} is created.", as_json)


@collections.command()
@click.argument("name")
@json_option
@click.pass_obj
def show(session: Session, name: str, as_json: bool) -> None:
    """Show one collection with its exact counts."""
    collection = session.client.collection(name)
    if as_json:
        session.answers.print()
    else:
        print_facts(collection)


@collections.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(session: Session, name: str, yes: bool) -> None:
    """Delete a collection with its rows and vectors; the picture files stay."""
    if not yes:
        click.confirm(f"Delete collection {name} with all it holds?", abort=True)
    session.client.delete_collection(name)
    click.echo(f"Collection {name} is deleted.")


@collections.command()
@click.argument("name")
@click.argument("new_name")
@json_option
@click.pass_obj
def rename(session: Session, name: str, new_name: str, as_json: bool) -> None:
    """Give a collection another name; its aliases stay."""
    collection = session.client.rename_collection(name, new_name)
    session.tell(f"Collection {name} is now {collection.name}.", as_json)


@collections.command()
@json_option
@click.pass_obj
def aliases(session: Session, as_json: bool) -> None:
    """List the aliases and their collections."""
    found = session.client.aliases()
    if as_json:
        session.answers.print_each(found)
    else:
        print_table(session.console, ("alias", "collection"), [(each.alias, each.collection) for each in found])


@collections.command()
@click.argument("name")
@click.argument("collection")
@json_option
@click.pass_obj
def alias(session: Session, name: str, collection: str, as_json: bool) -> None:
    """Point the alias NAME at COLLECTION, wherever it pointed before."""
    made = session.client.put_alias(name, collection)
    session.tell(f"{made.alias} stands for {made.collection}.", as_json)


@collections.command()
@click.argument("name")
@click.pass_obj
def unalias(session: Session, name: str) -> None:
    """Remove an alias; its collection stays."""
    session.client.delete_alias(name)
    click.echo(f"Alias {name} is removed.")


@click.command()
@click.option("--collection", default="default", show_default=True)
@json_option
@click.pass_obj
def count(session: Session, collection: str, as_json: bool) -> None:
    """Print how many pictures a collection holds."""
    session.tell(session.client.collection(collection).images, as_json)
