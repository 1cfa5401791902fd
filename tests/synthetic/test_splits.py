import itertools

import pytest

from mvmono3d.errors import ConfigurationError
from mvmono3d.synthetic.splits import Split, clip_seeds, split_of


@pytest.mark.parametrize("part", ["seed", "subject", "rig_seed"])
def test_no_subject_rig_or_seed_is_in_two_splits(part):
    numbers = {split: {getattr(each, part) for each in clip_seeds(split, 500)} for split in Split}
    for one, other in itertools.combinations(Split, 2):
        assert not numbers[one] & numbers[other]
    for split, members in numbers.items():
        assert {split_of(number) for number in members} == {split}


def test_clips_of_a_split_are_always_the_same_wherever_one_begins():
    whole = list(clip_seeds(Split.TRAIN, 20))
    assert list(clip_seeds(Split.TRAIN, 5, first=10)) == whole[10:15]
    assert len({each.seed for each in whole}) == 20


def test_a_split_has_as_many_subjects_and_rigs_as_asked():
    seeds = list(clip_seeds(Split.TEST, 400, subjects=5, rigs=7))
    assert len({each.subject for each in seeds}) == 5
    assert len({each.rig_seed for each in seeds}) == 7


def test_a_split_without_subjects_is_refused():
    with pytest.raises(ConfigurationError, match="0 subjects"):
        list(clip_seeds(Split.VAL, 1, subjects=0))
