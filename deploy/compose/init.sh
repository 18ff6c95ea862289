#!/bin/sh
# Write .env (or ENV_FILE): the directory of the pictures, and passwords that nobody else has.
#
#   sh deploy/compose/init.sh /photos
set -eu
if [ $# -ne 1 ] || [ ! -d "$1" ]; then
  echo "usage: sh deploy/compose/init.sh DIRECTORY_OF_PICTURES" >&2
  exit 64
fi
pictures=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
file=${ENV_FILE:-.env}
if [ -e "$file" ]; then
  echo "$file is there already, with passwords that the volumes were made with; it stays as it is" >&2
  exit 73
fi

# Hexadecimal, so that passwords can stand in URLs; $ would be a reference in .env.
draw() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

umask 077
while IFS= read -r line; do
  case $line in
    PICTURES=) printf 'PICTURES=%s\n' "$pictures" ;;
    *_PASSWORD=) printf '%s%s\n' "$line" "$(draw)" ;;
    *) printf '%s\n' "$line" ;;
  esac
done <.env.example >"$file.new"
mv "$file.new" "$file"
echo "wrote $file"
