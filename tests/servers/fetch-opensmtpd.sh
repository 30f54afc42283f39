#!/bin/sh
# Unpack OpenSMTPD for the tests into $OPENSMTPD_PREFIX, by default the user's cache.
set -eu
exec "$(dirname "$0")/fetch.sh" "${OPENSMTPD_PREFIX:-$HOME/.cache/check_smtp_status/opensmtpd}" \
    opensmtpd
