"""Frame sets of the capture process's ring as a recording keeps them."""

import math

import numpy as np

from mvmono3d.deploy.recording.frame import Frame, FrameSet
from mvmono3d.deploy.ring.reader import RingSet


def frame_set(found: RingSet, *, cameras: tuple[str, ...], bits: int) -> FrameSet:
    """Return a set for recording; images are shared with the ring's copy, not copied again."""
    return FrameSet(
        number=found.number,
        time_ns=found.time_ns,
        frames=tuple(
            Frame(
                camera=cameras[view],
                frame_id=int(found.frame_id[view]),
                pulse_id=None,
                device_ns=int(found.device_ns[view]),
                host_ns=int(found.host_ns[view]),
                exposure_ns=int(found.exposure_ns[view]),
                gain_db=decibels(float(found.gain[view])),
                bits=bits,
                image=found.images[view],
            )
            for view in np.flatnonzero(found.present).tolist()
        ),
    )


def decibels(factor: float) -> float:
    """Return a gain in decibels; a factor of 0, one that is not known, is 0."""
    return 20.0 * math.log10(factor) if factor > 0 else 0.0
