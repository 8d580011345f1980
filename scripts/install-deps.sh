#!/bin/sh
# Installs the Debian packages that a task needs: run (build and run) or test.
# Does nothing when all are there.  Without root and sudo it prints the command.
set -eu

run="gcc libc6-dev make libsqlite3-dev libevent-dev libcjson-dev libsodium-dev libseccomp-dev libcurl4-openssl-dev"
test="$run clang libclang-rt-14-dev libcmocka-dev sqlite3 python3 mandoc shellcheck binutils curl"

case "${1:-run}" in
run) packages=$run ;;
test) packages=$test ;;
*) echo "usage: install-deps.sh run|test" >&2; exit 2 ;;
esac

missing=""
for p in $packages; do
	[ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null)" = "ii " ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	as=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
	as="sudo"
else
	echo "Debian packages are missing. As root, run:" >&2
	echo "  apt-get install -y --no-install-recommends$missing" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
$as apt-get update -q
# shellcheck disable=SC2086
$as apt-get install -y -q --no-install-recommends $missing
