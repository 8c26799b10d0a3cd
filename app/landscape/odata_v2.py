"""An OData V2 service in the manner of SAP Gateway: requests in, answers out. No I/O."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.landscape import odata_batch
from app.landscape.odata_exchange import ODataAnswer, ODataRequest, json_answer, method_refused
from app.landscape.odata_path import Target, resolve
from app.landscape.odata_query import Shape, apply_options, read_options, read_shape
from app.landscape.odata_schema import EntityType, Navigation, ODataError, Row, bad_request
from app.landscape.odata_store import Store
from app.landscape.odata_v2_atom import entry_xml, error_xml, feed_xml, service_document_xml, value_text
from app.landscape.odata_v2_json import entity_json, value_json, values_from_json
from app.landscape.odata_v2_metadata import metadata_xml

VERSION = {"DataServiceVersion": "2.0"}
_ATOM = "application/atom+xml;charset=utf-8"


class ODataV2Service:
    """The service over a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def handle(self, request: ODataRequest) -> ODataAnswer:
        """Any request, `$batch` included; a refused one becomes an answer in Gateway's error shape."""
        try:
            return self._dispatch(request)
        except ODataError as error:
            return error_answer(error, as_json=_wants_json(request))

    def _dispatch(self, request: ODataRequest) -> ODataAnswer:
        if request.path == "$batch":
            return odata_batch.handle(request, self.handle, self.store, odata_batch.V2)
        if request.path == "$metadata":
            return _xml(200, "application/xml", metadata_xml(self.store.schema))
        if not request.path:
            return self._service_document(request)
        target = resolve(request.path, self.store)
        match request.method:
            case "GET" | "HEAD":
                return self._read(request, target)
            case "POST":
                return self._create(request, target)
            case "PUT" | "MERGE" | "PATCH":
                return self._update(request, target)
            case "DELETE":
                self.store.delete(_whole_entity(request, target), target.row)
                return ODataAnswer(204, VERSION)
        raise method_refused(request.method)

    def _service_document(self, request: ODataRequest) -> ODataAnswer:
        schema = self.store.schema
        if _wants_json(request):
            return json_answer(200, {"d": {"EntitySets": [item.set_name for item in schema.entity_types]}}, VERSION)
        return _xml(200, "application/atomsvc+xml", service_document_xml(schema, request.base))

    def _read(self, request: ODataRequest, target: Target) -> ODataAnswer:
        if target.property_name:
            return _property(request, target)
        if target.single:
            shape = read_shape(request.query, target.entity_type, self.store.schema)
            return self._entity(200, request, target.entity_type, target.row, shape)
        return self._collection(request, target)

    def _collection(self, request: ODataRequest, target: Target) -> ODataAnswer:
        inline = request.query.get("$inlinecount", "none")
        if inline not in ("none", "allpages"):
            raise bad_request("Invalid value for $inlinecount")
        options = read_options(request.query, target.entity_type, self.store.schema, count=inline == "allpages")
        rows, total = apply_options(target.rows, options)
        if target.count:
            return ODataAnswer(200, {"Content-Type": "text/plain;charset=utf-8", **VERSION}, str(total).encode())
        if not _wants_json(request):
            shown = total if options.count else None
            feed = feed_xml(self.store, target.entity_type, rows, options.shape, request.base, shown)
            return _xml(200, _ATOM, feed)
        results = [entity_json(self.store, target.entity_type, row, options.shape, request.base) for row in rows]
        data: dict[str, Any] = {"results": results}
        if options.count:
            data["__count"] = str(total)
        return json_answer(200, {"d": data}, VERSION)

    def _entity(
        self, status: int, request: ODataRequest, entity_type: EntityType, row: Row, shape: Shape, **headers: str
    ) -> ODataAnswer:
        if not _wants_json(request):
            entry = entry_xml(self.store, entity_type, row, shape, request.base)
            return _xml(status, _ATOM, entry, **headers)
        data = entity_json(self.store, entity_type, row, shape, request.base)
        return json_answer(status, {"d": data}, {**VERSION, **headers})

    def _create(self, request: ODataRequest, target: Target) -> ODataAnswer:
        if target.single or target.count:
            raise method_refused(request.method)
        body = _json_body(request)
        with self.store.all_or_nothing():
            inherited = {} if target.origin is None else _joined(*target.origin)
            row = self._create_deep(target.entity_type, {**body, **inherited}, request.user)
        shape = Shape(expand={name: Shape() for name in body if target.entity_type.navigation(name)})
        data = entity_json(self.store, target.entity_type, row, shape, request.base)
        return self._entity(201, request, target.entity_type, row, shape, Location=str(data["__metadata"]["uri"]))

    def _create_deep(self, entity_type: EntityType, body: dict[str, Any], user: str) -> Row:
        """An entity with the entities inline in its body (deep insert)."""
        row = self.store.create(entity_type, values_from_json(entity_type, body), user)
        for navigation in entity_type.navigations:
            inner = body.get(navigation.name)
            entries = inner.get("results", []) if isinstance(inner, dict) else inner
            if navigation.many and isinstance(entries, list):
                for entry in entries:
                    if not isinstance(entry, dict):
                        raise bad_request(f"{navigation.name} holds something that is no entity")
                    target = self.store.schema.of_set(navigation.target)
                    self._create_deep(target, {**entry, **_joined(row, navigation)}, user)
        return row

    def _update(self, request: ODataRequest, target: Target) -> ODataAnswer:
        entity_type = _whole_entity(request, target)
        values = values_from_json(entity_type, _json_body(request))
        self.store.update(entity_type, target.row, values, request.user, replace=request.method == "PUT")
        return ODataAnswer(204, VERSION)


def _joined(row: Row, navigation: Navigation) -> dict[str, Any]:
    """The properties a new entity gets from the one it is created below."""
    return {other: row[own] for own, other in navigation.join}


def _whole_entity(request: ODataRequest, target: Target) -> EntityType:
    if target.property_name or not target.single:
        raise method_refused(request.method)
    return target.entity_type


def _property(request: ODataRequest, target: Target) -> ODataAnswer:
    value = target.row[target.property_name]
    if target.raw:
        return ODataAnswer(200, {"Content-Type": "text/plain;charset=utf-8", **VERSION}, value_text(value).encode())
    return json_answer(200, {"d": {target.property_name: value_json(value)}}, VERSION)


def _json_body(request: ODataRequest) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ODataError(415, "/IWFND/CM_MGW/415", f"Content type {kind or 'none'} is not supported, send JSON")
    return request.json()


def _wants_json(request: ODataRequest) -> bool:
    """`$format` outranks Accept; Gateway's own default is Atom."""
    wanted = request.query.get("$format", "")
    return wanted == "json" or (not wanted and "application/json" in request.headers.get("accept", ""))


def _xml(status: int, content_type: str, body: bytes, **headers: str) -> ODataAnswer:
    return ODataAnswer(status, {"Content-Type": content_type, **VERSION, **headers}, body)


def error_answer(error: ODataError, *, as_json: bool) -> ODataAnswer:
    """A refused request as Gateway answers it."""
    headers: Mapping[str, str] = {"DataServiceVersion": "1.0"}
    if not as_json:
        return ODataAnswer(error.status, {"Content-Type": "application/xml", **headers}, error_xml(error))
    details = {
        "transactionid": uuid.uuid4().hex.upper(),
        "timestamp": datetime.now(UTC).strftime("%Y%m%d%H%M%S.%f0"),
        "errordetails": [],
    }
    data = {"code": error.code, "message": {"lang": "en", "value": error.message}, "innererror": details}
    return json_answer(error.status, {"error": data}, headers)
