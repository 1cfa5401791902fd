"""The sentences of the page."""

INTRODUCTION = """\
Written by `make bench-calibration`: what `mvmono3d calibrate` and `check-rig` reach, beside OpenCV and
aniposelib on the same corners, on rigs with known truth and on real boards. Every number is in the CSV
beside this page; a run that was cut off goes on where it stopped, and what wasn't run yet says so."""

BARS = """\
Brackets hold the least and the largest of single rigs for errors and ratios, and the 95 % bootstrap
interval for shares. A ratio is of mean errors, ours over the peer's setting that did best on these very
rigs. `middle`, `full` and `anipose` are the three kinds of synthetic rigs below; bar 3 is about `middle`.
CPU time stands for 30 s on two cores: the machine did other work meanwhile."""

PEERS = """\
4 cameras of 1280 x 1024 px, 40 poses of a board, 0.2 px of noise per axis. Each method gets the same corners
and no start. The error is of 40 other boards, their corners seen without noise and triangulated by the same
code with each rig: RMS distance from the truth after one rigid transform. Scale is not aligned, the board
fixes it. `lines of sight` is the turn of the rays through those corners, lens and pose together, in the world
laid on the true one; `axes` and `position` are of each camera as another sees it, where a shift of a lens's
centre and a turn of its camera, which look alike, count separately. Absolute values of scale.

* **ours** is what the verb does with corners, defaults: checks, lens models compared, one robust
  adjustment, boards left out five times, covariances; all of it is in its time. **lens known** is told the
  model, as the peers are.
* **OpenCV chain**: `calibrateCamera` of each camera with up to 300 iterations to 1e-12, on all poses with 8
  corners or more; `stereoCalibrate` with lenses held from camera to camera along the pairs that share most
  corners. Three lens models; the best counts. **calibrateMultiview** is OpenCV 5's joint adjustment,
  started from those lenses.
* **aniposelib** `CameraGroup.calibrate_rows` with a ChArUco board in millimetres. Its cameras have one focal
  length, k1 (`extra_dist`: k2) and a centre that stays where it starts. As anipose calls it; to the end:
  afterwards all corners once more (its rounds take samples) by its `bundle_adjust`, linear loss, as noise is
  Gaussian, ftol 1e-10, up to 1000 steps; from OpenCV's lenses instead of its own; and with all of
  OpenCV's lens held, poses alone being adjusted. The best of these counts."""

WORLDS = {
    "middle": "Boards in the middle (`middle`): lenses with fx, fy, centre and five coefficients",
    "full": "Boards out to the corners of every image (`full`): fx, fy, centre, k1 k2, some p1 p2",
    "anipose": "Cameras that are exactly aniposelib's (`anipose`): one focal length, k1, a true centre",
}

NOISE = """\
The same rigs with 0.3 px of noise, ours. `axes, stated` is what the covariance of the solution expects
of `axes`: where it agrees, the corners hold no more about how a lens's centre and a camera's turn divide, and
only boards that fill the images would; what the camera measures is told by the lines of sight."""

UNCERTAINTY = """\
Rigs of the kind `middle`, each with other lenses, poses and noise of 0.2 px: how many of the stated 95 %
intervals (1.96 standard deviations) hold the truth. Only what doesn't depend on the choice of the world
counts: lenses, and the pose of each camera as each other sees it, with the covariance of the pair. `lens
chosen` is the verb, which compares lens models; a coefficient that the chosen model holds at 0 states
certainty, so that it counts as missed. `lens known` leaves no choice. Of a rig, numbers are correlated:
brackets of the bars are over rigs."""

REAL = """\
mouse_4mono: 14 poses before 4 cameras; the error is of corners of boards that took no part in solving,
against the board's geometry; those of the shipped rig are of all boards. caliscope's webcams are not
triggered: offsets are found from the board's motion and taken out; the error is of all distances between
corners of a board that two cameras or more saw (median), scale not aligned. corner_mm: boards left out."""

SETS = """\
`python -m tests.benchmarks.calibration_sets`: bad sets have one mistake each, good ones are 15 to 60 poses
tilted by up to 40°, filling the images, 0.1 to 0.5 px of noise, 10 to 50 % of the corners hidden, 2 to 8
cameras. Solved with the lens model pinhole2 alone."""

GUARD = """\
`python -m tests.benchmarks.guard_table`: four cameras, a body of 25 joints at 60 Hz, 1 px bias per joint and
view, 5 % outliers, 20 % missing. A camera turns about a random axis after ten true seconds; flagged and named
within the next ten. With a baseline, a minute of motion while the rig was true; without one, ten seconds
of the turned rig are all there is, and only what no detector gets wrong is flagged."""
