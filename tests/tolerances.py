"""Tolerances of tests, with the reason each is as large as it is."""

EXACT = 1e-12
"""Closed forms in float64."""
ITERATED = 1e-9
"""Fixed numbers of Newton steps in float64."""
UNDISTORTED = 5e-9
"""Six steps of undistortion in the far corners of strong, decentred lenses, normalised."""
FLOAT32_M = 2e-6
"""Positions in float32 at metres from the cameras: a few units of rounding times the condition."""
ONNX_M = 1e-5
"""onnxruntime against torch, float32, metres: other order of summation."""
PIXEL = 1e-6
"""Two implementations of one projection, float64, px."""
ONNX_WEAK_M = 1e-4
"""The same along the ray of a joint that one view and a prior of decimetres fix."""
