"""Gangway: the application router for SAP BTP, in Python.

Words, used the same way everywhere: a *route* is an entry of xs-app.json; a *destination* is the platform's record of
a system; the *target* is the rewritten path; the *backend* is the server reached; a *binding* holds a service's
credentials; a *principal* is the user or technical identity a backend sees; a *hop* is a station on a request's way.
Read `app/gateway.py` first: it is the way of a request.
"""

__version__ = "0.2.0"
