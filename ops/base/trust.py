"""Whom our HTTPS clients trust."""

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """Those of certifi, whatever the environment says. Clients may share it: reading it takes 20 ms or
    more, and a worker has half a dozen clients.
    """
    return httpx.create_ssl_context(trust_env=False)
