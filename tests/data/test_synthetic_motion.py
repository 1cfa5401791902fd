from mvmono3d.core.skeleton_file import load_skeleton
from mvmono3d.data.synthetic import SyntheticClips
from mvmono3d.synthetic.presets import preset
from tests.synthetic.captured import write_made_motion


def folder(cache, motion, *, share=0.5):
    return SyntheticClips(
        skeleton=load_skeleton("body17"),
        world=preset("realistic", skeleton="body17", motion_file=str(motion), motion_share=share),
        scenes={"train": 1, "val": 1, "test": 1},
        scene_frames=16,
        window_frames=8,
        stride_frames=8,
        rates_hz=[60.0],
        seed=0,
        cache=cache,
    ).folder


def test_clips_are_named_by_what_the_motion_file_holds_not_by_where_it_lies(tmp_path):
    one, copy, other = (tmp_path / name for name in ("one.npz", "copy.npz", "other.npz"))
    write_made_motion(one, seconds=1.0)
    copy.write_bytes(one.read_bytes())
    write_made_motion(other, seconds=1.5)
    assert folder(tmp_path, one) == folder(tmp_path, copy) != folder(tmp_path, other)
    assert folder(tmp_path, one, share=0.0) == folder(tmp_path, other, share=0.0) != folder(tmp_path, one)
    assert folder(tmp_path, one, share=0.2) != folder(tmp_path, one)
