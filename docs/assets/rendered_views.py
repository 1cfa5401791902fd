"""Render a hand before the virtual rig: `python docs/assets/rendered_views.py PICTURE.png`.

The upper row is what two cameras deliver; the lower one shows the other two with the truth drawn in: joints
that are seen, hidden by the hand itself, and hidden by something else.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.cameras.sources import VirtualSource
from mvmono3d.deploy.cameras.virtual_truth import rig_path
from mvmono3d.synthetic.actors import stage
from mvmono3d.synthetic.props import PropSettings
from mvmono3d.synthetic.render.look import draw_look
from mvmono3d.synthetic.render.renderer import Renderer, RenderSettings, exposure_times
from mvmono3d.synthetic.render.sensor import Exposure, SensorSettings, noise_key, take_picture
from mvmono3d.synthetic.render.truth import FrameTruth

COLOURS = ((120, 220, 120), (80, 120, 250), (240, 170, 60), (200, 200, 200))
"""Blue, green, red of each `OcclusionState`."""
EXPOSURE_S, RATE_HZ, SAMPLES = 0.0015, 2.0, 9


def main() -> None:
    """Render, draw and write."""
    parser = argparse.ArgumentParser(description="Render a hand before the virtual rig.")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--seed", type=int, default=22)
    parser.add_argument("--frame", type=int, default=5)
    chosen = parser.parse_args()
    skeleton, rig = load_skeleton("hand21"), read_rig(rig_path(VirtualSource()))
    times = exposure_times(chosen.frame + 1, rate_hz=RATE_HZ, exposure_s=EXPOSURE_S, samples=SAMPLES)
    props = PropSettings(held=1.0, moving=1, standing=0)
    staged = stage(skeleton, times, seed=chosen.seed, subject=chosen.seed, props=props)
    made = Renderer(
        [staged], rig, looks=[draw_look(chosen.seed)], settings=RenderSettings(samples=SAMPLES, fineness=1.6)
    )
    light, truth = made.frame(chosen.frame).light, made.truth(chosen.frame)[0]
    images = [
        take_picture(
            each, Exposure(exposure_s=EXPOSURE_S), SensorSettings(), key=noise_key(1, frame=0, view=view)
        )
        for view, each in enumerate(light)
    ]
    tiles = [cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) for image in images]
    for view in (2, 3):
        tiles[view] = with_truth(tiles[view], truth, view, skeleton)
    whole = np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])])
    small = cv2.resize(whole, (1120, 700), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(chosen.picture), small, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def with_truth(image: np.ndarray, truth: FrameTruth, view: int, skeleton: Skeleton) -> np.ndarray:
    """Draw bones and joints, these in the colour of their state."""
    places = [tuple(place) for place in np.rint(8 * truth.pixels[view]).astype(int).tolist()]
    for parent, child in skeleton.bones:
        cv2.line(image, places[parent], places[child], (130, 130, 130), 1, cv2.LINE_AA, 3)
    for place, state in zip(places, truth.state[view].tolist(), strict=True):
        cv2.circle(image, place, 8 * 3, COLOURS[state], -1, cv2.LINE_AA, 3)
    return image


if __name__ == "__main__":
    main()
