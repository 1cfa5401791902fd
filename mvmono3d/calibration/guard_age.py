"""How old a calibration is and how far from the temperature it was made at: cameras drift with both.

A rig's metadata say `date` (ISO 8601, UTC where no zone is given) and `temperature_c` (°C). The
limits of 5 h and 12 h are those at which Qualisys warns.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from mvmono3d.core.rig import Rig
from mvmono3d.errors import InvalidFileError

DATE = "date"
TEMPERATURE_C = "temperature_c"
_SECONDS_PER_HOUR = 3600.0


class Freshness(StrEnum):
    """What age and temperature alone say."""

    FRESH = "fresh"
    AGEING = "ageing"
    STALE = "stale"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeRules:
    """When to warn and when to ask for a check or a new calibration."""

    warn_hours: float = 5.0
    stale_hours: float = 12.0
    warn_kelvin: float = 5.0
    """Difference of temperature. An aluminium bar of 1 m grows by 0.12 mm in 5 K."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """Age of a rig, in words too."""

    freshness: Freshness
    hours: float | None
    said: str


def age_of(
    rig: Rig, *, now: datetime, temperature_c: float | None = None, rules: AgeRules | None = None
) -> Age:
    """Judge a rig by its age and, where both are known, by how far the temperature has changed.

    A date that can't be read, for metadata are free text, is none. Raises `InvalidFileError` for a date to
    come and for a temperature that is no number.
    """
    rules = rules or AgeRules()
    metadata = dict(rig.metadata)
    kelvin = _kelvin(metadata.get(TEMPERATURE_C), temperature_c)
    warmer = "" if kelvin is None else f", {kelvin:+.1f} K from then"
    drifted = kelvin is not None and abs(kelvin) > rules.warn_kelvin
    hours = _hours(metadata.get(DATE), now)
    if hours is None:
        freshness = Freshness.AGEING if drifted else Freshness.UNKNOWN
        return Age(
            freshness=freshness, hours=None, said=f"the rig doesn't say when it was calibrated{warmer}"
        )
    if hours >= rules.stale_hours:
        freshness = Freshness.STALE
    else:
        freshness = Freshness.AGEING if drifted or hours >= rules.warn_hours else Freshness.FRESH
    return Age(freshness=freshness, hours=hours, said=f"calibrated {hours:.1f} h ago{warmer}")


def _hours(text: str | None, now: datetime) -> float | None:
    if not text:
        return None
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    hours = (now - then).total_seconds() / _SECONDS_PER_HOUR
    if hours < -1.0:
        raise InvalidFileError(f"rig, metadata, {DATE}: {text} is {-hours:.1f} h ahead; check the clocks")
    return max(hours, 0.0)


def _kelvin(text: str | None, temperature_c: float | None) -> float | None:
    if not text or temperature_c is None:
        return None
    try:
        return temperature_c - float(text)
    except ValueError:
        raise InvalidFileError(
            f"rig, metadata, {TEMPERATURE_C}: {text!r} is no temperature in degrees Celsius"
        ) from None
