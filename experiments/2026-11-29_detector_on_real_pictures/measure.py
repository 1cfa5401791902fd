"""Labels as crops to train on, and how well detectors do on real pictures.

python experiments/2026-11-29_detector_on_real_pictures/measure.py labels RAW OUT
python experiments/2026-11-29_detector_on_real_pictures/measure.py mouse RAW OUT.csv NAME=BUNDLE ...
python experiments/2026-11-29_detector_on_real_pictures/measure.py hands RAW OUT.csv NAME=BUNDLE ...

RAW holds mouse_4mono and handpose3d_2cam. Of the mouse's 120 frames the first two thirds are for training,
the last third is for the test.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import h5py
import numpy as np

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.data.consistent import find_windows
from mvmono3d.data.crops import Crops, CropStore
from mvmono3d.deploy.detect.finder import open_finder
from mvmono3d.deploy.detect.look import look
from mvmono3d.deploy.detect.network import open_detector
from mvmono3d.deploy.detect.protocol import Detector, WholeImages
from mvmono3d.deploy.detect.windows import Windows, WindowSettings, around_pixels
from mvmono3d.geometry.crop import carry_pixels, crop_from_image

CAMERAS = ("back", "mid", "side", "top")
FRAMES = {"train": (0, 72), "val": (74, 80), "test": (80, 120)}
MARGIN, SIZE, PCK_PX = 1.7, 208, 10.0


def videos(paths: list[Path]) -> Iterator[WholeImages]:
    """Yield the frames of synchronous videos, grey."""
    opened = [cv2.VideoCapture(str(path)) for path in paths]
    for number in range(10**9):
        read = [video.read() for video in opened]
        if not all(found for found, _ in read):
            return
        images = np.stack([cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for _, image in read])
        yield WholeImages(
            images=images,
            bits=8,
            present=np.ones(len(paths), dtype=bool),
            frame_id=np.full(len(paths), number, dtype=np.int64),
            time_ns=number,
        )


def proofread(raw: Path, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Return labelled pixels (frame, view, joint, 2), finite, and which there are."""
    views = []
    for camera in CAMERAS:
        (path,) = (raw / "mouse_4mono" / camera).glob("*proofread*.h5")
        with h5py.File(path) as file:
            names = [name.decode() for name in file["node_names"][:]]
            tracks = np.transpose(file["tracks"][0], (2, 1, 0))
        views.append(tracks[:, [names.index(joint) for joint in skeleton.joints]])
    pixels = np.stack(views, axis=1)
    there = np.isfinite(pixels).all(-1)
    return np.where(there[..., None], pixels, 0.0), there


def mouse_frames(raw: Path) -> Iterator[WholeImages]:
    return videos([next((raw / "mouse_4mono" / camera).glob("*.mp4")) for camera in CAMERAS])


def write_labels(raw: Path, out: Path) -> None:
    """Write the proofread joints as crops, a store a split."""
    skeleton = load_skeleton("mouse15")
    pixels, there = proofread(raw, skeleton)
    crops: dict[str, list[Crops]] = {name: [] for name in FRAMES}
    for number, images in enumerate(mouse_frames(raw)):
        windows = around_pixels(pixels[number], there[number], settings=WindowSettings(margin=MARGIN))
        for name, (first, last) in FRAMES.items():
            if first <= number < last:
                for view in np.flatnonzero(windows.known):
                    crops[name].append(labelled(images, windows, view, pixels[number], there[number]))
    for name, each in crops.items():
        told = [f"frames {FRAMES[name]}"] * len(each)
        CropStore.write(out / name, each, subjects=told, rigs=told, skeleton=skeleton)
        print(f"{name}: {len(each)} crops")


def labelled(
    images: WholeImages, windows: Windows, view: int, pixels: np.ndarray, there: np.ndarray
) -> Crops:
    into = crop_from_image(windows.centre_px[view], windows.side_px[view], size=SIZE)
    soft = cv2.GaussianBlur(images.images[view], (0, 0), 0.8)
    return Crops(
        images=cv2.warpAffine(soft, into, (SIZE, SIZE), flags=cv2.INTER_LINEAR)[None],
        pixels=carry_pixels(into, pixels[view]).astype(np.float32),
        labelled=there[view],
        # Who proofread guessed hidden joints too: nobody knows which were visible.
        visible=there[view],
        visible_known=np.zeros(len(there[view]), dtype=bool),
    )


