"""What the cloud's process is told, and what it says."""

import msgspec

from mvmono3d.deploy.site.settings import PointCloud


class CloudOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The first line on its input."""

    name: str
    """Of ring, channels and stream."""
    rig: str
    bits: int
    """Of a pixel."""
    settings: PointCloud


class CloudWords(msgspec.Struct, frozen=True, kw_only=True, tag="cloud", tag_field="says"):
    """How it gets on."""

    words: str
