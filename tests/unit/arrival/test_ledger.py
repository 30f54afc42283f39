"""The ledger: what notes and messages mean together."""

from __future__ import annotations

import pytest

from smtp_status.arrival.ledger import (
    REFUSED,
    SENT,
    UNSENT,
    Limits,
    Note,
    Returned,
    Sighting,
    Stamp,
    between,
    open_notes,
    settle,
)
from smtp_status.arrival.report import Report

NOW = 1_000_000
LIMITS = Limits(3600, 3600, "mx")
INBOX, JUNK = 0, 1


def note(uid=1, age=300, fate=SENT, **more):
    return Note(uid, more.pop("token", f"t{uid}"), "", Stamp(NOW - age), 12, fate, **more)


def own(uid=90, fate=SENT, **more):
    return note(uid, 0, fate, own=True, token="own", **more)


def copy(token="t1", uid=50, age=200, folder=INBOX, name="mx"):
    return Sighting(folder, folder == INBOX, uid, token, name, Stamp(NOW - age))


def returned(token="t1", uid=60, action="failed", name="mx", age=100):
    return Returned(INBOX, uid, Report(token, name, action, "550 no", "mx1"), Stamp(NOW - age))


def account(notes, sightings=(), reports=(), limits=LIMITS, whole=(INBOX,)):
    return settle(notes, sightings, reports, Stamp(NOW), limits, whole=whole)


def test_arrived():
    made = account([note()], [copy()])
    assert [(one.note.uid, one.copy.uid, one.seconds) for one in made.arrived] == [(1, 50, 100.0)]
    assert made.delete == ((0, 1), (0, 50))
    assert (made.pending, made.lost, made.bounced, made.unknown) == ((), (), (), 0)


def test_own_probe_is_timed_by_the_run_itself():
    made = account([own(waited=5.0, arrived=0.031)], [copy("own", 91, 0)])
    assert made.arrived[0].seconds == 0.031


@pytest.mark.parametrize(("age", "pending", "lost"), [(13, 1, 0), (3599, 1, 0), (3600, 0, 1), (7200, 0, 1)])
def test_under_way_and_lost_by_age(age, pending, lost):
    made = account([note(age=age)])
    assert (len(made.pending), len(made.lost), made.delete) == (pending, lost, ())
    assert made.tell == ((1,) if lost else ())
    assert [one.age for one in (*made.pending, *made.lost)] == [age]


def test_a_loss_is_told_until_it_is_forgotten():
    assert account([note(age=7200, told=True)]).lost
    made = account([note(age=7201, told=True)])
    assert (made.lost, made.delete) == ((), ((0, 1),))


def test_a_loss_nobody_was_told_of_is_told_once_however_old():
    made = account([note(age=400_000)])
    assert (len(made.lost), made.delete, made.tell) == (1, ((0, 1),), ())


def test_a_probe_that_comes_after_it_was_called_lost():
    made = account([note(age=5000, told=True)], [copy(age=10)])
    assert (made.arrived[0].seconds, made.lost) == (4990.0, ())


@pytest.mark.parametrize("age", [0, 1, 12])
def test_a_note_within_its_hold_is_its_own_runs(age):
    made = account([note(age=age)], [copy(age=0)])
    assert made == made._replace(arrived=(), pending=(), lost=(), bounced=(), delete=(), tell=(), unknown=0)
    assert open_notes([note(age=age)], Stamp(NOW)) == []


@pytest.mark.parametrize(("age", "gone"), [(13, False), (3600, False), (3601, True)])
def test_a_note_whose_probe_was_perhaps_never_sent(age, gone):
    made = account([note(age=age, fate=UNSENT)])
    assert (made.pending, made.lost, bool(made.delete)) == ((), (), gone)
    assert account([note(fate=UNSENT)], [copy()]).arrived


def test_a_refused_probe_leaves_nothing():
    made = account([own(fate=REFUSED)])
    assert (made.pending, made.delete) == ((), ((0, 90),))


def test_own_probe_under_way():
    made = account([own(waited=5.003)])
    assert ([one.age for one in made.pending], made.delete) == ([5.003], ())


def test_own_note_without_a_reply_stays_and_is_not_missed():
    assert account([own(fate=UNSENT)]) == account([])


def test_the_first_of_several_copies_counts_and_all_go():
    made = account([note()], [copy(uid=51, age=150), copy(uid=52, age=190), copy(uid=9, age=190, folder=JUNK)])
    (one,) = made.arrived
    assert (one.copy.uid, one.seconds, len(one.copies)) == (52, 110.0, 3)
    assert made.delete == ((0, 1), (0, 51), (0, 52), (1, 9))


def test_order_means_nothing():
    notes = [note(1, 400), note(2, 300), note(3, 200)]
    made = account(notes, [copy("t3", 51), copy("t1", 52)])
    assert ([one.note.uid for one in made.arrived], [one.note.uid for one in made.pending]) == ([1, 3], [2])


def test_a_bounce_is_told_until_forgotten_and_beats_arrival():
    made = account([note()], [copy()], [returned()])
    assert ([one.report.words for one in made.bounced], made.arrived, made.delete) == (["550 no"], (), ())
    assert account([note(age=7200)], (), [returned()]).delete == ()
    made = account([note(age=7201)], (), [returned()])
    assert (len(made.bounced), made.delete) == (1, ((0, 1), (0, 60)))


def test_a_report_of_a_delay_goes_with_its_note():
    made = account([note()], (), [returned(action="delayed")])
    assert (len(made.pending), made.delete) == (1, ())
    assert account([note()], [copy()], [returned(action="delayed")]).delete == ((0, 1), (0, 50), (0, 60))


def test_another_name_beats_the_message_id():
    made = account([note()], [copy(name="other")])
    assert (len(made.pending), made.arrived, made.delete, made.unknown) == (1, (), (), 0)


def test_by_the_message_id_alone():
    assert account([note()], [copy(name="")]).arrived
    made = account([], [copy(name="", age=100_000)])
    assert (made.delete, made.unknown) == ((), 0)


@pytest.mark.parametrize(("age", "whole", "gone"), [(7200, (0,), False), (7201, (0,), True), (7201, (), False)])
def test_probes_without_a_note_go_by_age_where_all_was_looked_at(age, whole, gone):
    made = account([own()], [copy("stranger", age=age)], whole=whole)
    assert (made.unknown, made.delete) == (1, ((0, 50),) if gone else ())


@pytest.mark.parametrize(("age", "whole", "gone"), [(7201, (0,), True), (7200, (0,), False), (7201, (), False)])
def test_reports_without_a_note_go_by_age_too(age, whole, gone):
    made = account([], reports=[returned("x", 60, age=age), returned("x", 61, age=age, name="")], whole=whole)
    assert (made.bounced, made.unknown, made.delete) == ((), 0, ((0, 60),) if gone else ())


def test_reports_of_a_held_note_are_left_alone():
    assert account([note(age=5)], reports=[returned(age=9000)]).delete == ()


def test_two_copies_without_a_note_are_one_probe():
    assert account([], [copy("x", 51), copy("x", 52)]).unknown == 1


def test_probes_of_a_held_note_are_not_strangers():
    made = account([note(age=3)], [copy(age=100_000)])
    assert (made.unknown, made.delete) == (0, ())


def test_the_time_of_saving_counts_where_both_have_it():
    assert between(Stamp(100, 110), Stamp(90, 150)) == 40
    assert between(Stamp(100, None), Stamp(130, 150)) == 30
    assert between(Stamp(100), Stamp(40)) == 0
