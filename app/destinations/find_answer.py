"""What the destination service answers to a find, as it stands on the wire (protocols 4.3)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field


def _wire_text(value: Any) -> Any:
    """Values are strings by contract; flags and numbers that are not are spelled the way strings would be."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _or_empty(value: Any) -> Any:
    return [] if value is None else value


Text = Annotated[str, BeforeValidator(_wire_text)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class HttpHeader(_Wire):
    """The header to send, verbatim."""

    key: str
    value: str = Field(repr=False)


class AuthToken(_Wire):
    """A token the service obtained, or the `error` that kept it from it."""

    type: str = ""
    value: str = Field(default="", repr=False)
    http_header: HttpHeader | None = None
    expires_in: Text | None = None
    error: str | None = None

    @property
    def header(self) -> HttpHeader | None:
        """`http_header`, or what it would be where an older service leaves it out."""
        if self.http_header is None and self.type and self.value:
            return HttpHeader(key="Authorization", value=f"{self.type} {self.value}")
        return self.http_header


class StoredCertificate(_Wire):
    """A key or trust store; the documentation spells its keys in both cases."""

    name: str = Field(validation_alias=AliasChoices("Name", "name"))
    content: str = Field(validation_alias=AliasChoices("Content", "content"), repr=False)


class FindAnswer(_Wire):
    """The whole answer. Either array may be missing."""

    configuration: dict[str, Text | None] = Field(alias="destinationConfiguration", repr=False)
    tokens: Annotated[list[AuthToken], BeforeValidator(_or_empty)] = Field(default=[], alias="authTokens")
    certificates: Annotated[list[StoredCertificate], BeforeValidator(_or_empty)] = []

    @property
    def token_error(self) -> str:
        """The service's message where it could not obtain a token (which is still an answer 200), else empty."""
        return next((token.error for token in self.tokens if token.error), "")
