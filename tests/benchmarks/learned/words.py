"""The sentences of the page."""

INTRODUCTION = """\
Written by `make bench-learned`: released bundles (`deploy/models/SKELETON`), run frame by frame with the
runtime of the rig, beside the robust triangulation and a Kalman filter with bones on the same detections.
Every synthetic scene shows a person or hand, a motion and a rig of the test split: no training has seen any
of them. Which layouts and which motion a bundle was trained on is in its model card; the synthetic world's
default draws ring, arc, corners and random rigs, so that layouts of bar 3 are new rigs, but new *kinds*
of rigs only for a bundle whose training left those layouts out."""

BARS_EXPLAINED = """\
Mean errors are **held** errors: a joint without an answer keeps its last one (and costs the actor's size
before the first), so that silence gains nothing. Hidden joints are those that fewer than two views truly
see. Changes are in percent of the baseline's error, -25 being a quarter less. Intervals are 95 % bootstrap
intervals over whole scenes, methods drawn together; over blocks of ten neighbouring frames on real
recordings, which are one sequence each. Bar 5 counts silence as off; a joint is *lost without saying so*
where for ten frames in a row its answer is farther off than 10 mm and outside the 99.9 % region that it
states itself, or is not a number. Bar 9 asks for none: every stress row with two, three, four or more
agreeing views, and every sequence under every row, counts if the mean error of joints that both answer is
above the robust triangulation's at all. Bar 12 is what other commands measured; brackets of experiments
span their seeds."""

TABLES_EXPLAINED = """\
answers: mean error of what was answered; held, hidden: as above; missing: no answer, and it says so; near,
far: answers farther off than that; recovery: frames after six or more hidden ones until the error is below
far; occluded F1: hidden by actor or object against visible; in 95 %: truths inside the stated region, of
all answers, of hidden joints, and after ten unseen frames (late); unaware: answers farther off than far and
outside their own 99.9 % region; ms: CPU time per set of frames, all Python included. Disturbances are
explained in [how to stress](../how-to/stress.md)."""

REAL_EXPLAINED = """\
Without truth the recording judges: each camera in turn is left out, and the joints found without it are
projected there. Only detections above confidence 0.3 are asked for. Medians and 90 % are over detections
that both the method and robust predict; `predicted` says how many a method predicts at all. Bone sd is the
standard deviation of a bone's length over time, from all cameras, over frames where robust answers too.
Detections have errors of their own, which no method can predict. `mouse15` learned from the first 70 % of
mouse_4mono, without labels: methods run over all of it, and its last 36 frames alone are scored."""
