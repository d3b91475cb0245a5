"""A local Power BI and MicroStrategy: a strict second reading of the vendors' documents, for tests and first steps."""

from powerbi_push.emulator.assumptions import Assumptions
from powerbi_push.emulator.local import Emulator, Role
from powerbi_push.emulator.microstrategy import MicroStrategy, MicroStrategyAssumptions
from powerbi_push.emulator.records import AccessToken, EmulatorCredential, Request

__all__ = [
    "AccessToken",
    "Assumptions",
    "Emulator",
    "EmulatorCredential",
    "MicroStrategy",
    "MicroStrategyAssumptions",
    "Request",
    "Role",
]
