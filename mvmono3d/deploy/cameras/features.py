"""A camera's GenICam features: the standard's names, with those from before it where a camera is older."""

from collections.abc import Sequence
from typing import Any

from genicam import gentl
from genicam.genapi import EAccessMode
from genicam.genapi import GenericException as GenApiError

from mvmono3d.deploy.cameras.records import Difference

NODE_ERRORS = (GenApiError, gentl.GenericException)
"""What a node access raises: the feature refuses, or the camera is gone."""

NAMES = {
    "serial": ("DeviceSerialNumber", "DeviceID"),
    "firmware": ("DeviceFirmwareVersion", "DeviceVersion"),
    "temperature_c": ("DeviceTemperature", "DeviceTemperatureRaw"),
    "exposure_us": ("ExposureTime", "ExposureTimeAbs"),
    "gain_db": ("Gain", "GainAbs"),
    "rate_hz": ("AcquisitionFrameRate", "AcquisitionFrameRateAbs"),
    "rate_enable": ("AcquisitionFrameRateEnable", "AcquisitionFrameRateEnabled"),
    "fastest_hz": ("ResultingFrameRate", "AcquisitionResultingFrameRate", "ResultingFrameRateAbs"),
    "latch": ("TimestampLatch", "GevTimestampControlLatch"),
    "latched": ("TimestampLatchValue", "GevTimestampValue"),
    "ticks_hz": ("GevTimestampTickFrequency", "TimestampTickFrequency"),
    "ptp_enable": ("PtpEnable", "GevIEEE1588", "PtpMode"),
    "ptp_latch": ("PtpDataSetLatch", "GevIEEE1588DataSetLatch"),
    "ptp_status": ("PtpStatus", "GevIEEE1588Status"),
    "ptp_offset_ns": ("PtpOffsetFromMaster", "GevIEEE1588OffsetFromMaster"),
    "packet_bytes": ("GevSCPSPacketSize", "DeviceStreamChannelPacketSize"),
    "link_bytes_s": ("DeviceLinkThroughputLimit", "DeviceLinkThroughputLimitValue"),
    "overlap": ("TriggerOverlap",),
}
_READABLE = (EAccessMode.RO, EAccessMode.RW)
_WRITABLE = (EAccessMode.WO, EAccessMode.RW)
_NOT_AVAILABLE = "not available"


class Features:
    """Reads and writes features of one camera by our names (`NAMES`) or by their own."""

    __slots__ = ("_found", "_nodes")

    def __init__(self, node_map: Any) -> None:
        self._nodes = node_map
        self._found: dict[str, Any] = {}

    def find(self, name: str) -> Any | None:
        """Return the first node of this name that the camera has; None if it has none."""
        if name not in self._found:
            owned = (each for each in NAMES.get(name, (name,)) if self._nodes.has_node(each))
            first = next(owned, None)
            self._found[name] = None if first is None else self._nodes.get_node(first)
        return self._found[name]

    def read(self, name: str) -> Any | None:
        """Return a value; None where there is no such feature, or not now.

        Raises one of `NODE_ERRORS` if the camera does not answer.
        """
        node = self.find(name)
        return node.value if node is not None and node.get_access_mode() in _READABLE else None

    def execute(self, name: str) -> bool:
        """Run a command; returns whether there is one. Raises as `read` does."""
        node = self.find(name)
        if node is None or node.get_access_mode() not in _WRITABLE:
            return False
        node.execute()
        return True

    def choose(self, name: str, wanted: Sequence[str]) -> bool:
        """Set a choice to the first of these that it knows; returns whether it knows one."""
        node = self.find(name)
        if node is None or node.get_access_mode() not in _WRITABLE:
            return False
        choice = next((each for each in wanted if each in node.symbolics), None)
        if choice is not None and node.value != choice:
            node.value = choice
        return choice is not None

    def write(self, name: str, value: bool | int | float | str) -> Any | None:
        """Set a feature, numbers to the nearest that is allowed; returns what it is then, None without it.

        A feature that refuses keeps its value; that it is another one is for the reader to see.
        """
        node = self.find(name)
        if node is None or node.get_access_mode() not in _READABLE:
            return None
        if node.get_access_mode() in _WRITABLE and node.value != value:
            try:
                node.value = value if isinstance(value, bool | str) else _allowed(node, value)
            except (GenApiError, TypeError):
                return node.value
        return node.value


def _allowed(node: Any, value: float) -> float:
    """Return the nearest number that a numeric feature takes."""
    value = min(max(value, node.min), node.max)
    if isinstance(node.value, int):
        step = node.inc or 1
        return int(node.min + (value - node.min) // step * step)
    return float(value)


class Report:
    """Sets features one after the other and remembers which did not become what was asked."""

    __slots__ = ("differences", "features")

    def __init__(self, features: Features) -> None:
        self.features = features
        self.differences: list[Difference] = []

    def set(self, name: str, value: bool | int | float | str, *, within: float = 0.0) -> Any | None:
        """Set a feature; a number may differ by `within`. Returns what it is then."""
        got = self.features.write(name, value)
        near = isinstance(got, int | float) and isinstance(value, int | float)
        if got != value and not (near and abs(float(got or 0) - float(value)) <= within):
            self.note(name, asked=value, got=got)
        return got

    def choose(self, name: str, wanted: Sequence[str], *, needed: bool = True) -> bool:
        """Set a choice to the first of these that it knows."""
        done = self.features.choose(name, wanted)
        if needed and not done:
            self.note(name, asked=" or ".join(wanted), got=self.features.read(name))
        return done

    def note(self, name: str, *, asked: object, got: object) -> None:
        """Remember a difference."""
        text = _NOT_AVAILABLE if got is None else str(got)
        self.differences.append(Difference(setting=name, asked=str(asked), got=text))
