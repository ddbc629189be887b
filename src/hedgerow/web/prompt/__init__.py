"""Prompt answers: a request that came before, byte for byte, is answered without parser, framework or task."""

from hedgerow.web.prompt.memory import REMEMBER, Prompts, Tell, Told

__all__ = ["REMEMBER", "Prompts", "Tell", "Told"]
