"""An OData V4 service in the manner of S/4HANA Cloud: requests in, answers out. No I/O.

Changes want an ETag: `If-Match` missing is 428, one that is out of date 412.
"""

from __future__ import annotations

from typing import Any

from app.landscape import odata_batch
from app.landscape.odata_exchange import ODataAnswer, ODataRequest, json_answer, method_refused
from app.landscape.odata_literal import key_text
from app.landscape.odata_path import Target, resolve
from app.landscape.odata_query import Shape, apply_options, read_options, read_shape
from app.landscape.odata_schema import EntityType, ODataError, Row, bad_request
from app.landscape.odata_store import Store
from app.landscape.odata_v4_json import entity_json, etag, value_json, value_text, values_from_json, wants_exact
from app.landscape.odata_v4_metadata import metadata_xml, service_document

VERSION = {"OData-Version": "4.0"}
_JSON = {"Content-Type": "application/json;odata.metadata=minimal", **VERSION}


class ODataV4Service:
    """The service over a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def handle(self, request: ODataRequest) -> ODataAnswer:
        """Any request, `$batch` included; a refused one becomes an answer in the error shape of V4."""
        try:
            return self._dispatch(request)
        except ODataError as error:
            return error_answer(error)

    def _dispatch(self, request: ODataRequest) -> ODataAnswer:
        if request.path == "$batch":
            return odata_batch.handle(request, self.handle, self.store, odata_batch.V4)
        if request.path == "$metadata":
            headers = {"Content-Type": "application/xml", **VERSION}
            return ODataAnswer(200, headers, metadata_xml(self.store.schema))
        if not request.path:
            return json_answer(200, service_document(self.store.schema, request.base), _JSON)
        target = resolve(request.path, self.store)
        match request.method:
            case "GET" | "HEAD":
                return self._read(request, target)
            case "POST":
                return self._create(request, target)
            case "PUT" | "PATCH":
                return self._update(request, target)
            case "DELETE":
                return self._delete(request, target)
        raise method_refused(request.method)

    def _read(self, request: ODataRequest, target: Target) -> ODataAnswer:
        if target.property_name:
            return _property(request, target)
        if not target.single:
            return self._collection(request, target)
        row = target.row
        if request.headers.get("if-none-match") == etag(row):
            return ODataAnswer(304, {"ETag": etag(row), **VERSION})
        shape = read_shape(request.query, target.entity_type, self.store.schema)
        return self._entity(200, request, target.entity_type, row, shape)

    def _collection(self, request: ODataRequest, target: Target) -> ODataAnswer:
        wanted = request.query.get("$count", "false")
        if wanted not in ("true", "false"):
            raise bad_request("Invalid value for $count")
        options = read_options(request.query, target.entity_type, self.store.schema, count=wanted == "true")
        rows, total = apply_options(target.rows, options)
        if target.count:
            return ODataAnswer(200, {"Content-Type": "text/plain", **VERSION}, str(total).encode())
        data: dict[str, Any] = {"@odata.context": f"{request.base}/$metadata#{target.entity_type.set_name}"}
        if options.count:
            data["@odata.count"] = total
        exact, shape = _exact(request), options.shape
        data["value"] = [entity_json(self.store, target.entity_type, row, shape, exact=exact) for row in rows]
        return json_answer(200, data, _json_headers(request))

    def _entity(
        self, status: int, request: ODataRequest, entity_type: EntityType, row: Row, shape: Shape, **headers: str
    ) -> ODataAnswer:
        context = {"@odata.context": f"{request.base}/$metadata#{entity_type.set_name}/$entity"}
        data = {**context, **entity_json(self.store, entity_type, row, shape, exact=_exact(request))}
        return json_answer(status, data, {**_json_headers(request), "ETag": etag(row), **headers})

    def _create(self, request: ODataRequest, target: Target) -> ODataAnswer:
        if target.single or target.count:
            raise method_refused(request.method)
        inherited = {} if target.origin is None else _joined(target)
        values = {**values_from_json(target.entity_type, request.json()), **inherited}
        row = self.store.create(target.entity_type, values, request.user)
        location = f"{request.base}/{target.entity_type.set_name}{key_text(target.entity_type, row)}"
        return self._entity(201, request, target.entity_type, row, Shape(), Location=location)

    def _update(self, request: ODataRequest, target: Target) -> ODataAnswer:
        entity_type = _whole_entity(request, target)
        _check_match(request, target.row)
        values = values_from_json(entity_type, request.json())
        row = self.store.update(entity_type, target.row, values, request.user, replace=request.method == "PUT")
        if "return=representation" in request.headers.get("prefer", ""):
            return self._entity(200, request, entity_type, row, Shape())
        return ODataAnswer(204, {"ETag": etag(row), **VERSION})

    def _delete(self, request: ODataRequest, target: Target) -> ODataAnswer:
        entity_type = _whole_entity(request, target)
        _check_match(request, target.row)
        self.store.delete(entity_type, target.row)
        return ODataAnswer(204, VERSION)


def _joined(target: Target) -> Row:
    """The properties a new entity gets from the one it is created below."""
    if target.origin is None:
        return {}
    row, navigation = target.origin
    return {other: row[own] for own, other in navigation.join}


def _whole_entity(request: ODataRequest, target: Target) -> EntityType:
    if target.property_name or not target.single:
        raise method_refused(request.method)
    return target.entity_type


def _check_match(request: ODataRequest, row: Row) -> None:
    given = request.headers.get("if-match")
    if given is None:
        raise ODataError(428, "/IWBEP/CM_V4_RUNTIME/064", "The request needs an If-Match header")
    if given != "*" and etag(row) not in [part.strip() for part in given.split(",")]:
        raise ODataError(412, "/IWBEP/CM_V4_RUNTIME/065", "The entity was changed by somebody else: read it again")


def _property(request: ODataRequest, target: Target) -> ODataAnswer:
    value = target.row[target.property_name]
    if target.raw:
        return ODataAnswer(200, {"Content-Type": "text/plain;charset=utf-8", **VERSION}, value_text(value).encode())
    context = f"{request.base}/$metadata#{request.path}"
    shown = value_json(value, exact=_exact(request))
    return json_answer(200, {"@odata.context": context, "value": shown}, _json_headers(request))


def _exact(request: ODataRequest) -> bool:
    return wants_exact(request.headers.get("accept", ""))


def _json_headers(request: ODataRequest) -> dict[str, str]:
    parameter = ";IEEE754Compatible=true" if _exact(request) else ""
    return {**_JSON, "Content-Type": _JSON["Content-Type"] + parameter}


def error_answer(error: ODataError) -> ODataAnswer:
    """A refused request as V4 answers it."""
    data = {"code": error.code, "message": error.message, "details": []}
    return json_answer(error.status, {"error": data}, _JSON)
