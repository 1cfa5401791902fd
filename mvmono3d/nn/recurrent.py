"""Memory over time."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Memory(nn.GRU):
    """A gated recurrent unit (Cho et al., 2014) that writes out a single step.

    Engines are slow at recurrent nodes; one step of one is two products of matrices and its gates.
    """

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, width: int) -> None:
        super().__init__(width, width, batch_first=True)

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, sequences: Float[Tensor, "batch time width"], hidden: Float[Tensor, "1 batch width"]
    ) -> tuple[Float[Tensor, "batch time width"], Float[Tensor, "1 batch width"]]:
        """Return what is remembered after each time, and after the last one."""
        if sequences.shape[1] > 1:
            return super().forward(sequences, hidden)
        after = self._step(sequences[:, 0], hidden[0])
        return after[:, None], after[None]

    def _step(self, entering: Tensor, hidden: Tensor) -> Tensor:
        entering = nn.functional.linear(entering, self.weight_ih_l0, self.bias_ih_l0)
        kept = nn.functional.linear(hidden, self.weight_hh_l0, self.bias_hh_l0)
        width = self.hidden_size
        gates = torch.sigmoid(entering[:, : 2 * width] + kept[:, : 2 * width])
        reset, update = gates[:, :width], gates[:, width:]
        candidate = torch.tanh(entering[:, 2 * width :] + reset * kept[:, 2 * width :])
        return candidate + update * (hidden - candidate)
