"""Reads `site.yaml`, and everything that it names beside it."""

import dataclasses
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import yaml

from mvmono3d.core.resources import resource_folder
from mvmono3d.core.rig import Rig
from mvmono3d.core.rig_file import read_rig
from mvmono3d.core.schema import check_schema
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.deploy.site.complaint import complaint
from mvmono3d.deploy.site.settings import Light, Site
from mvmono3d.errors import InvalidFileError, unknown_name
from mvmono3d.pointcloud.volume import MAX_VOXELS

SITE_FILE = "site.yaml"
SHIPPED = "virtual"
"""The site that needs no hardware."""


class RigNeed(Enum):
    """What a site without a fitting calibration is good for."""

    ALWAYS = "always"
    """Nothing: joints are to be placed in space."""
    IF_NAMED = "if named"
    """Recording: it may come later, but a wrong one is worse than none."""
    NEVER = "never"
    """Recording a board, for a calibration that replaces it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSite:
    """A site, and where its files are."""

    path: Path
    site: Site
    rig: Rig | None
    """None where the site has no calibration, or none was needed."""

    def beside(self, name: str) -> Path:
        """Return a path of the file, which counts from the file's folder."""
        return self.path.parent / Path(name).expanduser()

    @property
    def rig_path(self) -> Path | None:
        """The calibration's file."""
        return None if self.site.rig is None else self.beside(self.site.rig)


def read_site(where: str | Path, *, rig: RigNeed = RigNeed.ALWAYS) -> LoadedSite:
    """Read a site by its file, its folder, or the name of one that ships.

    Args:
        where: `site.yaml`, its folder, or `virtual`.
        rig: Whether to refuse a site whose calibration is absent, or is for other cameras or another
            region; where it may be, it counts as absent.

    Raises `InvalidFileError` with file, key, what was expected, what was found and what would work.
    """
    path = site_path(where)
    site = parse_site(_content(path), where=str(path))
    load_skeleton(_beside_if_file(path, site.skeleton))
    found = LoadedSite(path=path, site=site, rig=None)
    if rig is RigNeed.NEVER or (rig is RigNeed.IF_NAMED and site.rig is None):
        return found
    return dataclasses.replace(found, rig=_rig(found))


def with_rate(loaded: LoadedSite, rate_hz: float) -> LoadedSite:
    """Return the site at another trigger rate; raises `InvalidFileError` where an exposure takes longer."""
    trigger = msgspec.structs.replace(loaded.site.trigger, rate_hz=rate_hz)
    site = msgspec.structs.replace(loaded.site, trigger=trigger)
    problem = _contradiction(site)
    if problem:
        raise InvalidFileError(f"{loaded.path} at {rate_hz:g} Hz: {problem}")
    return dataclasses.replace(loaded, site=site)


def site_path(where: str | Path) -> Path:
    """Return the file that a name, a folder or a file means."""
    path = Path(where).expanduser()
    if path.is_dir():
        path = path / SITE_FILE
    if path.is_file():
        return path
    if len(path.parts) == 1 and not path.suffix:
        shipped = sorted(
            each.parent.name for each in resource_folder("deploy", "sites").glob(f"*/{SITE_FILE}")
        )
        if str(where) in shipped:
            return resource_folder("deploy", "sites", str(where)) / SITE_FILE
        raise unknown_name("site", str(where), (*shipped, f"PATH/{SITE_FILE}"))
    raise InvalidFileError(f"no site file {path}: expected a {SITE_FILE}, its folder, or {SHIPPED!r}")


def parse_site(content: Any, *, where: str) -> Site:
    """Check what a file holds; raises `InvalidFileError` naming `where` and the key."""
    if not isinstance(content, dict):
        raise InvalidFileError(f"{where}: expected a table of keys, got {type(content).__name__}")
    check_schema(content.get("schema"), where=where)
    try:
        site = msgspec.convert(content, Site)
    except msgspec.ValidationError as error:
        raise InvalidFileError(f"{where}: {complaint(error, content)}") from None
    problem = _contradiction(site)
    if problem:
        raise InvalidFileError(f"{where}: {problem}")
    return site


