"""The human test on real pictures: forms over HTTP, and once with a real browser's keyboard."""

import http.client
import json
import re
import sqlite3
from collections import Counter
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest

from browser import page as browser_page
from obfnet.auditing.pages.pictures import data_uri
from obfnet.auditing.pages.sound import data_uri as clip
from obfnet.auditing.subject import Subject
from obfnet.errors import PortTakenError, SpecError
from obfnet.study import cases, human, human_items
from obfnet.study.alternatives_offer import Bench
from obfnet.study.human_items import Item
from obfnet.study.human_pages import question
from obfnet.study.human_server import serving
from obfnet.study.human_store import Next, Store
from obfnet.study.making import Workplace
from obfnet.study.study import Ask

CLASSES = tuple("0123456789")


@pytest.fixture(scope="module")
def items(digits):
    """Three raw pictures and three that show nothing, each of a class of its own."""
    spec = digits.spec
    chosen = np.array([np.flatnonzero(digits.labels == label)[label] for label in range(6)])
    samples = digits.samples[chosen]
    samples[3:] = 0
    return [
        Item("raw" if number < 3 else "dark", int(truth), data_uri(sample, spec))
        for number, (sample, truth) in enumerate(zip(samples, digits.labels[chosen], strict=True))
    ]


@pytest.fixture
def store(items, tmp_path):
    store = Store(tmp_path / "human.sqlite", seed=1)
    store.offer(items)
    return store


def ask(url, method, path, headers=(), **form):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    connection.request(method, path, urlencode(form), kind | dict(headers))
    answer = connection.getresponse()
    return answer, answer.read().decode()


def test_a_person_with_a_keyboard_and_a_screen_reader_goes_through_the_test(store, items):
    finished = []
    with (
        serving(store, CLASSES, lambda: finished.append(1)) as url,
        browser_page() as tab,
    ):
        tab.open(url)
        assert "6 short pictures" in tab.evaluate("document.body.innerText")
        tab.wait("document.activeElement.tagName === 'BUTTON'")
        tab.press("Enter")
        for number in range(1, 7):
            shown = f"document.title === 'Question {number}'"
            tab.wait(f"{shown} && document.readyState === 'complete'")
            assert tab.named("button") == list(CLASSES)
            assert tab.named("group") == ["Which digit do you see?"]
            assert tab.named("image") == ["the picture to be named"]
            assert tab.evaluate("document.querySelector('img').naturalWidth") > 8
            item = items[int(tab.evaluate("document.querySelector('[name=item]').value")) - 1]
            said = item.truth if item.subject == "raw" else (item.truth + 1) % 10
            if number == 1:  # without the number keys, too
                for _ in range(said + 1):
                    tab.press("Tab")
                tab.press("Enter")
            else:
                tab.press(str(said))
        tab.wait("document.getElementById('done') !== null")
        told = tab.evaluate("document.body.innerText")
    assert finished == [1]
    assert "raw: 3 of 3 right, 100.0% [29.2%, 100.0%]" in told
    assert "dark: 0 of 3 right, 0.0% [0.0%, 70.8%]" in told
    assert len(tab_cells(told)) >= 20
    answers = store.answers()
    assert (answers["raw"][0] == answers["raw"][1]).all()
    assert (answers["dark"][0] != answers["dark"][1]).all()


def tab_cells(text):
    return re.findall(r"^\d\t.*$", text, re.M)


def test_the_page_tells_nothing_about_truth_or_subject(items):
    one, other = (
        question(Next(4, Item(subject, truth, items[0].media), 0, 6), CLASSES, "n")
        for subject, truth in (("raw", 3), ("O_M", 7))
    )
    assert one == other


def test_a_clip_is_played_and_has_a_name():
    sound = clip(np.sin(np.arange(800, dtype=np.float32)))
    page = question(Next(1, Item("raw", 3, sound), 0, 6), CLASSES, "n")
    assert 'aria-label="the clip"' in page
    assert "Which digit do you hear?" in page


def test_each_volunteer_has_an_order_of_their_own_and_the_first_answer_counts(store, items):
    orders = []
    for _ in range(3):
        token, order = store.begin(), []
        while (asked := store.next(token)) is not None:
            order.append(asked.number)
            store.answer(token, asked.number, 1)
            store.answer(token, asked.number, 2)
        orders.append(tuple(order))
    assert len(set(orders)) > 1
    assert all(sorted(order) == [1, 2, 3, 4, 5, 6] for order in orders)
    assert all((said == 1).all() and len(said) == 9 for _, said in store.answers().values())
    assert store.volunteers() == 3


