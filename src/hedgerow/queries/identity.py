"""How a caller's own query id becomes the engine's: projects apart, so that none cancels another's query."""

from uuid import uuid4


def engine_id(project_id: int, client_query_id: str | None) -> str:
    """The engine's id of a query; a fresh one where the caller gave none."""
    return f"p{project_id}:{client_query_id or uuid4().hex}"
