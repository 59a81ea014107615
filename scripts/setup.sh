#!/bin/sh
# Makes .venv ready: `run` for what a demo needs, `dev` for tests and checks as well.
# Does nothing when the files it reads have not changed since the last time.
set -eu

level=${1:-dev}
cd "$(dirname "$0")/.."
venv=$PWD/.venv
case $level in
    run) requirements=requirements.txt ;;
    dev) requirements=requirements-dev.txt ;;
    *) echo "usage: scripts/setup.sh run|dev" >&2; exit 2 ;;
esac

fits() { # is $1 a Python we can use, and can it make a virtual environment?
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || return 1
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return 0
    without_venv=$1
    return 1
}

find_python() {
    without_venv=
    for python in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3 python}; do
        if command -v "$python" >/dev/null 2>&1 && fits "$python"; then return 0; fi
    done
    if [ -n "$without_venv" ]; then
        echo "$without_venv cannot make virtual environments." >&2
        echo "On Debian and Ubuntu: apt-get install python3-venv" >&2
    else
        echo "Python 3.11 or later is needed; none was found (set PYTHON to name one)." >&2
    fi
    exit 1
}

fingerprint() { # changes with what is asked for, with the interpreter and with the folder
    echo "$venv"
    "$venv/bin/python" -c 'import sys; print(sys.version)'
    cksum scripts/setup.sh requirements-uv.txt "$1" pyproject.toml
}

works() { # a moved folder or a removed interpreter leaves a .venv that only looks whole
    [ -x "$venv/bin/python" ] && "$venv/bin/python" -c '
import pathlib, pip, sys
made_for = [
    line.rstrip().endswith(" " + sys.argv[1])
    for line in pathlib.Path(sys.argv[1], "pyvenv.cfg").read_text().splitlines()
    if line.startswith("command = ")
]
sys.exit(sys.version_info < (3, 11) or not all(made_for))' "$venv" 2>/dev/null
}

is_ready() { # the dev level holds everything of the run level
    for each in "$1" dev; do
        file=requirements.txt
        if [ "$each" = dev ]; then file=requirements-dev.txt; fi
        if [ "$(cat "$venv/.ready-$each" 2>/dev/null)" = "$(fingerprint "$file")" ]; then
            return 0
        fi
    done
    return 1
}

install_with_uv() {
    "$venv/bin/python" -m pip install --quiet --require-hashes -r requirements-uv.txt &&
        "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" \
            --require-hashes -r "$requirements" &&
        "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" \
            --no-deps --no-build-isolation --editable .
}

install_with_pip() {
    "$venv/bin/python" -m pip install --quiet --require-hashes -r "$requirements" &&
        "$venv/bin/python" -m pip install --quiet \
            --no-deps --no-build-isolation --editable .
}

if works && is_ready "$level"; then exit 0; fi

if ! works; then
    find_python
    echo "making .venv with $("$python" --version)" >&2
    "$python" -m venv --clear "$venv"
fi
rm -f "$venv"/.ready-*
echo "installing what $requirements lists" >&2
if ! install_with_uv; then
    echo "uv did not do it; trying plain pip, which takes longer" >&2
    install_with_pip
fi
fingerprint "$requirements" >"$venv/.ready-$level"
