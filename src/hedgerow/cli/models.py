"""`hedgerow models`: saved queries of a server, and as files in version control."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hedgerow.cli.remote import commands
from hedgerow.cli.talking import confirm_deletion, console, end_with
from hedgerow.gitops.remote import Remote
from hedgerow.kit.errors import HedgerowError

group = typer.Typer(no_args_is_help=True, help="Saved queries (views) of a server, and as files in version control.")
command = commands(group)
FOLDER = Path("models")
Folder = Annotated[Path, typer.Argument(help="The folder of the files.")]
_SIGNS = {
    "Completed": ("●", "green"),
    "Failed": ("✗", "red"),
    "Running": ("◐", "blue"),
    "Modified": ("○", "yellow"),
    "Cancelled": ("○", "bright_black"),
    "Skipped": ("-", "yellow"),
}


@command("pull")
def pull_models(
    remote: Remote,
    names: Annotated[list[str] | None, typer.Argument(help="Views; all of them where none is named.")] = None,
    into: Annotated[Path, typer.Option("--into", help="The folder of the files.")] = FOLDER,
) -> None:
    """Write views into files. What a file says already stays as it is, with its comments."""
    from hedgerow.gitops.models.files import local
    from hedgerow.gitops.models.pulling import pull
    from hedgerow.gitops.models.server import named, there

    files = {each.name: each for each in local(into)} if into.is_dir() else {}
    views = named(remote, names) if names else list(there(remote).values())
    for path, deed in pull(views, files, into):
        print(f"{deed:9} {path}")
    for name, each in files.items():
        if not names and name not in {view.name for view in views}:
            print(f"only here {each.path}")


@command("push")
def push_models(
    remote: Remote,
    folder: Folder = FOLDER,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Delete views that no file has; asks first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before deleting.")] = False,
) -> None:
    """Make the server's views as the files say, parents first. What is so already is left alone."""
    from hedgerow.gitops.models import telling
    from hedgerow.gitops.models.pushing import push

    todo = _todo(remote, folder, prune=prune)
    together = {each.name: each for each in todo}
    for each in todo:
        print("\n".join(telling.model(each)))
        if dry_run and each.requeried:
            print("".join(f"{line}\n" for line in telling.consequences(remote, each, together)), end="")
    if not dry_run:
        confirm_deletion([each.name for each in todo if each.deed == "delete"], yes=yes)
        end_with(fault for _, fault in push(remote, todo))


@command("diff")
def diff_models(remote: Remote, folder: Folder = FOLDER) -> None:
    """Show what a push would change, text by text; status 1 where anything differs."""
    from hedgerow.gitops.models.telling import difference

    told = [difference(each) for each in _todo(remote, folder, prune=True)]
    print("".join(told), end="")
    raise typer.Exit(1 if any(told) else 0)


@command("run")
def run_models(
    remote: Remote,
    names: Annotated[
        list[str] | None, typer.Argument(help="Views; +name with what it reads, name+ with what reads it.")
    ] = None,
) -> None:
    """Make views into tables now, in one wave, and wait; all that are materialized where none is named."""
    from hedgerow.gitops.models.running import chosen, run
    from hedgerow.gitops.models.server import there

    views = chosen(there(remote), names or [])
    if not views:
        raise HedgerowError("no view is materialized: name one.")
    by_id, failed, board = {each.id: each.name for each in views}, 0, console()
    for each in run(remote, views):
        sign, colour = _SIGNS[each["status"]]
        told = f"{each['rows_materialized']:,} rows" if each["status"] == "Completed" else each["error"] or ""
        line = Text.assemble((sign, colour), f" {by_id[each['saved_query_id']]}: {each['status'].lower()}  {told}")
        board.print(line, soft_wrap=True)
        failed += each["status"] != "Completed"
    raise typer.Exit(1 if failed else 0)


@command("graph")
def graph_models(
    remote: Remote,
    names: Annotated[list[str] | None, typer.Argument(help="Only what these read, and what reads them.")] = None,
    svg: Annotated[Path | None, typer.Option("--svg", help="Write a drawing as well.")] = None,
) -> None:
    """Print the graph of views: by level, with status, last run, and what each reads."""
    from hedgerow.gitops.folders import put
    from hedgerow.gitops.models.graph import graph
    from hedgerow.gitops.models.server import there

    nodes = graph(there(remote), names or [])
    if not nodes:
        raise HedgerowError("the project has no views.")
    _print_graph(nodes)
    if svg is not None:
        from hedgerow.gitops.models.svg import draw

        put(svg, draw(nodes, f"Models of project {remote.project}" if remote.project != "@current" else "Models"))
        print(f"wrote {svg}")


def _todo(remote: Remote, folder: Path, *, prune: bool) -> list[Any]:
    from hedgerow.gitops.models.files import local
    from hedgerow.gitops.models.planning import plan
    from hedgerow.gitops.models.server import there

    files = local(folder)
    return plan(files, there(remote, None if prune else [each.name for each in files]), prune=prune)


def _print_graph(nodes: list[Any]) -> None:
    from hedgerow.gitops.models.graph import age

    table = Table("level", "", "name", "kind", "refreshed", "last run", "reads", box=None)
    level = None
    for node in nodes:
        shown = "" if node.level == level else str(node.level)
        level = node.level
        sign, colour = _SIGNS.get(node.status or "", ("·", "bright_black"))
        last = age(node.last_run) if node.last_run else ""
        status = "" if node.status in {None, "Completed"} else f" ({node.status.lower()})"
        cells = (node.name, node.kind, node.frequency or "", f"{last}{status}".strip(), ", ".join(node.reads))
        table.add_row(shown, Text(sign, colour), *map(Text, cells))
    console().print(table)
