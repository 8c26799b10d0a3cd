"""From a destination to a backend: where a request goes, and as whom.

    name, caller ─► destinations ─► Destination ─► direct      ─► Backend
                    (environment,                  on_premise      (pool key, base, header bytes)
                     destination service)

`resolver` is the door. `direct` and `on_premise` decide what the backend is to see; `outgoing` has what both share;
`proxy_errors` reads the answers of the connectivity proxy.

How to add an authentication type
---------------------------------
A type is a value of the destination property `Authentication`. Most need no more than the first two steps.

1. `destinations/authentication.py`: add the member. Then say what it asks of us by putting it into the sets there:
   `TOKEN_OF_USER` if the destination service obtains the token for one user (it is then found and kept per user),
   `TOKEN_BY_SERVICE` if a find result without a token is useless, `ON_PREMISE_ONLY` if only a Cloud Connector
   understands it. Members of none are shared by the tenant.
2. Nothing else is to do where the service returns the header to send: `authTokens[].http_header` becomes
   `Destination.credentials` and is sent verbatim.
3. If the find needs another header, add a field to `Traits` (what is known of the type), read it in
   `destinations/from_find.py` (`read_traits`), decide in `destinations/find_plan.py`, write it in
   `destinations/service_client.py`.
4. If the request to the backend needs more than that header, add it in `outgoing.own_credentials`; if the passage
   through the connectivity proxy does, in `on_premise`. A type that shows the Cloud Connector who the user is must
   have the user in its pool key (`OnPremise._key`).
5. Add a line to the tables of `tests/destinations/test_from_find.py` and `tests/backends/test_direct.py` or
   `test_on_premise.py`.
"""
