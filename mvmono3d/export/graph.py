"""The reconstructor as a graph of plain tensors: one set of frames in, state in, state out."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mvmono3d.export.network import GraphNetwork, GraphOutputs
from mvmono3d.nn.evidence import Frames
from mvmono3d.pipeline.reconstructor import Reconstructor
from mvmono3d.pipeline.state import pack, unpack


class SingleFrame(GraphNetwork):
    """A reconstructor over a clip of one frame, for a number of views.

    The state that goes in and out is the difference from the reconstructor's start, so that whoever
    runs the graph starts with zeros and needs to know nothing else.
    """

    def __init__(self, reconstructor: Reconstructor, *, views: int) -> None:
        super().__init__()
        self.reconstructor = reconstructor
        self.views, self.joints = views, len(reconstructor.skeleton.joints)
        with torch.no_grad():
            start = reconstructor.start(batch=1, views=views)
            self.state_size = pack(start, start=start).shape[1]

    def forward(
        self,
        pixels: Float[Tensor, "view joint 2"],
        confidence: Float[Tensor, "view joint"],
        detected: Bool[Tensor, "view joint"],
        view_mask: Bool[Tensor, " view"],
        lens: Float[Tensor, "view 10"],
        camera_from_world: Float[Tensor, "view 3 4"],
        pose_sigma: Float[Tensor, "view 2"],
        time_step_s: Float[Tensor, ""],
        state: Float[Tensor, " state"],
    ) -> GraphOutputs:
        """Reconstruct one set of frames."""
        frames = Frames(
            pixels=pixels[None, None],
            confidence=confidence[None, None],
            detected=detected[None, None],
            lens=lens[None, None],
            camera_from_world=camera_from_world[None, None],
            pose_sigma=pose_sigma[None, None],
            view_mask=view_mask[None, None],
            time_step_s=time_step_s[None, None],
        )
        start = self.reconstructor.start(batch=1, views=self.views)
        before = unpack(state[None], start=start)
        answer, _, after = self.reconstructor(self.reconstructor.gather(frames), before)
        return GraphOutputs(*(value[0, 0] for value in answer), next_state=pack(after, start=start)[0])
