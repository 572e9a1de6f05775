#!/bin/sh
# Installs llm-proxy from a release, without root. The script downloads the archive for this machine, compares its SHA-256
# with SHA256SUMS of the release, verifies where the archive was built if GitHub's gh is installed, and moves the program
# into place in one step.
#
#   sh install.sh [--version X.Y.Z] [--prefix FOLDER] [--base-url URL]
#
# The program goes to FOLDER/bin. Without --prefix, it goes to /usr/local/bin for root and to ~/.local/bin for others.
#
# On Linux the program needs glibc, because its runtime, Deno, has no build for musl (Alpine Linux). Use the container
# image there.

set -eu

# OWNER/NAME of the repository with the releases. Each release fills in its repository; a local copy has no name.
REPOSITORY=''
BASE_URL=${LLM_PROXY_BASE_URL:-}
VERSION=''
PREFIX=''
WORK=''
UNFINISHED=''

say() { printf '%s\n' "$*"; }

fail() {
  printf 'install.sh: %s\n' "$*" >&2
  printf 'Nothing was installed.\n' >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

clean_up() {
  if [ -n "$WORK" ]; then rm -rf "$WORK"; fi
  if [ -n "$UNFINISHED" ]; then rm -f "$UNFINISHED"; fi
}

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --version | --prefix | --base-url)
        if [ $# -lt 2 ] || [ -z "$2" ]; then fail "$1 needs a value"; fi
        case $1 in
          --version) VERSION=${2#v} ;;
          --prefix) PREFIX=$2 ;;
          --base-url) BASE_URL=$2 ;;
        esac
        shift 2
        ;;
      --help | -h)
        say "usage: sh install.sh [--version X.Y.Z] [--prefix FOLDER] [--base-url URL]"
        exit 0
        ;;
      *) fail "unknown option $1; --help lists the options" ;;
    esac
  done
  case $VERSION in
    *[!0-9A-Za-z.-]*) fail "the version must be X.Y.Z, but it is $VERSION" ;;
  esac
}

# Sets the address of the releases. Checksums and archives both come from it, so the connection must be encrypted.
choose_source() {
  if [ -z "$BASE_URL" ]; then
    [ -n "$REPOSITORY" ] || fail "this copy has no repository name: give the address of the releases with --base-url URL"
    BASE_URL=https://github.com/$REPOSITORY/releases
  fi
  BASE_URL=${BASE_URL%/}
  case $BASE_URL in
    https://*) ;;
    http://localhost:* | http://localhost/* | http://127.0.0.1:* | http://127.0.0.1/*) ;;
    *) fail "the address must start with https, but it is $BASE_URL" ;;
  esac
}

# Sets PLATFORM, the part of the archive's name after the version.
platform() {
  case $(uname -s) in
    Linux) system=linux ;;
    Darwin) system=macos ;;
    *) fail "there is no build for $(uname -s); for Windows, each release has a ZIP archive" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
    *) fail "there is no build for the processor $(uname -m)" ;;
  esac
  # On Apple's processors, a translated shell reports x86_64.
  if [ "$system" = macos ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || true)" = 1 ]; then
    machine=aarch64
  fi
  if [ "$system" = linux ] && has ldd && ldd --version 2>&1 | grep -qi musl; then
    fail "this system uses musl, but the program needs glibc, because its runtime has no build for musl. Use the container image."
  fi
  PLATFORM=$system-$machine
}

# fetch URL FILE
fetch() {
  if has curl; then
    case $1 in
      https://*) curl --fail --silent --show-error --location --proto '=https' --output "$2" "$1" ;;
      *) curl --fail --silent --show-error --location --output "$2" "$1" ;;
    esac
  elif has wget; then
    wget -q -O "$2" "$1"
  else
    fail "neither curl nor wget is installed"
  fi || fail "cannot download $1"
}

sha256_of() {
  if has sha256sum; then
    sha256sum <"$1" | cut -d ' ' -f 1
  elif has shasum; then
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  elif has openssl; then
    openssl dgst -sha256 -r <"$1" | cut -d ' ' -f 1
  else
    fail "cannot check the download: sha256sum, shasum or openssl must be installed"
  fi
}

