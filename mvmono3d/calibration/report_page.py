"""A calibration's report for people: one HTML file with its pictures in it."""

import base64
import io
from html import escape

from matplotlib.figure import Figure

from mvmono3d.calibration.checks_time import offset_in_words
from mvmono3d.calibration.findings import Finding, Severity
from mvmono3d.calibration.provenance import Provenance
from mvmono3d.calibration.report_figures import (
    draw_accuracy,
    draw_coverage,
    draw_offsets,
    draw_residuals,
    draw_rig,
)
from mvmono3d.calibration.report_text import verdict
from mvmono3d.calibration.rolling_shutter import readout_in_words
from mvmono3d.calibration.sightings import BoardSightings
from mvmono3d.calibration.solution import Calibration
from mvmono3d.calibration.trusted import Judgement

_DPI = 110
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1150px;
  margin: 2em auto; padding: 0 1em; color: #222; }
.verdict { padding: .8em 1em; border-left: 6px solid #2e7d32; background: #eef6ee; font-size: 1.15em; }
.refused { border-color: #c62828; background: #fbecec; }
table { border-collapse: collapse; margin: .6em 0; }
th, td { padding: .25em .6em; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.finding { margin: .5em 0; padding-left: .8em; border-left: 4px solid #edae49; }
.finding.refuse { border-color: #c62828; }
.do { color: #555; } img { max-width: 100%; } code { word-break: break-all; }
.note { color: #555; font-size: .92em; }
"""


def report_page(judgement: Judgement, provenance: Provenance, sightings: BoardSightings) -> str:
    """Return the page: the verdict first, then why, then everything measured."""
    state = "" if judgement.accepted else " refused"
    parts = [
        f'<p class="verdict{state}">{escape(verdict(judgement))}</p>',
        *_findings(judgement),
        "<h2>Cameras</h2>",
        _cameras(judgement, sightings.cameras),
        *_pictures(judgement, sightings),
        "<h2>What it came from</h2>",
        _origin(provenance),
    ]
    head = f"<meta charset='utf-8'><title>Calibration</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>" + "\n".join(parts) + "</body></html>\n"


def embedded(figure: Figure, *, title: str) -> str:
    """Return a figure as an image element that holds its own PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(title)}" src="data:image/png;base64,{data}">'


def _findings(judgement: Judgement) -> list[str]:
    """Tell every finding with its own numbers; what to do, once for all cameras that are told alike."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for severity in Severity:
        for finding in judgement.findings:
            if finding.severity is severity:
                groups.setdefault((severity, finding.fault), []).append(finding)
    return [
        f'<div class="finding {severity}"><b>{escape(fault)}</b>: '
        + "<br>".join(escape(finding.message) for finding in group)
        + f'<br><span class="do">{escape(group[0].remedy)}</span></div>'
        for (severity, fault), group in groups.items()
    ]


def _cameras(judgement: Judgement, cameras: tuple[str, ...]) -> str:
    head = ["camera", "boards", "coverage"]
    if judgement.calibration is not None:
        head += ["lens", "RMS px", "RMS mm", "noise px", "left out", "focal px", "centre px", "turn", "place"]
    rows = [_row(judgement, view, name) for view, name in enumerate(cameras)]
    note = (
        '<p class="note">RMS: at boards that took no part in solving, as length of the residual in the image '
        "and of the 3D error of triangulated corners. noise: per axis, at boards used. Focal length, centre, "
        "turn and place of the camera with one standard deviation.</p>"
    )
    return _table(head, rows) + (note if judgement.calibration is not None else "")


def _row(judgement: Judgement, view: int, name: str) -> list[str]:
    boards = int(judgement.views.fixed[:, view].sum())
    cells = [name, str(boards), f"{100 * judgement.coverage.share[view]:.0f} %"]
    found = judgement.calibration
    if found is None:
        return cells
    sigma = found.covariance.lens_sigma[view]
    turn, place = found.covariance.pose_sigma[view]
    seen = int(found.used[:, view].sum() + found.outlier[:, view].sum())
    return [
        *cells,
        found.lens_evidence.chosen[view],
        f"{found.held_out.rms_px[view]:.2f}",
        f"{1e3 * found.held_out.rms_m[view]:.2f}",
        f"{found.sigma_px[view]:.2f}",
        f"{100 * found.outlier[:, view].sum() / max(seen, 1):.1f} %",
        f"{found.rig.camera.focal_px[view].mean():.1f} ± {sigma[:2].mean():.1f}",
        f"{found.rig.camera.centre_px[view, 0]:.1f}, {found.rig.camera.centre_px[view, 1]:.1f} "
        f"± {sigma[2:4].mean():.1f}",
        f"± {1e3 * turn:.2f} mrad",
        f"± {1e3 * place:.2f} mm",
    ]


def _pictures(judgement: Judgement, sightings: BoardSightings) -> list[str]:
    covered = embedded(draw_coverage(judgement.coverage, sightings), title="coverage")
    parts = ["<h2>Where boards reached</h2>", covered]
    found = judgement.calibration
    if found is not None:
        parts += _solved_pictures(found, sightings)
    return [*parts, *_clocks(judgement, sightings.cameras)]


def _clocks(judgement: Judgement, cameras: tuple[str, ...]) -> list[str]:
    """Tell when cameras expose: their offsets, and how long they read an image."""
    offsets, readout = judgement.offsets, judgement.readout
    if offsets is None:
        return []
    rows = []
    for view, name in enumerate(cameras):
        if offsets.judged[view]:
            read = "not known" if readout is None else readout_in_words(readout, view)
            moved = f"{offsets.moves_px[view]:.2f} px"
            rows.append([name, f"exposes {offset_in_words(offsets, view)}", moved, read])
    return [
        f"<h2>Time offsets{', taken out' if judgement.synchronised else ''}</h2>",
        embedded(draw_offsets(offsets, cameras), title="time offsets"),
        _table(["camera", "offset", "moves corners by", "reads an image in"], rows),
        _note("A global shutter exposes all rows at once: its readout is 0 within two standard deviations."),
    ]


def _solved_pictures(found: Calibration, sightings: BoardSightings) -> list[str]:
    parts = [
        "<h2>Residuals</h2>",
        _note(
            "From where the rig expects a corner to where it was seen, enlarged as said above each picture; "
            "red corners fit no rig and were left out. Arrows without order are noise; arrows that flow "
            "together are a lens or a board that isn't as assumed."
        ),
        embedded(draw_residuals(found, sightings), title="residuals"),
        "<h2>The rig</h2>",
        _note(
            "Boards in grey. Unless a pose that lay on the floor was named (--world), the world is the board "
            "that was seen best: +Z is on the cameras' side of it, which needn't be up."
        ),
        embedded(draw_rig(found, sightings), title="rig"),
        "<h2>Expected 3D error</h2>",
        _note(
            "Standard deviation in mm of one point, detected once in each camera that sees it as well as a "
            "board's corner, from noise of the pixels and of the calibration together; at three heights of "
            "the volume that boards reached. Grey: fewer than two cameras."
        ),
        embedded(draw_accuracy(found), title="expected error"),
    ]
    return [*parts, *_lens_models(found)] if found.lens_evidence.compared else parts


def _lens_models(found: Calibration) -> list[str]:
    evidence = found.lens_evidence
    rows = [
        [name, *(f"{value:.3f}" for value in evidence.held_out_px[view]), evidence.chosen[view]]
        for view, name in enumerate(found.rig.names)
    ]
    return [
        "<h2>Lens models</h2>",
        _note(
            "RMS px at boards not used, every camera with that model; chosen is the richest of its kind that "
            "none beats by 1 % and two standard errors."
        ),
        _table(["camera", *evidence.compared, "chosen"], rows),
    ]


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _origin(provenance: Provenance) -> str:
    rows = [
        ["date", provenance.date],
        ["board", provenance.board],
        [
            "temperature",
            "not given" if provenance.temperature_c is None else f"{provenance.temperature_c:g} °C",
        ],
        ["versions", ", ".join(f"{name} {version}" for name, version in provenance.versions)],
        ["files", str(len(provenance.files))],
        ["SHA-256 of all files", provenance.sha256],
    ]
    return _table(["", ""], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"
