"""The kinds of jobs there are: each a handler and a policy, registered by the composition root."""

from hedgerow.jobs.base import Handler, Policy


class Kinds:
    """Handlers and policies by kind."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Handler, Policy]] = {}

    def register(self, kind: str, handler: Handler, policy: Policy | None = None) -> None:
        """Have `handler` do the jobs of `kind`; once each, before the worker starts."""
        if kind in self._known:
            raise ValueError(f"The kind {kind} is registered already.")
        self._known[kind] = (handler, policy or Policy())

    def names(self, *, standing: bool | None = None) -> list[str]:
        """The kinds that can be done here; `standing`: those that are or are not."""
        return [name for name, (_, policy) in self._known.items() if standing in (None, policy.standing)]

    def handler(self, kind: str) -> Handler:
        """Who does jobs of that kind."""
        return self._known[kind][0]

    def policy(self, kind: str) -> Policy:
        """How jobs of that kind are treated; a kind that is not known here is treated as usual."""
        return self._known[kind][1] if kind in self._known else Policy()
