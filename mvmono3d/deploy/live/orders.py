"""What recorder and guard of a live rig are told, and what they say."""

import msgspec

from mvmono3d.deploy.recording.settings import RecorderSettings


class TakingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The first line on its input."""

    ring: str
    folder: str
    """The take goes on in FOLDER-2, FOLDER-3 … where a recorder died."""
    cameras: tuple[str, ...]
    bits: int
    consent: str
    """File."""
    purpose: str
    rig: str | None
    recipients: tuple[str, ...]
    settings: RecorderSettings
    skeleton: str
    """Name or file: of the answers that are recorded beside the frames."""


class Taking(msgspec.Struct, frozen=True, kw_only=True, tag="taking", tag_field="says"):
    """Where it records."""

    folder: str


class GuardOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The first line on its input."""

    name: str
    rig: str
    learn_s: float = 60.0
    """So long it learns, with somebody in view; until then it says nothing."""
    home: str
    """Where a rig that was placed anew is written."""


class PlaceAnew(msgspec.Struct, frozen=True, kw_only=True):
    """Later lines: place the cameras that moved."""


class Opinion(msgspec.Struct, frozen=True, kw_only=True, tag="opinion", tag_field="says"):
    """What it thinks of the rig."""

    words: str
    moved: str = ""
    """Which cameras moved, by how much; empty while nothing speaks against the rig."""


class Placed(msgspec.Struct, frozen=True, kw_only=True, tag="placed", tag_field="says"):
    """What came of placing the cameras anew."""

    rig: str = ""
    """The new file."""
    refusal: str = ""
    """Why there is none."""
