"""Which resolvers are asked, how long, and whether their word on DNSSEC counts."""

from __future__ import annotations

import socket

import pytest

from smtp_status.findings import Address
from smtp_status.maildomain import resolvconf


class TestNameservers:
    @pytest.mark.parametrize(
        ("text", "servers", "timeout", "attempts", "believed"),
        [
            ("", ["127.0.0.1"], 5, 2, True),
            ("nameserver 192.0.2.53\n", ["192.0.2.53"], 5, 2, False),
            ("nameserver 192.0.2.53\noptions edns0 trust-ad", ["192.0.2.53"], 5, 2, True),
            ("nameserver ::1\nnameserver 127.0.0.53", ["::1", "127.0.0.53"], 5, 2, True),
            ("nameserver 127.0.0.1\nnameserver 192.0.2.53", ["127.0.0.1", "192.0.2.53"], 5, 2, False),
            ("options timeout:2 attempts:1\n# nameserver 192.0.2.1\n;x\n", ["127.0.0.1"], 2, 1, True),
            ("options timeout:99 attempts:99", ["127.0.0.1"], 30, 5, True),
            ("options timeout:0 attempts:x timeout", ["127.0.0.1"], 5, 2, True),
            ("nameserver nonsense\nnameserver\nsearch a b\n", ["127.0.0.1"], 5, 2, True),
            (
                "".join(f"nameserver 192.0.2.{n}\n" for n in range(5)),
                ["192.0.2.0", "192.0.2.1", "192.0.2.2"],
                5,
                2,
                False,
            ),
        ],
    )
    def test_resolv_conf(self, text, servers, timeout, attempts, believed):
        resolver = resolvconf.from_text(text)
        assert [server.text for server in resolver.servers] == servers
        assert {server.port for server in resolver.servers} == {53}
        assert (resolver.timeout, resolver.attempts, resolver.believed) == (timeout, attempts, believed)

    def test_no_file(self, tmp_path):
        assert resolvconf.of_system(str(tmp_path / "none")) == resolvconf.from_text("")

    def test_the_file(self, tmp_path):
        (tmp_path / "resolv.conf").write_bytes(b"# \xff\nnameserver 192.0.2.7\n")
        assert resolvconf.of_system(str(tmp_path / "resolv.conf")).servers[0].text == "192.0.2.7"

    def test_named_is_believed(self):
        assert resolvconf.named("192.0.2.53", 5353) == resolvconf.Resolver(
            (Address(socket.AF_INET, ("192.0.2.53", 5353), "192.0.2.53", 5353),), believed=True
        )

    def test_an_interface_that_is_gone(self):
        assert resolvconf.from_text("nameserver fe80::1%nosuchif0").servers == ()