# Reads SHA256SUMS of the release, and sets ARCHIVE, SUM and VERSION.
read_sums() {
  if [ -z "$VERSION" ]; then
    fetch "$BASE_URL/latest/download/SHA256SUMS" "$WORK/SHA256SUMS"
    pattern='[0-9][0-9A-Za-z.-]*'
  else
    fetch "$BASE_URL/download/v$VERSION/SHA256SUMS" "$WORK/SHA256SUMS"
    pattern=$(printf '%s' "$VERSION" | sed 's/\./\\./g')
  fi
  grep -E "^[0-9a-f]{64}  llm-proxy-$pattern-$PLATFORM\.tar\.gz\$" "$WORK/SHA256SUMS" >"$WORK/line" || true
  [ "$(grep -c . <"$WORK/line" || true)" = 1 ] ||
    fail "SHA256SUMS of the release does not name one archive for $PLATFORM"
  SUM=$(cut -d ' ' -f 1 <"$WORK/line")
  ARCHIVE=$(cut -d ' ' -f 3 <"$WORK/line")
  VERSION=${ARCHIVE#llm-proxy-}
  VERSION=${VERSION%-"$PLATFORM".tar.gz}
}

# Verifies that the archive was built from the repository, if GitHub's gh is installed and signed in.
verify_origin() {
  if [ -z "$REPOSITORY" ] || ! has gh; then return; fi
  if ! gh attestation verify --help >/dev/null 2>&1; then
    say "The SHA-256 of the archive matches. gh is too old to verify where it was built."
  elif ! gh auth status >/dev/null 2>&1; then
    say "The SHA-256 of the archive matches. gh is not signed in, so it cannot verify where it was built."
  elif gh attestation verify "$WORK/$ARCHIVE" --repo "$REPOSITORY" >"$WORK/gh" 2>&1; then
    say "gh has verified that the archive was built from $REPOSITORY."
  else
    cat "$WORK/gh" >&2
    fail "gh could not verify that $ARCHIVE was built from $REPOSITORY"
  fi
}

# version_of PROGRAM : prints the version of a program, or nothing
version_of() {
  "$1" version 2>/dev/null | sed -n '1s/^llm-proxy \([^ ]*\).*/\1/p'
}

main() {
  read_options "$@"
  choose_source
  platform
  if [ -n "$PREFIX" ]; then
    bin=$PREFIX/bin
  elif [ "$(id -u)" = 0 ]; then
    bin=/usr/local/bin
  else
    bin=$HOME/.local/bin
  fi
  trap clean_up EXIT
  trap 'exit 1' HUP INT TERM
  WORK=$(mktemp -d)

  read_sums
  if [ -x "$bin/llm-proxy" ] && [ "$(version_of "$bin/llm-proxy")" = "$VERSION" ]; then
    say "llm-proxy $VERSION is already in $bin."
    exit 0
  fi

  say "Downloading $ARCHIVE ..."
  fetch "$BASE_URL/download/v$VERSION/$ARCHIVE" "$WORK/$ARCHIVE"
  found=$(sha256_of "$WORK/$ARCHIVE") || exit 1
  [ "$found" = "$SUM" ] || fail "the SHA-256 of $ARCHIVE does not match: expected $SUM, found $found"
  verify_origin

  program=llm-proxy-$VERSION-$PLATFORM/llm-proxy
  tar -xzf "$WORK/$ARCHIVE" -C "$WORK" "$program" || fail "cannot unpack $program from $ARCHIVE"
  if [ ! -f "$WORK/$program" ] || [ -L "$WORK/$program" ]; then fail "$program in $ARCHIVE is not a file"; fi
  chmod 0755 "$WORK/$program"
  installed=$(version_of "$WORK/$program")
  [ "$installed" = "$VERSION" ] ||
    fail "the program does not run here, or it is not version $VERSION (found: ${installed:-nothing})"

  mkdir -p "$bin" || fail "cannot create the folder $bin"
  UNFINISHED=$bin/.llm-proxy.$$
  cp "$WORK/$program" "$UNFINISHED" || fail "cannot write to $bin; --prefix FOLDER chooses another place"
  chmod 0755 "$UNFINISHED"
  # One step, so that the old program or the new program is there at any time.
  mv -f "$UNFINISHED" "$bin/llm-proxy" || fail "cannot write to $bin; --prefix FOLDER chooses another place"
  UNFINISHED=''
  say "llm-proxy $VERSION is in $bin."
  case :$PATH: in
    *:"$bin":*) ;;
    *) say "Add it to your PATH: export PATH=\"$bin:\$PATH\"" ;;
  esac
  say "To try it without keys: llm-proxy demo"
}

# This is the last line, so that an incomplete download of this script does nothing.
main "$@"
