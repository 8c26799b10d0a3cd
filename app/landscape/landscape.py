"""The landscape: every station of the platform on loopback, started together and joined by a `VCAP_SERVICES`."""

from __future__ import annotations

import asyncio
import json
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from app.landscape.certificates import CertificateAuthority
from app.landscape.cloud_connector import CloudConnector
from app.landscape.connectivity_proxy import ConnectivityProxy
from app.landscape.control import Control
from app.landscape.demo_destinations import (
    CLOUD_PASSWORD,
    CLOUD_USER,
    LOCATION_IDS,
    ONPREMISE_PASSWORD,
    ONPREMISE_USER,
    VIRTUAL_HOST,
    VIRTUAL_PORT,
    Addresses,
    demo_destinations,
)
from app.landscape.destination_service import DestinationService, assertion_issuer
from app.landscape.destination_service_records import Level, Properties
from app.landscape.faults import Faults
from app.landscape.html5_apps import COUNTRY_ALIAS, COUNTRY_HOST, COUNTRY_SERVICE, SHOP_HOST, demo_apps
from app.landscape.html5_repository import Html5Repository
from app.landscape.identity_service import IdentityService
from app.landscape.identity_service_instance import identity_binding, make_identity_instances
from app.landscape.journal import Journal
from app.landscape.microservice import Microservice
from app.landscape.s4_cloud import S4Cloud
from app.landscape.s4_onpremise import S4OnPremise
from app.landscape.saas_registry import SaasRegistry, callback_urls
from app.landscape.server import LOOPBACK
from app.landscape.service_bindings import (
    BindingEntry,
    application,
    binding,
    business_service_credentials,
    connectivity_fields,
    destination_fields,
    oauth_credentials,
    repository_credentials,
    saas_registry_fields,
)
from app.landscape.service_instances import APP_NAME, ServiceInstance, make_instances
from app.landscape.token_principal import Claims
from app.landscape.tokens import TokenVerifier, unverified_issuer
from app.landscape.user_certificate import UserCertificates
from app.landscape.users import ACME, PROVIDER, TENANTS, Tenant
from app.landscape.virtual_host import Resource, VirtualHost
from app.landscape.web_client import WebClient
from app.landscape.xsuaa import Xsuaa
from app.landscape.xsuaa_grants import entity_id

APP_ADDRESS = "http://localhost:5000"
_EXPOSED = (Resource("/sap/opu/odata"), Resource("/sap/bc/rest"), Resource("/sap/public/ping", sub_paths=False))


