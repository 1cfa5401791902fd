"""The raw files of a dataset as `datasets/NAME/manifest.yaml` lists them, and the way of its prepare.py.

```yaml
name: fish                      # and origin, licence, commit: free text
files:                          # path: sha256
  rig.toml: 6c1f…
folders:                        # many small files under one hash: see `sha256_of_folder`
  trial/pose: {pattern: "*/*.json", count: 400, sha256: 2ab0…}
recordings:
  trial: {subject: fish_1, split: test}   # and what prepare.py wants to know
```
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mvmono3d.core.detections_file import Detections, write_detections
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig, write_rig
from mvmono3d.core.schema import sha256_of_bytes, sha256_of_file
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.errors import IntegrityError, InvalidFileError, MVMono3DError
from mvmono3d.formats.any_detections import read_any_detections

Manifest = Mapping[str, Any]
Prepare = Callable[[Path, Path, Manifest], None]


def run_prepare(prepare: Prepare, *, manifest: Path, arguments: Sequence[str] | None = None) -> int:
    """Run a prepare.py: read its two arguments, check the raw files, prepare; return the exit code."""
    parser = argparse.ArgumentParser(description="Turn downloaded files into detections.npz and rig.toml.")
    parser.add_argument("raw", type=Path, metavar="RAW", help="folder with the files that card.md names")
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder per recording is written here")
    parser.add_argument("--manifest", type=Path, default=manifest, metavar="YAML", help="other hashes")
    chosen = parser.parse_args(arguments)
    try:
        content = read_manifest(chosen.manifest)
        check_raw_files(chosen.raw, content, where=str(chosen.manifest))
        prepare(chosen.raw, chosen.out, content)
    except MVMono3DError as error:
        sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
        return error.exit_code
    for name in content["recordings"]:
        sys.stdout.write(f"wrote {chosen.out / name}\n")
    return 0


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; raises `InvalidFileError` unless it lists files and recordings."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InvalidFileError(f"can't read manifest {path}: {error}") from None
    for key in ("files", "recordings"):
        if not isinstance(content, dict) or not isinstance(content.get(key), dict):
            raise InvalidFileError(f"manifest {path}: no table {key!r}; expected files and recordings")
    return content


def check_raw_files(raw: Path, manifest: Manifest, *, where: str) -> None:
    """Refuse a raw folder that lacks a file of the manifest or has another version of it."""
    if not raw.is_dir():
        raise InvalidFileError(f"no folder {raw}: download the files that card.md beside {where} names")
    for name, expected in manifest["files"].items():
        if not (raw / name).is_file():
            raise InvalidFileError(f"no file {raw / name}, which {where} lists")
        _compare(sha256_of_file(raw / name), expected, raw / name, where)
    for name, folder in manifest.get("folders", {}).items():
        found = sorted((raw / name).glob(folder["pattern"]))
        if len(found) != folder["count"]:
            raise InvalidFileError(
                f"{raw / name}: {len(found)} files {folder['pattern']}, expected {folder['count']} by {where}"
            )
        _compare(sha256_of_folder(raw / name, folder["pattern"]), folder["sha256"], raw / name, where)


def sha256_of_folder(folder: Path, pattern: str) -> str:
    """Return one hash of many files: that of their `sha256sum` lines, sorted by path."""
    paths = sorted(folder.glob(pattern), key=lambda path: path.relative_to(folder).as_posix())
    lines = [f"{sha256_of_file(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths]
    return sha256_of_bytes("".join(lines).encode())


def prepare_readable(raw: Path, out: Path, manifest: Manifest) -> None:
    """Prepare recordings whose files `read_any_detections` and `read_rig` read as they are."""
    for name, recording in manifest["recordings"].items():
        rig = read_rig(raw / recording["rig"], units=recording.get("units", "m"))
        detections = read_any_detections(
            raw / recording["detections"],
            skeleton=load_skeleton(recording["skeleton"]),
            views=rig.names,
            person=recording.get("person"),
            rate_hz=float(recording["rate_hz"]),
        )
        write_recording(out / name, detections, rig.select(detections.views))


def write_recording(folder: Path, detections: Detections, rig: Rig) -> None:
    """Write detections.npz and rig.toml, in metres: what every verb reads without further options."""
    write_detections(folder / "detections.npz", detections)
    write_rig(folder / "rig.toml", rig)


def _compare(got: str, expected: str, path: Path, where: str) -> None:
    if got != expected:
        raise IntegrityError(
            f"{path} is not the file that {where} lists: sha256 {got[:12]}…, expected {expected[:12]}…; "
            "take the commit that card.md names"
        )
