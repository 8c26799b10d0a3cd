"""The base of everything that is read from JSON: unknown properties and wrong types are refused, nothing is coerced."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Strict, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from app.problem import PathPart, Problem, json_path, shown

Item = TypeVar("Item")
Model = TypeVar("Model", bound=BaseModel)

MAX_DIGITS = 15
LARGEST = 10**MAX_DIGITS - 1
"""No time or size is beyond it, and JavaScript reads all numbers below exactly."""

Many = Annotated[tuple[Item, ...], Strict(False)]
"""A JSON array, kept as a tuple; its elements stay strict."""


class StrictModel(BaseModel):
    """An object whose JSON names are the camel-case twins of its attributes."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, data: Any) -> Any:
        """A property is given or absent; null is neither. Numbers that no calculation could use are refused, too."""
        if isinstance(data, dict):
            refuse([(str(name), None, "a value, or no such property at all") for name, v in data.items() if v is None])
            huge = [name for name, v in data.items() if isinstance(v, int) and abs(v) > LARGEST]
            refuse([(str(name), "a longer one", f"a number of at most {MAX_DIGITS} digits") for name in huge])
        return data


def read_json(text: str) -> Any:
    """The value of a JSON text. Raises ValueError, saying what is allowed and where it is not so."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ValueError(f"valid JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except UnicodeEncodeError:
        raise ValueError("valid JSON: a part of a character, such as \\ud800, means nothing alone") from None
    except (ValueError, RecursionError):
        raise ValueError("valid JSON: not nested this deep, and no numbers of thousands of digits") from None
    return value


def fault(message: str, *, show_value: bool = True) -> PydanticCustomError:
    """The error a validator raises for one value; the message says what is allowed."""
    return PydanticCustomError("rule" if show_value else _WITHOUT_VALUE, "{message}", {"message": message})


def refuse(faults: Sequence[tuple[str, object, str]]) -> None:
    """Raise for rules between the properties of one object: triples of property (JSON name), its value, and message."""
    if faults:
        lines = [InitErrorDetails(type=fault(text), loc=(name,), input=value) for name, value, text in faults]
        raise ValidationError.from_exception_data("rules", lines)


def problems_of(where: str | None, error: ValidationError, model: type[BaseModel] | None = None) -> list[Problem]:
    """What a failed validation means for a reader.

    `where` is the file; None when `model` is made of variables, so that a property's name says where. `model` is the
    validated one, to name allowed properties.
    """
    return [_problem(where, details, model) for details in error.errors(include_url=False)]


_WITHOUT_VALUE = "rule_without_value"
_VALUE_NOT_SHOWN = frozenset({"missing", "extra_forbidden", _WITHOUT_VALUE})
_PLAIN_MESSAGES = {
    "bool_type": "true or false",
    "string_type": "a string",
    "string_too_short": "a string that is not empty",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "tuple_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "too_short": "an array that is not empty",
    "missing": "this property is required",
    "json_invalid": "valid JSON",
}


def _problem(where: str | None, details: Any, model: type[BaseModel] | None) -> Problem:
    location: tuple[PathPart, ...] = details["loc"]
    kind: str = details["type"]
    name = location[-1] if location else ""
    value = "" if kind in _VALUE_NOT_SHOWN else shown(details.get("input"), name)
    message = _message(kind, details, location, model)
    if where is None:
        return Problem(str(location[0]), json_path(location[1:]) if location[1:] else "", value, message)
    return Problem(where, json_path(location), value, message)


def _message(kind: str, details: Any, location: tuple[PathPart, ...], model: type[BaseModel] | None) -> str:
    if kind == "extra_forbidden":
        return _known_names(str(location[-1]), _model_at(model, location[:-1]))
    if kind == "literal_error":
        return "one of " + str(details["ctx"]["expected"]).replace(" or ", ", ").replace("'", '"')
    if kind == "string_too_short" and details["ctx"]["min_length"] > 1:
        return f"a string of at least {details['ctx']['min_length']} characters"
    if kind in _PLAIN_MESSAGES:
        return _PLAIN_MESSAGES[kind]
    return str(details["msg"]).removeprefix("Value error, ").replace("Input should be ", "")


def _known_names(unknown: str, model: type[BaseModel] | None) -> str:
    known = [field.alias or name for name, field in model.model_fields.items()] if model else []
    close = difflib.get_close_matches(unknown, known, n=1)
    hint = f' (did you mean "{close[0]}"?)' if close else ""
    return f"no such property{hint}" + (f"; known here: {', '.join(known)}" if known else "")


def _model_at(model: type[BaseModel] | None, location: Sequence[PathPart]) -> type[BaseModel] | None:
    """The model that describes the object at a location, following fields, arrays and maps."""
    for part in location:
        if model is None or isinstance(part, int):
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if part in fields:
            model = next(_models_in(fields[part].annotation), None)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