def _content(path: Path) -> Any:
    try:
        return _Strict(path.read_text(encoding="utf-8")).get_single_data()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"can't read {path}: {error}") from None
    except yaml.YAMLError as error:
        raise InvalidFileError(f"{path} is not YAML: {' '.join(str(error).split())}") from None


class _Strict(yaml.SafeLoader):
    """Refuses a key that comes twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.MarkedYAMLError(problem=f"key {twice!r} comes twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep=deep)


def _contradiction(site: Site) -> str:
    for kind, values in (("name", site.names), ("serial", tuple(each.serial for each in site.cameras))):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            return f"cameras: {kind} {', '.join(twice)} comes twice, expected one {kind} per camera"
    unfit = [name for name in site.names if name != Path(name).name or name.startswith(".")]
    if unfit:
        return f"cameras: names become folders; {', '.join(unfit)} can't: use letters, digits, _ and -"
    return _light(site.light, period_us=1e6 / site.trigger.rate_hz) or _ring(site) or _cloud(site)


def _light(light: Light, *, period_us: float) -> str:
    if not light.exposure_least_us <= light.exposure_us <= light.exposure_most_us:
        return (
            f"light.exposure_us = {light.exposure_us:g}, expected between exposure_least_us = "
            f"{light.exposure_least_us:g} and exposure_most_us = {light.exposure_most_us:g} microseconds"
        )
    if light.exposure_most_us >= period_us:
        return (
            f"light.exposure_most_us = {light.exposure_most_us:g}, expected less than the trigger's period "
            f"of {period_us:.0f} microseconds (trigger.rate_hz): a trigger during an exposure is missed"
        )
    if light.gain_db > light.gain_most_db:
        return f"light.gain_db = {light.gain_db:g}, expected at most gain_most_db = {light.gain_most_db:g}"
    return ""


def _ring(site: Site) -> str:
    if site.ring.buffers < site.ring.sets:
        return f"ring.buffers = {site.ring.buffers}, expected at least ring.sets = {site.ring.sets}"
    return ""


def _cloud(site: Site) -> str:
    cloud = site.cloud
    if cloud is None:
        return ""
    if cloud.least_views > len(site.cameras):
        return f"cloud.least_views = {cloud.least_views}, expected at most the {len(site.cameras)} cameras"
    if not 1.0 <= cloud.side_m / cloud.voxel_m <= MAX_VOXELS:
        return (
            f"cloud.voxel_m = {cloud.voxel_m:g}, expected between side_m / {MAX_VOXELS} = "
            f"{cloud.side_m / MAX_VOXELS:g} and side_m = {cloud.side_m:g} metres"
        )
    return ""


def _beside_if_file(path: Path, name: str) -> str | Path:
    return path.parent / name if Path(name).suffix in {".yaml", ".yml"} else name


def _rig(found: LoadedSite) -> Rig:
    if found.rig_path is None:
        raise InvalidFileError(
            f"{found.path} names no rig: record a board (`mvmono3d record --calibration`), calibrate, and "
            f"write `rig: rig.toml`"
        )
    rig, site = read_rig(found.rig_path), found.site
    if rig.names != site.names:
        raise InvalidFileError(
            f"{found.path}: cameras are {', '.join(site.names)}, but {found.rig_path} has "
            f"{', '.join(rig.names)}; expected the same names in the same order"
        )
    size = (site.image.region.width_px, site.image.region.height_px)
    others = [name for name, (width, height) in zip(rig.names, rig.camera.size_px, strict=True)
              if (int(width), int(height)) != size]  # fmt: skip
    if others:
        raise InvalidFileError(
            f"{found.path}: image.region is {size[0]} x {size[1]} px, but {found.rig_path} was made for "
            f"another size of {', '.join(others)}; set the region it was made for, or calibrate again"
        )
    return rig
