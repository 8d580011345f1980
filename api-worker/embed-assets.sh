#!/bin/sh
# Prints C that holds the given files as arrays: see api-worker/assets.c.
set -eu

i=0
for file in "$@"; do
	printf 'static const unsigned char asset_%d[] = {\n' "$i"
	od -An -v -tu1 "$file" | sed 's/\([0-9][0-9]*\)/\1,/g'
	printf '};\n'
	i=$((i + 1))
done
printf 'static const struct asset assets[] = {\n'
i=0
for file in "$@"; do
	name=$(basename "$file")
	case $name in
	*.html) type='text/html; charset=utf-8' ;;
	*.css) type='text/css; charset=utf-8' ;;
	*.js) type='text/javascript; charset=utf-8' ;;
	*.svg) type='image/svg+xml' ;;
	*)
		echo "$0: $file: no content type is known for this name" >&2
		exit 1
		;;
	esac
	printf '\t{ "%s", "%s", asset_%d, sizeof(asset_%d) },\n' "$name" "$type" "$i" "$i"
	i=$((i + 1))
done
printf '};\n'
