"""The getopt-like parser: what is an option, what its value, what an operand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_status.options import commandline, table
from smtp_status.options.settings import InformationWanted, UsageError


def parsed(*words: str) -> list[tuple[str, str | None, str]]:
    """Name, value and spelling of each use."""
    return [(use.option.name, use.value, use.spelling) for use in commandline.parse(words).uses]


def spellings(option: table.Option) -> list[str]:
    """All ways to write it, with hyphens."""
    return [*([f"-{option.letter}"] if option.letter else []), *(f"--{name}" for name in option.names)]


def fault(*words: str) -> str:
    with pytest.raises(UsageError) as caught:
        commandline.parse(words)
    return str(caught.value)


@pytest.mark.parametrize(
    ("words", "uses"),
    [
        (["-vvS"], [("verbose", None, "-v"), ("verbose", None, "-v"), ("starttls", None, "-S")]),
        (["-p25"], [("port", "25", "-p")]),
        (["-p", "25"], [("port", "25", "-p")]),
        (["-Sp25"], [("starttls", None, "-S"), ("port", "25", "-p")]),
        (["-SHmx"], [("starttls", None, "-S"), ("hostname", "mx", "-H")]),
        (["-P", "-abc"], [("authpass", "-abc", "-P")]),
        (["-P-abc"], [("authpass", "-abc", "-P")]),
        (["-P", "--"], [("authpass", "--", "-P")]),
        (["-P", ""], [("authpass", "", "-P")]),
        (["-w", "-1"], [("warning", "-1", "-w")]),
        (["--authpass", "--starttls"], [("authpass", "--starttls", "--authpass")]),
        (["--authpass=a=b"], [("authpass", "a=b", "--authpass")]),
        (["--authpass="], [("authpass", "", "--authpass")]),
        (["--warn", "3"], [("warning", "3", "--warning")]),
        (["--cert=3"], [("certificate", "3", "--certificate")]),
        (["--authp", "x"], None),
        (["--to", "a"], [("to", "a", "--to")]),
        (["--data", "a"], [("data", "a", "--data")]),
        (["--tls"], [("ssl", None, "--tls")]),
        (["-s"], [("ssl", None, "-s")]),
        (
            ["-wt", "3", "-ct", "5", "-to", "4"],
            [("warning", "3", "-w"), ("critical", "5", "-c"), ("timeout", "4", "-t")],
        ),
        (["-P", "-to"], [("authpass", "-to", "-P")]),
        (["-r"], [("proxy", None, "-r")]),
        (["-rS"], [("proxy", None, "-r"), ("starttls", None, "-S")]),
        (["--proxy"], [("proxy", None, "--proxy")]),
        (["--proxy=1.2.3.4:5,6.7.8.9:0"], [("proxy", "1.2.3.4:5,6.7.8.9:0", "--proxy")]),
        (["--proxy", "-S"], [("proxy", None, "--proxy"), ("starttls", None, "-S")]),
        (["--extra-opts"], [("extra-opts", None, "--extra-opts")]),
        (["--extra-opts=x@y"], [("extra-opts", "x@y", "--extra-opts")]),
        (["--extra-opts", "x@y"], [("extra-opts", "x@y", "--extra-opts")]),
        (["--extra-opts", "-S"], [("extra-opts", None, "--extra-opts"), ("starttls", None, "-S")]),
        ([], []),
    ],
)
def test_options(words: list[str], uses: list[tuple[str, str | None, str]] | None) -> None:
    if uses is None:
        assert fault(*words) == "--authp could be --authpass --authpass-file"
    else:
        assert parsed(*words) == uses


def test_operands_and_options_mix() -> None:
    given = commandline.parse(["mx", "-S", "a@b", "--port", "25", "c@d", "--", "-x"])
    assert given.operands == ("mx", "a@b", "c@d", "-x")
    assert [use.option.name for use in given.uses] == ["starttls", "port"]


def test_a_single_hyphen_and_an_empty_word_are_operands() -> None:
    assert commandline.parse(["-", ""]).operands == ("-", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-x"], "-x is no option, see --help"),
        (["-vx"], "-x is no option (in -vx), see --help"),
        (["-4-6"], "-- is no option (in -4-…), see --help"),
        (["--bogus"], "--bogus is no option, see --help"),
        (["--bogus=secret"], "--bogus is no option, see --help"),
        (["--=x"], "-- is no option, see --help"),
        (["---v"], "---v is no option, see --help"),
        (["--s"], "--s could be --source --subject --starttls --ssl --sni --stage-warning --stage-critical --state"),
        (["-p"], "-p takes a value, N"),
        (["-Sp"], "-p takes a value, N"),
        (["--host"], "--hostname takes a value, HOST"),
        (["--starttls=1"], "--starttls takes no value"),
        (["--help=1"], "--help takes no value"),
        (["a", "b", "c", "d", "e f"], "takes at most HOST FROM TO DATA without options, not also 'e f'"),
        (["-\x1b"], "-␛ is no option, see --help"),
        (["-\udcff"], "-‹FF› is no option, see --help"),
        (["--a|b"], "--a¦b is no option, see --help"),
    ],
)
def test_faults(words: list[str], message: str) -> None:
    assert fault(*words) == message


def test_a_long_word_is_shortened() -> None:
    message = fault("--" + "x" * 70000)
    assert message == "--" + "x" * 18 + "…" + "x" * 18 + "… is no option, see --help"


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        (["-h"], "help"),
        (["--help"], "help"),
        (["--vers"], "version"),
        (["-V"], "version"),
        (["--version"], "version"),
        (["-vV"], "version"),
        (["-p", "x", "-h", "--bogus"], "help"),
    ],
)
def test_help_and_version(words: list[str], topic: str) -> None:
    with pytest.raises(InformationWanted) as caught:
        commandline.parse(words)
    assert caught.value.topic == topic


def test_help_as_a_value_is_a_value() -> None:
    assert parsed("-P", "--help") == [("authpass", "--help", "-P")]


@pytest.mark.parametrize("option", table.OPTIONS, ids=lambda option: option.name)
def test_every_spelling_is_understood(option: table.Option) -> None:
    for spelling in spellings(option):
        if option.name in {"help", "version"}:
            with pytest.raises(InformationWanted):
                commandline.parse([spelling])
        elif option.metavar and not option.optional:
            assert parsed(spelling, "-v") == [(option.name, "-v", spelling)]
        else:
            assert parsed(spelling, "-v") == [(option.name, None, spelling), ("verbose", None, "-v")]


def test_spellings_are_unique() -> None:
    written = [spelling for option in table.OPTIONS for spelling in spellings(option)]
    assert len(written) == len(set(written))
    assert {option.group for option in table.OPTIONS} == set(table.GROUPS)


# Letters of check_smtp (monitoring-plugins 2.3.3 and its successors) and whether they take a value.
CHECK_SMTP = "+hVv46Lrt:p:f:e:c:w:H:C:R:sSD:F:A:U:P:q"
CHECK_SMTP_NAMES = {
    "hostname": "H", "expect": "e", "critical": "c", "warning": "w", "timeout": "t", "port": "p", "from": "f",
    "fqdn": "F", "authtype": "A", "authuser": "U", "authpass": "P", "command": "C", "response": "R", "verbose": "v",
    "version": "V", "use-ipv4": "4", "use-ipv6": "6", "help": "h", "lmtp": "L", "ssl": "s", "tls": "s",
    "starttls": "S", "certificate": "D", "ignore-quit-failure": "q", "proxy": "r",
}  # fmt: skip


def test_the_letters_and_names_of_check_smtp_are_ours() -> None:
    for name, letter in CHECK_SMTP_NAMES.items():
        option = table.by_letter(letter)
        assert option is not None
        assert name in option.names
        assert bool(option.metavar and not option.optional) == (letter + ":" in CHECK_SMTP), letter
    for name in ("sni", "ignore-certificate-expiration", "output-format", "extra-opts"):
        assert [option.name for _, option in table.by_name(name)] == [name]


def test_a_setting_of_an_ini_file() -> None:
    use = commandline.setting("port", "25", "f line 1")
    assert (use.option.name, use.value, use.spelling, use.origin) == ("port", "25", "--port", "f line 1")
    assert commandline.setting("p", "25", "").spelling == "-p"
    assert commandline.setting("starttls", "", "").value is None
    assert commandline.setting("proxy", "", "").value is None
    assert commandline.setting("from", "", "").value == ""


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("x", "1", "-x is no option (f line 1)"),
        ("bogus", "1", "--bogus is no option, see --help (f line 1)"),
        ("starttls", "yes", "--starttls takes no value, write starttls= (f line 1)"),
        ("extra-opts", "x", "--extra-opts takes effect on the command line only (f line 1)"),
        ("h", "", "-h takes effect on the command line only (f line 1)"),
        ("version", "", "--version takes effect on the command line only (f line 1)"),
    ],
)
def test_faults_of_a_setting(key: str, value: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        commandline.setting(key, value, "f line 1")
    assert str(caught.value) == message


def test_the_use_that_counts() -> None:
    given = commandline.parse(["-p", "1", "-p", "2", "--to", "a", "--to", "b"])
    last = given.last("port")
    assert last is not None
    assert last.value == "2"
    assert [use.value for use in given.all("to")] == ["a", "b"]
    assert given.value("port", int) == 2
    assert given.value("timeout", float) is None
    assert given.has("port")
    assert not given.has("timeout")


@given(st.lists(st.text(max_size=8) | st.sampled_from(["-", "--", "-v", "-p", "--port", "--s", "-wt"]), max_size=6))
def test_whatever_comes_is_parsed_or_a_usage_error(words: list[str]) -> None:
    try:
        given = commandline.parse(words)
    except UsageError as error:
        message = str(error)
        assert 0 < len(message) <= 145
        assert message.isprintable()
        assert "|" not in message
    except InformationWanted:
        pass
    else:
        assert len(given.uses) + len(given.operands) <= sum(len(word) or 1 for word in words)


# -- words that may be part of a secret


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--authpasshunter2"], "--authpass… is no option, see --help"),
        (["--authpashunter2"], "--authpas… is no option, see --help"),
        (["--passwordhunter2"], "--pass… is no option, see --help"),
        (["--imap-passhunter2"], "--imap-pass… is no option, see --help"),
        (["-P", "correct", "--horse"], "what stands behind the value of -P is no option, see --help"),
        (["--authpass=correct", "horse", "-!"], "what stands behind the value of --authpass is no option, see --help"),
        (
            ["-P", "correct", "horse", "battery", "-H", "mx"],
            "what stands behind the value of -P is one word too many beside -H",
        ),
        (["-P", *"abcdef"], "takes at most HOST FROM TO DATA without options, not so many words"),
        (["-P", "correct", "-v", "--horse"], "--horse is no option, see --help"),
    ],
)
def test_a_word_that_may_be_part_of_a_secret_is_not_repeated(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        commandline.parse(words)
    assert str(caught.value) == message


def test_words_behind_a_secret_are_doubtful() -> None:
    given = commandline.parse(["-P", "correct", "horse", "battery", "-v", "staple"])
    assert given.operands == ("horse", "battery", "staple")
    assert given.doubtful == {"horse", "battery"}


@pytest.mark.parametrize("key", ["authpass: token=", "authpass hunter", "hunter2", "Hunter", "a=b", "größe"])
def test_a_line_of_an_ini_file_that_may_be_part_of_a_secret_is_not_repeated(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        commandline.setting(key, "", "f line 1")
    assert str(caught.value) == "what stands before the equals sign is no option (f line 1)"
