"""One step written out is the unit's own step."""

import torch

from mvmono3d.nn.recurrent import Memory


def test_step_by_step_remembers_what_a_whole_sequence_remembers():
    torch.manual_seed(0)
    memory = Memory(5)
    sequences, hidden = torch.randn(3, 7, 5), torch.randn(1, 3, 5)
    whole, last = memory(sequences, hidden)
    for time in range(7):
        step, hidden = memory(sequences[:, time : time + 1], hidden)
        torch.testing.assert_close(step[:, 0], whole[:, time])
    torch.testing.assert_close(hidden, last)
