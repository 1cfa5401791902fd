"""Features: what they measure, and what they must not depend on."""

from dataclasses import replace

import torch

from mvmono3d.core.skeleton import Skeleton
from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.geometry.rigid import camera_centres
from mvmono3d.nn.clearance import Clearance
from mvmono3d.nn.evidence import Evidence, Frames
from mvmono3d.nn.features import FEATURES
from mvmono3d.nn.held_features import HeldFeatures
from tests.learned import SKELETON, clip, frames_for, small_reconstructor


def looked_at(frames: Frames) -> torch.Tensor:
    reconstructor = small_reconstructor()
    evidence = reconstructor.gather(frames)
    features = HeldFeatures(skeleton=reconstructor.skeleton)
    return features.of_recording(evidence, unit_m=reconstructor.units.unit_m).features


def column(features: torch.Tensor, name: str) -> torch.Tensor:
    return features[..., FEATURES.index(name)]


def test_features_are_finite_and_bounded_even_with_nothing_detected():
    frames = frames_for(clip(0))
    for detected in (frames.detected, torch.zeros_like(frames.detected)):
        features = looked_at(frames._replace(detected=detected))
        assert torch.isfinite(features).all()
        assert features.abs().max() < 20


def test_an_outlier_view_shows_in_its_own_residual():
    frames = frames_for(clip(0))
    moved = frames._replace(pixels=frames.pixels.clone())
    moved.pixels[:, :, 1, 8] += 150.0
    before, after = (column(looked_at(each), "left_out_residual")[:, :, 1, 8] for each in (frames, moved))
    seen = frames.detected[:, :, 1, 8]
    assert (after - before)[seen].mean() > 0.5


def test_clearance_agrees_with_dense_sampling_of_the_sight_line():
    skeleton = load_skeleton(SKELETON)
    reconstructor = small_reconstructor()
    evidence: Evidence = reconstructor.gather(frames_for(clip(0)))
    unit_m = reconstructor.units.unit_m
    points, pose = evidence.points[0, 5], evidence.frames.camera_from_world[0, 5]
    clearance = Clearance(skeleton=skeleton)
    found = clearance(points, camera_from_world=pose, unit_m=unit_m)
    centres = camera_centres(pose)
    along = torch.linspace(0, 1, 2000)[:, None]
    for view in range(4):
        for joint in (4, 8, 20):
            sight = centres[view] + along * (points[joint] - centres[view])
            gaps = []
            for bone, (parent, child) in enumerate(skeleton.bones):
                if not clearance.foreign[joint, bone]:
                    continue
                radius = clearance.radius_m[bone] / unit_m
                flesh = points[parent] + torch.linspace(0, 1, 200)[:, None] * (points[child] - points[parent])
                gap = torch.cdist(sight, flesh).amin(1)
                # Flesh within one radius of the joint doesn't count.
                before = (sight - points[joint]).norm(dim=-1) > radius
                gaps.append((gap[before].amin() - radius).clamp(-1, 1))
            dense = torch.stack(gaps).amin()
            # Both say blocked, or both say free, unless it is a close call.
            if abs(float(dense)) > 0.02:
                assert (found[view, joint] < 0) == (dense < 0)


def test_the_next_bone_of_a_chain_hides_and_flesh_between_any_joints_does():
    tree = {"name": "arm", "joints": ("shoulder", "elbow", "wrist", "hip"), "parents": (-1, 0, 1, 0)}
    plain = Skeleton(
        mirror=(0, 1, 2, 3), flexible=(False,) * 4, torso=(0,), radius_m=(0.0, 0.05, 0.05, 0.0), **tree
    )
    # The forearm is folded up in front of the shoulder; the camera looks along +Z from z = -2.
    points = torch.tensor([[0.0, 0.0, 0.0], [0.0, -0.3, 0.0], [0.0, 0.3, -0.2], [0.5, 0.0, 0.5]])
    pose = torch.eye(3, 4)[None].clone()
    pose[0, 2, 3] = 2.0
    fleshy = replace(plain, flesh=((1, 2, 0.6),))
    found, wide = (
        Clearance(skeleton=each)(points, camera_from_world=pose, unit_m=torch.tensor(1.0))[0]
        for each in (plain, fleshy)
    )
    assert found[0] < 0
    assert (found[1:] > 0).all()
    assert wide[3] < 0
