"""Studies without examinations try as hard as asked."""

import pytest

from obfnet.auditing.effort import QUICK, preset
from obfnet.errors import SpecError
from obfnet.study.study import Ask
from obfnet.study.unexamined import effort_of


@pytest.mark.parametrize("name", [None, "standard", "full"])
def test_as_hard_as_asked(name, tmp_path):
    effort, wanted = effort_of(Ask(tmp_path, "", effort=name)), preset(name or QUICK)
    assert (effort.attacks, effort.probes) == (wanted.attacks, wanted.probes)
    assert (effort.steps, effort.pairs) == (wanted.steps, wanted.pairs)
    assert not effort.examinations
    assert effort.name != wanted.name


def test_a_quick_study_hardly_tries(tmp_path):
    assert effort_of(Ask(tmp_path, "", quick=True, effort="full")).steps < QUICK.steps


def test_no_such_effort(tmp_path):
    with pytest.raises(SpecError, match="no preset"):
        effort_of(Ask(tmp_path, "", effort="heroic"))
