"""The 3D scene: cameras, actors, point cloud."""

import numpy as np
import viser
from jaxtyping import Float, UInt8

from mvmono3d.core.rig import Rig
from mvmono3d.deploy.server.cloud_points import cloud_points
from mvmono3d.deploy.server.messages import Cloud
from mvmono3d.deploy.server.pose_frame import ActorPose, PoseFrame
from mvmono3d.viewer.outlook import FIELD_RAD, outlook
from mvmono3d.viewer.shapes import (
    as_light,
    ball,
    bone_length_m,
    bone_segments,
    ellipsoids,
    frusta,
    hide,
    joint_colours,
    quaternions_wxyz,
)

_CAMERA_SHARE = 0.14
"""Size of a camera, of its distance from the actor."""
_BONE_SHARE, _JOINT_SHARE = 0.17, 0.14
"""Thickness of a bone and radius of a joint, of a bone's length."""
CLOUD_RGB = (120, 160, 190)
_DOT_STEPS = 400.0
"""Diameter of a point of the cloud, in its steps: a 160th of the cube."""
_CLOUD_LASTS_NS = 2_000_000_000


class _ActorNodes:
    """What one actor looks like; made once, then changed in place."""

    def __init__(self, scene: viser.SceneApi, actor: ActorPose, parents: list[int]) -> None:
        self._parents = parents
        self._size_m = bone_length_m(actor, parents)
        corners, faces = ball()
        still = np.tile(quaternions_wxyz(np.eye(3)[None]), (len(actor.source), 1))
        root, points = f"/actors/{actor.actor}", actor.points_world
        ends, colours = bone_segments(actor, parents)
        self._bones = scene.add_line_segments(
            f"{root}/bones", ends, colours, thickness=_BONE_SHARE * self._size_m
        )
        self._joints = scene.add_batched_meshes_simple(
            f"{root}/joints", corners, faces, still, points,
            batched_scales=np.ones(len(points)), batched_colors=joint_colours(actor), lod="off",
        )  # fmt: skip
        self._ellipsoids = scene.add_batched_meshes_simple(
            f"{root}/ellipsoids", corners, faces, still, points,
            batched_scales=np.ones((len(points), 3)), batched_colors=joint_colours(actor),
            opacity=0.22, cast_shadow=False, receive_shadow=False, lod="off",
        )  # fmt: skip
        self.show(actor)

    def show(self, actor: ActorPose) -> None:
        colours = as_light(joint_colours(actor))
        ends, of_bones = bone_segments(actor, self._parents)
        self._bones.points, self._bones.colors = ends.astype(np.float32), as_light(of_bones)
        radius = np.full(len(colours), _JOINT_SHARE * self._size_m)
        self._joints.batched_positions = actor.points_world.astype(np.float32)
        self._joints.batched_scales = hide(radius, actor.present).astype(np.float32)
        self._joints.batched_colors = colours
        shapes = ellipsoids(actor, least_m=0.02 * self._size_m)
        self._ellipsoids.batched_positions = shapes.position.astype(np.float32)
        self._ellipsoids.batched_wxyzs = shapes.wxyz.astype(np.float32)
        self._ellipsoids.batched_scales = shapes.radius_m.astype(np.float32)
        self._ellipsoids.batched_colors = colours

    def show_ellipsoids(self, wanted: bool, /) -> None:
        self._ellipsoids.visible = wanted

    def remove(self) -> None:
        for node in (self._bones, self._joints, self._ellipsoids):
            node.remove()


class PoseScene:
    """Draws poses on a viser server."""

    def __init__(self, server: viser.ViserServer, parents: list[int]) -> None:
        self.server, self._scene, self._parents = server, server.scene, parents
        self._actors: dict[int, _ActorNodes] = {}
        self._frusta: list[viser.CameraFrustumHandle] = []
        self._cloud: viser.PointCloudHandle | None = None
        self._cloud_ns = 0
        self.ellipsoids = True
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

    def look_at(self, aim_world: Float[np.ndarray, " 3"], *, extent_m: float, rig: Rig | None) -> None:
        """Begin in front of what is seen, with a floor below it."""
        view, start = outlook(aim_world, extent_m=extent_m, rig=rig), self.server.initial_camera
        start.position, start.look_at, start.fov = view.position, view.aim, FIELD_RAD
        side = 2.0 * max(4.0 * extent_m, float(np.linalg.norm((view.position - view.aim)[:2])))
        self._scene.add_grid(
            "/floor", width=side, height=side, cell_size=extent_m / 2, section_size=2 * extent_m,
            cell_color=(232, 232, 232), section_color=(205, 205, 205),
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
            for gone in self._actors.keys() - {actor.actor for actor in frame.actors}:
                self._actors.pop(gone).remove()
            for nodes in self._actors.values():
                nodes.show_ellipsoids(self.ellipsoids)
            if self._cloud is not None:
                # Where none comes any more, the last one would stand there for ever.
                self._cloud.visible = frame.time_ns - self._cloud_ns < _CLOUD_LASTS_NS

    def show_image(self, view: int, image: UInt8[np.ndarray, "height width 3"]) -> None:
        """Draw what a camera sees into its frustum."""
        self._frusta[view].image = image

    def show_cloud(self, cloud: Cloud) -> None:
        """Draw the point cloud."""
        points = cloud_points(cloud).astype(np.float32)
        self._cloud_ns = cloud.t_ns
        self._cloud = self._scene.add_point_cloud(
            "/cloud", points, CLOUD_RGB, point_size=_DOT_STEPS * cloud.step_m, point_shape="circle"
        )


def extent_of(frame: PoseFrame) -> tuple[Float[np.ndarray, " 3"], float]:
    """Return the middle of what an answer shows, and how large it is, at least a hand's breadth."""
    points = [actor.points_world[actor.present] for actor in frame.actors if actor.present.any()]
    if not points:
        return np.zeros(3), 0.3
    joined = np.concatenate(points)
    middle = np.median(joined, axis=0)
    return middle, max(0.1, float(np.quantile(np.linalg.norm(joined - middle, axis=1), 0.9)) * 2)
