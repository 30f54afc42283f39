#!/bin/sh
# fetch.sh DIRECTORY PACKAGE...: download Debian packages and unpack them there; nothing is installed.
# Needs package lists (apt-get update).  Safe to run again: a complete directory is left alone.
set -eu
directory=$1
shift
if [ "$(cat "$directory/.packages" 2>/dev/null)" = "$*" ]; then exit 0; fi
rm -rf "$directory"
mkdir -p "$directory/.deb"
(cd "$directory/.deb" && apt-get -q -o APT::Sandbox::User=root download "$@")
for package in "$directory"/.deb/*.deb; do dpkg -x "$package" "$directory"; done
rm -rf "$directory/.deb"
# The servers run as the user who starts them; no file needs more rights than that.
find "$directory" -xdev -type f \( -perm -4000 -o -perm -2000 \) -exec chmod a-s {} +
echo "$*" > "$directory/.packages"
