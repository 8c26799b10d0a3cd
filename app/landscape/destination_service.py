"""The Destination service on a loopback port: find API v1 and raw lists (protocols, section 4)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.landscape.destination_service_caller import Caller, FindRefused, authenticated, with_named_user
from app.landscape.destination_service_records import Found, Level, Properties, Records, without_secrets
from app.landscape.destination_service_tokens import AuthToken, TokenRetrieval
from app.landscape.faults import Faults, FaultyStation
from app.landscape.journal import Journal, Station, correlation_id
from app.landscape.keys import SigningKey
from app.landscape.server import AppServer
from app.landscape.tokens import TokenVerifier
from app.landscape.users import Tenant
from app.landscape.web_client import WebClient
from app.landscape.xsuaa_client import OAuthClient

JWT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ROOT = "/destination-configuration/v1"


class DestinationService:
    """The station; `records` holds what it stores, `uaa_url` says where it fetches token keys."""

    def __init__(
        self, journal: Journal, faults: Faults, *, uaa_url: str, instance: OAuthClient, client: WebClient | None = None
    ) -> None:
        self.records = Records()
        self.assertion_key = SigningKey("destination-service").private
        self._journal = journal
        self._instance = instance
        self._verifier = TokenVerifier(uaa_url, client)
        self._retrieval = TokenRetrieval(client or WebClient(), self.assertion_key, assertion_issuer)
        self._server = AppServer(FaultyStation(self._app(), Station.DESTINATION_SERVICE, faults))

    async def start(self) -> None:
        """Listen."""
        await self._server.start()

    async def stop(self) -> None:
        """End it."""
        await self._server.stop()

    @property
    def uri(self) -> str:
        """What bindings call `uri`."""
        return self._server.url

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route(f"{ROOT}/destinations/{{name}}", self._find),
                Route(f"{ROOT}/{{level}}Destinations", self._list),
                Route(f"{ROOT}/{{level}}Destinations/{{name}}", self._raw),
            ],
            exception_handlers={FindRefused: _refusal},
        )

    async def _find(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            caller = await self._caller(request)
            found = self._found(caller, name)
            caller = await with_named_user(caller, found.properties, self._verifier)
            caller = await self._with_assertion(caller)
            answer = await self._answer(caller, found, request.query_params)
        except FindRefused as refused:
            self._note(request, "find-refused", None, destination=name, status=refused.status, reason=refused.message)
            raise
        self._note(
            request,
            "find",
            caller,
            destination=name,
            level=found.level.value,
            authentication=found.properties.get("Authentication", "NoAuthentication"),
            error=next((token.get("error", "") for token in answer.get("authTokens", [])), ""),
        )
        return _tagged(request, found.properties, answer)

    async def _answer(self, caller: Caller, found: Found, query: Mapping[str, str]) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "owner": {
                "SubaccountId": caller.tenant.subaccount_id,
                "InstanceId": self._instance.instance_id if found.level is Level.INSTANCE else None,
            },
            "destinationConfiguration": dict(found.properties),
        }
        if query.get("$skipCredentials") == "true":
            return {**answer, "destinationConfiguration": without_secrets(found.properties)}
        certificates = self._certificates(caller.tenant, found.properties)
        if certificates:
            answer["certificates"] = certificates
        tokens: list[AuthToken] = []
        if query.get("$skipTokenRetrieval") != "true":
            tokens = await self._retrieval.tokens(found.properties, caller)
        return {**answer, "authTokens": tokens} if tokens else answer

    async def _list(self, request: Request) -> Response:
        caller = await self._caller(request)
        return JSONResponse([dict(item) for item in self.records.list(caller.tenant, _level(request))])

    async def _raw(self, request: Request) -> Response:
        caller, name = await self._caller(request), request.path_params["name"]
        stored = self.records.list(caller.tenant, _level(request))
        properties = next((item for item in stored if item["Name"] == name), None)
        if properties is None:
            raise FindRefused(404, "Configuration with the specified name was not found")
        return JSONResponse(dict(properties))

    async def _caller(self, request: Request) -> Caller:
        headers = request.headers
        _check_headers(headers)
        return await authenticated(headers, self._verifier, self._instance.client_id, self._instance.app_name)

    async def _with_assertion(self, caller: Caller) -> Caller:
        """The caller, with the client assertion got from the destination it names for that, if it names one."""
        name = caller.headers.get("x-client-assertion-destination-name")
        if not name:
            return caller
        properties = self._found(replace(caller, headers={}), name).properties
        tokens = await self._retrieval.tokens(properties, replace(caller, headers={}))
        assertion = {
            "x-client-assertion": str(tokens[0]["value"]) if tokens else "",
            "x-client-assertion-type": properties.get("clientAssertion.type", JWT_ASSERTION),
        }
        return replace(caller, headers={**caller.headers, **assertion})

    def _found(self, caller: Caller, name: str) -> Found:
        found = self.records.find(caller.tenant, name)
        if found is None:
            raise FindRefused(404, "Configuration with the specified name was not found")
        wanted = caller.headers.get("x-fragment-name")
        if not wanted:
            return found
        fragment = self.records.fragment(caller.tenant, found.level, wanted)
        if fragment is None and caller.headers.get("x-fragment-optional", "").lower() != "true":
            raise FindRefused(404, "Fragment with the specified name was not found")
        return Found(found.level, {**found.properties, **(fragment or {})})

    def _certificates(self, tenant: Tenant, properties: Properties) -> list[dict[str, str]]:
        names = (properties.get("KeyStoreLocation"), properties.get("TrustStoreLocation"))
        contents = {name: self.records.certificate(tenant, name) for name in names if name}
        return [
            {"Name": name, "Type": "CERTIFICATE", "Content": base64.b64encode(content).decode()}
            for name, content in contents.items()
            if content is not None
        ]

    def _note(self, request: Request, kind: str, caller: Caller | None, **detail: Any) -> None:
        user = caller.user if caller else None
        self._journal.record(
            Station.DESTINATION_SERVICE,
            kind,
            correlation_id=correlation_id(request.headers),
            principal=user.name if user else "",
            tenant=caller.tenant.subdomain if caller else "",
            **detail,
        )


def assertion_issuer(tenant: Tenant) -> str:
    """The issuer named in SAML assertions made for a tenant's destinations."""
    return f"destination-service/{tenant.subaccount_id}"


def _check_headers(headers: Mapping[str, str]) -> None:
    if headers.get("x-client-assertion") and headers.get("x-client-assertion-destination-name"):
        raise FindRefused(400, "Give X-client-assertion or X-client-assertion-destination-name, not both")
    if headers.get("x-chain-name"):
        raise FindRefused(400, "The chain is unknown")


def _level(request: Request) -> Level:
    try:
        return Level(request.path_params["level"])
    except ValueError:
        raise FindRefused(404, "Not found") from None


def _tagged(request: Request, properties: Properties, answer: dict[str, Any]) -> Response:
    """The answer with its `ETag`; 304 and 412 as the conditions of the request ask for."""
    tag = '"' + hashlib.sha256(json.dumps(dict(properties), sort_keys=True).encode()).hexdigest()[:32] + '"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    if request.headers.get("if-match", tag) not in (tag, "*"):
        raise FindRefused(412, "The configuration has changed")
    return JSONResponse(answer, headers={"ETag": tag})


async def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, FindRefused)
    if error.status == 401:
        return PlainTextResponse(error.message, 401, {"WWW-Authenticate": "Bearer"})
    return JSONResponse({"ErrorMessage": error.message}, error.status)
