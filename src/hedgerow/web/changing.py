"""Registers a change under both its methods: PUT does what PATCH does, as in PostHog's API."""

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel

Handler = TypeVar("Handler", bound=Callable[..., Any])


def changing(
    routes: APIRouter, path: str, whole: type[BaseModel] | None = None, told: str = "As PATCH."
) -> Callable[[Handler], Handler]:
    """Registers `change_…` under PATCH, and as `replace_…` under PUT, where `told` describes it.

    `whole` is the type of the handler's `body` under PUT, where more is required of it.
    """

    def register(handler: Handler) -> Handler:
        assert isinstance(handler, FunctionType)
        routes.patch(path)(handler)
        routes.put(path)(_replacing(handler, whole, told))
        return handler

    return register


def _replacing(change: FunctionType, whole: type[BaseModel] | None, told: str) -> FunctionType:
    """The same function under another name: routes are known by their functions' names, descriptions and types."""
    name = change.__name__.replace("change", "replace", 1)
    copy = FunctionType(change.__code__, change.__globals__, name, change.__defaults__, change.__closure__)
    copy.__kwdefaults__ = change.__kwdefaults__
    copy.__doc__ = told
    copy.__annotations__ = {**change.__annotations__, **({} if whole is None else {"body": whole})}
    return copy
