"""The virtual site with images of 160 x 100 px and half a second of motion: rendered in a second or two."""

import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig, write_rig

_SHRUNK, _SIZE_PX = 4, (640, 400)
_SITE = """
schema: 1
name: small
backend: {{kind: virtual, scene: hand, seed: 2, seconds: {seconds}, true_rig: rig.toml{more}}}
cameras:
  - {{name: cam0, serial: VIRTUAL0}}
  - {{name: cam1, serial: VIRTUAL1}}
  - {{name: cam2, serial: VIRTUAL2}}
  - {{name: cam3, serial: VIRTUAL3}}
rig: rig.toml
image:
  region: {{width_px: {width}, height_px: {height}}}
trigger: {{rate_hz: 20}}
ring: {{name: {name}}}
skeleton: hand21
detector: truth
"""


def small_rig(shrunk: int = _SHRUNK) -> Rig:
    """Return the virtual site's rig, with images so many times less wide and high."""
    rig = read_rig(resource_folder("deploy", "sites", "virtual") / "rig.toml")
    camera = replace(
        rig.camera,
        focal_px=rig.camera.focal_px / shrunk,
        centre_px=(rig.camera.centre_px + 0.5) / shrunk - 0.5,
        size_px=np.asarray(rig.camera.size_px) // shrunk,
    )
    return replace(rig, camera=camera)


def write_site(folder: Path, *, seconds: float = 0.5, knock: str = "", shrunk: int = _SHRUNK) -> Path:
    """Write the site; its ring's name is one of its own. `knock` is what its backend says of one."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rig(folder / "rig.toml", small_rig(shrunk))
    path = folder / "site.yaml"
    name, more = f"small-{uuid.uuid4().hex[:8]}", f", knock: {knock}" if knock else ""
    width, height = (size // shrunk for size in _SIZE_PX)
    path.write_text(_SITE.format(name=name, seconds=seconds, more=more, width=width, height=height))
    return path
