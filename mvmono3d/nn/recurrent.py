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
        sizes = [2 * self.hidden_size, self.hidden_size]
        (gates, new), (kept_gates, kept_new) = entering.split(sizes, dim=1), kept.split(sizes, dim=1)
        reset, update = torch.sigmoid(gates + kept_gates).chunk(2, dim=1)
        candidate = torch.tanh(new + reset * kept_new)
        return candidate + update * (hidden - candidate)
