from dataclasses import replace

import cv2
import numpy as np
import pytest

from mvmono3d.core.rig_file import read_rig, write_rig
from mvmono3d.errors import InvalidFileError
from mvmono3d.formats.any_rig import read_any_rig, write_anipose
from mvmono3d.formats.colmap import read_colmap, write_colmap
from mvmono3d.formats.kalibr import read_kalibr, write_kalibr
from mvmono3d.formats.opencv_rig import read_opencv, write_opencv
from tests.recordings import ring, see

EXACT = 1e-9


def mixed_rig():
    """Three pinhole lenses and a fisheye, all numbers different."""
    rig, views = ring(4), np.arange(4)[:, None]
    camera = replace(
        rig.camera,
        focal_px=rig.camera.focal_px + [[0.1, 7.3]] * (1 + views),
        centre_px=rig.camera.centre_px + [[1 / 3, -2 / 7]] * (1 + views),
        distortion=np.where(views == 3, [[-0.02, 0.003, 1e-4, -1e-5, 0.0]], rig.camera.distortion),
        fisheye=np.array([False, False, False, True]),
        size_px=rig.camera.size_px - 2 * views,
    )
    return replace(rig, camera=camera)


def with_k3(rig):
    distortion = rig.camera.distortion.copy()
    distortion[0, 4] = -0.01
    return replace(rig, camera=replace(rig.camera, distortion=distortion))


def same(read, rig, *, world=True):
    assert read.names == rig.names
    np.testing.assert_allclose(read.camera.lens, rig.camera.lens, rtol=0, atol=EXACT)
    np.testing.assert_array_equal(read.camera.size_px, rig.camera.size_px)
    if world:
        np.testing.assert_allclose(read.camera_from_world, rig.camera_from_world, rtol=0, atol=EXACT)


def test_opencv_files_are_read_as_they_were_written(tmp_path):
    rig = with_k3(mixed_rig())
    write_opencv(tmp_path / "rig.yml", rig)
    same(read_opencv(tmp_path / "rig.yml"), rig)
    same(read_any_rig(tmp_path / "rig.yml"), rig)


def test_opencv_itself_reads_what_was_written(tmp_path):
    rig = mixed_rig()
    write_opencv(tmp_path / "rig.yml", rig)
    storage = cv2.FileStorage(str(tmp_path / "rig.yml"), cv2.FILE_STORAGE_READ)
    for view, name in enumerate(rig.names):
        np.testing.assert_array_equal(
            storage.getNode(f"Rot_{name}").mat(), rig.camera_from_world[view, :, :3]
        )
        np.testing.assert_array_equal(
            np.ravel(storage.getNode(f"T_{name}").mat()), rig.camera_from_world[view, :, 3]
        )
        assert storage.getNode(f"W_{name}").real() == rig.camera.size_px[view, 0]
    storage.release()


@pytest.mark.parametrize("header", ["%YAML:1.0", "%YAML 1.2"])
def test_stereo_files_of_opencv_are_read(header, tmp_path):
    rig = ring(2)
    path = tmp_path / "stereo.yml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    second = rig.camera_from_world[1]
    for view in range(2):
        fx, fy, cx, cy = rig.camera.lens[view, :4]
        storage.write(f"M{view + 1}", np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]))
        storage.write(f"D{view + 1}", rig.camera.distortion[view])
    storage.write("R", np.ascontiguousarray(second[:, :3]))
    storage.write("T", np.ascontiguousarray(second[:, 3:]))
    storage.write("image_width", int(rig.camera.size_px[0, 0]))
    storage.write("image_height", int(rig.camera.size_px[0, 1]))
    storage.release()
    text = path.read_text()
    path.write_text(header + text[text.index("\n") :])
    read = read_opencv(path)
    np.testing.assert_allclose(read.camera.lens, rig.camera.lens, atol=EXACT)
    np.testing.assert_allclose(read.camera_from_world[1], second, atol=EXACT)
    np.testing.assert_array_equal(read.camera_from_world[0], np.eye(4)[:3])


