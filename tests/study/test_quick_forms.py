"""The quick form of every study that needs no download runs from the command line's door to a page.

Those of other data are the same studies of other settings (``test_settings``); their figures and
these mean nothing.
"""

from html import escape

import pytest

from obfnet.study import results, studies
from obfnet.study.study import Ask

QUICK = sorted(name for name in studies.STUDIES if name.endswith("-digits"))


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OBFNET_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("name", QUICK)
def test_a_study_runs_in_its_quick_form(name, tmp_path):
    command = f"obfnet study {name} --quick"
    content = results.read(studies.start(name, Ask(tmp_path, command, quick=True)))
    assert content["command"] == command
    assert {row["dataset"] for row in content["rows"]} == {"digits"}
    subjects = [row["obfnet"] for row in content["rows"]]
    assert subjects
    page = (tmp_path / "index.html").read_text()
    assert all(escape(subject) in page for subject in subjects)


def test_every_kind_of_study_has_digits():
    kinds = {name.removesuffix("-digits") for name in QUICK}
    assert kinds == {"alternatives", "audit", "forge", "listening", "obfnet", "transforms"}
