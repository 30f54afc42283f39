#!/bin/sh
# Unpack Cyrus's imapd for the tests into $CYRUS_PREFIX, by default the user's cache: its package excludes Dovecot's.
set -eu
exec "$(dirname "$0")/fetch.sh" "${CYRUS_PREFIX:-$HOME/.cache/check_smtp_status/cyrus}" cyrus-imapd