def test_kalibr_keeps_lenses_and_the_poses_between_cameras(tmp_path):
    rig = mixed_rig()
    write_kalibr(tmp_path / "camchain.yaml", rig)
    read = read_kalibr(tmp_path / "camchain.yaml")
    same(read, rig, world=False)
    same(read_any_rig(tmp_path / "camchain.yaml"), rig, world=False)
    between = [
        square(poses)[1:] @ np.linalg.inv(square(poses)[0])
        for poses in (read.camera_from_world, rig.camera_from_world)
    ]
    np.testing.assert_allclose(between[0], between[1], atol=EXACT)


def square(poses):
    return np.concatenate([poses, np.tile([[[0.0, 0.0, 0.0, 1.0]]], (len(poses), 1, 1))], axis=1)


def test_kalibr_refuses_the_third_radial_coefficient(tmp_path):
    with pytest.raises(InvalidFileError, match=r"k3 = -0\.01"):
        write_kalibr(tmp_path / "camchain.yaml", with_k3(mixed_rig()))


def test_colmap_folders_are_read_as_they_were_written(tmp_path):
    rig = with_k3(mixed_rig())
    write_colmap(tmp_path, rig)
    same(read_colmap(tmp_path), rig)
    same(read_any_rig(tmp_path), rig)


def test_colmap_counts_pixels_from_the_corner(tmp_path):
    write_colmap(tmp_path, ring(2))
    cx = float((tmp_path / "cameras.txt").read_text().split()[6])
    assert cx == ring(2).camera.centre_px[0, 0] + 0.5


@pytest.mark.parametrize(
    ("model", "values", "distortion"),
    [
        ("SIMPLE_PINHOLE", "500 320 240", [0, 0, 0, 0, 0]),
        ("SIMPLE_RADIAL", "500 320 240 0.1", [0.1, 0, 0, 0, 0]),
        ("RADIAL", "500 320 240 0.1 0.2", [0.1, 0.2, 0, 0, 0]),
        ("RADIAL_FISHEYE", "500 320 240 0.1 0.2", [0.1, 0.2, 0, 0, 0]),
        ("FULL_OPENCV", "500 500 320 240 .1 .2 .3 .4 .5 0 0 0", [0.1, 0.2, 0.3, 0.4, 0.5]),
    ],
)
def test_colmaps_smaller_lenses_are_exact(tmp_path, model, values, distortion):
    (tmp_path / "cameras.txt").write_text(f"# comment\n1 {model} 640 480 {values}\n")
    (tmp_path / "images.txt").write_text("1 1 0 0 0 0 0 0 1 a.png\n\n2 1 0 0 0 1 0 0 1 b.png\n3 4 5\n")
    read = read_colmap(tmp_path)
    assert read.names == ("a", "b")
    np.testing.assert_allclose(read.camera.distortion, [distortion] * 2)
    np.testing.assert_allclose(read.camera.focal_px, 500.0)
    assert read.camera.fisheye.all() == model.endswith("FISHEYE")


def test_anipose_files_are_millimetres(tmp_path):
    rig = replace(mixed_rig(), metadata=(("note", "kept"),))
    write_anipose(tmp_path / "calibration.toml", rig)
    same(read_rig(tmp_path / "calibration.toml", units="mm"), rig)
    raw = read_rig(tmp_path / "calibration.toml")
    np.testing.assert_allclose(raw.camera_from_world[..., 3], 1e3 * rig.camera_from_world[..., 3])


def test_pose2sim_files_are_metres(tmp_path):
    rig = mixed_rig()
    write_rig(tmp_path / "Calib.toml", rig)
    same(read_any_rig(tmp_path / "Calib.toml"), rig)


def test_a_rig_that_went_through_files_projects_the_same(tmp_path):
    rig = ring(4)
    points = np.random.default_rng(0).normal([0.0, 0.0, 1.0], 0.3, size=(20, 3))
    write_colmap(tmp_path, rig)
    write_opencv(tmp_path / "rig.yml", read_colmap(tmp_path))
    read = read_opencv(tmp_path / "rig.yml")
    for view in range(4):
        np.testing.assert_allclose(see(points, read, view), see(points, rig, view), atol=1e-6)


