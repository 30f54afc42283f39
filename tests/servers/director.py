"""The Icinga Director by its command line: a basket restored into a data base of its own, and what it renders then.

One run takes 5 s: MariaDB and PHP live in private mount and network namespaces, in memory, and end with it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .requirements import need, need_namespaces
from .unpacked import overlay, prefix

_SCRIPT = """\
ip link set lo up
cd {scratch}
mkdir -p web/enabledModules web/modules/director
mariadb-install-db --no-defaults --datadir="$PWD/db" --user=root --auth-root-authentication-method=normal \
    --skip-test-db --basedir=/usr > install.log 2>&1
mariadbd --no-defaults --datadir="$PWD/db" --user=root --socket="$PWD/sql" --bind-address=127.0.0.1 --port=3306 \
    --skip-name-resolve --innodb-flush-log-at-trx-commit=0 --innodb-buffer-pool-size=64M --pid-file="$PWD/pid" \
    > mariadb.log 2>&1 &
sql() {{ mariadb --no-defaults -N -r -S "$PWD/sql" "$@"; }}
cli() {{ php -n -d extension_dir="$(php -r 'echo PHP_EXTENSION_DIR;')" {extensions} \
    -d include_path=.:/usr/share/php:/usr/share/icinga-php -d error_reporting=1 -d memory_limit=512M \
    /usr/bin/icingacli director "$@"; }}
for attempt in $(seq 200); do sql -e 'select 1' > /dev/null 2>&1 && break; sleep 0.05; done
sql -e "create database director character set utf8mb4; create user d@'127.0.0.1' identified by 'd';
    grant all on *.* to d@'127.0.0.1'"
for module in director incubator reactbundle; do
    ln -s /usr/share/icingaweb2/modules/$module web/enabledModules/$module
done
printf '[global]\\nconfig_resource="d"\\n[logging]\\nlog="none"\\n' > web/config.ini
printf '[d]\\ntype="db"\\ndb="mysql"\\nhost="127.0.0.1"\\nport="3306"\\ndbname="director"\\n' > web/resources.ini
printf 'username="d"\\npassword="d"\\ncharset="utf8mb4"\\n' >> web/resources.ini
printf '[db]\\nresource="d"\\n' > web/modules/director/config.ini
export ICINGAWEB_CONFIGDIR="$PWD/web"
cli migration run >&2
# twice: what is there already must not be in the way
cli basket restore < {base}/basket.json >&2
cli basket restore < {base}/basket.json >&2
{more}
cli config render >&2
sql director > {base}/fields <<'END'
select concat(f.caption, '\\t', c.category_name, '\\t', substring_index(f.datatype, 'DataType', -1))
from director_datafield f join director_datafield_category c on c.id = f.category_id
join icinga_command_field l on l.datafield_id = f.id order by f.id
END
sql director > {base}/lists <<'END'
select concat(l.list_name, '\\t', e.entry_name)
from director_datalist l join director_datalist_entry e on e.list_id = l.id
END
mkdir {base}/rendered
sql director -e "select concat(hex(file_checksum), ' ', file_path) from director_generated_config_file" |
while read -r sum path; do
    mkdir -p "$(dirname "{base}/rendered/$path")"
    sql director -e "select content from director_generated_file where checksum = unhex('$sum')" \
        > "{base}/rendered/$path"
done
kill %1
wait
"""

_EXTENSIONS = "mysqlnd pdo pdo_mysql intl xml dom simplexml curl mbstring ctype gettext tokenizer iconv posix phar"


class Restored(NamedTuple):
    """``fields`` of the command: caption to category and kind.  ``lists``: name to words.  ``files``: path to the
    configuration the Director would deploy."""

    fields: dict[str, tuple[str, str]]
    lists: dict[str, list[str]]
    files: dict[str, str]


def restored(base: Path, basket: str, objects: Sequence[tuple[str, dict[str, object]]]) -> Restored:
    """What the Director makes of ``basket`` and of ``objects`` (kind such as ``host``, properties) made after it.

    ``base`` is a directory that does not exist yet.  AssertionError where a command of it fails.
    """
    need("php")
    need("mariadb")
    need_namespaces("m", "n")
    source = prefix("director", "usr/bin/icingacli")
    scratch = base / "scratch"
    scratch.mkdir(parents=True)
    (base / "basket.json").write_text(basket)
    more = []
    for number, (kind, properties) in enumerate(objects):
        (base / f"{number}.json").write_text(json.dumps(properties))
        more.append(f'cli {kind} create --json "$(cat {base}/{number}.json)" >&2')
    extensions = " ".join(f"-d extension={name}" for name in _EXTENSIONS.split())
    script = _SCRIPT.format(base=base, scratch=scratch, more="\n".join(more), extensions=extensions)
    command = [*("unshare", "--mount", "--net", "--propagation", "private"), "bash", "-c"]
    done = subprocess.run(
        [*command, f"{overlay(source, scratch, {})}\n{script}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("\t") for line in (base / "fields").read_text().splitlines()]
    lists: dict[str, list[str]] = {}
    for line in (base / "lists").read_text().splitlines():
        name, word = line.split("\t")
        lists.setdefault(name, []).append(word)
    root = base / "rendered"
    files = {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}
    return Restored({caption: (category, kind) for caption, category, kind in rows}, lists, files)
