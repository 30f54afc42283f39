#!/usr/bin/env python3
"""Look at the plugin's output in Icinga Web 2: one good check, one that fails, and a picture of the latter.

``make pictures``, which is ``python -m helpers.screenshot PACKAGES DIRECTORY`` (as root, on Debian 12), unpacks what
it needs below PACKAGES, runs Icinga 2, Icinga DB, Redis, MariaDB and PHP in a private network and mount namespace,
where nothing of this machine is changed, restores the Director basket, and writes icinga-web.png into DIRECTORY.
Needs chromium, Postfix and icinga2-bin installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from servers.certs import Certs
from servers.icinga import ALONE, Icinga, wait_for
from servers.installed import plugin_directory
from servers.postfix import Postfix
from servers.process import Daemon, started
from servers.unpacked import overlay

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = """
    icingaweb2 icingaweb2-common icingacli icingadb icingadb-web icinga-php-library icinga-php-thirdparty php-icinga
    icingaweb2-module-director icingaweb2-module-incubator icingaweb2-module-reactbundle
    php8.2-cli php8.2-common php8.2-curl php8.2-gd php8.2-intl php8.2-mbstring php8.2-mysql php8.2-xml php8.2-soap
    mariadb-server-core mariadb-client-core libaio1 liburing2 libmariadb3 redis-server redis-tools liblzf1
    liblua5.3-0
"""

EXTENSIONS = """
    mysqlnd pdo pdo_mysql mysqli intl xml dom simplexml xmlreader xmlwriter curl mbstring ctype gettext tokenizer
    iconv fileinfo sockets posix pcntl phar gd soap
