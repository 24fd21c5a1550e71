"""Conditions decide as they say; what they do not know is never a reason to send raw."""

import os
from datetime import UTC, datetime, time

import pytest

from obfnet.edge.battery import battery_above, charge
from obfnet.edge.load import load_below
from obfnet.edge.policy import always, any_of, asked, every_of, inverted, never
from obfnet.edge.schedule import within
from obfnet.errors import ObfuscationFailedError, SpecError


def failing():
    raise OSError("gauge is away")


def test_combinations():
    for first in (always, never):
        for second in (always, never):
            assert every_of(first, second)() is (first() and second())
            assert any_of(first, second)() is (first() or second())
        assert inverted(first)() is not first()
    assert inverted(every_of(any_of(never, always), always))() is False


@pytest.mark.parametrize("unknown", [failing, lambda: None, lambda: 0, lambda: 1, lambda: ""])
@pytest.mark.parametrize(
    "combined",
    [
        inverted,
        lambda policy: every_of(never, policy),
        lambda policy: every_of(policy, never),
        lambda policy: any_of(always, policy),
        lambda policy: any_of(never, policy),
        lambda policy: inverted(any_of(always, inverted(policy))),
    ],
)
def test_what_does_not_know_hides_behind_no_other(unknown, combined):
    with pytest.raises(ObfuscationFailedError, match="the policy"):
        asked(combined(unknown))


@pytest.mark.parametrize("rule", [every_of, any_of])
def test_no_policy_at_all(rule):
    with pytest.raises(SpecError, match="at least one policy"):
        rule()


@pytest.fixture
def supplies(tmp_path):
    """``supplies(**{name: {file: content}})`` is a folder as Linux shows it."""

    def supplies(**listed):
        folder = tmp_path / "power_supply"
        for name, said in listed.items():
            (folder / name).mkdir(parents=True)
            for file, content in said.items():
                (folder / name / file).write_text(f"{content}\n")
        return folder

    return supplies


MAINS = {"type": "Mains", "online": 1}


def battery(percent, **more):
    return {"type": "Battery", "capacity": percent, **more}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ({"BAT0": battery(73), "AC": MAINS}, 0.73),
        ({"BAT0": battery(0)}, 0.0),
        ({"BAT0": battery(20), "BAT1": battery(60, present=1)}, 0.6),
        ({"BAT0": battery(20), "BAT1": battery(0, present=0)}, 0.2),
        ({"BAT0": battery(20, scope="System"), "mouse": battery(90, scope="Device")}, 0.2),
        ({"AC": MAINS}, 1.0),
        ({"AC": MAINS, "mouse": battery(3, scope="Device")}, 1.0),
    ],
)
def test_charge_as_linux_tells_it(listed, expected, supplies):
    assert charge(supplies(**listed)) == expected


def test_battery_above(supplies):
    folder = supplies(BAT0=battery(50))
    assert [battery_above(share, folder)() for share in (0, 0.49, 0.5, 0.9)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_device_on_mains_obfuscates(supplies, tmp_path):
    assert battery_above(0.99, supplies(AC=MAINS))()
    assert battery_above(0.99, tmp_path / "a system that lists none")()
    assert battery_above(0)() in (True, False)  # this machine


@pytest.mark.parametrize(
    "said",
    [
        {"type": "Battery"},
        battery(""),
        battery("half"),
        battery(-1),
        battery(101),
        {"capacity": 50},
        {"type": "Battery", "capacity": 5, "present": "\xff"},
    ],
)
def test_a_battery_that_does_not_tell(said, supplies):
    policy = battery_above(0.5, supplies(BAT0=said))
    with pytest.raises(ObfuscationFailedError, match=r"charge|percent"):
        asked(policy)
    with pytest.raises(ObfuscationFailedError):
        asked(inverted(policy))


@pytest.mark.parametrize("share", [-0.1, 1, float("nan")])
def test_share_that_is_none(share):
    with pytest.raises(SpecError, match="share"):
        battery_above(share)


def test_load_below(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 9.0, 9.0))
    assert [load_below(load)() for load in (1, 1.5, 1.6)] == [False, False, True]


def test_a_system_that_does_not_tell_its_load(monkeypatch):
    policy = load_below(1)
    monkeypatch.setattr(os, "getloadavg", failing)
    with pytest.raises(ObfuscationFailedError, match="load"):
        asked(policy)
    monkeypatch.delattr(os, "getloadavg")
    with pytest.raises(ObfuscationFailedError, match="load"):
        asked(inverted(policy))


@pytest.mark.parametrize("load", [0, -1, float("nan")])
def test_load_that_is_none(load):
    with pytest.raises(SpecError, match="load"):
        load_below(load)


@pytest.mark.parametrize(
    ("start", "end", "inside", "outside"),
    [
        ("08:00", "17:30", ["08:00", "12:00", "17:29:59"], ["07:59:59", "17:30", "00:00"]),
        ("22:00", "06:00", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "12:00", "21:59"]),
        (time(0), time(12), ["00:00", "11:59"], ["12:00", "23:59"]),
        (time(12), time(0), ["12:00", "23:59"], ["00:00", "11:59"]),
    ],
)
def test_within(start, end, inside, outside):
    def at(text):
        return within(start, end, lambda: datetime.fromisoformat(f"2026-11-22T{text}"))()

    assert [at(text) for text in inside] == [True] * len(inside)
    assert [at(text) for text in outside] == [False] * len(outside)


def test_within_goes_by_the_systems_local_time():
    now = datetime.now().time()
    hour = (now.hour + 12) % 24
    assert within(time(now.hour), time(hour))() or datetime.now().hour != now.hour


@pytest.mark.parametrize(
    ("start", "end"),
    [("8 o'clock", "9"), ("25:00", "06:00"), ("06:00", "06:00"), (time(1, tzinfo=UTC), "06:00")],
)
def test_times_that_are_none(start, end):
    with pytest.raises(SpecError):
        within(start, end)


def test_a_clock_that_fails():
    with pytest.raises(ObfuscationFailedError, match="policy"):
        asked(within("08:00", "09:00", failing))
