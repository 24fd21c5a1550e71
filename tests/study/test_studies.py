"""What a study is asked and would not heed is refused before anything is made."""

import pytest

from obfnet.errors import SpecError, UnknownNameError
from obfnet.study import studies
from obfnet.study.study import Ask


@pytest.fixture
def started(monkeypatch):
    """Names of studies that were run; none is."""
    found = []
    for name in studies.STUDIES:
        monkeypatch.setitem(studies.STUDIES, name, lambda ask, name=name: found.append(name))
    return found


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("listening-fsd", {"effort": "full"}, "leave out --effort"),
        ("human", {"effort": "full"}, "leave out --effort"),
        ("forge-mnist", {"effort": "full"}, "leave out --effort"),
        ("obfnet-time", {"effort": "full"}, "leave out --effort"),
        ("audit-fsd", {"effort": "full", "quick": True}, "--quick or --effort"),
        ("listening-fsd", {"data": "mnist"}, "--data is for human"),
    ],
)
def test_what_would_not_be_heeded_is_refused(started, tmp_path, name, asked, said):
    with pytest.raises(SpecError, match=said):
        studies.start(name, Ask(tmp_path, "", **asked))
    assert started == []


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("alternatives", {"effort": "full"}),
        ("audit-mnist", {"effort": "full"}),
        ("obfnet", {"effort": "full"}),
        ("human", {"data": "fsd"}),
        ("forge-mnist", {"quick": True}),
    ],
)
def test_what_is_heeded_is_run(started, tmp_path, name, asked):
    studies.start(name, Ask(tmp_path, "", **asked))
    assert started == [name]


def test_an_unknown_study_is_told_what_there_is(tmp_path):
    with pytest.raises(UnknownNameError, match="forge-mnist"):
        studies.start("forge", Ask(tmp_path, ""))
