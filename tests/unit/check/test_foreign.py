"""What name servers and mailboxes say is looked at for the passwords of a run."""

from __future__ import annotations

from smtp_status.arrival.judgement import ArrivalFinding
from smtp_status.check.foreign import login_of, outcome_without, survey_without, told_without
from smtp_status.findings import Finding, Outcome, Target
from smtp_status.net.routes import Survey
from smtp_status.options.arrivalplan import ArrivalPlan
from smtp_status.options.settings import Settings
from smtp_status.sasl.credentials import Credentials, Secret
from smtp_status.secrets.repetition import HIDDEN, Login
from smtp_status.smtp.plan import Plan, Route

LOGIN = Login([b"hunter2"])


def test_the_passwords_of_a_run():
    assert login_of(Settings(Plan())) is None
    smtp = Plan(credentials=Credentials("alice@example.org", Secret("hunter2")))
    mailbox = ArrivalPlan("imap.example.org", 993, Credentials("bob", Secret("swordfish")), "probe", 60)
    one, both = login_of(Settings(smtp)), login_of(Settings(smtp, arrival=mailbox))
    assert one is not None and both is not None
    assert one.repeated_by("hunter2")
    assert not one.repeated_by("swordfish")
    assert both.repeated_by("hunter2") and both.repeated_by("swordfish")


def test_names_of_the_settings_are_no_secret():
    smtp = Plan(credentials=Credentials("alice@example.org", Secret("alice-imaps")))
    login = login_of(Settings(smtp, hosts=("smtp.imaps.example",)))
    assert login is not None
    assert not login.repeated_by("alice@example.org unknown at smtp.imaps.example")
    assert login.repeated_by("alice-i")


def test_what_is_known_of_a_domain():
    found = Finding("dns", "policy", cause="MX hunter2.example.org is an alias")
    routes = (Route(Target("hunter2.example.org", (), "hunter2.example.org")), Route(Target("mx2", (), "mx2")))
    survey = Survey(routes, (found,), (), ("TLS-RPT: hunter2",), ("mx: hunter2.example.org",))
    shown = survey_without(LOGIN, survey, True)
    assert shown.findings == (found._replace(cause=f"MX {HIDDEN} is an alias"),)
    assert (shown.notes, shown.details) == ((f"TLS-RPT: {HIDDEN}",), (f"mx: {HIDDEN}",))
    # the name itself is still needed: only its label is another
    assert [(route.target.host, route.target.label) for route in shown.routes] == [
        ("hunter2.example.org", "hidden-1"),
        ("mx2", "mx2"),
    ]
    assert survey_without(LOGIN, survey, False).routes == routes  # as the user named them


def test_what_came_of_a_target():
    outcome = Outcome(Target("hunter2.example.org", ()), (Finding("dns", "notfound", cause="no such host"),))
    assert outcome_without(LOGIN, outcome, True).target.host == HIDDEN
    assert outcome_without(LOGIN, outcome, False) == outcome


def test_what_is_said_of_a_mailbox():
    told = ArrivalFinding(Finding("arrive", "bounced", cause="came back: 550 hunter2"), "mx1", "from hunter2", "by mx")
    (shown,) = told_without(LOGIN, [told])
    assert shown == ArrivalFinding(
        told.finding._replace(cause=f"came back: 550 {HIDDEN}"), "mx1", f"from {HIDDEN}", "by mx"
    )
