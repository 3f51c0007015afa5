#!/bin/sh
# Makes .venv with everything pinned: ./setup.sh [--dev|--all]. PYTHON=python3.12 ./setup.sh chooses the interpreter.
set -eu
cd "$(dirname "$0")"

say() { printf '%s\n' "$*" >&2; }
fail() { say "setup.sh: $*"; exit 1; }

set_of_pins=base
case "${1:-}" in
    --dev) set_of_pins=dev ;;
    --all) set_of_pins=tools ;;
    '') ;;
    *) fail "unknown argument $1; usage: ./setup.sh [--dev|--all]" ;;
esac

python=${PYTHON:-python3}
command -v "$python" >/dev/null 2>&1 || fail "there is no $python; install Python 3.10 or later, or set PYTHON."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "$python is $("$python" -V 2>&1), but Python 3.10 or later is needed; set PYTHON to a newer one."

bin=.venv/bin
if [ ! -x "$bin/python" ] || ! "$bin/python" -c '' 2>/dev/null; then
    say "Making .venv with $("$python" -V)"
    rm -rf .venv
    "$python" -m venv .venv || fail "$python cannot make a virtual environment; on Debian: apt install python3-venv."
fi

stamp=".venv/set-up-$set_of_pins"
wanted=$(cat requirements/uv.txt "requirements/$set_of_pins.txt" pyproject.toml | cksum)
[ -f .venv/set-up-dev ] && [ "$set_of_pins" = base ] && exit 0
[ -f .venv/set-up-tools ] && [ "$set_of_pins" != tools ] && exit 0
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

say "Installing the pinned packages ($set_of_pins)"
rm -f .venv/set-up-*
"$bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
VIRTUAL_ENV="$PWD/.venv"
export VIRTUAL_ENV
"$bin/uv" pip install --quiet --compile-bytecode --require-hashes -r "requirements/$set_of_pins.txt"
"$bin/uv" pip install --quiet --no-deps --no-build-isolation -e .
if [ "$set_of_pins" = tools ] && ! "$bin/python" -c 'import torch' 2>/dev/null; then
    # Gigabytes where it comes from an index: only a wheel that is at hand (PIP_FIND_LINKS) is taken.
    "$bin/python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps 'torch>=2.2' 2>/dev/null ||
        say "No wheel of torch is at hand: the tests that train a model are skipped"
fi
printf '%s' "$wanted" >"$stamp"
