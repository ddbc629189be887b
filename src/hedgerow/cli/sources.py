"""`hedgerow sources`: remote systems whose tables a server keeps in step."""

from typing import Annotated, Any

import typer
from rich.console import Console

from hedgerow.cli.remote import commands
from hedgerow.cli.talking import print_table
from hedgerow.gitops.remote import Remote

group = typer.Typer(no_args_is_help=True, help="Remote systems whose tables a server keeps in step.")
command = commands(group)
Name = Annotated[str, typer.Argument(help="A source's id, prefix or type; default: all.")]


@command("add")
def add_source(
    remote: Remote,
    source_type: Annotated[str, typer.Argument(metavar="TYPE", help="Such as Postgres or SQLite.")],
    given: Annotated[
        list[str] | None, typer.Option("--set", help="A field, as name=value; name=@file reads it. Secrets are asked.")
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option(help="name, or name:incremental:cursor, or name:append:cursor; default: all.")
    ] = None,
    prefix: Annotated[str | None, typer.Option(help="Parts it from other sources of its type.")] = None,
    direct: Annotated[
        bool, typer.Option("--direct", help="Sync nothing: queries read its tables as they are.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Follow the first sync.")] = True,
) -> None:
    """Connect a source and sync its tables, or let queries read them."""
    from hedgerow.following import forms

    name, fields = forms.form(remote, source_type)
    values = forms.with_secrets(fields, forms.values(given or []), lambda label: typer.prompt(label, hide_input=True))
    tables = remote.post("external_data_sources/database_schema/", {"source_type": name, **values})
    payload = {**values, "schemas": forms.schemas(tables, table or [])}
    body = {"source_type": name, "prefix": prefix, "payload": payload}
    body |= {"access_method": "direct", "prefix": prefix or name} if direct else {}
    source = remote.post("external_data_sources/", body)
    print(source["id"])
    if wait and not direct:
        _follow(remote, [source["id"]])


@command("list")
def list_sources(remote: Remote) -> None:
    """List the sources of a project."""
    from hedgerow.following.project import all_of

    rows = [
        (
            source["id"],
            source["source_type"],
            source["prefix"] or "",
            source["status"],
            sum(schema["should_sync"] for schema in source["schemas"]),
            source["last_run_at"] or "never",
            source["latest_error"] or "",
        )
        for source in all_of(remote)
    ]
    print_table(("id", "type", "prefix", "status", "tables", "last run", "error"), rows)


@command("sync")
def sync_source(
    remote: Remote,
    name: Name = "",
    table: Annotated[list[str] | None, typer.Option(help="Only this table; may be repeated.")] = None,
    resync: Annotated[bool, typer.Option("--resync", help="Read everything anew.")] = False,
    wait: Annotated[bool, typer.Option(help="Follow it to its end.")] = True,
) -> None:
    """Sync now; status 1 when a table fails."""
    from hedgerow.following.project import NotFollowed, all_of, named

    sources = [named(remote, name)] if name else [each for each in all_of(remote) if not _is_direct(each)]
    chosen = [
        s for source in sources for s in source["schemas"] if s["should_sync"] and (not table or s["name"] in table)
    ]
    if not chosen:
        raise NotFollowed("there is no such table that is synced (hedgerow sources status).")
    for schema in chosen:
        remote.post(f"external_data_schemas/{schema['id']}/{'resync' if resync else 'reload'}/")
    if wait:
        _follow(remote, [source["id"] for source in sources], frozenset(schema["id"] for schema in chosen))


@command("status")
def show_status(remote: Remote, name: Name = "") -> None:
    """Show the tables of sources."""
    from hedgerow.following.project import all_of, named, title

    rows = [
        (
            title(source),
            schema["name"],
            schema["hogql_name"],
            ("direct" if _is_direct(source) else schema["sync_type"]) if schema["should_sync"] else "off",
            schema["status"] or "",
            f"{schema['table']['row_count']:,}" if schema["table"] else "",
            schema["last_synced_at"] or "never",
            schema["latest_error"] or "",
        )
        for source in ([named(remote, name)] if name else all_of(remote))
        for schema in source["schemas"]
    ]
    print_table(("source", "table", "in queries", "sync", "status", "rows", "last synced", "error"), rows)


def _is_direct(source: dict[str, Any]) -> bool:
    return bool(source.get("access_method") == "direct")


def _follow(remote: Remote, sources: list[str], wanted: frozenset[str] | None = None) -> None:
    from hedgerow.following.syncs import follow, shown

    with shown(Console()) as board:
        failed = follow(remote, sources, board, wanted)
    if failed:
        raise typer.Exit(1)
