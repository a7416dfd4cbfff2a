"""Kinds of settings that several have: addresses, keys, lists of hosts."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode

from bot.domain import host_name

MOST_HOSTS = 64
"""Of one service; each has lines in the metrics."""


def _address(value: str, schemes: tuple[str, ...], which: str = "") -> str:
    value = value.strip()
    try:
        parts = urlsplit(value)
        sound = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        httpx.URL(value)
    except (ValueError, httpx.InvalidURL):  # a port that is no number, or a host that is no name
        sound = False
    if not sound or re.search(r"\s", value):
        begins = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"must be an address that begins with {begins} and has no white space in it{which}")
    return value.rstrip("/")


def _hosts(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not parts or len(parts) > MOST_HOSTS:
        raise ValueError(f"must be one address, or up to {MOST_HOSTS} with commas between")
    hosts: dict[str, str] = {}
    for number, part in enumerate(parts, 1):
        which = f", which number {number} is not" if len(parts) > 1 else ""
        address = _address(part, ("http", "https"), which)
        hosts.setdefault(host_name(address), address)
    return tuple(hosts.values())


def _one_word(value: SecretStr | None) -> SecretStr | None:
    if value is None:
        return None
    word = value.get_secret_value().strip()
    if not word:
        return None
    if not word.isascii() or re.search(r"\s", word):
        raise ValueError("must be one word of ASCII characters; copy it again")
    return SecretStr(word)


HttpAddress = Annotated[str, AfterValidator(partial(_address, schemes=("http", "https")))]
"""An address of a service, without a slash at its end."""

WebSocketAddress = Annotated[str, AfterValidator(partial(_address, schemes=("ws", "wss")))]
"""The address of a gateway."""

HttpHosts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)]
"""Addresses of hosts of one service, with commas between; one that is named twice counts once."""

Key = Annotated[SecretStr | None, AfterValidator(_one_word)]
"""A key or token; blank is none."""
