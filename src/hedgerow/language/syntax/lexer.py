"""The lexer: text to tokens in one pass; templates and tags switch its mode, braces bring the plain one back."""

import re

from hedgerow.language.syntax.errors import SyntaxFault, fault_at
from hedgerow.language.syntax.tokens import (
    END,
    NUMBER,
    OPERATOR,
    QUOTED,
    STRING,
    TAG,
    TEMPLATE,
    TEMPLATE_END,
    TEXT,
    WORD,
    Tokens,
)

_SPACE = r"[\s\x85\ufeff]+|--[^\n\r]*|//[^\n\r]*|\#[^\n\r]*|/\*.*?\*/"
_STRING_BODY = r"(?:[^\\']|\\[bfrntavBFRNTAV0\\']|\\[xX][0-9a-fA-F]{2}|'')*"
_PLAIN = re.compile(
    rf"""
    (?P<space>{_SPACE})
  | (?P<template>f')
  | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
  | (?P<number>0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?[pP][+-]?[0-9]+|0[xX][0-9a-fA-F]+|0[bB][01]+(?![0-9])|0[oObB][0-9]+
      |(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)[eE][+-]?[0-9]+|[0-9]+)
  | (?P<string>'{_STRING_BODY}')
  | (?P<backquoted>`(?:[^\\`]|\\[bfrntavBFRNTAV0\\']|\\[xX][0-9a-fA-F]{{2}}|``)*`)
  | (?P<doublequoted>"(?:[^\\"]|\\[bfrntavBFRNTAV0\\"]|\\[xX][0-9a-fA-F]{{2}}|"")*")
  | (?P<operator><=>|=~\*|!~\*|->|::|:=|\|\||==|>=|<=|!=|<>|=~|!~|~\*|\?\.|\?\?|</|[-+*/%.,:;=<>~?(){{}}\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)
_TEMPLATE_TEXT = re.compile(r"(?:[^\\'{]|\\[bfrntavBFRNTAV0\\'{]|\\[xX][0-9a-fA-F]{2}|'')+")
_FULL_TEMPLATE_TEXT = re.compile(r"(?:\\\{|[^{])+", re.DOTALL)
_OPENING_TAG = re.compile(
    r"<[A-Za-z_][A-Za-z0-9_-]*(?:(?:\s+[A-Za-z_][A-Za-z0-9_-]*)*\s*/?>|\s+[A-Za-z_][A-Za-z0-9_-]*\s*=[^=~])"
)
_TAG_PART = re.compile(
    rf"(?P<space>[ \t\r\n]+)|(?P<word>[A-Za-z_][A-Za-z0-9_-]*)|(?P<string>'{_STRING_BODY}')|(?P<operator>/>|[>={{])",
    re.DOTALL,
)
_TAG_TEXT = re.compile(r"[^<{]+")
_ESCAPES = {"b": "\b", "f": "\f", "r": "\r", "n": "\n", "t": "\t", "0": "", "a": "\a", "v": "\v", "\\": "\\"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

_IN_TEMPLATE, _IN_FULL, _IN_PLAIN, _IN_TAG, _IN_CLOSING_TAG, _IN_TAG_TEXT = range(6)


def lex(text: str) -> Tokens:
    """The tokens of a query, an expression or a program; raises `SyntaxFault`."""
    return _Lexer(text).run([_IN_PLAIN])


def lex_template(text: str) -> Tokens:
    """The tokens of a text whose `{…}` parts are expressions and whose rest stands for itself."""
    return _Lexer(text).run([_IN_FULL])


def unescape(body: str, quote: str) -> str:
    """A quoted body without its escapes and doubled quotes."""
    if quote in body:
        body = body.replace(quote * 2, quote)
    if "\\" not in body:
        return body
    return _ESCAPE.sub(_unescape_one, body)


def _unescape_one(found: re.Match[str]) -> str:
    letter = found[1]
    if letter in "'\"{":
        return letter
    return _ESCAPES.get(letter, found[0])


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.tokens = Tokens(text)
        self.modes: list[int] = []

    def run(self, modes: list[int]) -> Tokens:
        self.modes = modes
        steps = {
            _IN_PLAIN: self._plain,
            _IN_TEMPLATE: self._template,
            _IN_FULL: self._full_template,
            _IN_TAG: self._tag,
            _IN_CLOSING_TAG: self._tag,
            _IN_TAG_TEXT: self._tag_text,
        }
        size = len(self.text)
        while self.at < size:
            if not self.modes:
                raise self._unexpected()
            steps[self.modes[-1]]()
        if len(self.modes) > 1:
            raise fault_at(self.text, "Unexpected end of input: a template, tag or brace is not closed", size, size)
        self.tokens.add(END, "", "", size, size)
        return self.tokens

    def _plain(self) -> None:
        """Plain tokens until a brace, a template or a tag changes the mode."""
        text, add, match = self.text, self.tokens.add, _PLAIN.match
        at = self.at
        while found := match(text, at):
            start, at = at, found.end()
            group = found.lastgroup
            if group == "space":
                continue
            if group == "word":
                add(WORD, found[0].lower(), found[0], start, at)
            elif group == "operator":
                if self._operator(found[0], start, at):
                    return
                at = max(at, self.at)
            elif group == "number":
                add(NUMBER, "", found[0], start, at)
            elif group == "string":
                add(STRING, "", unescape(text[start + 1 : at - 1], "'"), start, at)
            elif group == "template":
                add(TEMPLATE, "", "", start, at)
                self.modes.append(_IN_TEMPLATE)
                self.at = at
                return
            else:
                add(QUOTED, "", unescape(text[start + 1 : at - 1], text[start]), start, at)
        self.at = at
        if at < len(text):
            raise self._unexpected()

    def _operator(self, operator: str, start: int, end: int) -> bool:
        """Add an operator; whether the mode changed, with `self.at` behind it."""
        if operator == "<" and (found := _OPENING_TAG.match(self.text, start)) and not self._after_operand():
            self.tokens.add(TAG, "<", "", start, end)
            self.modes.append(_IN_TAG)
            self.at = end
            return bool(found)
        self.tokens.add(OPERATOR, operator, operator, start, end)
        if operator == "{":
            self.modes.append(_IN_PLAIN)
        elif operator == "}":
            self.modes.pop()
            self.at = end
            return not self.modes or self.modes[-1] != _IN_PLAIN
        return False

    def _after_operand(self) -> bool:
        """Whether the last token ends a value, so that `<` compares."""
        if not self.tokens.kinds:
            return False
        kind, word = self.tokens.kinds[-1], self.tokens.words[-1]
        if kind in {NUMBER, STRING, QUOTED, TEMPLATE_END}:
            return True
        return word in {")", "]", "}"} or (kind == WORD and word not in BEFORE_VALUE)

    def _template(self) -> None:
        if found := _TEMPLATE_TEXT.match(self.text, self.at):
            self._text(found, unescape(found[0], "'"))
            return
        character = self.text[self.at]
        if character == "'":
            self.tokens.add(TEMPLATE_END, "'", "", self.at, self.at + 1)
            self.modes.pop()
        elif character == "{":
            self.tokens.add(OPERATOR, "{", "{", self.at, self.at + 1)
            self.modes.append(_IN_PLAIN)
        else:
            raise self._unexpected()
        self.at += 1

    def _full_template(self) -> None:
        if found := _FULL_TEMPLATE_TEXT.match(self.text, self.at):
            self._text(found, _ESCAPE.sub(_unescape_one, found[0]))
            return
        self.tokens.add(OPERATOR, "{", "{", self.at, self.at + 1)
        self.modes.append(_IN_PLAIN)
        self.at += 1

    def _tag(self) -> None:
        found = _TAG_PART.match(self.text, self.at)
        if not found:
            raise self._unexpected()
        start, self.at = self.at, found.end()
        group, part = found.lastgroup, found[0]
        if group == "word":
            self.tokens.add(WORD, part.lower(), part, start, self.at)
        elif group == "string":
            self.tokens.add(STRING, "", unescape(part[1:-1], "'"), start, self.at)
        elif group == "operator":
            self.tokens.add(OPERATOR, part, part, start, self.at)
            if part == "{":
                self.modes.append(_IN_PLAIN)
            elif part in {">", "/>"}:
                closing = self.modes.pop() == _IN_CLOSING_TAG
                if part == ">" and not closing:
                    self.modes.append(_IN_TAG_TEXT)

    def _tag_text(self) -> None:
        text, at = self.text, self.at
        if found := _TAG_TEXT.match(text, at):
            self._text(found, found[0])
            return
        if text[at] == "{":
            self.tokens.add(OPERATOR, "{", "{", at, at + 1)
            self.modes.append(_IN_PLAIN)
            self.at = at + 1
        elif text.startswith("</", at):
            self.tokens.add(OPERATOR, "</", "</", at, at + 2)
            self.modes[-1] = _IN_CLOSING_TAG
            self.at = at + 2
        else:
            self.tokens.add(TAG, "<", "", at, at + 1)
            self.modes.append(_IN_TAG)
            self.at = at + 1

    def _text(self, found: re.Match[str], value: str) -> None:
        self.tokens.add(TEXT, "", value, self.at, found.end())
        self.at = found.end()

    def _unexpected(self) -> SyntaxFault:
        character = self.text[self.at]
        if character in "'`\"":
            return fault_at(
                self.text, "A quote is not closed, or holds an escape that does not exist", self.at, self.at + 1
            )
        return fault_at(self.text, f"Unexpected character {character!r}", self.at, self.at + 1)


# Words behind which a value comes, so that `<` opens a tag.
BEFORE_VALUE = frozenset(
    [
        "select",
        "distinct",
        "and",
        "or",
        "not",
        "in",
        "like",
        "ilike",
        "when",
        "then",
        "else",
        "case",
        "where",
        "having",
        "prewhere",
        "qualify",
        "by",
        "on",
        "return",
        "throw",
        "as",
        "with",
        "between",
        "is",
        "array",
        "join",
        "from",
        "limit",
        "offset",
        "union",
        "all",
        "except",
        "intersect",
    ]
)