"""

WEB = "/usr/share/icingaweb2/public"
ROUTER = """\
<?php
$_SERVER['REMOTE_USER'] = 'admin';
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$file = '%(web)s' . $path;
if ($path != '/' && is_file($file)) {
    $types = ['css' => 'text/css', 'js' => 'text/javascript', 'svg' => 'image/svg+xml', 'woff2' => 'font/woff2'];
    header('Content-Type: ' . ($types[pathinfo($file, PATHINFO_EXTENSION)] ?? 'application/octet-stream'));
    readfile($file);
    return true;
}
// long output as it is after a click on it
ob_start(fn ($page) => str_replace('</head>', '<style>.collapsed { height: auto !important; }</style></head>', $page));
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = '%(web)s/index.php';
chdir('%(web)s');
require '%(web)s/index.php';
"""

HOSTS = """\
object Host "mx1.example.org" {{
	check_command = "dummy"
	address = "127.0.0.1"
	vars.smtp["mx"] = {{
		smtp_status_port = {smtp}
		smtp_status_from = "monitoring@example.net"
		smtp_status_to = [ "ok@example.test" ]
		smtp_status_starttls = true
		smtp_status_tls_name = "mx1.example.test"
		smtp_status_ca = "{ca}"
		smtp_status_quit_after = "message"
	}}
}}
object Host "mx2.example.org" {{
	check_command = "dummy"
	address = "127.0.0.1"
	vars.smtp["mx"] = {{
		smtp_status_port = {smtp}
		smtp_status_from = "monitoring@example.net"
		smtp_status_to = [ "nobody@example.test" ]
		smtp_status_starttls = true
		smtp_status_tls_name = "mx1.example.test"
		smtp_status_ca = "{ca}"
	}}
}}
object IcingaDB "icingadb" {{
	host = "127.0.0.1"
	port = 6380
}}
"""
SERVICES = {"good": ("mx1.example.org", "smtp-mx"), "failing": ("mx2.example.org", "smtp-mx")}


class Stage:
    """All daemons, in one directory."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.socket = base / "mariadb.sock"
        self._running: list[Daemon | Icinga | Postfix] = []

    def stop(self) -> None:
        for daemon in reversed(self._running):
            daemon.stop()

    def daemon(self, name: str, *command: object, port: int = 0, env: dict[str, str] | None = None) -> None:
        daemon = Daemon([str(word) for word in command], log=self.base / f"{name}.log", env=env)
        self._running.append(daemon)
        if port:
            daemon.wait_for("127.0.0.1", port)

    def sql(self, text: str, database: str = "") -> str:
        command = ["mariadb", "--no-defaults", "-N", "-S", str(self.socket), *([database] if database else [])]
        return subprocess.run(command, input=text, text=True, check=True, capture_output=True).stdout

    def mariadb(self) -> None:
        data = self.base / "db"
        data.mkdir()
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root", "--basedir=/usr"]
        subprocess.run(
            [*install, "--auth-root-authentication-method=normal", "--skip-test-db"], check=True, capture_output=True
        )
        options = ["--user=root", "--bind-address=127.0.0.1", "--skip-name-resolve", f"--pid-file={self.base}/my.pid"]
        self.daemon(
            "mariadb", "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={self.socket}", *options, port=3306
        )
        for name in ("icingadb", "icingaweb", "director"):
            self.sql(f"create database {name} character set utf8mb4;")
        for host in ("localhost", "127.0.0.1"):
            self.sql(f"create user x@'{host}' identified by 'x'; grant all on *.* to x@'{host}';")
        self.sql(Path("/usr/share/icingadb/schema/mysql/schema.sql").read_text(), "icingadb")
        self.sql(Path("/usr/share/icingaweb2/schema/mysql.schema.sql").read_text(), "icingaweb")

    def icinga(self) -> Icinga:
        certs = Certs(self.base / "certs")
        postfix = started(lambda base: Postfix(base, certs), self.base)
        plugins = plugin_directory(self.base / "plugin")
        shipped = ROOT / "contrib/icinga"
        config = [
            ALONE,
            *((shipped / name).read_text() for name in ("smtp_status.conf", "smtp_services.conf")),
            HOSTS.format(smtp=postfix.port["smtp"], ca=certs.ca),
        ]
        icinga = started(lambda base: Icinga(base, plugins, "\n".join(config)), self.base)
        self._running += [postfix, icinga]
        return icinga

    def icingadb(self) -> None:
        config = self.base / "icingadb.yml"
        config.write_text(
            f"database:\n  type: mysql\n  host: {self.socket}\n  database: icingadb\n  user: x\n  password: x\n"
            "redis:\n  host: 127.0.0.1\n  port: 6380\n"
        )
        self.daemon("icingadb", "icingadb", "-c", config)

    def web(self, api_port: int) -> None:
        config = self.base / "web"
        modules = Path("/usr/share/icingaweb2/modules")
        wanted = [name for name in ("icingadb", "director", "incubator", "reactbundle") if (modules / name).is_dir()]
        (config / "enabledModules").mkdir(parents=True)
        for name in wanted:
            (config / "enabledModules" / name).symlink_to(modules / name)
            (config / "modules" / name).mkdir(parents=True)
        resource = (
            '[{0}]\ntype="db"\ndb="mysql"\nhost="127.0.0.1"\n'
            'dbname="{0}"\nusername="x"\npassword="x"\ncharset="utf8mb4"\n'
        )
        files = {
            "config.ini": '[global]\nconfig_resource="icingaweb"\n[logging]\nlog="none"\n',
            "resources.ini": "".join(resource.format(name) for name in ("icingaweb", "icingadb", "director")),
            "authentication.ini": '[auto]\nbackend="external"\n',
            "roles.ini": '[admins]\nusers="*"\npermissions="*"\n',
            "modules/icingadb/config.ini": '[icingadb]\nresource="icingadb"\n',
            "modules/icingadb/redis.ini": '[redis1]\nhost="127.0.0.1"\nport="6380"\n',
            "modules/icingadb/commandtransports.ini": "[i]\ntransport=api\nhost=127.0.0.1\n"
            f"port={api_port}\nusername=tests\npassword=tests\n",
            "modules/director/config.ini": '[db]\nresource="director"\n',
        }
        for name, text in files.items():
            (config / name).write_text(text)
        (self.base / "router.php").write_text(ROUTER % {"web": WEB})
        self.daemon(
            "php",
            *self.php,
            "-S",
            "127.0.0.1:8088",
            "-t",
            WEB,
            self.base / "router.php",
            port=8088,
            env={"ICINGAWEB_CONFIGDIR": str(config), "PHP_CLI_SERVER_WORKERS": "4"},
        )

    @property
    def php(self) -> list[str]:
        """PHP with the extensions that were unpacked, and nothing of the machine's."""
        libraries = next(Path("/usr/lib/php").glob("20*"))
        extensions = [name for name in EXTENSIONS.split() if (libraries / f"{name}.so").exists()]
        settings = {
            "extension_dir": libraries,
            "date.timezone": "UTC",
            "session.save_path": self.base,
            "sys_temp_dir": self.base,
            "include_path": ".:/usr/share/php:/usr/share/icinga-php",
            "memory_limit": "512M",
            "variables_order": "EGPCS",
        }
        loads = [word for name in extensions for word in ("-d", f"extension={name}")]
        return ["php8.2", "-n", *loads, *(word for item in settings.items() for word in ("-d", "{}={}".format(*item)))]

    def director(self, *words: str, stdin: str = "") -> str:
        """A command of the Director."""
        command = [*self.php, shutil.which("icingacli") or "icingacli", "director", *words]
        env = {**os.environ, "ICINGAWEB_CONFIGDIR": str(self.base / "web")}
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, env=env, check=False)
        if done.returncode:
            raise SystemExit(f"director {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def picture(self, url: str, target: Path, size: str) -> None:
        chromium = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        profile = f"--user-data-dir={self.base}/chromium"
        options = [f"--window-size={size}", "--virtual-time-budget=8000", f"--screenshot={target}"]
        subprocess.run([*chromium, profile, *options, url], check=True, capture_output=True, timeout=120)


def inside(base: Path, pictures: Path) -> None:
    """What happens in the namespaces."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    stage = Stage(base)
    try:
        stage.mariadb()
        stage.daemon(
            "redis", "redis-server", "--port", 6380, "--bind", "127.0.0.1", "--save", "", "--dir", base, port=6380
        )
        icinga = stage.icinga()
        stage.icingadb()
        for name, (host, service) in SERVICES.items():
            place = {"type": "Host", "host": host, "exit_status": 0, "plugin_output": "PING OK"}
            icinga.api("POST", "/v1/actions/process-check-result", place)
            result = icinga.check(host, service)
            print(f"{name}:\n{result['output']}")

        def rows() -> bool:
            counted = stage.sql("select count(*) from service_state where output is not null", "icingadb")
            if int(counted) < len(SERVICES):
                raise OSError("Icinga DB has not written yet")
            return True

        wait_for(rows, 60)
        time.sleep(1)
        stage.web(icinga.port)
        host, service = SERVICES["failing"]
        url = f"http://127.0.0.1:8088/icingadb/service?name={service}&host.name={host}"
        stage.picture(url, pictures / "icinga-web.png", "1000,460")
        basket(stage)
    finally:
        stage.stop()


def basket(stage: Stage) -> None:
    """Restore the Director basket, and let Icinga run what the Director makes of it."""
    stage.director("migration", "run")
    stage.director("basket", "restore", stdin=(ROOT / "contrib/icinga/director-basket.json").read_text())
    rendered = stage.director("command", "show", "smtp_status")
    print(rendered.split("\n\n")[0])
    checks = """
object Host "plain" {
	check_command = "dummy"
	address = "127.0.0.1"
}
object Service "plain" {
	host_name = "plain"
	check_command = "smtp_status"
	vars.smtp_status_port = 1
	vars.smtp_status_verbose = 2
	vars.smtp_status_proxy = true
	vars.smtp_status_to = [ "a@example.org", "b@example.org" ]
}
"""
    node = started(lambda base: Icinga(base, stage.base / "plugin/plugins", ALONE + rendered + checks), stage.base)
    try:
        print(node.validate().splitlines()[-1])
        result = node.check("plain", "plain")
        print(result["command"])
    finally:
        node.stop()


def main(argv: list[str]) -> int:
    """Outside: unpack, and come again in private namespaces."""
    if len(argv) == 3 and argv[0] == "--inside":
        inside(Path(argv[1]), Path(argv[2]))
        return 0
    if len(argv) != 2 or os.geteuid() != 0:
        print(__doc__)
        return 2
    packages, pictures = (Path(name).resolve() for name in argv)
    subprocess.run([ROOT / "tests/servers/fetch.sh", packages, *PACKAGES.split()], check=True)
    pictures.mkdir(parents=True, exist_ok=True)
    base = Path(tempfile.mkdtemp(prefix="web-"))
    base.chmod(0o755)
    (base / "scratch").mkdir()
    setup = overlay(packages, base / "scratch", {})
    again = 'exec "$@"'
    try:
        namespaces = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", f"{setup}\n{again}", "sh"]
        command = [*namespaces, sys.executable, __file__, "--inside", base, pictures]
        return subprocess.run(command, check=False).returncode
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
