"""The xs-app.json of an HTML5 application, made to stand below the first segment of its addresses. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from app.routing.descriptor import Descriptor
from app.routing.descriptor_options import ErrorPage, Logout


def hosted_descriptor(descriptor: Descriptor, segment: str, own: Descriptor) -> Descriptor:
    """What an application is served by, below `/<segment>`. `own` is the xs-app.json of the router.

    Paths of the application's own pages get the segment. What it does not say about logout it inherits (reference,
    "logout property"). Error pages from files are left out: the files would be ours.
    """
    base = f"/{segment}"
    return descriptor.model_copy(
        update={
            "error_page": tuple(_pages(descriptor.error_page, base)),
            "logout": _logout(descriptor.logout, base, own.logout),
            "destinations": {**own.destinations, **descriptor.destinations},
            "services": {**own.services, **descriptor.services},
        }
    )


def _pages(pages: Iterable[ErrorPage], base: str) -> Iterable[ErrorPage]:
    for page in pages:
        if page.path is not None:
            yield page.model_copy(update={"path": _below(base, page.path)})


def _logout(logout: Logout | None, base: str, own: Logout | None) -> Logout | None:
    """Property by property: the application's, else ours. Reports of the identity service come to us only."""
    if logout is None or own is None:
        given = logout or own
    else:
        given = own.model_copy(update=logout.model_dump(exclude_none=True))
    if given is None or given.logout_endpoint is None:
        return None
    page = logout.logout_page if logout is not None else None
    if page is None or "://" in page:
        return given
    return given.model_copy(update={"logout_page": _below(base, page)})


def _below(base: str, path: str) -> str:
    return f"{base}/{path.lstrip('/')}"
