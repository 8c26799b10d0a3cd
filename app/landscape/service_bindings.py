"""`VCAP_SERVICES` and `VCAP_APPLICATION` as the platform would hand them to the gateway (protocols, section 1.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from app.landscape.certificates import KeyPair
from app.landscape.users import PROVIDER, stable_id
from app.landscape.xsuaa import Xsuaa
from app.landscape.xsuaa_client import OAuthClient

BindingEntry = dict[str, Any]


def oauth_credentials(xsuaa: Xsuaa, client: OAuthClient, pair: KeyPair | None, tenant_mode: str) -> dict[str, Any]:
    """The XSUAA-style fields every binding has (protocols, section 2.1); with a pair the X.509 variant."""
    url = xsuaa.tenant_url(PROVIDER)
    credentials = {
        "clientid": client.client_id,
        "url": url,
        "uaadomain": xsuaa.domain,
        "identityzone": PROVIDER.subdomain,
        "identityzoneid": PROVIDER.zone_id,
        "zoneid": PROVIDER.zone_id,
        "tenantid": PROVIDER.zone_id,
        "subaccountid": PROVIDER.subaccount_id,
        "tenantmode": tenant_mode,
        "xsappname": client.app_name,
        "apiurl": xsuaa.url,
        "sburl": xsuaa.url,
        "verificationkey": xsuaa.keys.current.public_pem,
    }
    if pair is None:
        return {**credentials, "credential-type": "binding-secret", "clientsecret": client.secret}
    return {
        **credentials,
        "credential-type": "x509",
        "certificate": pair.certificate_pem,
        "key": pair.key_pem,
        "certurl": xsuaa.certificate_url(PROVIDER),
        "certificate-pinning": False,
        "clientx509enabled": True,
    }


def destination_fields(uri: str, instance_id: str) -> dict[str, Any]:
    """What a Destination service binding has beyond the XSUAA-style fields (4.1)."""
    return {"uri": uri, "instanceid": instance_id, "token-type": ["xsuaa"]}


def connectivity_fields(xsuaa: Xsuaa, host: str, port: int) -> dict[str, Any]:
    """What a connectivity binding has beyond the XSUAA-style fields (5.1); all values are texts."""
    return {
        "onpremise_proxy_host": host,
        "onpremise_proxy_http_port": str(port),
        "onpremise_proxy_port": str(port),
        "token_service_url": xsuaa.tenant_url(PROVIDER),
        "token_service_domain": xsuaa.domain,
        "token-type": ["xsuaa"],
    }


def saas_registry_fields(app_name: str, app_urls: Mapping[str, str]) -> dict[str, Any]:
    """What concerns callbacks in a SaaS registry binding (6.2); `appUrls` is JSON in a text."""
    return {"appName": app_name, "appUrls": json.dumps(app_urls)}


def repository_credentials(uri: str, uaa: Mapping[str, Any]) -> dict[str, Any]:
    """The credentials of the HTML5 repository's runtime (6.1)."""
    return {
        "uri": uri,
        "uaa": dict(uaa),
        "sap.cloud.service": "html5-apps-repo-rt",
        "saasregistryenabled": True,
        "grant_type": "client_credentials",
        "vendor": "SAP",
    }


def business_service_credentials(
    name: str, alias: str, endpoints: Mapping[str, str], app_host: str, uaa: Mapping[str, Any]
) -> dict[str, Any]:
    """The credentials of a business service with data and applications (6.1)."""
    return {
        "sap.cloud.service": name,
        "sap.cloud.service.alias": alias,
        "endpoints": {endpoint: {"url": url} for endpoint, url in endpoints.items()},
        "html5-apps-repo": {"app_host_id": app_host},
        "saasregistryenabled": True,
        "grant_type": "user_token",
        "uaa": dict(uaa),
    }


def binding(label: str, plan: str, name: str, tags: Sequence[str], credentials: Mapping[str, Any]) -> BindingEntry:
    """One entry of `VCAP_SERVICES`."""
    return {
        "label": label,
        "plan": plan,
        "name": name,
        "instance_name": name,
        "instance_guid": stable_id("instance", name),
        "binding_name": None,
        "binding_guid": stable_id("binding", name),
        "tags": list(tags),
        "credentials": dict(credentials),
        "syslog_drain_url": None,
        "volume_mounts": [],
        "provider": None,
    }


def application(name: str, address: str) -> dict[str, Any]:
    """`VCAP_APPLICATION` of an application reachable at an address."""
    uris = [urlsplit(address).netloc]
    guid = stable_id("application", name)
    return {
        "application_id": guid,
        "application_name": name,
        "application_uris": uris,
        "application_version": stable_id("version", name),
        "name": name,
        "uris": uris,
        "version": stable_id("version", name),
        "cf_api": "http://api.localhost",
        "limits": {"disk": 1024, "fds": 16384, "mem": 256},
        "organization_id": stable_id("organization", "landscape"),
        "organization_name": "landscape",
        "space_id": stable_id("space", "demo"),
        "space_name": "demo",
        "process_id": guid,
        "process_type": "web",
    }
