"""The authentication types a destination can have (protocols 4.4) and what each of them asks of us."""

from __future__ import annotations

from enum import StrEnum


class Authentication(StrEnum):
    """Value of the property `Authentication`."""

    NONE = "NoAuthentication"
    BASIC = "BasicAuthentication"
    PRINCIPAL_PROPAGATION = "PrincipalPropagation"
    CLIENT_CREDENTIALS = "OAuth2ClientCredentials"
    PASSWORD = "OAuth2Password"  # noqa: S105 - the name of a type
    USER_TOKEN_EXCHANGE = "OAuth2UserTokenExchange"  # noqa: S105 - the name of a type
    JWT_BEARER = "OAuth2JWTBearer"
    SAML_BEARER = "OAuth2SAMLBearerAssertion"
    REFRESH_TOKEN = "OAuth2RefreshToken"  # noqa: S105 - the name of a type
    AUTHORIZATION_CODE = "OAuth2AuthorizationCode"
    TOKEN_EXCHANGE = "OAuth2TokenExchange"  # noqa: S105 - the name of a type
    TECHNICAL_USER_PROPAGATION = "OAuth2TechnicalUserPropagation"
    CLIENT_CERTIFICATE = "ClientCertificateAuthentication"
    SAML_ASSERTION = "SAMLAssertion"
    SAP_ASSERTION_SSO = "SAPAssertionSSO"
    TOKEN_FORWARDING = "TokenForwarding"  # noqa: S105 - the name of a type
    OTHER = "*"
    """Any type that is not known here: the token that the service obtains is all that is known of it."""


ON_PREMISE_ONLY = frozenset({Authentication.PRINCIPAL_PROPAGATION, Authentication.TECHNICAL_USER_PROPAGATION})
"""Types that mean something to a Cloud Connector only; none of them sends `Authorization`."""

TOKEN_OF_USER = frozenset(
    {
        Authentication.USER_TOKEN_EXCHANGE,
        Authentication.JWT_BEARER,
        Authentication.SAML_BEARER,
        Authentication.TOKEN_EXCHANGE,
        Authentication.SAML_ASSERTION,
        Authentication.SAP_ASSERTION_SSO,
        Authentication.REFRESH_TOKEN,
        Authentication.AUTHORIZATION_CODE,
        Authentication.OTHER,
    }
)
"""The service obtains the token for one user, or may do so: neither found nor cached without that user."""

TOKEN_BY_SERVICE = TOKEN_OF_USER | {
    Authentication.CLIENT_CREDENTIALS,
    Authentication.PASSWORD,
    Authentication.TECHNICAL_USER_PROPAGATION,
}
"""The service obtains the token: a find result without one cannot be used."""
