"""A secret that does not show itself."""

from __future__ import annotations

from smtp_status.sasl.credentials import Credentials, Secret


def test_a_secret_shows_in_no_form_of_text():
    login = Credentials("bob", Secret("s3cret"))
    for shown in (repr(login), str(login), f"{login.secret}", f"{login.secret!r}"):
        assert "s3cret" not in shown
    assert login.secret.value == "s3cret"


def test_a_secret_holds_nothing_else():
    """No ``__dict__`` that a debugger or a serializer would print."""
    assert not hasattr(Secret("s3cret"), "__dict__")


def test_the_mechanism_is_left_open_and_clear_text_is_not_allowed():
    assert Credentials("bob", None)[2:] == (None, False)
