"""Where to look in each image: square windows around an actor, followed from the last 3D pose.

Windows turn with actors whose skeleton says which way is up (`Skeleton.upright`): networks see them alike.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.core.rig import Rig
from mvmono3d.geometry.crop import upright_turn
from mvmono3d.geometry.projection import inside_image, project

_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows(Record):
    """One square of every view's image."""

    centre_px: Float[Array, "view 2"]
    side_px: Float[Array, " view"]
    known: Bool[Array, " view"]
    """False where nobody knows where to look: the numbers are finite and mean nothing."""
    turn_rad: Float[Array, " view"]
    """How far the picture is turned on its way into the crop, as in `crop_from_image`."""
    turn_known: Bool[Array, " view"]
    """False where nobody knows which way is up: `turn_rad` is 0 there."""

    @classmethod
    def level(
        cls,
        centre_px: Float[Array, "view 2"],
        side_px: Float[Array, " view"],
        known: Bool[Array, " view"],
        *,
        turn_known: bool = False,
    ) -> "Windows":
        """Return windows that aren't turned."""
        return cls(
            centre_px=centre_px,
            side_px=side_px,
            known=known,
            turn_rad=np.zeros(len(known)),
            turn_known=np.full(len(known), turn_known),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettings:
    """How windows follow an actor."""

    margin: float = 1.35
    """Side of a window over the longer side of the box round its joints: what the network was trained on."""
    least_side_px: float = 32.0
    least_share: float = 0.4
    """Share of the joints that a pose must have, and that must be in an image, for its window to be known."""
    forget_s: float = 0.3
    """After so long without a pose the whole image is searched."""
    longest_step_s: float = 0.1
    """Motion is carried on no longer than this."""
    upright: tuple[int, int] | None = None
    """The joints that crops show one above the other, `Skeleton.upright`; `None`: windows stay level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track(Record):
    """The last pose, and how it moved."""

    points_world: Float[Array, "joint 3"]
    velocity: Float[Array, "joint 3"]
    """Metres a second; 0 for joints that the pose before lacked."""
    present: Bool[Array, " joint"]
    time_ns: int


def follow(
    track: Track | None,
    points_world: Float[Array, "joint 3"],
    present: Bool[Array, " joint"],
    *,
    time_ns: int,
) -> Track | None:
    """Return the track after another pose; a pose without joints leaves it as it is."""
    if not present.any():
        return track
    velocity = np.zeros_like(points_world)
    if track is not None and time_ns > track.time_ns:
        both = present & track.present
        step_s = (time_ns - track.time_ns) / _NS_PER_S
        velocity[both] = (points_world - track.points_world)[both] / step_s
    return Track(points_world=points_world, velocity=velocity, present=present, time_ns=time_ns)


def windows_at(track: Track | None, rig: Rig, *, time_ns: int, settings: WindowSettings) -> Windows:
    """Return where the actor will be at a time; all views unknown where that is anybody's guess."""
    views = len(rig.names)
    nowhere = Windows.level(np.zeros((views, 2)), np.ones(views), np.zeros(views, dtype=bool))
    if track is None or track.present.mean() < settings.least_share:
        return nowhere
    step_s = (time_ns - track.time_ns) / _NS_PER_S
    if not 0.0 <= step_s <= settings.forget_s:
        return nowhere
    ahead = track.points_world + track.velocity * min(step_s, settings.longest_step_s)
    return windows_around(ahead, track.present, rig, settings=settings)


def windows_around(
    points_world: Float[Array, "joint 3"],
    present: Bool[Array, " joint"],
    rig: Rig,
    *,
    settings: WindowSettings,
) -> Windows:
    """Return the window of a pose in every view."""
    seen = project(points_world, lens=rig.camera.lens, camera_from_world=rig.camera_from_world)
    inside = seen.in_front & inside_image(seen.pixels, np.asarray(rig.camera.size_px))
    return around_pixels(seen.pixels, inside & present, settings=settings)


def around_pixels(
    pixels: Float[Array, "view joint 2"], usable: Bool[Array, "view joint"], *, settings: WindowSettings
) -> Windows:
    """Return squares round the usable pixels of every view."""
    low = np.where(usable[..., None], pixels, np.inf).min(axis=-2)
    high = np.where(usable[..., None], pixels, -np.inf).max(axis=-2)
    known = usable.sum(axis=-1) >= max(2.0, settings.least_share * usable.shape[-1])
    low, high = (np.where(known[:, None], each, 0.0) for each in (low, high))
    side = np.maximum(settings.margin * (high - low).max(axis=-1), settings.least_side_px)
    turn_rad, turn_known = _turns(pixels, usable, settings.upright)
    return Windows(
        centre_px=0.5 * (low + high), side_px=side, known=known, turn_rad=turn_rad, turn_known=turn_known
    )


def _turns(
    pixels: Float[Array, "view joint 2"], usable: Bool[Array, "view joint"], upright: tuple[int, int] | None
) -> tuple[Float[Array, " view"], Bool[Array, " view"]]:
    if upright is None:
        return np.zeros(len(pixels)), np.ones(len(pixels), dtype=bool)
    below, above = upright
    known = usable[:, below] & usable[:, above]
    return np.where(known, upright_turn(pixels[:, below], pixels[:, above]), 0.0), known
