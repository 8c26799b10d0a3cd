"""The pages XSUAA shows to a browser."""

from __future__ import annotations

from html import escape

from app.landscape.users import Tenant, User

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;background:#f5f6f7;color:#1d2d3e;margin:0;display:grid;place-items:center;
min-height:100vh}
main{background:#fff;border:1px solid #d9d9d9;border-radius:.75rem;padding:2rem;width:min(24rem,90vw)}
h1{font-size:1.25rem;margin:0 0 .25rem}p{margin:0 0 1.25rem;color:#556b82}
ul{list-style:none;margin:0;padding:0;display:grid;gap:.5rem}
button{font:inherit;width:100%;text-align:left;padding:.6rem .9rem;border:1px solid #8396a8;border-radius:.5rem;
background:#fff;cursor:pointer}
button:hover{background:#edf5ff}button:focus-visible{outline:3px solid #0064d9;outline-offset:2px}
small{display:block;color:#556b82}[role=alert]{color:#aa0808}
"""


def login_page(tenant: Tenant, request_name: str, message: str = "") -> str:
    """The users of a tenant to choose from; each button has the id `login-<login>`."""
    alert = f'<p role="alert" id="message">{escape(message)}</p>' if message else ""
    buttons = "".join(_button(user) for user in tenant.users)
    body = (
        f"<h1>Log in to {escape(tenant.subdomain)}</h1><p>Choose who you are; there are no passwords here.</p>{alert}"
        f'<form method="post" action="/login.do"><input type="hidden" name="request" value="{escape(request_name)}">'
        f"<ul>{buttons}</ul></form>"
    )
    return _page(f"Log in to {tenant.subdomain}", body)


def message_page(title: str, message: str) -> str:
    """A page that only says something."""
    return _page(title, f'<h1>{escape(title)}</h1><p id="message">{escape(message)}</p>')


def _button(user: User) -> str:
    roles = ", ".join(user.roles) or "no role"
    return (
        f'<li><button id="login-{escape(user.login)}" name="user" value="{escape(user.login)}">'
        f"{escape(user.name)}<small>{escape(user.email)} · {escape(roles)}</small></button></li>"
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
