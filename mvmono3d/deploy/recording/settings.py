"""How a recorder works; the defaults suit four cameras of a megapixel at 120 Hz."""

import msgspec

from mvmono3d.errors import InvalidRecordError

_GIB = 1 << 30


class RecorderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sizes and intervals of a recorder."""

    queue_frames: int = 480
    """Frames that may wait for the recorder: a second."""
    frame_bytes: int = 1280 * 1024
    """The largest image, in bytes; the queue takes `queue_frames` times this much memory."""
    segment_bytes: int = _GIB
    segment_s: float = 10.0
    """A segment ends with whichever comes first."""
    flush_sets: int = 4
    flush_s: float = 0.1
    """A chunk is handed to the operating system after this many sets, or this long: what a crash may take."""
    sync_s: float = 0.2
    """Interval of syncs: what a power loss may take, with `flush_s` and one sync."""
    stop_below_bytes: int = 2 * _GIB
    stop_below_s: float = 60.0
    """Recording stops while this much room is left, or room for this long, whichever is more."""
    warn_below_s: float = 600.0
    attempts: int = 5
    """Segments that may break one after the other before the recorder gives up."""
    preview_hz: float = 5.0
    """Previews per camera; 0 for none. An encrypted recording has none."""
    preview_width: int = 640

    def __post_init__(self) -> None:
        for name in ("queue_frames", "frame_bytes", "segment_bytes", "flush_sets", "attempts"):
            if getattr(self, name) < 1:
                raise InvalidRecordError(
                    f"recorder setting {name} = {getattr(self, name)}, expected 1 or more"
                )
        for name in ("segment_s", "flush_s", "sync_s"):
            if not getattr(self, name) > 0:
                raise InvalidRecordError(
                    f"recorder setting {name} = {getattr(self, name)}, expected more than 0"
                )
