"""How fast one core records Mono8, beside plain MCAP with zstd and HDF5, in one run.

    python -m tests.benchmarks.recorder_speed --frames 400 --rounds 3

The recorder's path is that of its process: pack, checksum, container, write, with the syncing thread at work.
Frames are 1280x800 with Poisson noise at 40 electrons per step and read noise of one step: "dark" an IR scene
(dark, four lit blobs), "lit" a bright textured room. Rates are per second of this process's CPU time, all its
threads together, and by the clock with the last sync included; a busy machine lowers the second alone.
"""

import argparse
import datetime
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from mcap.writer import CompressionType, Writer

from mvmono3d.deploy.recording.consent import Consent
from mvmono3d.deploy.recording.description import new_description, write_description
from mvmono3d.deploy.recording.frame import Frame, FrameSet
from mvmono3d.deploy.recording.frame_header import header_of
from mvmono3d.deploy.recording.ledger import Column, Ledger
from mvmono3d.deploy.recording.reader import open_recording
from mvmono3d.deploy.recording.seal import new_seal
from mvmono3d.deploy.recording.settings import RecorderSettings
from mvmono3d.deploy.recording.writer import NumberedFrame, RecordingWriter
from tests.benchmarks.machine import processor

CAMERAS = ("cam0", "cam1", "cam2", "cam3")
HEIGHT, WIDTH = 800, 1280
DISTINCT = 12
TODAY = datetime.date(2026, 1, 1)
BAR_MB_S = 300.0


def scene(kind: str) -> list[np.ndarray]:
    """Different noise in every frame: a codec must not profit from repetition."""
    generator = np.random.default_rng(1)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    if kind == "dark":
        mean = np.full((HEIGHT, WIDTH), 2.0)
        for row, column in ((200, 300), (500, 900), (600, 200), (150, 1000)):
            mean += 160 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * 60.0**2))
    else:
        mean = 120 + 60 * np.sin(columns / 9) * np.cos(rows / 13) + 20 * np.sin(rows * columns / 5e4)
    return [
        np.clip(generator.poisson(mean * 40) / 40 + generator.normal(0, 1, mean.shape), 0, 255).astype(
            np.uint8
        )
        for _ in range(DISTINCT)
    ]


