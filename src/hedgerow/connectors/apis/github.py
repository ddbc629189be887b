"""GitHub: what happens in one repository."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hedgerow.connectors.base import Config, Declaration, Field, Option, Refused
from hedgerow.connectors.rest import Api, Bearer, Columns, Increment, LinkHeader, Resource, columns

BASE_URL = "https://api.github.com"
VERSION = "2022-11-28"

_REPOSITORY = re.compile(r"(?:https?://github\.com/)?([A-Za-z0-9-]+/(?!\.{1,2}$)[A-Za-z0-9._-]+?)(?:\.git)?/?")


def normalised(given: Mapping[str, Any]) -> dict[str, Any]:
    """A token may be given flat, as `personal_access_token`."""
    values = dict(given)
    token = values.pop("personal_access_token", None)
    method = values.get("auth_method")
    if isinstance(method, str):
        method = {"selection": method}
    if method is None and token:
        method = {"selection": "pat"}
    if isinstance(method, dict) and token and not method.get("personal_access_token"):
        method = {**method, "personal_access_token": token}
    if method is not None:
        values["auth_method"] = method
    return values


DECLARATION = Declaration(
    source_type="Github",
    label="GitHub",
    caption="Issues, pull requests, commits, releases and runs of one repository.",
    docs_url="docs/sources/github.md",
    fields=(
        Field(
            "auth_method",
            "Authentication",
            kind="select",
            default="pat",
            options=(
                Option(
                    "pat",
                    "Personal access token",
                    (Field("personal_access_token", "Token", kind="password", placeholder="github_pat_…"),),
                ),
            ),
        ),
        Field("repository", "Repository", placeholder="owner/name"),
    ),
    category="Engineering & monitoring",
    normalise=normalised,
    hosts=lambda _config: frozenset({"api.github.com"}),
    keywords=("git", "code", "issues"),
)

ISSUES = columns(
    integer="id number comments user_id milestone_number",
    string="node_id title body state state_reason user_login author_association html_url active_lock_reason",
    boolean="locked is_pull_request",
    datetime="created_at updated_at closed_at",
    json="labels assignees reactions",
)
ISSUE_COMMENTS = columns(
    integer="id user_id issue_number",
    string="node_id body user_login author_association html_url issue_url",
    datetime="created_at updated_at",
    json="reactions",
)
PULL_REQUESTS = columns(
    integer="id number user_id milestone_number",
    string="node_id title body state user_login author_association html_url merge_commit_sha head_ref head_sha "
    "base_ref base_sha active_lock_reason",
    boolean="draft locked",
    datetime="created_at updated_at closed_at merged_at",
    json="labels assignees requested_reviewers requested_teams auto_merge",
)
REVIEW_COMMENTS = columns(
    integer="id user_id pull_request_review_id in_reply_to_id line original_line",
    string="node_id body user_login author_association html_url pull_request_url path diff_hunk commit_id side",
    datetime="created_at updated_at",
    json="reactions",
)
COMMITS = columns(
    string="sha node_id message html_url author_login author_name author_email committer_login committer_name "
    "committer_email",
    integer="comment_count",
    boolean="verified",
    datetime="authored_at committed_at",
    json="parents",
)
RELEASES = columns(
    integer="id author_id",
    string="node_id tag_name target_commitish name body author_login html_url",
    boolean="draft prerelease",
    datetime="created_at published_at",
    json="assets",
)
WORKFLOW_RUNS = columns(
    integer="id workflow_id run_number run_attempt check_suite_id actor_id",
    string="node_id name display_title path event status conclusion head_branch head_sha actor_login html_url",
    datetime="created_at updated_at run_started_at",
    json="pull_requests",
)
STARGAZERS = columns(integer="user_id", string="user_login", datetime="starred_at")
MILESTONES = columns(
    integer="id number open_issues closed_issues",
    string="node_id title description state html_url creator_login",
    datetime="created_at updated_at due_on closed_at",
)
LABELS = columns(integer="id", string="node_id name color description url", boolean="default")
BRANCHES = columns(string="name commit_sha", boolean="protected")
CONTRIBUTORS = columns(integer="id contributions", string="login type html_url", boolean="site_admin")


def _lifted(*moves: str) -> Callable[[Any], Any]:
    """Makes columns of what lies deeper: `user.login` becomes `user_login`, `a.b=c` becomes `c`."""
    plan = [(move.partition("=")[0].split("."), move.partition("=")[2]) for move in moves]

    def shape(row: Any) -> Any:
        made = dict(row)
        for steps, name in plan:
            value: Any = row
            for step in steps:
                value = value.get(step) if isinstance(value, dict) else None
            made[name or "_".join(steps)] = value
        return made

    return shape


_user = ("user.login", "user.id")


def _issue(row: Any) -> Any:
    return {**_lifted(*_user, "milestone.number")(row), "is_pull_request": "pull_request" in row}


def _issue_comment(row: Any) -> Any:
    number = str(row.get("issue_url", "")).rpartition("/")[2]
    return {**_lifted(*_user)(row), "issue_number": number}


_commit = _lifted(
    "commit.message=message",
    "commit.comment_count=comment_count",
    "commit.author.name=author_name",
    "commit.author.email=author_email",
    "commit.author.date=authored_at",
    "commit.committer.name=committer_name",
    "commit.committer.email=committer_email",
    "commit.committer.date=committed_at",
    "commit.verification.verified=verified",
    "author.login",
    "committer.login",
)


def _updated(since: bool) -> Increment:
    """Newest first: a row that changes while pages are read then comes twice, and not never."""
    params = {"sort": "updated", "direction": "desc"}
    return Increment("updated_at", "since" if since else None, "iso", order="desc", params=params)


def _listed(path: str, name: str, kinds: Columns, **options: Any) -> Resource:
    params = {"per_page": 100, **options.pop("params", {})}
    return Resource(name, path, columns=kinds, params=params, paging=LinkHeader(), **options)


_PULL = _lifted(*_user, "milestone.number", "head.ref", "head.sha", "base.ref", "base.sha")
RESOURCES = (
    _listed("/branches", "branches", BRANCHES, key=("name",), shape=_lifted("commit.sha")),
    _listed("/commits", "commits", COMMITS, key=("sha",), shape=_commit),
    _listed("/contributors", "contributors", CONTRIBUTORS, key=("id",)),
    _listed(
        "/issues/comments",
        "issue_comments",
        ISSUE_COMMENTS,
        key=("id",),
        shape=_issue_comment,
        increment=_updated(since=True),
    ),
    _listed(
        "/issues", "issues", ISSUES, key=("id",), params={"state": "all"}, shape=_issue, increment=_updated(since=True)
    ),
    _listed("/labels", "labels", LABELS, key=("id",)),
    _listed(
        "/milestones", "milestones", MILESTONES, key=("id",), params={"state": "all"}, shape=_lifted("creator.login")
    ),
    _listed(
        "/pulls",
        "pull_requests",
        PULL_REQUESTS,
        key=("id",),
        params={"state": "all"},
        shape=_PULL,
        increment=_updated(since=False),
    ),
    _listed(
        "/releases",
        "releases",
        RELEASES,
        key=("id",),
        shape=_lifted("author.login", "author.id"),
    ),
    _listed(
        "/pulls/comments",
        "review_comments",
        REVIEW_COMMENTS,
        key=("id",),
        shape=_lifted(*_user),
        increment=_updated(since=True),
    ),
    _listed(
        "/stargazers",
        "stargazers",
        STARGAZERS,
        key=("user_id",),
        headers={"Accept": "application/vnd.github.star+json"},  # with the time of each
        shape=_lifted(*_user),
    ),
    _listed(
        "/actions/runs",
        "workflow_runs",
        WORKFLOW_RUNS,
        key=("id",),
        rows="workflow_runs",
        shape=_lifted("actor.login", "actor.id"),
    ),
)
"""Their paths are below the repository's."""


def resources_of(repository: str) -> tuple[Resource, ...]:
    """The tables of a repository, `owner/name`."""
    return tuple(replace(resource, path=f"/repos/{repository}{resource.path}") for resource in RESOURCES)


def api_of(config: Config) -> Api:
    """GitHub, for a token and a repository."""
    repository = _REPOSITORY.fullmatch(str(config["repository"]).strip())
    if repository is None:
        raise Refused("The repository is written as owner/name.", field="repository")
    return Api(
        BASE_URL,
        resources_of(repository[1]),
        auth=Bearer(str(config["auth_method"]["personal_access_token"])),
        headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION},
        key_field="auth_method",
        check=f"/repos/{repository[1]}",
        partial=True,
    )
