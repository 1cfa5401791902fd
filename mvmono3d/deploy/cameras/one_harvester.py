"""The one Harvester of this process.

A second one that loads the same producer sees no cameras (https://github.com/genicam/harvesters/issues/344),
and `Harvester.update` breaks every open connection: so there is one, updated once, shared by all who need it.
"""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from genicam import gentl
from harvesters.core import Device, Harvester, ParameterKey, ParameterSet

from mvmono3d.deploy.cameras.producer import producer
from mvmono3d.errors import CameraError, ConfigurationError

SIMULATED = "simulated"
_FOLDERS = "GENICAM_GENTL64_PATH"


class _Shared:
    """What this process has loaded, and how many use it."""

    harvester: Any = None
    files: tuple[str, ...] = ()
    users = 0


_SHARED = _Shared()


def take_harvester(producers: Sequence[str]) -> Any:
    """Return the Harvester, with these producers loaded; give it back when it is no longer needed.

    Args:
        producers: Paths of `.cti` files, or "simulated"; none: all in the folders of GENICAM_GENTL64_PATH.

    Raises:
        ConfigurationError: A file is not there, or no producer is named or found.
        CameraError: Another user of this process has loaded other producers.
    """
    files = producer_files(producers)
    if _SHARED.users == 0:
        _SHARED.harvester, _SHARED.files = _load(files), files
    elif not set(files) <= set(_SHARED.files):
        raise CameraError(
            f"this process uses {', '.join(_SHARED.files)} already and can't load {', '.join(files)} too: "
            "name all producers where it is opened first"
        )
    _SHARED.users += 1
    return _SHARED.harvester


def give_back_harvester() -> None:
    """Say that one user no longer needs it; the last one unloads the producers."""
    _SHARED.users -= 1
    if _SHARED.users == 0:
        _SHARED.harvester.reset()
        _SHARED.harvester = None


def producer_files(producers: Sequence[str]) -> tuple[str, ...]:
    """Return the `.cti` files that are meant; raises as `take_harvester` does."""
    named = [producer() if each == SIMULATED else Path(each) for each in producers] or _installed()
    missing = [str(path) for path in named if not path.is_file()]
    if missing or not named:
        raise ConfigurationError(
            f"GenTL producers: {', '.join(missing) or 'none named'} not found; expected paths of .cti files, "
            f'"{SIMULATED}", or the folder of the camera maker\'s .cti in {_FOLDERS}'
        )
    return tuple(str(path.resolve()) for path in named)


def _installed() -> list[Path]:
    folders = [Path(each) for each in os.environ.get(_FOLDERS, "").split(os.pathsep) if each]
    return sorted(path for folder in folders if folder.is_dir() for path in folder.glob("*.cti"))


def _load(files: Sequence[str]) -> Any:
    harvester = Harvester()
    for file in files:
        harvester.add_file(file, check_existence=True)
    harvester.update()
    return harvester


def create_acquirer(device: Any) -> Any:
    """Connect to a device of the list, without leaving harvesters' own Ctrl-C handler behind.

    Frames' chunk data are read only where somebody asks for them. A device that goes while it is connected to
    is let go: `Harvester.create` would keep it open, out of everybody's reach.
    """
    before = signal.getsignal(signal.SIGINT)
    options = ParameterSet({ParameterKey.ENABLE_AUTO_CHUNK_DATA_UPDATE: False})
    handle = Device(module=device.create_device(), parent=device.parent)
    try:
        return _SHARED.harvester._create_acquirer(device_proxy=handle, config=options)  # noqa: SLF001
    except BaseException:
        if handle.is_open():
            handle.close()
        raise
    finally:
        # It is set in the main thread only, where it would end one camera instead of the program.
        if signal.getsignal(signal.SIGINT) is not before:
            signal.signal(signal.SIGINT, before)


def destroy_acquirer(acquirer: Any, errors: tuple[type[Exception], ...]) -> None:
    """Let go of a device, lost or not, and of everything that harvesters would keep of it for ever.

    On a lost device stopping fails at its first command and is skipped the second time: the host's end of the
    streams is stopped in between, or a buffer that is being filled keeps the device open for ever.
    """
    # Finalisers of harvesters and genicam hold the objects that they wait for.
    chunks = acquirer._chunk_adapter  # noqa: SLF001
    for _ in range(2):
        try:
            acquirer.destroy()
            break
        except errors:
            _stop_streams(acquirer, errors)
    acquirers = _SHARED.harvester.image_acquirers
    if acquirer in acquirers:
        acquirers.remove(acquirer)
    acquirer._finalizer.detach()  # noqa: SLF001
    if chunks is not None:
        chunks._finalizer()  # noqa: SLF001


def _stop_streams(acquirer: Any, errors: tuple[type[Exception], ...]) -> None:
    for stream in acquirer.data_streams:
        # Of a device that is gone a producer may refuse even this.
        with suppress(*errors):
            stream.stop_acquisition(gentl.ACQ_STOP_FLAGS_LIST.ACQ_STOP_FLAGS_KILL)
