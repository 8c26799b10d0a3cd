"""The environment as a typed, frozen value: names, meaning and defaults of the reference router 23.0.0."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from app.problem import Problem
from app.settings.answer_settings import AnswerSettings
from app.settings.server_settings import ServerSettings
from app.settings.session_settings import SessionSettings
from app.strict_model import problems_of

OWN_PREFIX = "GATEWAY_"


class Settings(ServerSettings, AnswerSettings, SessionSettings):
    """All variables. Those that start with `GATEWAY_` are our own."""


def read_settings(environ: Mapping[str, str]) -> tuple[Settings, tuple[Problem, ...]]:
    """The settings in an environment, and what is wrong with it; a faulty variable keeps its default."""
    given = {name: environ[name] for name in variable_names() if name in environ}
    try:
        return Settings.model_validate(given), ()
    except ValidationError as error:
        faulty = {str(details["loc"][0]) for details in error.errors()}
        sound = {name: value for name, value in given.items() if name not in faulty}
        return Settings.model_validate(sound), tuple(problems_of(None, error, Settings))


def variable_names() -> tuple[str, ...]:
    """The names of all variables."""
    return tuple(field.alias or name for name, field in Settings.model_fields.items())


def unknown_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Variables with our prefix that mean nothing."""
    return tuple(sorted(name for name in environ.keys() - set(variable_names()) if name.startswith(OWN_PREFIX)))
