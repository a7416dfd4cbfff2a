"""What operators see: health, metrics, status, limits, and the doctor's checks.

Housekeeping, which runs from time to time, is here as well. Nothing shown here holds what members said.
"""

from bot.operate.activity import Activity, DayActivity
from bot.operate.backup import back_up
from bot.operate.composition import doctor_of, look_for_delays, open_status
from bot.operate.discord_check import examine_discord
from bot.operate.health import Readiness, serving
from bot.operate.housekeeping import Housekeeping
from bot.operate.in_use import invite_link, services_in_use
from bot.operate.matters import Matters
from bot.operate.metrics import Metrics, ProcessStanding, Shards, Sources, page
from bot.operate.move import move_database
from bot.operate.restore import Restored, restore_backup, shown_time
from bot.operate.services import Services
from bot.operate.status import DAYS, Service, Status, StatusReport
from bot.operate.traffic import GuildTraffic, Traffic, together
from bot.operate.troubles import Troubles
from bot.operate.waiting import DelayReport, delay_report

__all__ = [
    "DAYS",
    "Activity",
    "DayActivity",
    "DelayReport",
    "GuildTraffic",
    "Housekeeping",
    "Matters",
    "Metrics",
    "ProcessStanding",
    "Readiness",
    "Restored",
    "Service",
    "Services",
    "Shards",
    "Sources",
    "Status",
    "StatusReport",
    "Traffic",
    "Troubles",
    "back_up",
    "delay_report",
    "doctor_of",
    "examine_discord",
    "invite_link",
    "look_for_delays",
    "move_database",
    "open_status",
    "page",
    "restore_backup",
    "services_in_use",
    "serving",
    "shown_time",
    "together",
]
