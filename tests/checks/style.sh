#!/bin/sh
# Rules that a script can watch: which folder may include which, functions that
# nobody may call, headers that compile alone, man pages, shell scripts.
set -u
n=0
failed=0
build=${1:-build}

ok() { # exit status, name, details
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		[ -z "${3:-}" ] || echo "$3" | sed 's/^/# /'
		failed=1
	fi
}

# folder: folders that it may include
while read -r folder allowed; do
	bad=$(grep -n '#include "' "$folder"/*.[ch] | grep -vE "#include \"($allowed)/" |
	    grep -v 'gen/assets.inc')
	[ -z "$bad" ]; ok $? "$folder includes only $allowed" "$bad"
done <<END
base base
ipc ipc|base
sandbox sandbox|base
supervisor supervisor|ipc|sandbox|base
api-worker api-worker|ipc|sandbox|base
db-worker db-worker|ipc|sandbox|base
cli cli|base
END

sources=$(git ls-files '*.c' '*.h' 2>/dev/null | grep -v '^tests/')
# shellcheck disable=SC2086
bad=$(grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|system|popen|alloca|atoi|atol|tmpnam|mktemp|rand|localtime|gmtime)\(' $sources)
[ -z "$bad" ]; ok $? "no banned function is called" "$bad"
# shellcheck disable=SC2086
bad=$(grep -nE 'TODO|FIXME|XXX[^X]|HACK' $sources | grep -v 'XXXXXX')
[ -z "$bad" ]; ok $? "nothing is left for later in the code" "$bad"
# shellcheck disable=SC2086
bad=$(wc -l $sources | awk '$2 != "total" && $1 > 600')
[ -z "$bad" ]; ok $? "no source file has more than 600 lines" "$bad"
# shellcheck disable=SC2086
bad=$(grep -nE '.{101,}' $sources)
[ -z "$bad" ]; ok $? "no line is longer than 100 characters" "$bad"

bad=""
for h in $(git ls-files '*.h' 2>/dev/null | grep -v '^tests/'); do
	printf '#include "%s"\n' "$h" | gcc -std=c17 -D_GNU_SOURCE -I. -I"$build" -Wall -Werror -fsyntax-only -xc - 2>/dev/null ||
	    bad="$bad $h"
done
[ -z "$bad" ]; ok $? "every header compiles alone" "$bad"

for m in docs/man/*.[18]; do
	bad=$(mandoc -T lint -W warning "$m" 2>&1)
	[ -z "$bad" ]; ok $? "$m is clean" "$bad"
done
# shellcheck disable=SC2046
bad=$(shellcheck .ci/run $(git ls-files '*.sh' 2>/dev/null) 2>&1)
[ -z "$bad" ]; ok $? "shell scripts are clean" "$bad"
bad=$(git ls-files 2>/dev/null | xargs grep -lE 'registry\.(npmjs|yarnpkg)\.|deb\.debian\.org' 2>/dev/null | grep -v tests/checks/style.sh)
[ -z "$bad" ]; ok $? "no registry's host name is in the tree" "$bad"
echo "1..$n"
exit $failed
