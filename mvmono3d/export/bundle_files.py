"""A bundle's folder: it appears whole, checked the way a rig checks it, or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from mvmono3d.core.schema import atomic_write, sha256_of_file
from mvmono3d.deploy.bundle import read_bundle
from mvmono3d.deploy.detect.bundle import DetectorManifest
from mvmono3d.deploy.manifest import MANIFEST_FILE, BundleFile, BundleManifest
from mvmono3d.deploy.selftest import check_bundle
from mvmono3d.errors import InvalidFileError

Manifest = TypeVar("Manifest", BundleManifest, DetectorManifest)

SELFTEST_FILE, CARD_FILE = "selftest.npz", "MODEL_CARD.md"


def hashed(path: Path) -> BundleFile:
    """Return a file's name and SHA-256."""
    return BundleFile(name=path.name, sha256=sha256_of_file(path))


def publish(folder: Path, manifest: BundleManifest, card: str) -> BundleManifest:
    """Write model card and manifest beside graphs and self-test, and check the whole as a rig would."""
    manifest = write_texts(folder, manifest, card)
    check_bundle(read_bundle(folder))
    return manifest


def write_texts(folder: Path, manifest: Manifest, card: str) -> Manifest:
    """Write model card and manifest, which vouches for the card, and return it so."""
    _write(folder / CARD_FILE, card.encode())
    manifest = msgspec.structs.replace(manifest, card=hashed(folder / CARD_FILE))
    _write(folder / MANIFEST_FILE, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    return manifest


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder beside `folder` that takes its name when all went well, and vanishes otherwise."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidFileError(f"{folder} already exists; give --out another name, or remove it first")
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield staging
        staging.chmod(0o755)
        staging.replace(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as file:
        file.write(content)