def recorder(folder: Path, images: list[np.ndarray], frames: int, *, sealed: bool = False) -> None:
    consent = Consent(subject="nobody: noise", given_on=TODAY, purpose="speed", retain_until=TODAY)
    now = datetime.datetime.now(datetime.UTC)
    description = new_description(CAMERAS, consent, now=now)
    folder.mkdir()
    write_description(folder, description)
    ledger = Ledger(CAMERAS)
    writer = RecordingWriter(
        folder,
        session=description.session_bytes,
        ledger=ledger,
        settings=RecorderSettings(stop_below_bytes=1, stop_below_s=0.0),
        seal=new_seal() if sealed else None,
    )
    for number in range(frames // len(CAMERAS)):
        within = FrameSet(number=number, time_ns=number * 8_333_333, frames=())
        taken = [
            Frame(
                camera=camera, frame_id=number, pulse_id=number, device_ns=number, host_ns=number,
                exposure_ns=500_000, gain_db=0.0, bits=8, image=images[(number * 4 + place) % DISTINCT],
            )
            for place, camera in enumerate(CAMERAS)
        ]  # fmt: skip
        writer.write(
            [
                NumberedFrame(
                    header_of(frame, within, session=description.session_bytes, camera=place, index=number),
                    frame.image,
                )
                for place, frame in enumerate(taken)
            ]
        )
    writer.close()
    if sum(ledger.account().of(Column.RECORDED)) != frames:
        raise SystemExit(f"not all was recorded: {ledger.account().lost}")


def encrypted(folder: Path, images: list[np.ndarray], frames: int) -> None:
    recorder(folder, images, frames, sealed=True)


def plain_mcap(folder: Path, images: list[np.ndarray], frames: int) -> None:
    folder.mkdir()
    with (folder / "plain.mcap").open("wb") as file:
        writer = Writer(file, chunk_size=4 << 20, compression=CompressionType.ZSTD)
        writer.start()
        channel = writer.register_channel("frames", "raw", 0)
        for number in range(frames):
            writer.add_message(channel, number, images[number % DISTINCT].tobytes(), number)
        writer.finish()
        os.fdatasync(file.fileno())


def hdf5(folder: Path, images: list[np.ndarray], frames: int, *, compression: str | None = None) -> None:
    folder.mkdir()
    with h5py.File(folder / "frames.h5", "w") as file:
        data = file.create_dataset(
            "frames", (frames, HEIGHT, WIDTH), "u1", chunks=(1, HEIGHT, WIDTH), compression=compression
        )
        for number in range(frames):
            data[number] = images[number % DISTINCT]
        file.flush()
    with (folder / "frames.h5").open("rb+") as file:
        os.fdatasync(file.fileno())


def hdf5_lzf(folder: Path, images: list[np.ndarray], frames: int) -> None:
    hdf5(folder, images, frames, compression="lzf")


WRITERS: dict[str, Callable[[Path, list[np.ndarray], int], None]] = {
    "recorder": recorder,
    "recorder, encrypted": encrypted,
    "MCAP, zstd chunks": plain_mcap,
    "HDF5": hdf5,
    "HDF5, LZF": hdf5_lzf,
}


def measured(writer: Callable, images: list[np.ndarray], frames: int) -> tuple[float, float, float]:
    """MB per CPU second, MB per second by the clock, and how much smaller the files are."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "take"
        cpu, wall = time.process_time(), time.perf_counter()
        writer(folder, images, frames)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        stored = sum(path.stat().st_size for path in folder.iterdir())
        if writer is recorder:
            check(folder, images)
    size_mb = frames * HEIGHT * WIDTH / 1e6
    return size_mb / cpu, size_mb / wall, size_mb * 1e6 / stored


def check(folder: Path, images: list[np.ndarray]) -> None:
    recording = open_recording(folder)
    for number in (0, len(recording) // 2, len(recording) - 1):
        for place, frame in enumerate(recording[number].frames):
            if not np.array_equal(frame.image, images[(number * 4 + place) % DISTINCT]):
                raise SystemExit(f"frame set {number} came back different")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--frames", type=int, default=400, help="per writer and round, a multiple of 4")
    parser.add_argument("--rounds", type=int, default=3, help="medians over so many")
    chosen = parser.parse_args()
    rates: dict[str, dict[str, dict[str, float]]] = {}
    for kind in ("dark", "lit"):
        images = scene(kind)
        for writer in WRITERS.values():
            measured(writer, images, 8)
        # Round by round, so that a busy minute meets all of them.
        runs = [
            {name: measured(writer, images, chosen.frames) for name, writer in WRITERS.items()}
            for _ in range(chosen.rounds)
        ]
        rates[kind] = {
            name: dict(
                zip(
                    ("MB/s per core", "MB/s by the clock", "ratio"),
                    (statistics.median(run[name][part] for run in runs) for part in range(3)),
                    strict=True,
                )
            )
            for name in WRITERS
        }
    sys.stdout.write(table(rates))
    slowest = min(rows["recorder"]["MB/s per core"] for rows in rates.values())
    summary = {"recorder_mb_s_per_core": round(slowest), "bar": BAR_MB_S, "met": slowest >= BAR_MB_S}
    sys.stdout.write(json.dumps(summary) + "\n")
    return 0 if slowest >= BAR_MB_S else 1


def table(rates: dict[str, dict[str, dict[str, float]]]) -> str:
    lines = [
        f"{processor()}, load {os.getloadavg()[0]:.1f}; medians",
        "| scene | writer | MB/s per core | MB/s by the clock | times smaller |",
        "|---|---|---|---|---|",
    ]
    for kind, rows in rates.items():
        for name, row in rows.items():
            cells = [f"{row['MB/s per core']:.0f}", f"{row['MB/s by the clock']:.0f}", f"{row['ratio']:.2f}"]
            lines.append(f"| {kind} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
