"""The pages of the vendors' APIs tell every field and every table as the declarations have them."""

import re
from pathlib import Path

import pytest

from hedgerow.connectors import Field
from hedgerow.connectors.apis import APIS
from hedgerow.connectors.rest.api import Api
from tests.connectors.apis.configs import CONFIGS

DOCS = Path(__file__).parents[3]
NAMES = list(APIS)


def _page(name: str) -> str:
    declaration, _ = APIS[name]
    return (DOCS / declaration.docs_url).read_text()


def _api(name: str) -> Api:
    _, make = APIS[name]
    return make(CONFIGS[name])


def _fields(fields: tuple[Field, ...]) -> list[str]:
    found = []
    for each in fields:
        found += [each.name, *_fields(each.fields)]
        for option in each.options:
            found += [option.value, *_fields(option.fields)]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_told(name: str) -> None:
    declaration, _ = APIS[name]
    assert not [each for each in _fields(declaration.fields) if each not in _page(name)]


@pytest.mark.parametrize("name", NAMES)
def test_every_table_is_told_with_its_endpoint_and_cursor(name: str) -> None:
    rows = {found[1]: line for line in _page(name).splitlines() if (found := re.match(r"\| `(\w+)` \| `/", line))}
    resources = {resource.name: resource for resource in _api(name).resources}
    assert list(rows) == sorted(resources)
    for table, row in rows.items():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1].startswith(f"`{resources[table].path.partition('?')[0]}`"), table
        increment = resources[table].increment
        assert cells[2] == (f"`{increment.column}`" if increment else ""), table


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_that_is_used_is_in_the_table_of_types(name: str) -> None:
    types = _page(name).partition("## Types")[2].partition("\n## ")[0]
    told = {line.rstrip("| ").rpartition("|")[2].strip() for line in types.splitlines() if line.startswith("|")}
    used = {f"`{kind}`" for resource in _api(name).resources for kind in resource.columns.values()}
    assert used <= told


@pytest.mark.parametrize("name", NAMES)
def test_keys_and_cursors_are_columns(name: str) -> None:
    for resource in _api(name).resources:
        assert set(resource.key) <= set(resource.columns)
        assert resource.increment is None or resource.increment.column in resource.columns
        assert list(resource.columns).count("id") <= 1
