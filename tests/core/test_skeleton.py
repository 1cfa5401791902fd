import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvmono3d.core.skeleton import FrameKind, Skeleton
from mvmono3d.core.skeleton_file import load_skeleton, parse_skeleton, skeleton_names
from mvmono3d.errors import InvalidFileError, InvalidRecordError, UnknownNameError

SIZES = {"hand21": 21, "body17": 17, "body25": 25, "body25b": 25, "halpe26": 26}


def make(parents, **changes):
    count = len(parents)
    values = {
        "name": "made",
        "joints": tuple(f"joint_{joint}" for joint in range(count)),
        "parents": tuple(parents),
        "mirror": tuple(range(count)),
        "flexible": (False,) * count,
        "torso": (0,),
    }
    return Skeleton(**(values | changes))


@given(st.lists(st.integers(min_value=0), min_size=1, max_size=30), st.randoms())
def test_every_joint_comes_after_its_parent_however_they_are_listed(draws, random):
    parents = [-1] + [draw % (place + 1) for place, draw in enumerate(draws)]
    names = list(range(len(parents)))
    random.shuffle(names)
    shuffled = [-1] * len(parents)
    for joint, parent in enumerate(parents):
        shuffled[names[joint]] = names[parent] if parent >= 0 else -1
    skeleton = make(shuffled)
    place = {joint: index for index, joint in enumerate(skeleton.order)}
    assert sorted(skeleton.order) == list(range(len(parents)))
    assert all(place[parent] < place[child] for parent, child in skeleton.bones)
    assert skeleton.order[0] == skeleton.root


def test_a_tree_has_one_bone_less_than_joints():
    for name in skeleton_names():
        skeleton = load_skeleton(name)
        assert len(skeleton.bones) == len(skeleton.joints) - 1


@pytest.mark.parametrize(("name", "joints"), SIZES.items())
def test_the_named_skeletons_ship(name, joints):
    skeleton = load_skeleton(name)
    assert skeleton.name == name
    assert len(skeleton.joints) == joints


@pytest.mark.parametrize("name", skeleton_names())
def test_mirroring_twice_is_identity_and_swaps_left_and_right(name):
    skeleton = load_skeleton(name)
    for joint, partner in enumerate(skeleton.mirror):
        assert skeleton.mirror[partner] == joint
        if "left" in skeleton.joints[joint]:
            assert skeleton.joints[partner] == skeleton.joints[joint].replace("left", "right")


@pytest.mark.parametrize("name", skeleton_names())
def test_a_skeleton_is_hashable_and_its_hash_is_stable(name):
    assert load_skeleton(name) == load_skeleton(name)
    assert hash(load_skeleton(name)) == hash(load_skeleton(name))
    assert load_skeleton(name).hash == load_skeleton(name).hash


def test_hashes_tell_skeletons_apart():
    assert len({load_skeleton(name).hash for name in skeleton_names()}) == len(skeleton_names())


@pytest.mark.parametrize(
    ("parents", "changes", "message"),
    [
        ([-1, 2, 1], {}, "parents form a loop at joint_1, joint_2"),
        ([-1, -1], {}, "2 joints without parent"),
        ([1, 0], {}, "0 joints without parent"),
        ([-1, 0], {"joints": ("a", "a")}, "names repeat"),
        ([-1, 0], {"mirror": (0, 0)}, "mirror is not its own inverse"),
        ([-1, 0], {"flexible": (True,)}, "1 flexible for 2 joints"),
        ([-1, 0], {"rest_m": ((0.0, 0.0, 0.0),)}, "1 rest_m for 2 joints"),
        ([-1, 0], {"flesh": ((0, 2, 0.1),)}, "flesh between joints that don't exist"),
    ],
)
def test_what_is_no_tree_is_refused(parents, changes, message):
    with pytest.raises(InvalidRecordError, match=message):
        make(parents, **changes)


def test_a_users_yaml_is_read(tmp_path):
    path = tmp_path / "fish.yaml"
    path.write_text(
        "name: fish\ntorso: [spine]\nframe: {kind: heading, lateral: [left_fin, right_fin]}\n"
        "flesh: [[left_fin, right_fin, 0.004]]\njoints:\n"
        "  spine: {parent: null, radius_m: 0.02}\n  left_fin: {parent: spine}\n"
        "  right_fin: {parent: spine, flexible: true}\n"
    )
    fish = load_skeleton(path)
    assert fish.joints == ("spine", "left_fin", "right_fin")
    assert fish.mirror == (0, 2, 1)
    assert fish.flexible == (False, False, True)
    assert fish.radius_m == (0.02, 0.01, 0.01)
    assert fish.flesh == ((1, 2, 0.004),)
    assert fish.rest_m is None
    assert fish.frame is not None
    assert fish.frame.kind is FrameKind.HEADING
    assert fish.index("right_fin") == 2
    with pytest.raises(UnknownNameError, match=r"no joint 'left_fan' .*did you mean 'left_fin'\?"):
        fish.index("left_fan")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"name": "x"}, "expected the keys"),
        ([1, 2], "expected the keys"),
        ({"joints": {"a": {"parent": None}}, "colour": 1}, "no key 'colour'"),
        ({"joints": {"a": {"parant": None}}}, r"no key 'parant' in here, joint 'a'; did you mean 'parent'"),
        ({"joints": {"a": {}, "b": {"parent": "c"}}}, "no joint 'c'"),
        ({"joints": {"a": {}}, "flesh": [["a", "c", 0.1]]}, "no joint 'c'"),
        ({"joints": {"a": {}}, "flesh": [["a", 0.1]]}, "here: not enough values"),
        ({"joints": {"a": {"parent": "b"}, "b": {"parent": "a"}}}, "0 joints without parent"),
        (
            {"joints": {"a": {"rest_m": [0, 0, 0]}, "b": {"parent": "a"}}},
            "rest_m is given for some .* not for b",
        ),
        ({"joints": {"a": {}}, "frame": {"kind": "sideways", "lateral": ["a", "a"]}}, "sideways"),
        ({"joints": {"a": {}}, "frame": {"kind": "full", "lateral": ["a", "a"]}}, "needs 'forward"),
    ],
)
def test_a_yaml_with_a_mistake_is_refused(content, message):
    with pytest.raises((InvalidFileError, UnknownNameError), match=message):
        parse_skeleton(content, where="here")


def test_skeletons_that_do_not_exist_name_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'body25b'"):
        load_skeleton("body25bb")
    with pytest.raises(InvalidFileError, match="can't read skeleton"):
        load_skeleton(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(InvalidFileError, match="is not YAML"):
        load_skeleton(tmp_path / "bad.yaml")
