"""Addresses of services: what of them tells one server from another."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

QDRANT_PORT: Final = 6333
"""Where qdrant-client asks, by https as well, when an address names no port."""


def host_name(base_url: str) -> str:
    """An address for people: without name and password, and without the scheme."""
    address = urlsplit(base_url)
    return f"{address.netloc.rpartition('@')[2].lower()}{address.path.rstrip('/')}"


def qdrant_address(url: str) -> str:
    """The address of a Qdrant server in the one way of writing it by which it is compared and reached."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    return f"{parts.scheme}://{host}:{parts.port or QDRANT_PORT}{parts.path.rstrip('/')}"