def test_each_volunteer_is_asked_about_one_item_of_a_class_drawn_afresh(digits, tmp_path):
    pool = [
        Item(subject, truth, data_uri(digits.samples[number], digits.spec))
        for subject in ("raw", "O_M")
        for truth in range(3)
        for number in range(8)
    ]
    store = Store(tmp_path / "human.sqlite", seed=1)
    store.offer(pool)
    assert store.first().total == 6
    asked = []
    for _ in range(4):
        token, own = store.begin(), []
        while (question := store.next(token)) is not None:
            own.append(question.number)
            store.answer(token, question.number, 1)
        assert {(pool[number - 1].subject, pool[number - 1].truth) for number in own} == {
            (subject, truth) for subject in ("raw", "O_M") for truth in range(3)
        }
        assert len(own) == 6
        asked.append(frozenset(own))
        other = next(number for number in range(1, len(pool) + 1) if number not in own)
        with pytest.raises(SpecError, match=f"no item {other}"):
            store.answer(token, other, 1)
    assert len(set(asked)) == 4


def test_items_are_as_many_of_each_class_and_no_sample_twice(digits, splits, infnet, tmp_path):
    place = Workplace("digits-items", digits, splits, cases.case("digits"), 0)
    bench = Bench(place, infnet, tmp_path, quick=True)
    with pytest.MonkeyPatch.context() as patch:
        makers = {name: lambda: Subject("same", lambda samples: samples) for name in ("raw", "O_M")}
        patch.setattr(human_items, "subjects", lambda _: makers)
        items = human_items.make_items(bench, pool=3)
        assert Counter((item.subject, item.truth) for item in items) == {
            (name, label): 3 for name in makers for label in range(10)
        }
        assert len({item.media for item in items}) == len(items)
        many = {str(number): makers["raw"] for number in range(1000)}
        patch.setattr(human_items, "subjects", lambda _: many)
        with pytest.raises(SpecError, match="at least 1000 evaluation samples"):
            human_items.make_items(bench)


def test_a_stopped_test_goes_on_and_another_one_is_not_mixed_in(store, items):
    token = store.begin()
    store.answer(token, 2, 5)
    again = Store(store.path, seed=1)
    again.offer(items)
    assert again.next(token).answered == 1
    with pytest.raises(SpecError, match="other items than these"):
        again.offer(items[:2])


def test_forms_that_do_not_fit_are_refused_and_keep_nothing(store):
    with serving(store, CLASSES) as url:
        answer, _ = ask(url, "POST", "/start", a="1")
        assert answer.status == 303
        test = answer.getheader("Location")
        for path, form in {
            test: {"item": "1", "said": "10"},
            test + "x": {"item": "1", "said": "1"},
            "/test": {"item": "1", "said": "1"},
            f"{test}/": {"item": "x", "said": "1"},
        }.items():
            answer, text = ask(url, "POST", path, **form)
            assert answer.status == 404
            assert "alert" in text
        answer, _ = ask(url, "POST", test, item="99", said="1")
        assert answer.status == 404
        answer, _ = ask(url, "POST", test, item="1" * 2000, said="1")
        assert answer.status == 404
        with (
            pytest.raises(PortTakenError, match="choose another port"),
            serving(store, CLASSES, port=urlsplit(url).port),
        ):
            pass
    assert store.volunteers() == 0


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}]
)
def test_other_pages_of_the_same_browser_are_no_guests(store, headers):
    with serving(store, CLASSES) as url:
        answer, _ = ask(url, "POST", "/start", headers.items(), a="1")
    assert answer.status == 403
    with sqlite3.connect(store.path) as base:
        assert base.execute("select count(*) from volunteer").fetchone() == (0,)


def test_results_are_of_everything_that_was_answered(store, digits, splits, tmp_path):
    place = Workplace("digits-human", digits, splits, cases.case("digits"), 0)
    token = store.begin()
    for number in range(1, 7):
        store.answer(token, number, 4)
    path = human.written(Ask(tmp_path, "test"), place, store, 0.0)
    rows = json.loads(path.read_text())["rows"]
    assert [row["obfnet"] for row in rows] == ["raw", "dark"]
    score = rows[0]["listeners"]["people"]
    assert sum(row[4] for row in score["confusion"]) == 3 == score["count"]
    assert score["chance"] == 0.1
    assert "people: " in (tmp_path / "index.html").read_text()
