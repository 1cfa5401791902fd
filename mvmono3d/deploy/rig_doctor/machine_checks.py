"""What a rig needs of this machine: a disk that is fast and has room, shared memory, kernel settings."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mvmono3d.deploy.finding import Finding, bad
from mvmono3d.deploy.rig_doctor.camera_checks import GIGE, USB3
from mvmono3d.deploy.ring.layout import RingLayout
from mvmono3d.deploy.site.settings import Site

_PROBE_BYTES = 256 << 20
_BLOCK_BYTES = 4 << 20
_MARGIN = 1.3
"""How much faster than the cameras a disk should be: compression can't be counted on."""
_LEAST_S = 600.0
_SHM = Path("/dev/shm")
_RMEM = Path("/proc/sys/net/core/rmem_max")
_RMEM_BYTES = 8 << 20
_USBFS = Path("/sys/module/usbcore/parameters/usbfs_memory_mb")
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What was measured of the folder that recordings go to."""

    bytes_s: float
    free_bytes: int


def measure_disk(folder: Path, *, probe_bytes: int = _PROBE_BYTES) -> Disk:
    """Write and sync a file that is deleted at once; raises `OSError` where nothing can be written.

    The bytes are random, so that no file system packs them.
    """
    block = os.urandom(_BLOCK_BYTES)
    with tempfile.TemporaryFile(dir=folder) as file:
        begin_s = time.perf_counter()
        for _ in range(max(1, probe_bytes // _BLOCK_BYTES)):
            file.write(block)
        file.flush()
        os.fdatasync(file.fileno())
        written = file.tell()
        seconds = time.perf_counter() - begin_s
    return Disk(bytes_s=written / seconds, free_bytes=shutil.disk_usage(folder).free)


def machine_findings(
    site: Site, folder: Path, *, links: frozenset[str], measure: Callable[[Path], Disk] = measure_disk
) -> list[Finding]:
    """Judge this machine for a site; `folder` is where its recordings would go."""
    found = [*_disk(site, folder, measure), _shared_memory(site)]
    found += [_receive_buffers()] if GIGE in links else []
    found += [_usb_memory(site)] if USB3 in links else []
    return found


def _disk(site: Site, folder: Path, measure: Callable[[Path], Disk]) -> list[Finding]:
    try:
        disk = measure(folder)
    except OSError as error:
        return [
            bad("disk", f"{folder}: {error.strerror or error}", "name a folder that can be written: --folder")
        ]
    needed = site.image.frame_bytes * site.trigger.rate_hz * len(site.cameras)
    told = f"{folder}: {disk.bytes_s / 1e6:.0f} MB/s written, {needed / 1e6:.0f} MB/s come from the cameras"
    speed = Finding(subject="disk speed", state=told)
    if disk.bytes_s < _MARGIN * needed:
        speed = bad("disk speed", told, "record to a faster disk, or less: a smaller region, a lower rate")
    usable = disk.free_bytes - site.recorder.stop_below_gb * 1e9
    told = (
        f"{folder}: {disk.free_bytes / 1e9:.0f} GB free, {max(0.0, usable) / needed / 60:.0f} min of frames"
    )
    room = Finding(subject="disk room", state=told)
    if usable < _LEAST_S * needed:
        room = bad(
            "disk room", told, f"make room for at least {_LEAST_S / 60:.0f} minutes, or record elsewhere"
        )
    return [speed, room]


def _shared_memory(site: Site) -> Finding:
    region = site.image.region
    layout = RingLayout(
        views=len(site.cameras),
        height=region.height_px,
        width=region.width_px,
        itemsize=1 if site.image.bits == 8 else 2,
        buffers=site.ring.buffers,
        sets=site.ring.sets,
    )
    free = shutil.disk_usage(_SHM).free if _SHM.is_dir() else 0
    told = f"{layout.total_bytes / 1e6:.0f} MB for the ring, {free / 1e6:.0f} MB free"
    if free < layout.total_bytes:
        return bad("shared memory", told, f"lower ring.buffers, or enlarge {_SHM} (mount -o remount,size=…)")
    return Finding(subject="shared memory", state=told)


def _receive_buffers() -> Finding:
    largest = int(_RMEM.read_text()) if _RMEM.is_file() else 0
    told = f"net.core.rmem_max = {largest} bytes"
    if largest < _RMEM_BYTES:
        return bad(
            "network buffers", told, f"sysctl -w net.core.rmem_max={4 * _RMEM_BYTES}: bursts are lost else"
        )
    return Finding(subject="network buffers", state=told)


def _usb_memory(site: Site) -> Finding:
    needed_mb = site.image.frame_bytes * site.image.buffers * len(site.cameras) / _MIB
    there_mb = int(_USBFS.read_text()) if _USBFS.is_file() else 0
    told = f"usbfs_memory_mb = {there_mb}, the cameras' buffers take {needed_mb:.0f}"
    if 0 < there_mb < needed_mb:
        return bad("USB memory", told, f"echo {round(2 * needed_mb)} > {_USBFS}")
    return Finding(subject="USB memory", state=told)
