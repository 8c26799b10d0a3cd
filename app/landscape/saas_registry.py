"""The SaaS registry: subscribes tenants to the application by calling it back (protocols, section 6.2)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from app.landscape.journal import Journal, Station
from app.landscape.users import PROVIDER, Tenant, stable_id
from app.landscape.web_client import WebAnswer, WebClient
from app.landscape.xsuaa_client import OAuthClient

DEPENDENCIES_PATH = "/callback/v1.0/dependencies"
TENANTS_PATH = "/callback/v1.0/tenants"
_FORMS = ({"xsappname"}, {"appId", "appName"})


class CallbackFailed(Exception):
    """The application did not answer a callback as the registry needs it."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What came of a subscription: where the tenant finds the application, and which services it uses."""

    tenant: Tenant
    url: str
    dependencies: tuple[str, ...]


def callback_urls(application_url: str) -> dict[str, str]:
    """`appUrls` of an application: the registry calls at the provider's address, `{tenantId}` is for it to fill in."""
    parts = urlsplit(application_url)
    at_provider = f"{parts.scheme}://{PROVIDER.subdomain}.{parts.netloc}"
    return {
        "getDependencies": at_provider + DEPENDENCIES_PATH,
        "onSubscription": f"{at_provider}{TENANTS_PATH}/{{tenantId}}",
    }


class SaasRegistry:
    """Calls the application as `client`, which proves itself with a token of the provider's XSUAA at `uaa_url`.

    `subscriptions` are those that hold, by tenant.
    """

    def __init__(self, client: OAuthClient, uaa_url: str, web: WebClient, journal: Journal) -> None:
        self._client = client
        self._uaa_url = uaa_url
        self._web = web
        self._journal = journal
        self.subscriptions: dict[Tenant, Subscription] = {}

    async def subscribe(self, tenant: Tenant, application_url: str) -> Subscription:
        """Ask for the dependencies, then tell of the new subscriber. Raises CallbackFailed, Unreachable."""
        urls = callback_urls(application_url)
        asked = await self._call("GET", f"{urls['getDependencies']}?tenantId={tenant.zone_id}", None)
        answer = await self._call("PUT", _filled(urls, tenant), _notice(tenant))
        subscription = Subscription(tenant, answer.body.decode(), _names(asked))
        if not urlsplit(subscription.url).netloc:
            raise CallbackFailed("the answer is not the application's address")
        self.subscriptions[tenant] = subscription
        self._note("subscribed", tenant, url=subscription.url)
        return subscription

    async def unsubscribe(self, tenant: Tenant, application_url: str) -> None:
        """Tell that a subscriber leaves. Raises CallbackFailed, Unreachable."""
        await self._call("DELETE", _filled(callback_urls(application_url), tenant), _notice(tenant))
        self.subscriptions.pop(tenant, None)
        self._note("unsubscribed", tenant)

    async def _call(self, method: str, url: str, document: object) -> WebAnswer:
        headers = {"Authorization": f"Bearer {await self._token()}", "Accept": "*/*"}
        answer = await self._web.send_json(method, url, document, headers)
        if answer.status != 200:
            raise CallbackFailed(f"{method} was answered with {answer.status}")
        return answer

    async def _token(self) -> str:
        pair = f"{quote(self._client.client_id)}:{quote(self._client.secret)}"
        headers = {"Authorization": "Basic " + b64encode(pair.encode()).decode(), "X-CF-ENCODED-CREDENTIALS": "true"}
        answer = await self._web.post_form(
            f"{self._uaa_url}/oauth/token", {"grant_type": "client_credentials"}, headers
        )
        if answer.status != 200:
            raise CallbackFailed("XSUAA gives the registry no token")
        return str(answer.json()["access_token"])

    def _note(self, kind: str, tenant: Tenant, **detail: str) -> None:
        self._journal.record(
            Station.SAAS_REGISTRY, kind, principal=self._client.client_id, tenant=tenant.subdomain, **detail
        )


def _filled(urls: dict[str, str], tenant: Tenant) -> str:
    return urls["onSubscription"].replace("{tenantId}", tenant.zone_id)


def _names(answer: WebAnswer) -> tuple[str, ...]:
    """The dependencies: a list of objects with `xsappname`, or with `appId` and `appName`. Raises CallbackFailed."""
    entries: Any = answer.json_value()
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and set(entry) in _FORMS for entry in entries):
        raise CallbackFailed("the answer is no list of dependencies")
    return tuple(str(entry.get("xsappname") or entry["appId"]) for entry in entries)


def _notice(tenant: Tenant) -> dict[str, Any]:
    return {
        "subscriptionAppId": "gangway-demo!t1",
        "subscriptionAppName": "gangway-demo",
        "subscribedTenantId": tenant.zone_id,
        "subscribedSubdomain": tenant.subdomain,
        "subscribedLicenseType": None,
        "globalAccountGUID": stable_id("global account", tenant.subdomain),
        "subscriptionGUID": stable_id("subscription", tenant.subdomain),
        "providerSubaccountId": PROVIDER.subaccount_id,
        "eventType": "CREATE",
    }
