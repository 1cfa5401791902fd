"""Train the occlusion part alone, about the held consensus of each joint."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from mvmono3d.core.clip import Clip
from mvmono3d.nn.held_features import HeldFeatures
from mvmono3d.nn.lesson import Lesson
from mvmono3d.nn.lesson_task import LessonTask
from mvmono3d.nn.linearise import pixel_variance, shifted_residual
from mvmono3d.nn.masking import MaskSettings
from mvmono3d.nn.target import TargetMaker
from mvmono3d.nn.units import Units
from mvmono3d.occlusion.loss import noise_loss, state_loss
from mvmono3d.occlusion.net import OcclusionNet


class OcclusionTask(LessonTask):
    """Learn states and measurement noise."""

    def __init__(
        self,
        *,
        net: OcclusionNet,
        units: Units,
        target: TargetMaker,
        mask: MaskSettings,
        noise_weight: float,
        optimiser: Callable[..., Any],
        schedule: Callable[..., Any],
        seed: int,
    ) -> None:
        super().__init__(target=target, mask=mask, optimiser=optimiser, schedule=schedule, seed=seed)
        self.net, self.own_units = net, units
        self.features = HeldFeatures(skeleton=units.skeleton)
        self.noise_weight = noise_weight

    @property
    def units(self) -> Units:
        """Those that this part is trained in."""
        return self.own_units

    def judge(self, lesson: Lesson, batch: Clip) -> dict[str, Tensor]:
        """Classify every measurement of a clip and say how noisy it is."""
        seen = self.features.of_recording(lesson.evidence, unit_m=self.units.unit_m)
        clips, _, views, joints = seen.linearised.usable.shape
        logits, log_sigma, _ = self.net(
            seen.features,
            view_mask=lesson.evidence.frames.view_mask,
            hidden=self.net.start(batch=clips, views=views, joints=joints),
        )
        target = lesson.target
        states = state_loss(logits, target.states, labelled=target.labelled)
        noise = noise_loss(
            shifted_residual(seen.linearised, target.points - seen.held.points),
            log_sigma,
            known=seen.linearised.usable & target.reliable[..., None, :],
            target_variance=pixel_variance(seen.linearised, target.variance),
        )
        right = (logits.argmax(-1) == target.states)[target.labelled].float().mean()
        total = states + self.noise_weight * noise
        return {"loss": total, "states": states, "noise": noise, "accuracy": right}
