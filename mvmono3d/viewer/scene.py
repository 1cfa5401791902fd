"""The 3D scene: cameras, actors, region of interest, point cloud."""

from collections.abc import Callable

import numpy as np
import trimesh
import viser
from jaxtyping import Float, UInt8
from viser import TransformControlsEvent

from mvmono3d.core.rig import Rig
from mvmono3d.deploy.server.messages import Box, Cloud, Point
from mvmono3d.deploy.server.pose_frame import ActorPose, PoseFrame
from mvmono3d.viewer.shapes import (
    bone_length_m,
    bone_segments,
    box_edges,
    ellipsoids,
    frusta,
    hide,
    joint_colours,
    quaternions_wxyz,
)

_FAR_BACK = 2.4
_FIELD_RAD = 0.75
_BOX_RGB = (70, 130, 180)
_CAMERA_SHARE = 0.08
"""Size of a camera, of its distance from the actor."""


class _ActorNodes:
    """What one actor looks like; made once, then changed in place."""

    def __init__(self, scene: viser.SceneApi, actor: ActorPose, parents: list[int]) -> None:
        self._parents = parents
        self._size_m = bone_length_m(actor, parents)
        ball = trimesh.creation.icosphere(subdivisions=2)
        still = np.tile(quaternions_wxyz(np.eye(3)[None]), (len(actor.source), 1))
        root, points = f"/actors/{actor.actor}", actor.points_world
        ends, colours = bone_segments(actor, parents)
        self._bones = scene.add_line_segments(f"{root}/bones", ends, colours, thickness=0.12 * self._size_m)
        self._joints = scene.add_batched_meshes_simple(
            f"{root}/joints", ball.vertices, ball.faces, still, points,
            batched_scales=np.full(len(points), 0.1 * self._size_m), batched_colors=joint_colours(actor),
            lod="off",
        )  # fmt: skip
        self._regions = scene.add_batched_meshes_simple(
            f"{root}/regions", ball.vertices, ball.faces, still, points,
            batched_scales=np.ones((len(points), 3)), batched_colors=joint_colours(actor),
            opacity=0.25, cast_shadow=False, receive_shadow=False, lod="off",
        )  # fmt: skip
        self.show(actor)

    def show(self, actor: ActorPose) -> None:
        colours = joint_colours(actor)
        self._bones.points, self._bones.colors = _float32(bone_segments(actor, self._parents))
        self._joints.batched_positions = actor.points_world.astype(np.float32)
        self._joints.batched_scales = hide(np.full(len(colours), 0.1 * self._size_m), actor.present).astype(
            np.float32
        )
        self._joints.batched_colors = colours
        regions = ellipsoids(actor, least_m=0.02 * self._size_m)
        self._regions.batched_positions = regions.position.astype(np.float32)
        self._regions.batched_wxyzs = regions.wxyz.astype(np.float32)
        self._regions.batched_scales = regions.radius_m.astype(np.float32)
        self._regions.batched_colors = colours

    def set_visible(self, *, bones: bool, regions: bool) -> None:
        self._bones.visible = self._joints.visible = bones
        self._regions.visible = bones and regions


