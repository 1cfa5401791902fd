"""What is tried to give each peer its best settings: stages, each a list of changes to the best so far."""

from itertools import product


def combine(**values):
    """Return every combination as changes: combine(a=(1, 2), b=(3,)) is [{a: 1, b: 3}, {a: 2, b: 3}]."""
    return [dict(zip(values, each, strict=True)) for each in product(*values.values())]


_EKS_BY_SCORE = {"variance": "score", "sigma_px": 4.0}
STAGES = {
    "pycolmap": [
        combine(max_error_px=(3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)),
        combine(least_confidence=(0.0, 0.2, 0.4, 0.6), min_angle_deg=(0.0, 3.0)),
        combine(least_confidence=(0.5, 0.7, 0.8)),
    ],
    "Pose2Sim": [
        combine(likelihood_threshold=(0.1, 0.3, 0.5), reproj_error_threshold=(4.0, 8.0, 15.0, 30.0)),
        [{"min_cameras": 3}, *combine(interp_gap=(20, 60, 10_000), fill=("last_value", "nan"))],
        [*combine(cut_off_hz=(4.0, 8.0, 10.0)), {"reject_outliers": False}],
        [
            *combine(filter=("acc_minimizing",), cut_off_hz=(6.0, 10.0)),
            {"filter": "gcv_spline"},
            {"handle_swap": True},
        ],
        [*combine(likelihood_threshold=(0.4, 0.6, 0.7)), {"reproj_error_threshold": 11.0}],
        [*combine(reproj_error_threshold=(2.5, 6.0)), {"cut_off_hz": 3.0}],
    ],
    "aniposelib": [
        [*combine(n_deriv_smooth=(1, 2), scale_smooth=(1.0, 4.0, 10.0)), {"n_deriv_smooth": 3}],
        combine(scale_length=(1.0, 2.0, 6.0), reproj_error_threshold=(5.0, 15.0)),
        [{"scores": True}, {"least_confidence": 0.3}, {"scores": True, "least_confidence": 0.3}],
        [*combine(scale_smooth=(2.0, 20.0)), {"start": "linear"}],
        [{"scale_length": 15.0}, {"least_confidence": 0.5}, {"reproj_error_threshold": 3.0}],
        combine(reproj_error_threshold=(1.0, 2.0)),
        [
            {"reproj_error_threshold": 0.5},
            {"scale_smooth": 1.0},
            {"scale_smooth": 5.0},
            {"scale_length": 3.0},
        ],
    ],
    "EKS": [
        [{}, {"smooth_per_px2": 0.05}],
        [_EKS_BY_SCORE | each for each in combine(smooth_per_px2=(0.005, 0.03, 0.2), inflate=(False, True))],
        [{"sigma_px": 1.5}, {"doubt": 1.0}, {"doubt": 10.0}],
        [{"least_confidence": 0.4}, *combine(smooth_per_px2=(0.015, 0.08))],
    ],
}
