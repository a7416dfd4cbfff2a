"""Addresses of services: what of them tells one server from another."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

QDRANT_PORT: Final = 6333
"""Where qdrant-client asks, by https as well, when an address names no port."""


HOME_DOMAINS: Final = (".local", ".localhost", ".internal", ".lan", ".home.arpa")
"""Domains that no name server of the internet answers for (RFC 6761, 6762, 8375, and what routers and clusters use)."""


def host_name(base_url: str) -> str:
    """An address for people: without name and password, and without the scheme."""
    address = urlsplit(base_url)
    return f"{address.netloc.rpartition('@')[2].lower()}{address.path.rstrip('/')}"


def is_at_home(base_url: str, own_hosts: Collection[str] = ()) -> bool:
    """Whether what is sent to an address stays on the operator's own machines, as far as the address tells.

    Args:
        base_url: of a service.
        own_hosts: names of hosts that are the operator's own whatever their addresses look like.
    """
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    if host in own_hosts:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(HOME_DOMAINS)
    return not address.is_global


def qdrant_address(url: str) -> str:
    """The address of a Qdrant server in the one way of writing it by which it is compared and reached."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    return f"{parts.scheme}://{host}:{parts.port or QDRANT_PORT}{parts.path.rstrip('/')}"