def _float32(segments: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return segments[0].astype(np.float32), segments[1]


class PoseScene:
    """Draws poses on a viser server."""

    def __init__(self, server: viser.ViserServer, parents: list[int]) -> None:
        self.server, self._scene, self._parents = server, server.scene, parents
        self._actors: dict[int, _ActorNodes] = {}
        self._frusta: list[viser.CameraFrustumHandle] = []
        self._box: viser.LineSegmentsHandle | None = None
        self._cloud: viser.PointCloudHandle | None = None
        self.regions = True
        self._scene.set_up_direction("+z")
        self._scene.world_axes.visible = False
        # Shadows tell nothing here, and cost most of the time where a processor draws.
        self._scene.configure_default_lights(cast_shadow=False)

    def add_cameras(self, rig: Rig, *, aim_world: Float[np.ndarray, " 3"]) -> None:
        """Draw the cameras, in a size that suits their distance from what they look at."""
        for camera in frusta(rig):
            scale = _CAMERA_SHARE * float(np.linalg.norm(camera.position - aim_world))
            self._frusta.append(
                self._scene.add_camera_frustum(
                    f"/cameras/{camera.name}", fov=camera.fov_rad, aspect=camera.aspect, scale=scale,
                    thickness=0.012 * scale, color=(70, 70, 70), wxyz=camera.wxyz, position=camera.position,
                )
            )  # fmt: skip
            self._scene.add_label(f"/cameras/{camera.name}/name", camera.name)

    def look_at(self, aim_world: Float[np.ndarray, " 3"], *, extent_m: float) -> None:
        """Begin in front of what is seen, with a floor below it."""
        start = self.server.initial_camera
        start.position = aim_world + _FAR_BACK * extent_m * np.array([0.6, -0.7, 0.45])
        start.look_at = aim_world
        start.fov = _FIELD_RAD
        self._scene.add_grid(
            "/floor", width=8 * extent_m, height=8 * extent_m, cell_size=extent_m / 4, section_size=extent_m,
            position=(*aim_world[:2], aim_world[2] - 0.8 * extent_m),
        )  # fmt: skip

    def show(self, frame: PoseFrame) -> None:
        """Draw an answer; actors that are gone disappear."""
        with self.server.atomic():
            for actor in frame.actors:
                if actor.actor in self._actors:
                    self._actors[actor.actor].show(actor)
                else:
                    self._actors[actor.actor] = _ActorNodes(self._scene, actor, self._parents)
            seen = {actor.actor for actor in frame.actors}
            for number, nodes in self._actors.items():
                nodes.set_visible(bones=number in seen, regions=self.regions)

    def show_image(self, view: int, image: UInt8[np.ndarray, "height width"]) -> None:
        """Draw what a camera sees into its frustum."""
        self._frusta[view].image = np.repeat(image[:, :, None], 3, axis=2)

    def show_cloud(self, cloud: Cloud) -> None:
        """Draw the point cloud."""
        steps = np.frombuffer(cloud.points, dtype="<u2").reshape(-1, 3)
        points = (np.array(cloud.origin) + cloud.step_m * steps).astype(np.float32)
        self._cloud = self._scene.add_point_cloud("/cloud", points, (90, 90, 90), point_size=0.002)

    def add_region(self, region: Box, *, moved: Callable[[Box], None] | None) -> None:
        """Draw the region of interest; where `moved` is given, with handles to drag it."""
        if self._box is not None:
            return
        if moved is None:
            self._box = self._draw_box("/region", region.size, position=region.center)
            return
        handle = self._scene.add_transform_controls(
            "/region", scale=0.6 * max(region.size), disable_rotations=True, position=region.center
        )
        self._box = self._draw_box("/region/box", region.size, position=(0.0, 0.0, 0.0))

        @handle.on_update
        def _(event: TransformControlsEvent) -> None:
            if event.phase == "end":
                x, y, z = (float(value) for value in event.target.position)
                moved(Box(center=(x, y, z), size=region.size))

    def _draw_box(self, name: str, size: Point, *, position: Point) -> viser.LineSegmentsHandle:
        return self._scene.add_line_segments(
            name, box_edges(size), _BOX_RGB, thickness=2.0, thickness_units="screen", position=position
        )


def extent_of(frame: PoseFrame) -> tuple[Float[np.ndarray, " 3"], float]:
    """Return the middle of what an answer shows, and how large it is, at least a hand's breadth."""
    points = [actor.points_world[actor.present] for actor in frame.actors if actor.present.any()]
    if not points:
        return np.zeros(3), 0.3
    joined = np.concatenate(points)
    middle = np.median(joined, axis=0)
    return middle, max(0.1, float(np.quantile(np.linalg.norm(joined - middle, axis=1), 0.9)) * 2)
