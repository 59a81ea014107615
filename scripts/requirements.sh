#!/bin/sh
# Writes the three hashed requirement files from pyproject.toml, for Python 3.11 and later on
# every system. Already locked versions stay unless `--upgrade` (or `--upgrade-package`) is given.
set -eu

cd "$(dirname "$0")/.."
build=$(.venv/bin/python -c '
import tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")')

lock() { # lock FILE SOURCE... : further requirements come from standard input
    file=$1
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate \
        --custom-compile-command "make requirements" --output-file "$file" "$@" >/dev/null
}

echo uv | lock requirements-uv.txt "$@" -
echo "$build" | lock requirements.txt "$@" --extra embedded pyproject.toml -
echo "$build" | lock requirements-dev.txt "$@" --constraint requirements.txt \
    --extra embedded --extra dev pyproject.toml -
