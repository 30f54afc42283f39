#!/bin/sh
# Unpack Exim (heavy) for the tests into $EXIM_PREFIX, by default the user's cache.
set -eu
exec "$(dirname "$0")/fetch.sh" "${EXIM_PREFIX:-$HOME/.cache/check_smtp_status/exim}" \
    exim4-daemon-heavy libidn12 libspf2-2 libmariadb3
