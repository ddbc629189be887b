"""`hedgerow endpoints`: endpoints of a server, and as files in version control."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from hedgerow.cli.remote import commands
from hedgerow.cli.talking import confirm_deletion, end_with, print_table
from hedgerow.gitops.faults import Faults
from hedgerow.gitops.remote import Remote
from hedgerow.kit.errors import HedgerowError

group = typer.Typer(no_args_is_help=True, help="Endpoints of a server, and as files in version control.")
command = commands(group)
FOLDER = Path("endpoints")
Paths = Annotated[list[Path] | None, typer.Argument(help="Files, and folders of them; default: endpoints/.")]


@command("list")
def list_endpoints(
    remote: Remote,
    output: Annotated[str, typer.Option("--format", help="table or json.")] = "table",
) -> None:
    """List the endpoints of a project."""
    from hedgerow.gitops.endpoints.sides import there

    found = there(remote).endpoints.values()
    if output == "json":
        print(json.dumps([each.definition | {"version": each.version} for each in found], ensure_ascii=False))
        return
    rows = []
    for each in found:
        said = each.definition
        aliases = ", ".join(f"{name}={number}" for name, number in said.get("aliases", {}).items())
        state = "off" if said.get("is_active") is False else "table" if said.get("is_materialized") else "on"
        rows.append((each.name, each.version, state, aliases, ", ".join(said.get("tags", ())), said.get("description")))
    print_table(("name", "version", "state", "aliases", "tags", "description"), rows)


@command("get")
def get_endpoint(
    remote: Remote,
    name: Annotated[str, typer.Argument(help="The endpoint.")],
    output: Annotated[str, typer.Option("--format", help="yaml or json.")] = "yaml",
) -> None:
    """Print an endpoint as its file would be."""
    from hedgerow.gitops.endpoints.definitions import text_of
    from hedgerow.gitops.endpoints.sides import one

    said = one(remote, name).definition
    print(json.dumps(said, ensure_ascii=False, indent=2) + "\n" if output == "json" else text_of(said), end="")


@command("pull")
def pull_endpoints(
    remote: Remote,
    names: Annotated[list[str] | None, typer.Argument(help="Endpoints; all of them where none is named.")] = None,
    into: Annotated[Path, typer.Option("--into", help="The folder of the files.")] = FOLDER,
) -> None:
    """Write endpoints into files. What a file says already stays as it is, with its tests and comments."""
    from hedgerow.gitops.endpoints.pulling import pull
    from hedgerow.gitops.endpoints.sides import chosen, local, there

    files = {each.name: each for each in local([into])} if into.is_dir() else {}
    found = there(remote).endpoints
    for path, deed in pull(chosen(found, names), files, into):
        print(f"{deed:9} {path}")
    for name, each in files.items():
        if name not in found:
            print(f"only here {each.document.file}")


@command("push")
def push_endpoints(
    remote: Remote,
    paths: Paths = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Delete endpoints that no file has; asks first.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before deleting.")] = False,
    no_aliases: Annotated[bool, typer.Option("--no-aliases", help="Leave the server's aliases as they are.")] = False,
) -> None:
    """Make the server's endpoints as the files say. What is so already is left alone."""
    from hedgerow.gitops.endpoints import telling
    from hedgerow.gitops.endpoints.planning import plan
    from hedgerow.gitops.endpoints.proving import mistakes
    from hedgerow.gitops.endpoints.pushing import push
    from hedgerow.gitops.endpoints.sides import local, there

    if prune and any(not path.is_dir() for path in paths or []):
        raise HedgerowError("--prune: name folders only, as what is in no file is deleted.")
    found = there(remote)
    todo = plan(local(paths or [FOLDER]), found, prune=prune, aliases=not no_aliases)
    for variable in todo.variables:
        print(telling.variable(variable))
    for endpoint in todo.endpoints:
        print("\n".join(telling.endpoint(endpoint)))
    faults, unchecked = mistakes(remote, todo, found)
    if unchecked:
        print(f"hedgerow: {unchecked}", file=sys.stderr)
    if faults:
        raise Faults(faults)
    if not dry_run:
        gone = [each.name for each in todo.endpoints if each.deed == "delete"]
        confirm_deletion(gone, ", with all versions", yes=yes)
        end_with(fault for _, fault in push(remote, todo))


