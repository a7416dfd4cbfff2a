"""`python -m bot.cli.healthcheck`: whether the bot of this container is alive. It loads nothing else."""

from __future__ import annotations

import http.client
import os
import sys

PATH = "/healthz"
SECONDS = 3.0


def probe(host: str, port: int, path: str = PATH) -> bool:
    """Whether the running bot answers there with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """The exit code of a health check: 0 where it is well, 1 where it is not or METRICS_PORT is unset."""
    port = os.environ.get("METRICS_PORT", "")
    return 0 if port.isdigit() and probe("127.0.0.1", int(port), *sys.argv[1:2]) else 1


if __name__ == "__main__":
    sys.exit(main())
