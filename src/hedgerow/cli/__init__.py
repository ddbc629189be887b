"""The `hedgerow` command: arguments and nothing else."""

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hedgerow import __version__
from hedgerow.cli import endpoints, models, secrets
from hedgerow.cli import sources as source_commands
from hedgerow.cli.talking import print_table
from hedgerow.kit import lasting
from hedgerow.kit.errors import HedgerowError
from hedgerow.kit.settings import Settings, SettingsWrong, load, sources, unknown

if TYPE_CHECKING:
    from hedgerow.accounts.tokens import Wish
    from hedgerow.store import Store

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
key = typer.Typer(no_args_is_help=True, help="Make, list and revoke personal keys.")
token = typer.Typer(no_args_is_help=True, help="Make tokens that are safe in a browser.")
project = typer.Typer(no_args_is_help=True, help="Make and list projects.")
app.add_typer(key, name="key")
app.add_typer(token, name="token")
app.add_typer(project, name="project")
app.add_typer(endpoints.group, name="endpoints")
app.add_typer(source_commands.group, name="sources")
app.add_typer(secrets.group, name="secrets")
app.add_typer(models.group, name="models")


def main() -> None:
    """Run the command line; a known error is one line and status 1."""
    try:
        app()
    except (HedgerowError, SettingsWrong) as error:
        print(f"hedgerow: {error}", file=sys.stderr)
        sys.exit(1)


@app.callback(invoke_without_command=True)
def hedgerow(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """The PostHog data API in one Python process."""
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Start the server; Ctrl-C stops it."""
    lasting.begin()
    from hedgerow.app import serve as run

    for name in unknown(os.environ):
        print(f"hedgerow: {name} is no setting (hedgerow config lists them)", file=sys.stderr)
    raise typer.Exit(run(_settings(host=host, port=port)))


@app.command()
def work(
    workers: Annotated[int | None, typer.Option(min=1, help="Jobs that run at once.")] = None,
) -> None:
    """Run background jobs only; any number of processes over PostgreSQL. Ctrl-C stops it."""
    lasting.begin()
    from hedgerow.app import work as run

    raise typer.Exit(run(_settings(workers=workers)))


@app.command()
def demo() -> None:
    """Start the server, load real flight data, publish endpoints over it."""
    from hedgerow.demo import run

    raise typer.Exit(run(_settings()))


@app.command()
def query(
    text: Annotated[str, typer.Argument(help="A HogQL SELECT.")],
    url: Annotated[str, typer.Option(envvar="HEDGEROW_URL", help="The server; default: this machine's.")] = "",
    key: Annotated[str, typer.Option(envvar="HEDGEROW_KEY", help="A key with query:read.")] = "",
    project: Annotated[str, typer.Option(envvar="HEDGEROW_PROJECT", help="Project id.")] = "@current",
    output: Annotated[str, typer.Option("--format", help="table, json or csv.")] = "table",
) -> None:
    """Ask a running server."""
    from hedgerow.asking import ask, show

    settings = _settings()
    answer = ask(url or f"http://{settings.host}:{settings.port}", key, project, text)
    show(answer, output)


@app.command()
def config() -> None:
    """Print every setting, its value and where it comes from; secrets masked."""
    settings = _settings()
    rows = [(f"HEDGEROW_{s.name.upper()}", s.shown, s.source) for s in sources(settings, os.environ)]
    print_table(("setting", "value", "from"), rows)


@key.command("create")
def create_key(
    scopes: Annotated[str, typer.Option(help="Scopes parted by commas, such as endpoint:read,query:read; * is all.")],
    label: Annotated[str, typer.Option(help="What the key is for.")],
    project: Annotated[list[int] | None, typer.Option(help="Limit the key to this project; may be repeated.")] = None,
    secret: Annotated[
        bool, typer.Option("--secret", help="A secret key of one project, which runs endpoints.")
    ] = False,
) -> None:
    """Make a key and print it, alone, on the last line."""
    from hedgerow.accounts import administration

    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    if secret:
        if len(project or [1]) != 1:
            raise SettingsWrong("--secret: a secret key is of one project")
        print(administration.create_secret_key(_settings(), label, wanted, (project or [1])[0]))
        return
    print(administration.create_key(_settings(), label, wanted, project or []))


@key.command("list")
def list_keys() -> None:
    """List the keys that are good."""
    from hedgerow.accounts import administration

    rows: list[tuple[Any, ...]] = [
        (
            k.id,
            k.label,
            k.mask,
            ", ".join(k.scopes or ["*"]),
            ", ".join(map(str, k.projects or ())) or "all",
            k.created_at,
        )
        for k in administration.list_keys(_settings())
    ]
    rows += [
        (k.id, k.label, k.mask, ", ".join(k.scopes), k.project_id, k.created_at)
        for k in administration.list_secret_keys(_settings())
    ]
    print_table(("id", "label", "key", "scopes", "projects", "created"), rows)


@key.command("revoke")
def revoke_key(name: Annotated[str, typer.Argument(help="The key's id, or its label where that is unique.")]) -> None:
    """End a key for good."""
    from hedgerow.accounts import administration

    print(f"revoked {administration.revoke_key(_settings(), name)}")


@token.command("create")
def create_token(
    endpoint: Annotated[str, typer.Argument(help="The endpoint that may be run.")],
    var: Annotated[
        list[str] | None, typer.Option(help="A value that is fixed, as name=value (JSON, else text).")
    ] = None,
    version: Annotated[list[int] | None, typer.Option(min=1, help="Only this version; may be repeated.")] = None,
    seconds: Annotated[int, typer.Option(min=1, help="How long the token lives.")] = 3600,
    rate: Annotated[str | None, typer.Option(help="Its most requests, such as 60/minute.")] = None,
    subject: Annotated[str | None, typer.Option(help="Whom it is for: the tokens of one share their rate.")] = None,
    project: Annotated[int, typer.Option(help="Project id.")] = 1,
) -> None:
    """Make a token that is safe in a browser, and print it, alone, on the last line."""
    from hedgerow.accounts import administration, minting
    from hedgerow.endpoints.administration import grant

    settings, values = _settings(), minting.values_of(var or [])

    def wished(store: "Store") -> "Wish":
        grants = {endpoint: grant(store, project, endpoint, values, version)}
        return minting.wish(grants, (seconds, settings.token_max_seconds), rate, subject)

    print(administration.create_token(settings, project, wished))


@project.command("create")
def create_project(
    name: Annotated[str, typer.Argument(help="The project's name.")],
    timezone: Annotated[str, typer.Option(help="IANA time zone.")] = "UTC",
) -> None:
    """Make a project and print its id."""
    from hedgerow.accounts import administration

    print(administration.create_project(_settings(), name, timezone).id)


@project.command("list")
def list_projects() -> None:
    """List the projects."""
    from hedgerow.accounts import administration

    rows = [(p.id, p.name, p.timezone, p.api_token) for p in administration.list_projects(_settings())]
    print_table(("id", "name", "time zone", "token"), rows)


def _projects(limits: tuple[int, ...] | None) -> str:
    return ", ".join(map(str, limits)) if limits else "all"


def _settings(**given: Any) -> Settings:
    return load({name: value for name, value in given.items() if value is not None})
