"""The HTML5 application repository (protocols 6.1): which application an address belongs to, and its xs-app.json.

    target ─► app_address ─► hosted_apps ─► repository_client ─► xs-app.json ─► whatever is built from it
              (no I/O)       (what is kept)  (one call)

The files themselves are served like any backend's: see `backends.repository`.
"""
