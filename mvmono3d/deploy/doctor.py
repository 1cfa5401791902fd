"""Examine this installation, or the rig of a site: a line each, and what to do about the red ones."""

import argparse
import importlib.metadata
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mvmono3d.deploy.finding import Finding

_PACKAGES = ("mvmono3d", "numpy", "scipy", "numba", "onnxruntime", "msgspec", "h5py")
_TRAINING = ("torch", "lightning", "hydra-core", "onnx", "wandb")
_FREE_GB = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "--rig", metavar="SITE", help="examine the rig of this site instead: site.yaml or a name"
    )
    parser.add_argument(
        "--seconds", type=float, default=3.0, metavar="S", help="that its cameras run (default 3)"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where its recordings would go (default: here)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the report; returns 1 when anything is wrong."""
    out = Console(highlight=False, soft_wrap=True)
    count = wrong = 0
    for finding in examine() if arguments.rig is None else _examine_rig(arguments):
        mark = "[green]ok [/green]" if finding.healthy else "[red]BAD[/red]"
        out.print(f"{mark} {escape(finding.subject)}: {escape(finding.state)}")
        if finding.remedy:
            out.print(f"    → {escape(finding.remedy)}")
        count, wrong = count + 1, wrong + (not finding.healthy)
    out.print(f"{wrong} of {count} checks failed" if wrong else f"all {count} checks passed")
    return 1 if wrong else 0


def _examine_rig(arguments: argparse.Namespace) -> Iterator[Finding]:
    # A rig needs packages that an installation without cameras may lack.
    from mvmono3d.deploy.rig_doctor.examine import examine_rig
    from mvmono3d.deploy.site.site_file import RigNeed, read_site

    loaded = read_site(arguments.rig, rig=RigNeed.NEVER)
    return examine_rig(loaded, folder=arguments.folder, seconds=arguments.seconds)


def examine() -> tuple[Finding, ...]:
    """Look at this machine; nothing is changed and nothing heavy is imported."""
    checks: tuple[Callable[[], Finding], ...] = (
        _python, _packages, _training, _opencv, _onnxruntime, _gpu, _numba_cache, _skeletons, _disk,
    )  # fmt: skip
    return tuple(check() for check in checks)


def _python() -> Finding:
    state = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Finding(subject="python", state=state)


def version_of(package: str) -> str | None:
    """Return the installed version of a package without importing it."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _versions(packages: tuple[str, ...]) -> str:
    return ", ".join(f"{package} {version_of(package) or 'absent'}" for package in packages)


def _packages() -> Finding:
    missing = [package for package in _PACKAGES if version_of(package) is None]
    remedy = f"pip install {' '.join(missing)}" if missing else ""
    return Finding(subject="runtime", state=_versions(_PACKAGES), healthy=not missing, remedy=remedy)


def _training() -> Finding:
    if version_of("torch") is None:
        return Finding(subject="training", state="not installed (pip install 'mvmono3d[train]' adds it)")
    if version_of("torchvision") is not None:
        return Finding(
            subject="training",
            state=f"torchvision {version_of('torchvision')} beside torch {version_of('torch')}",
            healthy=False,
            remedy="pip uninstall torchvision: nothing here needs it, and most of its wheels break torch",
        )
    return Finding(subject="training", state=_versions(_TRAINING))


def _opencv() -> Finding:
    wheels = sorted(
        f"{wheel.metadata['Name']} {wheel.version}"
        for wheel in importlib.metadata.distributions()
        if (wheel.metadata["Name"] or "").lower().startswith("opencv")
    )
    return judge_opencv(tuple(wheels))


def judge_opencv(wheels: tuple[str, ...]) -> Finding:
    """Say whether these OpenCV wheels can live together: only one can, they overwrite each other's files."""
    if len(wheels) == 1:
        return Finding(subject="opencv", state=wheels[0])
    names = " ".join(wheel.split()[0] for wheel in wheels)
    repair = "pip install --force-reinstall opencv-python-headless"
    return Finding(
        subject="opencv",
        state=f"{len(wheels)} wheels: {', '.join(wheels) or 'none'}; expected exactly one",
        healthy=False,
        remedy=f"pip uninstall -y {names} && {repair}" if wheels else repair,
    )


def _onnxruntime() -> Finding:
    if version_of("onnxruntime") and version_of("onnxruntime-gpu"):
        return Finding(
            subject="onnxruntime",
            state="onnxruntime and onnxruntime-gpu overwrite each other's files",
            healthy=False,
            remedy="pip uninstall -y onnxruntime onnxruntime-gpu && pip install one of them",
        )
    try:
        import onnxruntime
    except ImportError as error:
        remedy = "pip install --force-reinstall onnxruntime"
        return Finding(
            subject="onnxruntime", state=f"can't be imported: {error}", healthy=False, remedy=remedy
        )
    providers = onnxruntime.get_available_providers()  # pyright: ignore[reportAttributeAccessIssue]
    return Finding(subject="onnxruntime", state=f"providers {', '.join(providers)}")


def _gpu() -> Finding:
    found = shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia/version").exists()
    return Finding(subject="gpu", state="NVIDIA driver present" if found else "none (not needed)")


def _numba_cache() -> Finding:
    # Numba writes beside the source, or to NUMBA_CACHE_DIR, or to the user's cache folder.
    package = Path(__file__).resolve().parents[1]
    user = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "numba"
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    candidates = (Path(chosen),) if chosen else (package, user)
    for folder in candidates:
        if _writable(folder):
            return Finding(subject="compiled kernels", state=f"cached below {folder}")
    return Finding(
        subject="compiled kernels",
        state=f"no folder to cache them in: {', '.join(map(str, candidates))}",
        healthy=False,
        remedy="set NUMBA_CACHE_DIR to a folder that you can write, or every start compiles again",
    )


def _writable(folder: Path) -> bool:
    while not folder.exists():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _skeletons() -> Finding:
    from mvmono3d.core.skeleton_file import skeleton_names
    from mvmono3d.errors import MVMono3DError

    try:
        names = skeleton_names()
    except MVMono3DError as error:
        return Finding(subject="skeletons", state=str(error), healthy=False, remedy="reinstall mvmono3d")
    return Finding(subject="skeletons", state=", ".join(names))


def _disk() -> Finding:
    free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    state = f"{free_gb:.0f} GB free in this folder"
    if free_gb < _FREE_GB:
        return Finding(
            subject="disk", state=state, healthy=False, remedy=f"make room: {_FREE_GB:.0f} GB or more"
        )
    return Finding(subject="disk", state=state)
