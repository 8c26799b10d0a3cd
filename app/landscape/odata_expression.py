"""`$filter`: a text becomes a function over rows. V2 and V4 differ in two function names only, so one parser does both.

or    := and ('or' and)*
and   := not ('and' not)*
not   := 'not' not | comparison
comparison := operand (('eq'|'ne'|'gt'|'lt'|'ge'|'le') operand)?
operand    := '(' or ')' | function '(' operand (',' operand)* ')' | literal | property
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from decimal import Decimal

from app.landscape.odata_literal import LITERAL, read_literal
from app.landscape.odata_schema import EntityType, Row, Value, bad_request

Evaluate = Callable[[Row], Value]

_TOKEN = re.compile(rf"\s*({LITERAL}|[(),]|\w+)")
_LITERAL = re.compile(LITERAL)
_DEEPEST = 40
_COMPARE: dict[str, Callable[..., bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "lt": operator.lt,
    "ge": operator.ge,
    "le": operator.le,
}
_FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {
    "substringof": (2, lambda part, text: part in text),
    "contains": (2, lambda text, part: part in text),
    "startswith": (2, lambda text, part: text.startswith(part)),
    "endswith": (2, lambda text, part: text.endswith(part)),
    "tolower": (1, lambda text: text.lower()),
    "toupper": (1, lambda text: text.upper()),
    "trim": (1, lambda text: text.strip()),
    "length": (1, lambda text: len(text)),
}


def parse_filter(text: str, entity_type: EntityType) -> Callable[[Row], bool]:
    """A predicate over rows of the type; raises ODataError, the predicate too when types do not fit."""
    parser = _Parser(_tokens(text), entity_type)
    evaluate = parser.parse()

    def holds(row: Row) -> bool:
        value = evaluate(row)
        if not isinstance(value, bool):
            raise bad_request("The $filter expression is not a condition")
        return value

    return holds


def _tokens(text: str) -> list[str]:
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise bad_request(f"Invalid $filter at position {position}")
        tokens.append(match[1])
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str], entity_type: EntityType) -> None:
        self._tokens = tokens
        self._entity_type = entity_type
        self._next = 0
        self._depth = 0

    def parse(self) -> Evaluate:
        evaluate = self._or()
        if self._next < len(self._tokens):
            raise bad_request(f"Invalid $filter near '{self._tokens[self._next]}'")
        return evaluate

    def _take(self) -> str:
        if self._next >= len(self._tokens):
            raise bad_request("The $filter expression ends early")
        self._next += 1
        return self._tokens[self._next - 1]

    def _accept(self, token: str) -> bool:
        if self._next < len(self._tokens) and self._tokens[self._next] == token:
            self._next += 1
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise bad_request(f"'{token}' expected in $filter")

    def _or(self) -> Evaluate:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise bad_request("The $filter expression is nested too deeply")
        operands = [self._and()]
        while self._accept("or"):
            operands.append(self._and())
        self._depth -= 1
        return operands[0] if len(operands) == 1 else lambda row: any(_truth(item(row)) for item in operands)

    def _and(self) -> Evaluate:
        operands = [self._not()]
        while self._accept("and"):
            operands.append(self._not())
        return operands[0] if len(operands) == 1 else lambda row: all(_truth(item(row)) for item in operands)

    def _not(self) -> Evaluate:
        negated = False
        while self._accept("not"):
            negated = not negated
        evaluate = self._comparison()
        return (lambda row: not _truth(evaluate(row))) if negated else evaluate

    def _comparison(self) -> Evaluate:
        left = self._operand()
        if self._next < len(self._tokens) and self._tokens[self._next] in _COMPARE:
            name = self._take()
            right = self._operand()
            return lambda row: _compare(name, left(row), right(row))
        return left

    def _operand(self) -> Evaluate:
        token = self._take()
        if token == "(":  # noqa: S105
            inner = self._or()
            self._expect(")")
            return inner
        if _LITERAL.fullmatch(token):
            value = read_literal(token)
            return lambda row: value
        if token in _FUNCTIONS and self._accept("("):
            return self._call(token)
        name = self._entity_type.property(token).name
        return lambda row: row[name]

    def _call(self, name: str) -> Evaluate:
        count, function = _FUNCTIONS[name]
        arguments = [self._or()]
        while self._accept(","):
            arguments.append(self._or())
        self._expect(")")
        if len(arguments) != count:
            raise bad_request(f"{name} takes {count} arguments")
        return lambda row: _apply(name, function, [argument(row) for argument in arguments])


def _truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise bad_request("A condition is expected in $filter")
    return value


def _apply(name: str, function: Callable[..., Value], values: list[Value]) -> Value:
    texts = ["" if value is None else value for value in values]
    if not all(isinstance(text, str) for text in texts):
        raise bad_request(f"{name} works on strings")
    return function(*texts)


def _compare(name: str, left: Value, right: Value) -> bool:
    if left is None or right is None:
        return _COMPARE[name](left, right) if name in ("eq", "ne") else False
    if _family(left) is not _family(right):
        raise bad_request(f"Values of different types cannot be compared with '{name}'")
    return _COMPARE[name](left, right)


def _family(value: Value) -> type:
    return Decimal if isinstance(value, int) and not isinstance(value, bool) else type(value)
