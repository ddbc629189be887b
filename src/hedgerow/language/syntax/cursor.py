"""The parser's cursor: looks at tokens, takes them, says what was expected, and counts how deep it is."""

from typing import NoReturn

from hedgerow.language.syntax import nodes
from hedgerow.language.syntax.depth import MAX_LONG_CHAINS, MAX_NESTING, SHORT_CHAIN
from hedgerow.language.syntax.errors import SyntaxFault, fault_at
from hedgerow.language.syntax.tokens import END, OPERATOR, QUOTED, STRING, TAG, TEMPLATE, TEXT, WORD, Tokens

OPENING, CLOSING = frozenset("([{"), frozenset(")]}")


class Cursor:
    """A place in the tokens. The parts of the parser build on each other: expressions, selects, statements."""

    def __init__(self, tokens: Tokens) -> None:
        self.text = tokens.text
        self.kinds, self.words, self.values = tokens.kinds, tokens.words, tokens.values
        self.starts, self.ends = tokens.starts, tokens.ends
        self.at = 0
        self.depth = 0
        self._long_chains = 0
        self._no_lambda_before = 0
        self._closings: dict[int, int] | None = None

    # --- looking and taking

    def word(self, ahead: int = 0) -> str:
        """The word or operator `ahead` tokens from here, "" for anything else and past the end."""
        place = self.at + ahead
        return self.words[place] if place < len(self.words) else ""

    def kind(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.kinds[place] if place < len(self.kinds) else END

    def take(self, word: str) -> bool:
        """Step over `word` if it is next."""
        if self.words[self.at] == word:
            self.at += 1
            return True
        return False

    def take_all(self, *words: str) -> bool:
        """Step over all of `words` if they are next, in that order; else over none."""
        for ahead, word in enumerate(words):
            if self.word(ahead) != word:
                return False
        self.at += len(words)
        return True

    def take_any(self, words: frozenset[str] | set[str]) -> str:
        """Step over the next word if it is one of `words`, and say which; "" otherwise."""
        word = self.words[self.at]
        if word in words:
            self.at += 1
            return word
        return ""

    def expect(self, word: str) -> None:
        if self.words[self.at] != word:
            self.fail(word.upper() if word.isalpha() else f"'{word}'")
        self.at += 1

    def name(self, what: str = "a name") -> str:
        """Take an identifier: any word, or quoted."""
        if self.kinds[self.at] not in {WORD, QUOTED}:
            self.fail(what)
        self.at += 1
        return self.values[self.at - 1]

    def names(self) -> list[str]:
        """Identifiers parted by commas, between round brackets."""
        self.expect("(")
        found = [self.name()]
        while self.take(",") and self.word() != ")":
            found.append(self.name())
        self.expect(")")
        return found

    def start(self) -> int:
        """Where the next token starts in the text."""
        return self.starts[self.at]

    def closing(self, place: int) -> int:
        """Where the bracket that opens at `place` is closed; the place of the end if it is not.

        All are found at once, so that looking ahead takes no longer the deeper the text nests.
        """
        if self._closings is None:
            self._closings = _closings(self.words)
        return self._closings.get(place, len(self.words) - 1)

    def after(self, place: int) -> int:
        """The place behind the token at `place`, or behind all of its brackets if it opens any."""
        if self.words[place] in OPENING:
            return min(self.closing(place) + 1, len(self.words) - 1)
        return place + 1

    def finish(self) -> None:
        """Nothing may follow."""
        if self.take_any({"group", "order"}):
            self.fail("BY")
        if self.kinds[self.at] != END:
            self.fail("the end")

    # --- refusing

    def fail(self, expected: str) -> NoReturn:
        """What was found is not what was expected."""
        raise self.fault(f"Expected {expected}, found {self._found()}")

    def fault(self, message: str, start: int | None = None) -> SyntaxFault:
        here = self.start() if start is None else start
        return fault_at(self.text, message, here, max(self.ends[self.at], here))

    def _found(self) -> str:
        kind = self.kinds[self.at]
        if kind == END:
            return "the end of the text"
        if kind in {STRING, TEXT, TEMPLATE, TAG}:
            return f"a {kind}"
        return f"'{self.text[self.starts[self.at] : self.ends[self.at]][:40]}'"

    # --- depth

    def enter(self) -> None:
        """One level deeper; every `enter` has its `leave`."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self.fault(f"Too deeply nested: at most {MAX_NESTING} levels")

    def leave(self) -> None:
        self.depth -= 1

    def lengthen(self, links: int) -> None:
        """One more link in a chain that makes the tree deeper; long chains share one budget."""
        if links > SHORT_CHAIN:
            self._long_chains += 1
            if self._long_chains > MAX_LONG_CHAINS:
                raise self.fault(f"Too many operators in a row: at most {MAX_LONG_CHAINS}")

    # --- what other parts of the parser do

    def expression(self, least: int = 0) -> nodes.Expr:
        raise NotImplementedError

    def select_set(self) -> nodes.AnySelect | nodes.Placeholder | nodes.HogQLXTag:
        raise NotImplementedError

    def block(self) -> nodes.Block:
        raise NotImplementedError

    def is_operator(self, operator: str) -> bool:
        return self.kinds[self.at] == OPERATOR and self.words[self.at] == operator


def _closings(words: list[str]) -> dict[int, int]:
    """The place of each opening bracket → that of its closing one."""
    open_places: list[int] = []
    found: dict[int, int] = {}
    for place, word in enumerate(words):
        if word in OPENING:
            open_places.append(place)
        elif word in CLOSING and open_places:
            found[open_places.pop()] = place
    return found
