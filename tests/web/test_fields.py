"""Pydantic's errors in the API's words."""

from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, ValidationError, field_validator

from hedgerow.web.fields import from_validation


class Colour(Enum):
    RED = "red"


class Inner(BaseModel):
    key: str
    number: int = 1


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=3)] = "a"
    pair: Annotated[str, Field(min_length=2)] = "ab"
    code: Annotated[str, Field(pattern="^[a-z]+$")] = "a"
    number: Annotated[int, Field(ge=1, le=9)] = 1
    above: Annotated[int, Field(gt=0, lt=5)] = 1
    ratio: float = 1
    flag: bool = True
    id: UUID = UUID(int=0)
    colour: Colour = Colour.RED
    mode: Literal["a", "b"] = "a"
    many: Annotated[list[int], Field(max_length=2)] = []
    map: dict[str, int] = {}
    inner: Inner | None = None
    inners: list[Inner] = []
    either: int | str = 1
    choice: Inner | list[Inner] | None = None
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    when: datetime | None = None
    day: date | None = None
    url: AnyUrl | None = None
    even: int = 2

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("Only even numbers.")
        return value


NUMBER = "A valid integer is required."
CASES: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("required", {"inner": {}}, "required", "This field is required.", "inner__key"),
    ("null", {"text": None}, "null", "This field may not be null.", "text"),
    ("null number", {"number": None}, "null", "This field may not be null.", "number"),
    ("null choice", {"mode": None}, "null", "This field may not be null.", "mode"),
    ("null list", {"many": None}, "null", "This field may not be null.", "many"),
    ("blank", {"text": ""}, "blank", "This field may not be blank.", "text"),
    ("too short", {"pair": "a"}, "min_length", "Ensure this field has at least 2 characters.", "pair"),
    ("too long", {"text": "abcd"}, "max_length", "Ensure this field has no more than 3 characters.", "text"),
    ("too many", {"many": [1, 2, 3]}, "max_length", "Ensure this field has no more than 2 elements.", "many"),
    ("pattern", {"code": "A"}, "invalid_input", "This value does not match the required pattern.", "code"),
    ("not text", {"text": 5}, "invalid_input", "Not a valid string.", "text"),
    ("lone surrogate", {"text": "\ud800"}, "invalid_input", "Not a valid string.", "text"),
    ("not a number", {"number": "x"}, "invalid_input", NUMBER, "number"),
    ("fraction", {"number": 1.5}, "invalid_input", NUMBER, "number"),
    ("huge number", {"number": "9" * 5000}, "invalid_input", NUMBER, "number"),
    ("too small", {"number": 0}, "min_value", "Ensure this value is greater than or equal to 1.", "number"),
    ("too large", {"number": 10}, "max_value", "Ensure this value is less than or equal to 9.", "number"),
    ("not above", {"above": 0}, "min_value", "Ensure this value is greater than 0.", "above"),
    ("not below", {"above": 5}, "max_value", "Ensure this value is less than 5.", "above"),
    ("not a float", {"ratio": []}, "invalid_input", "A valid number is required.", "ratio"),
    ("not a boolean", {"flag": "perhaps"}, "invalid_input", "Must be a valid boolean.", "flag"),
    ("not a uuid", {"id": "x"}, "invalid_input", "Must be a valid UUID.", "id"),
    ("not an enum's", {"colour": "blue"}, "invalid_choice", '"blue" is not a valid choice.', "colour"),
    ("not a literal's", {"mode": "c"}, "invalid_choice", '"c" is not a valid choice.', "mode"),
    ("not a list", {"many": "x"}, "not_a_list", 'Expected a list of items but got type "str".', "many"),
    ("in a list", {"many": [1, "x"]}, "invalid_input", NUMBER, "many__1"),
    ("not a dictionary", {"map": "x"}, "not_a_dict", 'Expected a dictionary of items but got type "str".', "map"),
    ("in a dictionary", {"map": {"k": "x"}}, "invalid_input", NUMBER, "map__k"),
    ("not an object", {"inner": 5}, "not_a_dict", 'Expected a dictionary of items but got type "int".', "inner"),
    ("deep", {"inners": [{"key": "a"}, {"key": 1}]}, "invalid_input", "Not a valid string.", "inners__1__key"),
    ("deep required", {"inners": [{"number": 1}]}, "required", "This field is required.", "inners__0__key"),
    ("neither", {"either": []}, "invalid_input", NUMBER, "either"),
    ("in a union's member", {"choice": {"key": 5}}, "invalid_input", "Not a valid string.", "choice__key"),
    ("unknown tag", {"pet": {"kind": "cow"}}, "invalid_choice", '"cow" is not a valid choice.', "pet"),
    ("in a tagged member", {"pet": {"kind": "cat", "lives": "x"}}, "invalid_input", NUMBER, "pet__lives"),
    ("missing in a tagged member", {"pet": {"kind": "cat"}}, "required", "This field is required.", "pet__lives"),
    ("not a url", {"url": "no url"}, "invalid_input", "Enter a valid URL.", "url"),
    ("own words", {"even": 3}, "invalid_input", "Only even numbers.", "even"),
    ("unknown field", {"colours": 1}, "unknown_field", "This field is not known.", "colours"),
]


@pytest.mark.parametrize(("body", "code", "detail", "attr"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_words(body: dict[str, Any], code: str, detail: str, attr: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Everything.model_validate(body)
    error = from_validation(raised.value, body)
    assert (error.code, error.detail, error.attr) == (code, detail, attr)
    assert (error.status, error.type) == (400, "validation_error")


@pytest.mark.parametrize(
    ("field", "start"), [("when", "Datetime has wrong format."), ("day", "Date has wrong format.")]
)
def test_times(field: str, start: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Everything.model_validate({field: "soon"})
    error = from_validation(raised.value, {field: "soon"})
    assert error.detail.startswith(start)
    assert error.attr == field


def test_prefix_comes_before_the_path() -> None:
    with pytest.raises(ValidationError) as raised:
        Inner.model_validate({})
    assert from_validation(raised.value, {}, ["query", "source"]).attr == "query__source__key"
    with pytest.raises(ValidationError) as raised:
        Inner.model_validate([])
    error = from_validation(raised.value, [], ["query"])
    assert (error.detail, error.attr) == ("Invalid data. Expected a dictionary, but got list.", "query")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(sorted(Everything.model_fields)), value=_json)
def test_any_wrong_value_names_its_field_and_no_internals(field: str, value: object) -> None:
    try:
        Everything.model_validate({field: value})
    except ValidationError as raised:
        error = from_validation(raised, {field: value})
        assert error.attr is not None
        assert error.attr.split("__")[0] == field
        assert "pydantic" not in error.detail.lower()
        assert "Input should" not in error.detail
