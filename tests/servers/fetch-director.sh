#!/bin/sh
# Unpack the Icinga Director for the tests into $DIRECTOR_PREFIX, by default the user's cache.
set -eu
exec "$(dirname "$0")/fetch.sh" "${DIRECTOR_PREFIX:-$HOME/.cache/check_smtp_status/director}" \
    icingacli icingaweb2-common php-icinga icinga-php-library icinga-php-thirdparty \
    icingaweb2-module-director icingaweb2-module-incubator icingaweb2-module-reactbundle