def changed(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("%YAML:1.0", "%YAML:1.0\n[", "line"),
        ("names:", "nothing:", "neither 'names'"),
        ("K_cam_01", "L_cam_01", "camera 'cam_01': no matrix 'K_cam_01'"),
        ("W_cam_02: 1278", "X: 1", "camera 'cam_02': no image size"),
        ("rows: 1\n   cols: 5", "rows: 1\n   cols: 6", "line"),
        ("cols: 5", "cols: 5\n   more: 0", None),
        ("data: [ ", "data: [ .nan, ", "matrix of shape"),
    ],
)
def test_broken_opencv_files_are_refused(old, new, message, tmp_path):
    path = tmp_path / "rig.yml"
    write_opencv(path, mixed_rig())
    changed(path, old, new)
    if message is None:
        same(read_opencv(path), mixed_rig())
        return
    with pytest.raises(InvalidFileError, match=message) as refusal:
        read_any_rig(path)
    assert str(path) in str(refusal.value)


def test_a_rational_lens_of_opencv_is_refused(tmp_path):
    path = tmp_path / "rig.yml"
    write_opencv(path, mixed_rig())
    changed(
        path,
        "rows: 1\n   cols: 5\n   dt: d\n   data: [ ",
        "rows: 1\n   cols: 8\n   dt: d\n   data: [ 1., 1., 1., ",
    )
    with pytest.raises(InvalidFileError, match="CALIB_RATIONAL_MODEL"):
        read_opencv(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("cam0:", "cam0: [", "not YAML"),
        ("camera_model: pinhole", "camera_model: omni", "cam0: camera_model 'omni'"),
        ("distortion_model: radtan", "distortion_model: fov", "cam0: distortion_model 'fov'"),
        ("intrinsics:", "intrinsic:", "cam0: no 'intrinsics'"),
        ("T_cn_cnm1:", "T_other:", "cam1: T_cn_cnm1"),
        ("- 1280\n", "- wide\n", "resolution"),
    ],
)
def test_broken_kalibr_files_are_refused_with_camera_and_field(old, new, message, tmp_path):
    path = tmp_path / "camchain.yaml"
    write_kalibr(path, mixed_rig())
    changed(path, old, new)
    with pytest.raises(InvalidFileError, match=message) as refusal:
        read_any_rig(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("cameras.txt", "OPENCV", "THIN_PRISM_FISHEYE", "line 1: camera model"),
        ("cameras.txt", "OPENCV 1280", "OPENCV", "line 1: 7 parameters"),
        ("cameras.txt", "1280", "wide", "are not numbers"),
        ("images.txt", " 1 cam_01.png", " 9 cam_01.png", "line 1: no camera '9'"),
        ("images.txt", " cam_01.png", "", "line 1: 9 fields"),
        ("images.txt", "cam_01", "cam_02", "repeat"),
    ],
)
def test_broken_colmap_files_are_refused_with_the_line(file, old, new, message, tmp_path):
    write_colmap(tmp_path, mixed_rig())
    changed(tmp_path / file, old, new)
    with pytest.raises(InvalidFileError, match=message) as refusal:
        read_any_rig(tmp_path)
    assert str(tmp_path) in str(refusal.value)


def test_colmaps_rational_lens_is_refused(tmp_path):
    (tmp_path / "cameras.txt").write_text("1 FULL_OPENCV 640 480 500 500 320 240 0 0 0 0 0 0 0.2 0\n")
    (tmp_path / "images.txt").write_text("")
    with pytest.raises(InvalidFileError, match=r"k5 = 0\.2"):
        read_colmap(tmp_path)


@pytest.mark.parametrize("name", ["none.yml", "none.toml", "none.txt", "none"])
def test_a_missing_rig_is_refused(name, tmp_path):
    with pytest.raises(InvalidFileError):
        read_any_rig(tmp_path / name)
