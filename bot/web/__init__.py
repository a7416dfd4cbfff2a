"""A small local page for the operator: servers, the queue, refusals, memories, receipts.

It is bound to 127.0.0.1 and opened by a link with a token. It shows what the command line shows, and changes nothing
but what is corrected or forgotten there.
"""

from bot.web.server import PORT, serving_page
from bot.web.services import PageServices, open_page_services, page_services

__all__ = [
    "PORT",
    "PageServices",
    "open_page_services",
    "page_services",
    "serving_page",
]
