#!/bin/sh
# The built binaries really are hardened, and link only what their job needs.
set -u
build=${1:?}
n=0
failed=0

ok() { # condition's exit status, name
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}

links() { readelf -d "$1" | grep -q "NEEDED.*\[lib$2"; }
lacks() { ! links "$1" "$2"; }

for p in deploystackd api-worker db-worker deploystackctl; do
	b=$build/$p
	readelf -h "$b" | grep -q 'Type:.*DYN'; ok $? "$p is position-independent"
	readelf -lW "$b" | grep -q GNU_RELRO && readelf -d "$b" | grep -q 'FLAGS.*BIND_NOW\|FLAGS_1.*NOW'
	ok $? "$p has full RELRO"
	readelf -lW "$b" | grep 'GNU_STACK' | grep -qv 'RWE'; ok $? "$p has no executable stack"
	! readelf -lW "$b" | grep 'LOAD' | grep -q 'RWE'; ok $? "$p has no writable code"
	readelf -sW "$b" | grep -q __stack_chk_fail; ok $? "$p has stack protectors"
	readelf -sW "$b" | grep -q '_chk@\|_chk '; ok $? "$p is fortified"
	if [ "$(uname -m)" = x86_64 ]; then
		readelf -n "$b" | grep -q SHSTK; ok $? "$p is marked for shadow stacks"
	fi
done
if [ "$(uname -m)" = x86_64 ]; then
	bad=$(find "$build/obj" -name '*.o' | while read -r o; do readelf -n "$o" | grep -q 'IBT, SHSTK' || echo "$o"; done)
	[ -z "$bad" ]; ok $? "all our code is compiled for CET (landing pads and shadow stacks)"
fi
lacks "$build/deploystackd" sqlite3; ok $? "deploystackd links no sqlite3"
lacks "$build/deploystackd" curl; ok $? "deploystackd links no curl"
lacks "$build/deploystackd" event-; ok $? "deploystackd links no libevent beyond its core"
lacks "$build/deploystackd" event_extra; ok $? "deploystackd links no HTTP of libevent"
lacks "$build/api-worker" sqlite3; ok $? "api-worker links no sqlite3"
lacks "$build/api-worker" curl; ok $? "api-worker links no curl"
lacks "$build/db-worker" event_extra; ok $? "db-worker links no HTTP server"
lacks "$build/db-worker" event-; ok $? "db-worker links no libevent beyond its core"
links "$build/db-worker" sqlite3; ok $? "db-worker links sqlite3"
echo "1..$n"
exit $failed
