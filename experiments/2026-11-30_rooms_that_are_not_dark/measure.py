"""How far joint networks are off on rendered test crops, in their own dark rooms and before patchwork.

python experiments/2026-11-30_rooms_that_are_not_dark/measure.py OUT.csv NAME=CHECKPOINT ...
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from mvmono3d.data.crop_module import stack_crops
from mvmono3d.detection.clutter import Clutter
from mvmono3d.detection.task import grey
from mvmono3d.export.from_detector import TrainedNet, load_net

ROOMS = {
    "as rendered": Clutter(share=0.0, darker=0.5, brightest=0.8, dimmest=0.15),
    "patchwork": Clutter(share=1.0, darker=0.5, brightest=0.8, dimmest=0.15),
}
SEED, AT_ONCE = 5, 64


def score(name: str, trained: TrainedNet) -> Iterator[dict[str, object]]:
    """Yield median and 90 % of the distances from the truth [px of the crop]."""
    crops = stack_crops(list(trained.test))
    for room, clutter in ROOMS.items():
        random = torch.Generator().manual_seed(SEED)
        images = clutter(grey(crops.images), crops.pixels, crops.visible, random)
        with torch.no_grad():
            pixels = torch.cat([trained.net(each).pixels for each in images.split(AT_ONCE)])
        error = torch.linalg.vector_norm(pixels - crops.pixels, dim=-1)
        seen = crops.labelled & crops.visible
        for which, chosen in (("visible", seen), ("hidden", crops.labelled & ~crops.visible)):
            for share in (0.5, 0.9):
                value = float(error[chosen].quantile(share))
                print(f"{name}, {room}, {which}: {share:.0%} within {value:.2f} px")
                yield {
                    "method": name,
                    "room": room,
                    "joints": which,
                    "quantile": share,
                    "px": round(value, 3),
                    "count": int(chosen.sum()),
                }


def main(out: str, *named: str) -> None:
    checkpoints = {name: Path(file) for name, _, file in (each.partition("=") for each in named)}
    rows = [row for name, file in checkpoints.items() for row in score(name, load_net(file))]
    with Path(out).open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