def score_mouse(raw: Path, bundles: dict[str, Path]) -> Iterator[dict[str, object]]:
    """Yield how far joints are off in the last third, in windows round the labels and where found."""
    skeleton = load_skeleton("mouse15")
    pixels, there = proofread(raw, skeleton)
    frames = [(number, each) for number, each in enumerate(mouse_frames(raw)) if number >= FRAMES["test"][0]]
    for name, folder in bundles.items():
        detector, finder = open_detector(folder), open_finder(folder)
        for where in ("round the labels", "found"):
            errors, asked = [], 0
            for number, images in frames:
                if where == "found":
                    windows = find_windows(images, finder=finder, detector=detector)
                else:
                    around = around_pixels(pixels[number], there[number], settings=WindowSettings())
                    windows = Windows.level(around.centre_px, around.side_px, around.known)
                asked += int(there[number].sum())
                if windows is not None:
                    errors.append(joint_errors(images, windows, detector, pixels[number], there[number]))
            error = np.concatenate(errors) if errors else np.zeros(0)
            yield row(name, f"mouse, {where}: median px", float(np.median(error)), len(error))
            yield row(
                name, f"mouse, {where}: within {PCK_PX:g} px", float((error <= PCK_PX).sum() / asked), asked
            )


def joint_errors(
    images: WholeImages, windows: Windows, detector: Detector, pixels: np.ndarray, there: np.ndarray
) -> np.ndarray:
    seen = look(images, (windows,), search=False, detector=detector, finder=_Nobody())
    told = there & windows.known[:, None]
    return np.linalg.norm(seen.pixels[0] - pixels, axis=-1)[told]


class _Nobody:
    """A finder that finds nothing."""

    def find(self, images: WholeImages) -> tuple[Windows, ...]:
        return ()


def score_hands(raw: Path, bundles: dict[str, Path]) -> Iterator[dict[str, object]]:
    """Yield in how many frames both cameras have a hand, and in how many they agree on it."""
    rig = two_cameras(raw / "handpose3d_2cam" / "camera_parameters")
    paths = [raw / "handpose3d_2cam" / "media" / f"cam{view}_test.mp4" for view in range(2)]
    for name, folder in bundles.items():
        detector, finder = open_detector(folder), open_finder(folder)
        found, agreeing, frames = 0, 0, 0
        for images in videos(paths):
            frames += 1
            windows = find_windows(images, finder=finder, detector=detector)
            if windows is None or not windows.known.all():
                continue
            seen = look(images, (windows,), search=False, detector=detector, finder=_Nobody())
            sure = (seen.confidence[0] >= 0.2).all(axis=0)
            if sure.mean() < 0.5:
                continue
            found += 1
            apart = epipolar_px(seen.pixels[0], rig)[sure]
            agreeing += bool((apart <= 0.03 * windows.side_px.mean()).mean() >= 0.5)
        yield row(name, "hands: found in both views, share of frames", found / frames, frames)
        yield row(name, "hands: half the joints agree within 3 % of the window", agreeing / frames, frames)


def two_cameras(folder: Path) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Return matrices, distortions, and the second camera from the first."""
    inner = [numbers(folder / f"c{view}.dat") for view in range(2)]
    outer = [numbers(folder / f"rot_trans_c{view}.dat") for view in range(2)]
    poses = [np.eye(4), np.eye(4)]
    for pose, rows in zip(poses, outer, strict=True):
        pose[:3, :3], pose[:3, 3] = np.array(rows[:3]), np.array(rows[3:6]).ravel()
    matrices, distortions = [np.array(rows[:3]) for rows in inner], [np.array(rows[3]) for rows in inner]
    return matrices, distortions, poses[1] @ np.linalg.inv(poses[0])


def numbers(path: Path) -> list[list[float]]:
    """Return the lines of a file that are numbers."""
    lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
    return [[float(each) for each in line] for line in lines if line[0].lstrip("-")[0].isdigit()]


def epipolar_px(pixels: np.ndarray, cameras: tuple) -> np.ndarray:
    """Return how far each joint of the second view lies from the line on which the first view sees it."""
    matrices, distortions, second_from_first = cameras
    rays = [
        cv2.undistortPoints(pixels[view][:, None], matrices[view], distortions[view])[:, 0]
        for view in range(2)
    ]
    homogeneous = [np.column_stack([each, np.ones(len(each))]) for each in rays]
    x, y, z = second_from_first[:3, 3]
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    lines = homogeneous[0] @ (cross @ second_from_first[:3, :3]).T
    return np.abs((lines * homogeneous[1]).sum(-1)) / np.hypot(lines[:, 0], lines[:, 1]) * matrices[1][0, 0]


def row(method: str, metric: str, value: float, count: int) -> dict[str, object]:
    print(f"{method}: {metric} {value:.3f} ({count})")
    return {"method": method, "metric": metric, "value": round(value, 4), "count": count}


def main(what: str, raw: str, out: str, *named: str) -> None:
    if what == "labels":
        write_labels(Path(raw), Path(out))
        return
    bundles = {name: Path(folder) for name, _, folder in (each.partition("=") for each in named)}
    score = {"mouse": score_mouse, "hands": score_hands}[what]
    rows = list(score(Path(raw), bundles))
    with Path(out).open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
