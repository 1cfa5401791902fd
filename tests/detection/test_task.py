"""Training through Lightning, as the configuration will do it."""

from functools import partial

import lightning
import pytest
import torch

from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.data.crop_cut import CropJitter
from mvmono3d.data.crop_module import CropDataModule
from mvmono3d.detection.clutter import Clutter
from mvmono3d.detection.net import JointNet
from mvmono3d.detection.photometric import Photometric
from mvmono3d.detection.task import DetectionTask
from mvmono3d.nn.schedule import warmup_cosine
from tests.data.crop_source import CropFolder

SKELETON = load_skeleton("hand21")


def _task() -> DetectionTask:
    torch.manual_seed(0)
    return DetectionTask(
        net=JointNet(skeleton=SKELETON, width=8, blocks=(1, 1, 1), size=64),
        photometric=Photometric(
            gain=0.3, gamma=0.2, lift=0.05, noise=0.03, blur_share=0.3, patch_share=0.2, patch_size=0.3
        ),
        clutter=Clutter(share=0.5, darker=0.5, brightest=0.8, dimmest=0.2),
        place_weight=0.1,
        visible_weight=0.2,
        optimiser=partial(torch.optim.AdamW, lr=1e-3),
        schedule=partial(warmup_cosine, warmup_steps=2),
        seed=0,
    )


def _fit(folder) -> tuple[DetectionTask, dict[str, float]]:
    task = _task()
    jitter = CropJitter(
        side=0.8,
        side_range=0.2,
        shift=0.05,
        turn_rad=0.5,
        upright=True,
        any_turn_share=0.1,
        mirrored_share=0.0,
    )
    data = CropDataModule(source=CropFolder(folder), size=64, jitter=jitter, batch_size=4, seed=1)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(task, datamodule=data)
    return task, {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.mark.filterwarnings(
    "ignore:.*LeafSpec:FutureWarning", "ignore:The '.*_dataloader' does not have many workers"
)
def test_a_run_logs_its_losses_and_is_the_same_with_the_same_seed(tmp_path):
    (task, metrics), (again, repeated) = _fit(tmp_path / "one"), _fit(tmp_path / "two")
    assert {"train/loss", "val/loss", "val/maps", "val/place", "val/visible", "val/error_px"} <= set(metrics)
    assert metrics == repeated
    for one, other in zip(task.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=0.0, rtol=0.0)
