"""What a push would do: made of both sides alone, before anything is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hedgerow.gitops.models.definitions import SETTINGS, Definition, agree, pairs
from hedgerow.gitops.models.files import Local
from hedgerow.gitops.models.reads import in_order
from hedgerow.gitops.models.server import Present

Deed = Literal["create", "change", "delete", "unchanged"]


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """What becomes of one model. `source` is `None` for one that is deleted, `present` for one that is new."""

    name: str
    deed: Deed
    source: Local | None
    present: Present | None

    @property
    def wanted(self) -> Definition:
        return self.source.definition if self.source else {}

    @property
    def there(self) -> Definition:
        return self.present.definition if self.present else {}

    @property
    def requeried(self) -> bool:
        """Whether a view that is there gets another text."""
        return self.deed == "change" and self.wanted["query"] != self.there["query"]

    @property
    def changed(self) -> list[str]:
        """The settings that differ, but for checks."""
        return [n for n in SETTINGS if n != "checks" and self.wanted.get(n) != self.there.get(n)]

    @property
    def checks(self) -> list[tuple[Definition | None, Definition | None]]:
        """Both sides' checks, each with its twin."""
        return pairs(self.wanted, self.there)


def plan(files: Sequence[Local], there: Mapping[str, Present], *, prune: bool = False) -> list[ModelPlan]:
    """Parents before those that read them; what is deleted last, children first. Raises `InvalidInput` for a circle."""
    sources = {each.name: each for each in files}
    plans = [_one(sources[name], there.get(name)) for name in in_order({n: each.reads for n, each in sources.items()})]
    if prune:
        gone = {name: each for name, each in there.items() if name not in sources}
        ordered = reversed(in_order({name: each.reads for name, each in gone.items()}))
        plans += [ModelPlan(name, "delete", None, gone[name]) for name in ordered]
    return plans


def _one(source: Local, present: Present | None) -> ModelPlan:
    deed: Deed = "create"
    if present is not None:
        deed = "unchanged" if agree(source.definition, present.definition) else "change"
    return ModelPlan(source.name, deed, source, present)
