"""What the page says besides numbers."""

INTRODUCTION = """\
Written by `make bench-peers`. Every method gets the same 2D detections and the same calibration (the
user's, with its error), and is scored by the same code. The synthetic scenes are of people, rigs and
seeds that neither our training nor the tuning of any peer has seen; peers' settings were chosen on
training scenes of the same kind (`make tune-peers`). Our classical methods run with their defaults. Every
peer runs in an environment of its own, through its public functions.

Synthetic motion keeps bones' lengths and is smooth, which favours methods that assume so: ours and
aniposelib's. Ratios between methods of one run are the result; milliseconds belong to one machine."""

COLUMNS_EXPLAINED = """\
* **held**: mean error over all joints and frames, where a joint without an answer keeps its last one
  (before the first, it costs the actor's size). **answered**: mean error of answers alone; **missing**:
  share of joints without one. aniposelib and EKS always answer, and so does Pose2Sim when it fills with
  the last value.
* **hidden**: held error of joints that fewer than two views truly see.
* **> 10 mm**: share of joints off by more, silence included.
* **acc**: mean error of the acceleration. **bone sd**: standard deviation of a bone's length over time.
* **recovery**: frames from the end of an occlusion until the error is within twice the method's own level
  on seen joints, the median and 95th percentile of a scene, averaged over scenes. A method that is worse
  on seen joints has an easier level.
* **CPU ms**: per frame of all views, one thread, compilers warm, without reading the detections (except
  Pose2Sim, whose functions read and write files). Ours includes covariances, weights and occlusion
  states, most of what "robust" takes; the page on triangulation times points alone. **sees**: which
  frames an answer rests on."""

REAL_EXPLAINED = """\
Pose2Sim's demonstration trial: a person before four cameras, OpenPose's joints, 100 frames, no truth.
Each camera is left out in turn, and the joints found without it are projected into it: distance to its
detections, in pixels. Detections wrong in that camera count against every method alike. Each peer runs
twice: with the settings tuned on synthetic bodies, whose detections fit their calibration far better than
these do, and with its own defaults. One recording of one person is an anecdote, not a measurement."""

SUMMARY_EXPLAINED = """\
Held error in mm (see below), and ours / the best peer of that kind of scene with its 95 % interval: below
1 ours is better. The best peer looks at later frames, as the MAP smoother does; the Kalman filter doesn't."""

CALLED = """\
* **aniposelib**: `CameraGroup.optim_points` in millimetres, bones as constraints (flexible ones weak),
  started from our robust triangulation where tuning preferred that to `CameraGroup.triangulate`:
  `triangulate_ransac` takes 70 to 140 ms per frame. Our start is not in its CPU time.
* **Pose2Sim**: `triangulate_all` and `filter_all` on a project folder with OpenPose's JSON. Pixels are
  undistorted beforehand, because with its own `undistort_points` it compares undistorted pixels with
  distorted projections. Its filter drops the last frame; the unfiltered answer stands there. Installed
  without OpenSim, OpenVINO, PySide6, rtmlib and caliscope, which these two functions never import.
* **EKS**: `ensemble_kalman_smoother_multicam` with calibrated cameras; the answer is its 3D latent. Its
  variances come from an ensemble of detectors; with one detector it takes 1 / likelihood (`variance`
  own), and tuning could also choose a standard deviation that grows as the score falls (score). It does
  not know missing detections: they are interpolated in their view with its largest variance. Where its
  inflation of variances fails, it runs without. What it compiles anew at every call is part of its time.
* **pycolmap**: `estimate_triangulation`, LO-RANSAC on the reprojection error, joint by joint.

The values tried and their errors lie in `tests/benchmarks/peers/tuned/`."""