class _Station(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


StationType = TypeVar("StationType", bound=_Station)


class Landscape:
    """Starts and stops everything (`async with`, or `start` and `stop`); the stations are attributes once it runs.

    `tls` puts XSUAA behind https with a certificate of `authority`; `x509` (implies `tls`) makes the bindings' clients
    prove themselves by certificate. `shared` says that the application serves several tenants, `html5` that it is bound
    to the HTML5 repository and to a business service, `country`, which has data and an application.
    `ias` adds the identity service, which XSUAA trusts.
    """

    xsuaa: Xsuaa
    identity_service: IdentityService
    destination_service: DestinationService
    proxy: ConnectivityProxy
    s4_onpremise: S4OnPremise
    s4_cloud: S4Cloud
    microservice: Microservice
    country: Microservice
    html5_repository: Html5Repository
    control: Control
    saas_registry: SaasRegistry

    def __init__(
        self,
        *,
        tls: bool = False,
        x509: bool = False,
        shared: bool = False,
        html5: bool = False,
        ias: bool = False,
        faults: Faults | None = None,
    ) -> None:
        self.journal = Journal()
        self.faults = faults or Faults()
        self.authority = CertificateAuthority()
        self.instances = make_instances(self.authority, x509=x509)
        xsuaa_client = self.instances.app.client.client_id
        self.identity_instances = make_identity_instances(self.authority, xsuaa_client, x509=x509)
        self.connectors: dict[Tenant, CloudConnector] = {}
        self._certificates = UserCertificates()
        self.shared = shared
        self._tls = tls or x509
        self._html5 = html5
        self._ias = ias
        self._stations: list[_Station] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start every station; when one cannot start, those already running are stopped again."""
        try:
            await self._start_platform()
            await self._start_systems()
            if self._ias:
                await self._start_identity_service()
            if self._html5:
                await self._start_html5()
        except BaseException:
            await self.stop()
            raise
        self.connect_tenants()
        self._define_destinations()

    async def stop(self) -> None:
        """Stop every station, all at once; harmless when not started."""
        stations, self._stations = self._stations, []
        await asyncio.gather(*(station.stop() for station in stations))

    async def _started(self, station: StationType) -> StationType:
        await station.start()
        self._stations.append(station)
        return station

    async def _start_platform(self) -> None:
        self.xsuaa = await self._started(Xsuaa(self.journal, self.faults, self.authority if self._tls else None))
        for client in self.instances.clients():
            self.xsuaa.add_client(client)
        self.destination_service = await self._started(
            DestinationService(
                self.journal,
                self.faults,
                uaa_url=self.xsuaa.url,
                instance=self.instances.destination.client,
                client=self._web_client(),
            )
        )
        public_key = self.destination_service.assertion_key.public_key()
        for tenant in TENANTS:
            self.xsuaa.grants.trust(assertion_issuer(tenant), public_key)
        self.proxy = await self._started(
            ConnectivityProxy(
                validate=self._verifier().verify,
                client_id=self.instances.connectivity.client.client_id,
                journal=self.journal,
                faults=self.faults,
            )
        )
        self.control = await self._started(Control(self.journal, self.faults))
        provisioning = self.instances.provisioning.client
        self.saas_registry = SaasRegistry(
            provisioning, self.xsuaa.tenant_url(PROVIDER), self._web_client(), self.journal
        )

    async def _start_systems(self) -> None:
        self.s4_onpremise = await self._started(
            S4OnPremise(
                trusted=self._certificates.certificate,
                users={ONPREMISE_USER: ONPREMISE_PASSWORD},
                journal=self.journal,
                faults=self.faults,
            )
        )
        self.s4_cloud = await self._started(
            S4Cloud(
                validate=self._verifier().verify,
                users={CLOUD_USER: CLOUD_PASSWORD},
                journal=self.journal,
                faults=self.faults,
            )
        )
        self.microservice = await self._started(self._microservice(self.instances.app))

    async def _start_identity_service(self) -> None:
        authority = self.authority if self._tls else None
        service = IdentityService(self.journal, self.faults, authority, self._web_client())
        self.identity_service = await self._started(service)
        for client in (self.identity_instances.app, self.identity_instances.shop):
            service.add_client(client)
        self.xsuaa.grants.trust_identity_service(service.url, service.keys)

    async def _start_html5(self) -> None:
        self.country = await self._started(self._microservice(self.instances.country))
        client = self.instances.html5_repository.client
        self.html5_repository = await self._started(
            Html5Repository(
                validate=self._verifier().verify,
                client_id=client.client_id,
                app_name=client.app_name,
                own_hosts=[SHOP_HOST],
                journal=self.journal,
                faults=self.faults,
            )
        )
        for app in demo_apps():
            self.html5_repository.deploy(app)

    def _microservice(self, instance: ServiceInstance) -> Microservice:
        """It takes tokens of both services that log users in, like an application that is bound to both."""
        of_xsuaa = self._verifier().verify

        async def validate(token: str) -> Claims:
            if self._ias and unverified_issuer(token) == self.identity_service.url:
                return self.identity_service.validate(token)
            return await of_xsuaa(token)

        return Microservice(
            validate=validate,
            client_id=instance.client.client_id,
            app_name=instance.client.app_name,
            journal=self.journal,
            faults=self.faults,
        )

    def connect_tenants(self) -> None:
        """Every tenant's Cloud Connector opens its tunnel."""
        host = VirtualHost(VIRTUAL_HOST, VIRTUAL_PORT, LOOPBACK, self.s4_onpremise.port, _EXPOSED)
        for tenant in TENANTS:
            location_id = LOCATION_IDS[tenant.subdomain]
            connector = CloudConnector(tenant.zone_id, [host], location_id=location_id, certificates=self._certificates)
            self.connectors[tenant] = connector
            self.proxy.connect(connector)

    def define_destination(
        self, properties: Properties, tenant: Tenant = ACME, level: Level = Level.SUBACCOUNT
    ) -> None:
        """Add or replace a destination; all values are texts."""
        self.destination_service.records.define(tenant, properties, level)

    def vcap_services(self, address: str = APP_ADDRESS) -> dict[str, list[BindingEntry]]:
        """What `VCAP_SERVICES` holds for an application at an address; the SaaS registry is bound if it is `shared`."""
        destination, connectivity = self.instances.destination, self.instances.connectivity
        services = {
            "xsuaa": [binding("xsuaa", "application", "demo-xsuaa", ["xsuaa"], self._oauth(self.instances.app))],
            "destination": [
                binding(
                    "destination",
                    "lite",
                    "demo-destination",
                    ["destination", "conn", "connsvc"],
                    self._oauth(destination)
                    | destination_fields(self.destination_service.uri, destination.client.instance_id),
                )
            ],
            "connectivity": [
                binding(
                    "connectivity",
                    "lite",
                    "demo-connectivity",
                    ["connectivity", "conn", "connsvc"],
                    self._oauth(connectivity) | connectivity_fields(self.xsuaa, LOOPBACK, self.proxy.port),
                )
            ],
        }
        if self._html5:
            services |= self._html5_services()
        if self._ias:
            services["identity"] = [identity_binding(self.identity_service, self.identity_instances)]
        if self.shared:
            fields = saas_registry_fields(APP_NAME, callback_urls(address))
            services["saas-registry"] = [binding("saas-registry", "application", "demo-registry", ["SaaS"], fields)]
        return services

    def _html5_services(self) -> dict[str, list[BindingEntry]]:
        runtime = repository_credentials(self.html5_repository.url, self._oauth(self.instances.html5_repository))
        endpoints = {"api": _address(self.country.port)}
        uaa = self._oauth(self.instances.country)
        country = business_service_credentials(COUNTRY_SERVICE, COUNTRY_ALIAS, endpoints, COUNTRY_HOST, uaa)
        return {
            "html5-apps-repo": [
                binding("html5-apps-repo", "app-host", "demo-apps", ["html5appsrepo"], {"app_host_id": SHOP_HOST}),
                binding("html5-apps-repo", "app-runtime", "demo-html5", ["html5appsrepo"], runtime),
            ],
            "country": [binding("country", "default", "demo-country", [], country)],
        }

    def vcap_application(self, address: str = APP_ADDRESS) -> dict[str, Any]:
        """What `VCAP_APPLICATION` holds for an application at an address."""
        return application(APP_NAME, address)

    def environment(self, address: str = APP_ADDRESS) -> dict[str, str]:
        """Both, as environment variables."""
        return {
            "VCAP_SERVICES": json.dumps(self.vcap_services(address)),
            "VCAP_APPLICATION": json.dumps(self.vcap_application(address)),
        }

    def _define_destinations(self) -> None:
        for tenant in TENANTS:
            at = Addresses(
                s4_cloud=_address(self.s4_cloud.port),
                microservice=_address(self.microservice.port),
                control=self.control.url,
                token_service=f"{self.xsuaa.tenant_url(tenant)}/oauth/token/alias/{entity_id(tenant)}",
                audience=entity_id(tenant),
            )
            for properties in demo_destinations(tenant, at, self.instances.s4_cloud.client):
                self.define_destination(properties, tenant)

    def _oauth(self, instance: ServiceInstance) -> dict[str, Any]:
        return oauth_credentials(self.xsuaa, instance.client, instance.pair, "shared" if self.shared else "dedicated")

    def _web_client(self) -> WebClient:
        return WebClient(self.authority.client_context() if self._tls else None)

    def _verifier(self) -> TokenVerifier:
        """Each station checks tokens for itself, with keys it fetches itself."""
        return TokenVerifier(self.xsuaa.url, self._web_client())


def _address(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"
