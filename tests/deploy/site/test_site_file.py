"""A site file is read whole, or refused with the key, what was expected and what was found."""

import copy
from collections.abc import Iterator

import msgspec
import pytest
import yaml
from msgspec import inspect

from mvmono3d.deploy.site.settings import Site, Virtual
from mvmono3d.deploy.site.site_file import RigNeed, parse_site, read_site, site_path
from mvmono3d.errors import InvalidFileError, UnknownNameError
from tests.contracts.repository import ROOT

LEAST = {
    "schema": 1,
    "name": "lab",
    "backend": {"kind": "virtual"},
    "cameras": [{"name": "a", "serial": "S1"}, {"name": "b", "serial": "S2"}],
    "image": {"region": {"width_px": 640, "height_px": 400}},
    "trigger": {"rate_hz": 60},
}


def with_changes(changes: dict) -> dict:
    content = copy.deepcopy(LEAST)
    for key, value in changes.items():
        *path, last = key.split(".")
        table = content
        for step in path:
            table = table.setdefault(step, {})
        table[last] = value
    return content


def test_every_site_that_ships_is_read():
    assert read_site("virtual").rig is not None
    example = read_site(ROOT / "deploy/sites/example", rig=RigNeed.IF_NAMED)
    assert example.site.names == ("cam0", "cam1", "cam2", "cam3")


def test_a_folder_a_file_and_a_name_are_the_same_site():
    folder = ROOT / "deploy/sites/virtual"
    assert site_path(folder) == site_path(folder / "site.yaml") == site_path("virtual")


def _keys(here: inspect.Type, path: str = "") -> Iterator[tuple[str, object]]:
    structs = [
        each
        for each in (here.types if isinstance(here, inspect.UnionType) else (here,))
        if isinstance(each, inspect.StructType)
    ]
    for struct in structs:
        for field in struct.fields:
            yield f"{path}{field.name}", field.default
            inner = field.type.item_type if isinstance(field.type, inspect.VarTupleType) else field.type
            yield from _keys(inner, f"{path}{field.name}.")


def test_the_example_and_the_reference_explain_every_key():
    example = (ROOT / "deploy/sites/example/site.yaml").read_text()
    page = (ROOT / "docs/reference/site.md").read_text()
    keys = {path.split(".")[-1] for path, _ in _keys(inspect.type_info(Site))}
    assert {key for key in keys if f"{key}:" not in example} == set()
    assert {key for key in keys if f"`{key}`" not in page} == set()


