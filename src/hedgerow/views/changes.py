"""Makes, changes and deletes saved queries: each change is one transaction, with its note in the activity log."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hedgerow.checks import Checks
from hedgerow.kit.errors import HedgerowError, InvalidInput
from hedgerow.store import Store
from hedgerow.views import errors, lineage, links, shelf
from hedgerow.views.names import check_name
from hedgerow.views.neighbours import Neighbours
from hedgerow.views.notes import note
from hedgerow.views.records import RESUMED, Draft, Incremental, Prepared, View
from hedgerow.views.runs.materializing import Materializing
from hedgerow.views.texts.increments import Eligibility
from hedgerow.views.texts.preparing import Preparation, compiled_text
from hedgerow.views.texts.rewriting import Rewriting
from hedgerow.warehouse.catalog import Catalogs
from hedgerow.warehouse.errors import NameTaken
from hedgerow.warehouse.types import kept

_REFRESHED = 200


@dataclass(frozen=True, slots=True)
class Texts:
    """What is asked about the texts of views."""

    preparation: Preparation
    rewriting: Rewriting
    eligibility: Eligibility


@dataclass(frozen=True, slots=True)
class Changes:
    """What can be done to saved queries."""

    store: Store
    catalogs: Catalogs
    texts: Texts
    materializing: Materializing
    neighbours: Neighbours
    checks: Checks

    async def save(self, project_id: int, user_id: int, draft: Draft) -> tuple[View, bool]:
        """Make a view, or change the one of that name; whether it was made."""
        name = check_name(draft.name)
        present = await asyncio.to_thread(self._named, project_id, name)
        if present is not None:
            return await self.change(present, user_id, draft), False
        prepared = await self.texts.preparation.prepare(project_id, draft)
        if draft.incremental is not None:
            await self.texts.eligibility.check(project_id, str(prepared.query["query"]), draft.incremental)
        values = {"name": name, "created_by": user_id, "incremental": _kept(draft.incremental)}
        values |= {"description": draft.description, "folder_id": draft.folder_id}
        made = await asyncio.to_thread(self._add, project_id, values, prepared)
        self.catalogs.forget(project_id)
        return made, True

    async def change(self, view: View, user_id: int, draft: Draft) -> View:
        """Set what was said."""
        if view.managed_viewset_kind:
            raise InvalidInput(errors.MANAGED_UPDATE)
        values: dict[str, Any] = {}
        prepared = await self._requeried(view, draft)
        if prepared is not None:
            values |= {"query": dict(prepared.query), "columns": prepared.columns, "status": "Modified"}
        elif draft.types is not None:
            values["columns"] = await self._typed(view, draft)
        rewritten: Mapping[UUID, str] = {}
        if "name" in draft.given and draft.name != view.name:
            values["name"] = check_name(draft.name)
            if draft.rewrite_dependents:
                text = str(prepared.query["query"]) if prepared else view.text
                rewritten = await self.texts.rewriting.texts(view, draft.name, text)
        if "description" in draft.given and draft.description != view.description:
            values["description"] = draft.description
        if "folder_id" in draft.given and draft.folder_id != view.folder_id:
            values["folder_id"] = draft.folder_id
        if "sync_frequency" in draft.given:
            values |= {"sync_frequency": draft.sync_frequency, **RESUMED}
        values |= await self._incremental(view, draft, prepared)
        if not values:
            return view
        changed = await asyncio.to_thread(self._change, view, user_id, values, prepared, rewritten)
        self.catalogs.forget(view.project_id)
        if prepared is not None:
            await self._refresh_below(changed)
        return changed

    async def delete(self, view: View, user_id: int, *, force: bool = False) -> None:
        """Delete one; views that read it refuse that unless it is forced."""
        if view.managed_viewset_kind:
            raise InvalidInput(errors.MANAGED_DELETE)
        await asyncio.to_thread(self._delete, view, user_id, force)
        self.catalogs.forget(view.project_id)

    # --- inside

    async def _requeried(self, view: View, draft: Draft) -> Prepared | None:
        """The new query checked; `None` when its text is the one there is."""
        if "query" not in draft.given or draft.query == view.query:
            return None
        if not draft.soft and draft.token != str(view.revision):
            raise InvalidInput(errors.MODIFIED)
        return await self.texts.preparation.prepare(view.project_id, draft, view.name)

    async def _incremental(self, view: View, draft: Draft, prepared: Prepared | None) -> dict[str, Any]:
        """How the table is made, where that was said; refused when the text, old or new, does not allow it."""
        said = "incremental" in draft.given
        wish = draft.incremental if said else view.incremental
        if wish is not None and (said or prepared is not None):
            text = str(prepared.query["query"]) if prepared else view.text
            await self.texts.eligibility.check(view.project_id, text, wish)
        return {"incremental": _kept(wish), "incremental_state": None} if said and wish != view.incremental else {}

    async def _typed(self, view: View, draft: Draft) -> Any:
        query = Draft(frozenset({"query"}), query=view.query, types=draft.types)
        return (await self.texts.preparation.prepare(view.project_id, query, view.name)).columns

    def _named(self, project_id: int, name: str) -> View | None:
        with self.store.read() as session:
            return shelf.named(session, project_id, [name]).get(name)

    def _add(self, project_id: int, said: Mapping[str, Any], prepared: Prepared) -> View:
        values = {**said, "query": dict(prepared.query), "columns": prepared.columns}
        name, user_id = said["name"], said["created_by"]
        try:
            with self.store.write() as session:
                sequence = shelf.lock(session, project_id)
                self._check_free(session, project_id, name)
                _check_folder(session, project_id, said["folder_id"])
                _refuse_cycle(session, project_id, name, prepared.parents)
                view = shelf.add(session, project_id, sequence, values)
                shelf.set_parents(session, project_id, view.id, prepared.parents)
                note(session, view, user_id, "created", None)
                return view
        except IntegrityError:
            raise NameTaken() from None

    def _change(
        self,
        view: View,
        user_id: int,
        values: Mapping[str, Any],
        prepared: Prepared | None,
        rewritten: Mapping[UUID, str],
    ) -> View:
        try:
            with self.store.write() as session:
                sequence = shelf.lock(session, view.project_id)
                present = shelf.get(session, view.project_id, view.id)
                if prepared is not None and present.revision != view.revision:
                    raise InvalidInput(errors.MODIFIED)
                name = values.get("name", present.name)
                if name != present.name:
                    self._check_free(session, view.project_id, name)
                    _check_rewritten(session, view, rewritten)
                _check_folder(session, view.project_id, values.get("folder_id"))
                changed = shelf.change(session, present, sequence, values)
                if prepared is not None and present.is_materialized:
                    # Its table answers another question: the view is inlined until it has been run again.
                    self.materializing.give_up(session, sequence, present)
                    changed = shelf.change(session, present, sequence, {"physical": None, "status": "Modified"})
                if "sync_frequency" in values and present.is_materialized:
                    self.materializing.reschedule(
                        session, view.project_id, present.sync_frequency, values["sync_frequency"]
                    )
                if prepared is not None:
                    shelf.set_parents(session, view.project_id, view.id, prepared.parents)
                reads = lineage.parents_of(session, view.project_id, [name]).get(name, [])
                _refuse_cycle(session, view.project_id, name, reads)
                note(session, changed, user_id, "updated", present)
                self._rewrite(session, view, changed, user_id, sequence, rewritten)
                return changed
        except IntegrityError:
            raise NameTaken() from None

    def _rewrite(
        self, session: Session, old: View, new: View, user_id: int, sequence: int, texts: Mapping[UUID, str]
    ) -> None:
        """Give the dependents of a renamed view their new text."""
        for dependent in shelf.by_ids(session, old.project_id, texts):
            reads = lineage.parents_of(session, old.project_id, [dependent.name]).get(dependent.name, [])
            query = {**dependent.query, "query": texts[dependent.id]}
            changed = shelf.change(session, dependent, sequence, {"query": query})
            parents = sorted({new.name if parent == old.name else parent for parent in reads})
            shelf.set_parents(session, old.project_id, dependent.id, parents)
            note(session, changed, user_id, "updated", dependent)
        links.rename(session, old.project_id, old.name, new.name, rewrite=bool(texts))

    def _delete(self, view: View, user_id: int, force: bool) -> None:
        with self.store.write() as session:
            sequence = shelf.lock(session, view.project_id)
            present = shelf.get(session, view.project_id, view.id)
            if not force and (found := self.dependents(session, [present])):
                hint = "Delete or change those first, or add ?force=true."
                raise errors.HasDependents("delete", view, found[present.name], hint)
            self.drop(session, sequence, present, user_id)

    # --- for a caller with the lock

    def drop(self, session: Session, sequence: int, view: View, user_id: int) -> None:
        """Delete a view, whatever reads it."""
        self.materializing.give_up(session, sequence, view)
        shelf.change(session, view, sequence, {"deleted": True, "physical": None})
        self.materializing.reschedule(session, view.project_id, view.sync_frequency, None)
        shelf.set_parents(session, view.project_id, view.id, ())
        links.drop_of(session, view.project_id, view.name)
        self.checks.drop_of(session, view.project_id, view.id)
        note(session, view, user_id, "deleted", view)

    def dependents(self, session: Session, views: Sequence[View]) -> dict[str, list[errors.Dependent]]:
        """The views and endpoints that read each of a project's views directly, by name; unread ones are left out."""
        found: dict[str, list[errors.Dependent]] = {}
        if not views:
            return found
        project_id = views[0].project_id
        readers = self.neighbours.reading(session, project_id, [view.name for view in views])
        for view in views:
            below = lineage.descendants(session, project_id, view.name, 1)
            children = shelf.named(session, project_id, below[0] if below else []).values()
            told = [errors.Dependent(each.id, each.name) for each in sorted(children, key=lambda each: each.name)]
            mine = [each for each in readers if view.name in each.reads]
            told += [errors.Dependent(each.id, each.name, each.kind, each.version) for each in mine]
            if told:
                found[view.name] = told
        return found

    # --- inside

    def _check_free(self, session: Session, project_id: int, name: str) -> None:
        if shelf.taken(session, project_id, name) or self.neighbours.table_taken(session, project_id, name):
            raise NameTaken()

    async def _refresh_below(self, view: View) -> None:
        """Tell the columns of views below anew: a star stands for what is above it."""
        for child in await asyncio.to_thread(self._below, view):
            catalog = await self.catalogs.fetch(view.project_id)
            try:
                compiled = await asyncio.to_thread(compiled_text, child.text, catalog)
                columns = kept(await self.texts.preparation.described(compiled))
            except HedgerowError:
                continue  # it is broken now: its columns stay as they were last
            if columns != child.columns:
                await asyncio.to_thread(self._recolumn, child, columns)
        self.catalogs.forget(view.project_id)

    def _below(self, view: View) -> list[View]:
        with self.store.read() as session:
            names = lineage.ordered(session, view.project_id, view.name)[:_REFRESHED]
            found = shelf.named(session, view.project_id, names)
        return [found[name] for name in names if name in found and found[name].physical is None]

    def _recolumn(self, view: View, columns: Any) -> None:
        with self.store.write() as session:
            sequence = shelf.lock(session, view.project_id)
            shelf.change(session, view, sequence, {"columns": columns})


def _kept(wish: Incremental | None) -> dict[str, Any] | None:
    return None if wish is None else {**asdict(wish), "unique_key": list(wish.unique_key)}


def _check_folder(session: Session, project_id: int, folder_id: UUID | None) -> None:
    if folder_id is not None and not shelf.has_folder(session, project_id, folder_id):
        raise errors.folder_not_found()


def _refuse_cycle(session: Session, project_id: int, name: str, parents: Any) -> None:
    path = lineage.path_back(session, project_id, name, parents)
    if path is not None:
        raise errors.cycle(" → ".join(path))


def _check_rewritten(session: Session, view: View, rewritten: Mapping[UUID, str]) -> None:
    """The dependents that were rewritten are all there are, unless none was asked to be."""
    if not rewritten:
        return
    below = lineage.descendants(session, view.project_id, view.name, 1)
    now = set(lineage.identities(session, view.project_id, below[0] if below else []).values())
    if now != set(rewritten):
        raise InvalidInput("The views that read it have changed meanwhile: try again.", attr="rewrite_dependents")
