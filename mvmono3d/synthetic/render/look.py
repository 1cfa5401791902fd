"""How things look under infrared light: what they send back, drawn from a seed."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mvmono3d.core.array import Array
from mvmono3d.core.record import Record
from mvmono3d.synthetic.kinematic import KinematicModel
from mvmono3d.synthetic.render.skin import Skin
from mvmono3d.synthetic.streams import generator

_WAVES = 12
_SKIN_NODES = ("wrist", "thumb", "index", "middle", "ring", "pinky", "knuckles", "fingers", "jaw", "nose")
_HAIR_NODES = ("skull", "head_top")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(Record):
    """Shares of light that things send back. Human skin at 850 nm: 0.4 to 0.7, of any colour."""

    skin: float
    mottle: float
    """How far it varies from place to place, relative."""
    gloss: float
    """Strength of highlights, relative to a white surface."""
    cloth: float
    """Sleeves and clothes."""
    sleeve: float
    """Where a hand's sleeve begins on the forearm: 0 at the wrist, 1 or more for none."""
    hair: float
    background: float
    """Share that the room sends back."""
    clutter: float
    """How far the room varies, relative."""
    seed: int


def draw_look(seed: int) -> Look:
    """Draw a look; the same for the same seed."""
    draw = generator(seed, "look")
    return Look(
        skin=float(draw.uniform(0.38, 0.72)),
        mottle=float(draw.uniform(0.0, 0.08)),
        gloss=float(draw.uniform(0.0, 0.35)),
        cloth=float(draw.uniform(0.05, 0.8)),
        sleeve=float(draw.uniform(0.15, 1.3)),
        hair=float(draw.uniform(0.05, 0.4)),
        background=float(np.exp(draw.uniform(np.log(0.01), np.log(0.8)))),
        clutter=float(draw.uniform(0.0, 0.9)),
        seed=seed,
    )


def ripple(points: Float[Array, "point 3"], *, length_m: float, seed: int) -> Float[Array, " point"]:
    """Return a smooth random field of unit variance that varies over about `length_m`."""
    draw = generator(seed, "ripple")
    wave = draw.standard_normal((_WAVES, 3)) / length_m
    phase = draw.uniform(0.0, 2.0 * np.pi, _WAVES)
    return np.sqrt(2.0 / _WAVES) * np.sin(points @ wave.T + phase).sum(axis=1)


def skin_albedo(skin: Skin, model: KinematicModel, look: Look) -> Float[Array, " vertex"]:
    """Return what each vertex of an actor sends back: skin, cloth, hair or fur, a little uneven."""
    names = [(model.names[start], model.names[end]) for start, end in model.capsule_nodes.tolist()]
    kind = np.array([_tissue(start, end, look) for start, end in names])
    albedo = kind[skin.capsule]
    for capsule, (start, end) in enumerate(names):
        if (start, end) == ("wrist", "elbow"):
            albedo[(skin.capsule == capsule) & (skin.along > look.sleeve)] = look.cloth
    size = float(np.linalg.norm(np.ptp(skin.bound_m, axis=0)))
    uneven = ripple(skin.bound_m, length_m=0.02 * size, seed=look.seed)
    return np.clip(albedo * (1.0 + look.mottle * uneven), 0.01, 0.95).astype(np.float32)


def _tissue(start: str, end: str, look: Look) -> float:
    def named(words: tuple[str, ...]) -> bool:
        return any(word in name for name in (start, end) for word in words)

    if named(_HAIR_NODES):
        return look.hair
    body = any(
        word in name for name in (start, end) for word in ("hip", "rib", "side", "toe", "shoulder", "knee")
    )
    return look.cloth if body and not named(_SKIN_NODES) else look.skin
