"""Signed SAML 2.0 bearer assertions, as the Destination service makes them and a token service checks them.

The signature is an enveloped XML signature (RSA-SHA256) over the C14N 2.0 form, which the standard library can make.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
_DSIG = "http://www.w3.org/2000/09/xmldsig#"
_C14N = "http://www.w3.org/2010/xml-c14n2"
_RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_VALIDITY = timedelta(minutes=10)
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"

ElementTree.register_namespace("saml", _SAML)
ElementTree.register_namespace("ds", _DSIG)

NAME_ID_EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"


class AssertionRefused(ValueError):
    """An assertion that must not be believed; the text says why."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an assertion says: who vouches for whom, to whom, where it may be redeemed."""

    issuer: str
    subject: str
    audience: str
    recipient: str
    name_id_format: str = NAME_ID_EMAIL
    authn_context: str = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509"


def sign_assertion(assertion: Assertion, key: rsa.RSAPrivateKey, now: datetime | None = None) -> bytes:
    """The signed assertion as XML."""
    root = _build(assertion, now or datetime.now(UTC))
    digest = hashlib.sha256(_canonical(root)).digest()
    signature = ElementTree.SubElement(root, f"{{{_DSIG}}}Signature")
    signed_info = _signed_info(root.get("ID", ""), digest)
    signature.append(signed_info)
    value = key.sign(_canonical(signed_info), padding.PKCS1v15(), hashes.SHA256())
    ElementTree.SubElement(signature, f"{{{_DSIG}}}SignatureValue").text = base64.b64encode(value).decode()
    return _canonical(root)


def verify_assertion(xml: bytes, trusted: Mapping[str, rsa.RSAPublicKey], now: datetime | None = None) -> Assertion:
    """What a good assertion says; `trusted` holds the keys of the issuers that are believed.

    Raises AssertionRefused: not XML, not signed with its issuer's key, outside its validity.
    """
    root = _parse(xml)
    if root.tag != f"{{{_SAML}}}Assertion":
        raise AssertionRefused("the document is not an assertion")
    issuer = _find(root, "Issuer").text or ""
    if issuer not in trusted:
        raise AssertionRefused("the issuer of the assertion is not trusted")
    _check_signature(root, trusted[issuer])
    _check_validity(root, now or datetime.now(UTC))
    name_id = _find(root, "Subject/NameID")
    return Assertion(
        issuer=issuer,
        subject=name_id.text or "",
        audience=_find(root, "Conditions/AudienceRestriction/Audience").text or "",
        recipient=_find(root, "Subject/SubjectConfirmation/SubjectConfirmationData").get("Recipient", ""),
        name_id_format=name_id.get("Format", ""),
        authn_context=_find(root, "AuthnStatement/AuthnContext/AuthnContextClassRef").text or "",
    )


def _build(assertion: Assertion, now: datetime) -> ElementTree.Element:
    moment, until = now.strftime(_MOMENT), (now + _VALIDITY).strftime(_MOMENT)
    root = ElementTree.Element(f"{{{_SAML}}}Assertion", {"ID": f"S{uuid.uuid4()}", "IssueInstant": moment})
    root.set("Version", "2.0")
    _add(root, "Issuer").text = assertion.issuer
    subject = _add(root, "Subject")
    _add(subject, "NameID", Format=assertion.name_id_format).text = assertion.subject
    confirmation = _add(subject, "SubjectConfirmation", Method=_BEARER)
    _add(confirmation, "SubjectConfirmationData", NotOnOrAfter=until, Recipient=assertion.recipient)
    conditions = _add(root, "Conditions", NotBefore=moment, NotOnOrAfter=until)
    _add(_add(conditions, "AudienceRestriction"), "Audience").text = assertion.audience
    context = _add(_add(root, "AuthnStatement", AuthnInstant=moment), "AuthnContext")
    _add(context, "AuthnContextClassRef").text = assertion.authn_context
    return root


def _signed_info(reference: str, digest: bytes) -> ElementTree.Element:
    info = ElementTree.Element(f"{{{_DSIG}}}SignedInfo")
    _add(info, "CanonicalizationMethod", _DSIG, Algorithm=_C14N)
    _add(info, "SignatureMethod", _DSIG, Algorithm=_RSA_SHA256)
    element = _add(info, "Reference", _DSIG, URI=f"#{reference}")
    transforms = _add(element, "Transforms", _DSIG)
    _add(transforms, "Transform", _DSIG, Algorithm=_ENVELOPED)
    _add(transforms, "Transform", _DSIG, Algorithm=_C14N)
    _add(element, "DigestMethod", _DSIG, Algorithm=_SHA256)
    _add(element, "DigestValue", _DSIG).text = base64.b64encode(digest).decode()
    return info


def _check_signature(root: ElementTree.Element, key: rsa.RSAPublicKey) -> None:
    signature = root.find(f"{{{_DSIG}}}Signature")
    if signature is None:
        raise AssertionRefused("the assertion is not signed")
    info = _find(signature, "SignedInfo", _DSIG)
    root.remove(signature)
    try:
        value = base64.b64decode(_find(signature, "SignatureValue", _DSIG).text or "", validate=True)
        key.verify(value, _canonical(info), padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, InvalidSignature):
        raise AssertionRefused("the signature of the assertion is wrong") from None
    digest = base64.b64encode(hashlib.sha256(_canonical(root)).digest()).decode()
    stated = _find(info, "Reference/DigestValue", _DSIG).text or ""
    if not hmac.compare_digest(digest.encode(), stated.encode()):
        raise AssertionRefused("the assertion was changed after it was signed")


def _check_validity(root: ElementTree.Element, now: datetime) -> None:
    conditions, moment = _find(root, "Conditions"), now.strftime(_MOMENT)
    if not conditions.get("NotBefore", "9") <= moment < conditions.get("NotOnOrAfter", ""):
        raise AssertionRefused("the assertion is outside its validity")


def _parse(xml: bytes) -> ElementTree.Element:
    if b"<!" in xml:
        raise AssertionRefused("declarations are not allowed in an assertion")
    try:
        return ElementTree.fromstring(xml)  # noqa: S314 no declaration, hence no entity that could expand
    except ElementTree.ParseError:
        raise AssertionRefused("the assertion is not XML") from None


def _canonical(element: ElementTree.Element) -> bytes:
    return ElementTree.canonicalize(ElementTree.tostring(element, encoding="unicode")).encode()


def _add(parent: ElementTree.Element, name: str, namespace: str = _SAML, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, f"{{{namespace}}}{name}", attributes)


def _find(parent: ElementTree.Element, path: str, namespace: str = _SAML) -> ElementTree.Element:
    found = parent.find("/".join(f"{{{namespace}}}{step}" for step in path.split("/")))
    if found is None:
        raise AssertionRefused(f"the assertion has no {path}")
    return found
