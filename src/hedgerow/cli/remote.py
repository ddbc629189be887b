"""The options by which commands are told which server to talk to, and as whom."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from hedgerow.gitops.remote import Remote, connect
from hedgerow.kit.settings import load

Host = Annotated[
    str, typer.Option(envvar=["HEDGEROW_URL", "POSTHOG_CLI_HOST"], help="The server; default: this machine's.")
]
ApiKey = Annotated[str, typer.Option(envvar=["HEDGEROW_KEY", "POSTHOG_CLI_API_KEY"], help="A personal key.")]
Project = Annotated[str, typer.Option(envvar=["HEDGEROW_PROJECT", "POSTHOG_CLI_PROJECT_ID"], help="Project id.")]


def remote(host: str, api_key: str, project: str) -> Remote:
    """The project that the options name."""
    if not host:
        settings = load({})
        own = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104  (compared, not bound)
        host = f"http://{own}:{settings.port}"
    return connect(host, api_key, project or "@current")


def _with_remote(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command `--host`, `--api-key` and `--project`; its first parameter is the project that they name."""
    signature = inspect.signature(command)
    own = list(signature.parameters.values())[1:]
    kinds = {"host": Host, "api_key": ApiKey, "project": Project}
    asked = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default="", annotation=k) for n, k in kinds.items()]

    @wraps(command)
    def run(*given: Any, host: str, api_key: str, project: str, **options: Any) -> Any:
        server = remote(host, api_key, project)
        with server.client:
            return command(server, *given, **options)

    run.__signature__ = signature.replace(parameters=[*own, *asked])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in [*own, *asked]}
    return run


def commands(group: typer.Typer) -> Callable[[str], Callable[[Callable[..., Any]], Callable[..., Any]]]:
    """`@command("name")` for a group whose commands all talk to a project."""

    def command(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            group.command(name)(_with_remote(function))
            return function

        return register

    return command