@command("diff")
def diff_endpoints(
    remote: Remote,
    paths: Annotated[list[str] | None, typer.Argument(help="Files and folders; with --from, one endpoint.")] = None,
    old: Annotated[str | None, typer.Option("--from", help="A version or alias to compare with another.")] = None,
    new: Annotated[str, typer.Option("--to", help="The other one.")] = "latest",
    variables: Annotated[
        list[str] | None,
        typer.Option("--variables", "--var", help="name=value: run both with it, and compare their rows."),
    ] = None,
) -> None:
    """Show what a push would change, or what differs between two versions; status 1 where anything differs."""
    if old is None:
        differs = _files_differ(remote, [Path(path) for path in paths or [str(FOLDER)]])
    elif len(paths or []) == 1:
        differs = _versions_differ(remote, (paths or [""])[0], (old, new), variables)
    else:
        raise HedgerowError("--from: name one endpoint.")
    raise typer.Exit(1 if differs else 0)


@command("run")
def run_endpoint(
    remote: Remote,
    name: Annotated[str, typer.Argument(help="The endpoint.")],
    variables: Annotated[
        list[str] | None, typer.Option("--variables", "--var", help="name=value (JSON, else text); may be repeated.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="A version, or an alias.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The most rows.")] = None,
    output: Annotated[str, typer.Option("--format", help="table, json, csv, ndjson, arrow or parquet.")] = "table",
) -> None:
    """Run an endpoint and print its rows."""
    from hedgerow.asking import show
    from hedgerow.gitops.endpoints.running import FILES, asked, run, run_as, values_of

    body = asked(values_of(variables or []), version, limit)
    if output not in FILES:
        show(run(remote, name, body), output)
    elif output != "ndjson" and sys.stdout.isatty():
        raise HedgerowError(f"--format {output}: send it into a file, with > rows.{output}.")
    else:
        sys.stdout.buffer.write(run_as(remote, name, body, output))


@command("test")
def check_endpoints(remote: Remote, paths: Paths = None) -> None:
    """Run the tests of files against the server's endpoints; status 1 where one fails."""
    from hedgerow.gitops.endpoints.checking import check
    from hedgerow.gitops.endpoints.sides import local, there

    files = local(paths or [FOLDER])
    found = there(remote).endpoints
    failed = passed = 0
    for source in files:
        if not source.fields.tests:
            continue
        if source.name not in found:
            raise source.document.fault("the server has no such endpoint: push it first", "name")
        for number in range(len(source.fields.tests)):
            outcome = check(remote, source, number, found[source.name].version)
            failed, passed = failed + bool(outcome.faults), passed + (not outcome.faults)
            print(f"{'FAIL' if outcome.faults else 'ok  '} {outcome.endpoint}: {outcome.test}", end="")
            print(f"  ({outcome.milliseconds:.0f} ms)" if not outcome.faults else f"  {outcome.where}")
            for fault in outcome.faults:
                print("\n".join(f"       {line}" for line in fault.splitlines()))
    print(f"{passed} passed, {failed} failed")
    raise typer.Exit(1 if failed else 0)


def _files_differ(remote: Remote, paths: list[Path]) -> bool:
    from hedgerow.gitops.endpoints.planning import plan
    from hedgerow.gitops.endpoints.sides import local, there
    from hedgerow.gitops.endpoints.telling import difference

    todo = plan(local(paths), there(remote), prune=any(path.is_dir() for path in paths))
    told = [difference(each) for each in todo.endpoints]
    print("".join(told), end="")
    return any(told)


def _versions_differ(remote: Remote, name: str, pair: tuple[str, str], variables: list[str] | None) -> bool:
    from hedgerow.gitops.endpoints.running import values_of, versions_differ

    lines, differs = versions_differ(remote, name, pair, None if variables is None else values_of(variables))
    print("\n".join(lines))
    return differs