def test_the_example_holds_the_defaults_that_it_claims_to():
    example = yaml.safe_load((ROOT / "deploy/sites/example/site.yaml").read_text())
    least = with_changes({"name": "example", "image.region": example["image"]["region"]})
    least["cameras"], least["backend"] = example["cameras"], example["backend"]
    least["trigger"] = {"rate_hz": example["trigger"]["rate_hz"]}
    assert parse_site(example, where="example") == parse_site(least, where="least")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"light.exposure_ms": 1}, "key 'exposure_ms' in light; did you mean 'exposure_us', a number"),
        ({"light.exposure": 1}, "did you mean 'exposure_us'"),
        ({"colour": 1}, "unknown key 'colour' in the file"),
        ({"trigger.rate_hz": "60 Hz"}, "trigger.rate_hz = '60 Hz' (text), expected a number of hertz"),
        ({"trigger.rate_hz": 0}, "expected a number of hertz, more than 0"),
        ({"trigger.source": "lin"}, "trigger.source = 'lin' (text), expected one of line, software"),
        ({"backend.kind": "usb"}, "backend.kind = 'usb', expected one of harvesters, replay, virtual"),
        ({"backend": {}}, "backend lacks 'kind'"),
        ({"backend": {"kind": "replay"}}, "backend lacks 'recording'"),
        ({"backend.pace": "real"}, "unknown key 'pace' in backend (known: kind, knock, live, s"),
        ({"cameras": [{"name": "a", "serial": 1234}]}, "[0].serial = 1234 (a whole number), expected text"),
        ({"cameras": []}, "cameras = an empty list, expected a list of at least one"),
        ({"cameras": [{"name": "a", "serial": "1"}, {"name": "a", "serial": "2"}]}, "name a comes twice"),
        ({"cameras": [{"name": "a", "serial": "1"}, {"name": "b", "serial": "1"}]}, "serial 1 comes twice"),
        ({"cameras": [{"name": "../a", "serial": "1"}]}, "names become folders"),
        ({"image.region.width_px": 640.5}, "expected a whole number of pixels, at least 1"),
        ({"image.region": None}, "image.region = None (nothing), expected a table"),
        ({"image.features": {"GevSCPD": [1]}}, "image.features = a table of GevSCPD, expected a table of"),
        ({"sync.ptp": "yes"}, "sync.ptp = 'yes' (text), expected true or false"),
        ({"sync.wait_us": 3}, "did you mean 'wait_ms', a number of milliseconds"),
        ({"light.exposure_us": 20000}, "light.exposure_us = 20000, expected between exposure_least_us = 20"),
        ({"trigger.rate_hz": 400}, "less than the trigger's period of 2500 microseconds"),
        ({"light.gain_db": 20}, "expected at most gain_most_db = 18"),
        ({"ring.buffers": 8}, "ring.buffers = 8, expected at least ring.sets = 16"),
        ({"ring.name": "a b"}, "expected text of letters, digits"),
        ({"server.port": 99999}, "at least 1 and at most 65535"),
        ({"cloud": {}}, "cloud.least_views = 3, expected at most the 2 cameras"),
        ({"cloud.least_views": 2, "cloud.voxel_m": 1e-4}, "cloud.voxel_m = 0.0001, expected between side_m"),
        ({"cloud.side_mm": 300}, "did you mean 'side_m', a number of metres"),
        ({"schema": 2}, "schema version 2, expected 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_sentence(changes, words):
    with pytest.raises(InvalidFileError) as raised:
        parse_site(with_changes(changes), where="room/site.yaml")
    assert str(raised.value).startswith("room/site.yaml: ")
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_misspelt_key_is_refused_and_the_right_one_named():
    example = yaml.safe_load((ROOT / "deploy/sites/example/site.yaml").read_text())
    tables = [("", example)] + [(key, value) for key, value in example.items() if isinstance(value, dict)]
    for name, table in tables:
        for key in table:
            if key in {"features", "schema"}:
                continue  # any feature goes; the schema has a message of its own
            changed = copy.deepcopy(example)
            place = changed[name] if name else changed
            place[f"{key}x"] = place.pop(key)
            with pytest.raises(InvalidFileError, match=f"'{key}x?'"):
                parse_site(changed, where="site.yaml")


def test_a_key_that_comes_twice_is_refused(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump(LEAST) + "trigger: {rate_hz: 30, rate_hz: 60}\n")
    with pytest.raises(InvalidFileError, match="comes twice"):
        read_site(path)


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "a: [1", "\x00"])
def test_what_is_no_site_is_refused(tmp_path, text):
    path = tmp_path / "site.yaml"
    path.write_text(text)
    with pytest.raises(InvalidFileError, match=r"site\.yaml"):
        read_site(path)


def test_names_that_are_not_known_say_what_is():
    with pytest.raises(UnknownNameError, match="did you mean 'virtual'"):
        read_site("virtul")
    with pytest.raises(InvalidFileError, match=r"no site file .*room\.yaml"):
        read_site("room.yaml")


def _site_in(folder, **changes):
    content = yaml.safe_load((ROOT / "deploy/sites/virtual/site.yaml").read_text()) | changes
    (folder / "site.yaml").write_text(yaml.safe_dump(content))
    (folder / "rig.toml").write_bytes((ROOT / "deploy/sites/virtual/rig.toml").read_bytes())
    return folder


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cameras": [{"name": "cam0", "serial": "A"}, {"name": "left", "serial": "B"}]}, "same names"),
        ({"image": {"region": {"width_px": 320, "height_px": 400}}}, "another size of cam0, cam1"),
        ({"rig": "gone.toml"}, "can't read rig"),
        ({"rig": None}, "names no rig"),
    ],
)
def test_a_rig_that_does_not_fit_is_refused_unless_a_board_is_recorded(tmp_path, changes, words):
    folder = _site_in(tmp_path, **changes)
    with pytest.raises(InvalidFileError, match=words):
        read_site(folder)
    assert read_site(folder, rig=RigNeed.NEVER).rig is None
    if changes.get("rig", "") is None:
        assert read_site(folder, rig=RigNeed.IF_NAMED).rig is None
    else:
        with pytest.raises(InvalidFileError, match=words):
            read_site(folder, rig=RigNeed.IF_NAMED)


def test_an_unknown_skeleton_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="hand21"):
        read_site(_site_in(tmp_path, skeleton="hand12"))


def test_a_site_goes_through_its_own_text_unchanged():
    site = read_site("virtual").site
    again = parse_site(yaml.safe_load(yaml.safe_dump(msgspec.to_builtins(site))), where="again")
    assert again == site
    assert isinstance(again.backend, Virtual)
