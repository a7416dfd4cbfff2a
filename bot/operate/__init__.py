"""What operators see: health, metrics, status, limits, and the doctor's checks.

Housekeeping, which runs from time to time, is here as well. Nothing shown here holds what members said.
"""

from bot.operate.activity import Activity
from bot.operate.capacity import Load, look_at_load
from bot.operate.doctor import Doctor, IndexFacts, StoreFacts, look_into, waiting_for_index
from bot.operate.findings import Verdict
from bot.operate.health import Readiness, serving
from bot.operate.housekeeping import Housekeeping
from bot.operate.metrics import Metrics, Shards, Sources, Standing, page
from bot.operate.services import Services
from bot.operate.status import Status, StatusReport
from bot.operate.traffic import GuildTraffic, Traffic

__all__ = [
    "Activity",
    "Doctor",
    "GuildTraffic",
    "Housekeeping",
    "IndexFacts",
    "Load",
    "Metrics",
    "Readiness",
    "Services",
    "Shards",
    "Sources",
    "Standing",
    "Status",
    "StatusReport",
    "StoreFacts",
    "Traffic",
    "Verdict",
    "look_at_load",
    "look_into",
    "page",
    "serving",
    "waiting_for_index",
]
