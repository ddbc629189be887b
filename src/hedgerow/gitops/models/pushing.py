"""Carries a plan out. Every request can be repeated, so that a push which broke off is simply pushed again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hedgerow.gitops.faults import Refused
from hedgerow.gitops.models.definitions import body_of, checks_agree
from hedgerow.gitops.models.planning import ModelPlan
from hedgerow.gitops.models.server import VIEWS
from hedgerow.gitops.remote import Remote
from hedgerow.kit.errors import HedgerowError

_LINE = re.compile(r"\bline ([1-9][0-9]{0,6})\b")


def push(remote: Remote, plans: Sequence[ModelPlan]) -> Iterator[tuple[ModelPlan, HedgerowError | None]]:
    """Each model as it is done, with what went wrong, by file. What fails does not stop the others."""
    stale: list[str] = []
    for each in plans:
        try:
            if each.source is None and each.present is not None:
                remote.delete(each.present.path)
            elif each.deed != "unchanged":
                view = _settled(remote, each)
                if each.requeried and each.wanted.get("materialized") and each.there.get("materialized"):
                    stale.append(view)
            yield each, None
        except Refused as refusal:
            yield each, _told(refusal, each)
    if stale:  # their tables are those of other texts
        remote.post(f"{VIEWS}run/", {"view_ids": stale})


def _settled(remote: Remote, plan: ModelPlan) -> str:
    """Make a view, its checks and its schedule as the files say; its id."""
    view = _saved(remote, plan)
    path = f"{VIEWS}{view}/"
    _check(remote, plan, path)
    wanted, there = plan.wanted.get("materialized", False), plan.there.get("materialized", False)
    if there and not wanted:
        remote.post(f"{path}revert_materialization/")
    elif wanted and not there:
        frequency = plan.wanted["sync_frequency"]
        remote.post(f"{path}materialize/", None if frequency == "never" else {"sync_frequency": frequency})
        if frequency == "never":
            remote.patch(path, {"sync_frequency": "never"})
    elif "sync_frequency" in plan.changed:
        remote.patch(path, {"sync_frequency": plan.wanted["sync_frequency"]})
    return view


def _saved(remote: Remote, plan: ModelPlan) -> str:
    body: dict[str, Any] = {}
    if plan.present is None or plan.requeried:
        body["query"] = {"kind": "HogQLQuery", "query": plan.wanted["query"]}
    if "description" in plan.changed:
        body["description"] = plan.wanted.get("description", "")
    if "incremental" in plan.changed:
        body["incremental"] = plan.wanted.get("incremental")
    if plan.present is None:
        return str(remote.post(VIEWS, {"name": plan.name, **body})["id"])
    if body:
        # What was changed by somebody else since it was compared is refused.
        remote.patch(plan.present.path, {**body, "edited_history_id": plan.present.answer["latest_history_id"]})
    return plan.present.id


def _check(remote: Remote, plan: ModelPlan, path: str) -> None:
    """What goes, goes last, so that a refusal leaves no gap; only what is in the way of a name goes first."""
    known = {} if plan.present is None else {str(each["name"]): str(each["id"]) for each in plan.present.checks}
    gone = [str(there["name"]) for wanted, there in plan.checks if wanted is None and there is not None]
    names = {wanted["name"] for wanted, _ in plan.checks if wanted and wanted.get("name")}
    for name in [name for name in gone if name in names]:
        remote.delete(f"{path}data_checks/{known[name]}/")
    for number, (wanted, there) in enumerate(plan.checks):
        if wanted is None or checks_agree(wanted, there):
            continue
        try:
            _put(remote, f"{path}data_checks/", body_of(wanted), known[there["name"]] if there else None)
        except Refused as refusal:
            refusal.attr = f"checks.{number}.{(refusal.attr or '').replace('config__', '').replace('config', '')}"
            raise
    for name in [name for name in gone if name not in names]:
        remote.delete(f"{path}data_checks/{known[name]}/")


def _put(remote: Remote, path: str, body: Mapping[str, Any], check: str | None) -> None:
    if check is None:
        remote.post(path, body)
    else:
        remote.patch(f"{path}{check}/", {name: value for name, value in body.items() if name != "kind"})


def _told(refusal: Refused, plan: ModelPlan) -> HedgerowError:
    """A refusal at the field, or the line of the query, that it is about."""
    if plan.source is None:
        return refusal
    if refusal.attr == "query" or not refusal.attr:
        found = _LINE.search(refusal.reason)
        return plan.source.fault(refusal.reason, line=int(found[1]) if found else None)
    parts = refusal.attr.replace("__", ".").split(".")
    return plan.source.fault(refusal.reason, *(int(part) if part.isdigit() else part for part in parts if part))
