#!/bin/sh
# Sees to it that the tests of pages have a browser, so that none of them is left out.
# Does nothing where a Chromium is found as tests/e2e/browser.py looks for it; else installs Debian's, as root.
set -eu

for name in chromium chromium-browser; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if ! command -v apt-get >/dev/null 2>&1; then
    echo "A Chromium is needed on PATH, and there is no apt-get to install one with." >&2
    exit 1
fi
echo "installing chromium" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o Acquire::Retries=3 update
apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends \
    chromium fonts-dejavu-core fonts-noto-color-emoji >/dev/null
