"""The client of a lastseat server. See README.md."""

from ._document import VERSION as __version__
from .client import AsyncLastseat, HoldBody, Lastseat, answered
from .errors import Fault, LastseatError, OutcomeUnknown, Rejection
from .events import AreaAvailability, SeatChange, SeatEvent, ShowRevised
from .openapi.models import Booking, HoldArea, HoldBestAvailable, HoldSeats, PayBody, SeatUnavailableProblem
from .retry import Retry

__all__ = [
    "AreaAvailability",
    "AsyncLastseat",
    "Booking",
    "Fault",
    "HoldArea",
    "HoldBestAvailable",
    "HoldBody",
    "HoldSeats",
    "Lastseat",
    "LastseatError",
    "OutcomeUnknown",
    "PayBody",
    "Rejection",
    "Retry",
    "SeatChange",
    "SeatEvent",
    "SeatUnavailableProblem",
    "ShowRevised",
    "__version__",
    "answered",
]
