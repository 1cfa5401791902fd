"""The region of interest: a box in the scene, with handles to drag it and a field for its size."""

from collections.abc import Callable

import viser
from viser import TransformControlsEvent

from mvmono3d.deploy.server.messages import Box, Point
from mvmono3d.viewer.shapes import box_edges

_RGB = (70, 130, 180)
_LEAST_M, _STEP_M = (0.01, 0.01, 0.01), 0.01
_HANDLE_SHARE = 0.45
"""Length of the handles, of the longest side."""


class RegionControl:
    """Shows the rig's region; where orders are allowed, changes it."""

    def __init__(
        self, server: viser.ViserServer, *, proposal: Box, ordered: Callable[[Box], None] | None
    ) -> None:
        """Show nothing until a region is set.

        Args:
            server: where it is drawn.
            proposal: what is dragged where the rig has no region yet.
            ordered: told of every change by hand; `None`: nobody may change it.
        """
        self._box, self._ordered = proposal, ordered
        self._edit: viser.GuiCheckboxHandle | None = None
        self._size: viser.GuiVector3Handle | None = None
        self._known, self._given = False, False
        self._root = server.scene.add_transform_controls(
            "/region", scale=_HANDLE_SHARE * max(proposal.size), line_width=3.0, disable_rotations=True,
            disable_sliders=True, depth_test=False, position=proposal.center, visible=False,
        )  # fmt: skip
        # Beside the handles, not below them: they stay when those are hidden.
        self.lines = server.scene.add_line_segments(
            "/region_box", box_edges(proposal.size), _RGB, thickness=2.0, thickness_units="screen",
            position=proposal.center, visible=False,
        )  # fmt: skip
        if ordered is not None:
            self._add_controls(server.gui)

    def follow(self, region: Box | None) -> None:
        """Show the region as the rig has it, unless it is being moved by hand."""
        self._known = region is not None
        if region is not None and region != self._box and not self._given:
            self._take(region)
            if self._size is not None:
                self._size.value = region.size
        self._given = self._given and region != self._box
        self.lines.visible = self._known or self._editing

    def refused(self) -> None:
        """Show again what the rig has: it did not take the change."""
        self._given = False

    @property
    def _editing(self) -> bool:
        return self._edit is not None and self._edit.value

    def _add_controls(self, gui: viser.GuiApi) -> None:
        with gui.add_folder("Region of interest"):
            edit = gui.add_checkbox("move it", initial_value=False)
            size = gui.add_vector3("size, m", self._box.size, min=_LEAST_M, step=_STEP_M, visible=False)
        self._edit, self._size = edit, size
        edit.on_update(lambda _: self._show_handles())
        size.on_update(lambda event: None if event.client is None else self.order(size=size.value))
        self._root.on_update(self._moved)

    def _show_handles(self) -> None:
        if self._size is not None:
            self._root.visible = self._size.visible = self._editing
        self.lines.visible = self._known or self._editing

    def _moved(self, event: TransformControlsEvent) -> None:
        x, y, z = (float(value) for value in event.target.position)
        self.lines.position = (x, y, z)
        self._given = True
        if event.phase == "end":
            self.order(center=(x, y, z))

    def order(self, *, center: Point | None = None, size: Point | None = None) -> None:
        """Ask for another middle or size, in metres."""
        self._take(Box(center=center or self._box.center, size=size or self._box.size))
        self._given = True
        if self._ordered is not None:
            self._ordered(self._box)

    def _take(self, region: Box) -> None:
        self._box = region
        self.lines.points, self.lines.position = box_edges(region.size).astype("float32"), region.center
        self._root.position = region.center
