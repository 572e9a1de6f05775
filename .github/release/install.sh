#!/bin/sh
# Installs llm-proxy from a release, without root: downloads the archive of this machine, compares its SHA-256 with the
# release's SHA256SUMS, verifies where it was built if GitHub's gh is there, and puts the program into place in one step.
#
#   sh install.sh [--version X.Y.Z] [--prefix FOLDER] [--base-url URL]
#
# The program goes to FOLDER/bin; without --prefix to /usr/local/bin for root and to ~/.local/bin for others.
#
# On Linux the program needs glibc: Deno, the runtime within it, has no build for musl (Alpine Linux). Use the container
# image there.

set -eu

# OWNER/NAME of the repository whose releases these are. The release writes it here; a local copy has none.
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
    *[!0-9A-Za-z.-]*) fail "the version has to be X.Y.Z: found $VERSION" ;;
  esac
}

# Where releases are. Sums and archives come from there alike, so the way has to be one that nobody can change.
choose_source() {
  if [ -z "$BASE_URL" ]; then
    [ -n "$REPOSITORY" ] || fail "this copy names no repository: say where the releases are with --base-url URL"
    BASE_URL=https://github.com/$REPOSITORY/releases
  fi
  BASE_URL=${BASE_URL%/}
  case $BASE_URL in
    https://*) ;;
    http://localhost:* | http://localhost/* | http://127.0.0.1:* | http://127.0.0.1/*) ;;
    *) fail "the address has to begin with https: found $BASE_URL" ;;
  esac
}

# The name of this machine's archive, behind the version.
platform() {
  case $(uname -s) in
    Linux) system=linux ;;
    Darwin) system=macos ;;
    *) fail "there is no build for $(uname -s) here; Windows has a ZIP archive in each release" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
    *) fail "there is no build for the processor $(uname -m)" ;;
  esac
  # A shell that is translated on Apple's own processors calls itself x86_64.
  if [ "$system" = macos ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || true)" = 1 ]; then
    machine=aarch64
  fi
  if [ "$system" = linux ] && has ldd && ldd --version 2>&1 | grep -qi musl; then
    fail "this system uses musl, and the program needs glibc: its runtime has no build for musl. Use the container image."
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
    fail "none of sha256sum, shasum and openssl is installed: the download cannot be checked"
  fi
}

# Reads the release's sums, and out of them the archive's name, its sum and the version.
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

# Says whether the archive was built from the repository, where GitHub's gh is there and signed in.
verify_origin() {
  if [ -z "$REPOSITORY" ] || ! has gh; then return; fi
  if ! gh attestation verify --help >/dev/null 2>&1; then
    say "gh is too old to verify where the archive was built; its SHA-256 matches."
  elif ! gh auth status >/dev/null 2>&1; then
    say "gh is not signed in, so it cannot verify where the archive was built; its SHA-256 matches."
  elif gh attestation verify "$WORK/$ARCHIVE" --repo "$REPOSITORY" >"$WORK/gh" 2>&1; then
    say "gh has verified that the archive was built from $REPOSITORY."
  else
    cat "$WORK/gh" >&2
    fail "gh could not verify that $ARCHIVE was built from $REPOSITORY"
  fi
}

# version_of PROGRAM : what it says of itself, or nothing
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
    say "llm-proxy $VERSION is in $bin already."
    exit 0
  fi

  say "Downloading $ARCHIVE ..."
  fetch "$BASE_URL/download/v$VERSION/$ARCHIVE" "$WORK/$ARCHIVE"
  found=$(sha256_of "$WORK/$ARCHIVE") || exit 1
  [ "$found" = "$SUM" ] || fail "the SHA-256 of $ARCHIVE does not match: wanted $SUM, found $found"
  verify_origin

  program=llm-proxy-$VERSION-$PLATFORM/llm-proxy
  tar -xzf "$WORK/$ARCHIVE" -C "$WORK" "$program" || fail "cannot unpack $program from $ARCHIVE"
  if [ ! -f "$WORK/$program" ] || [ -L "$WORK/$program" ]; then fail "$program in $ARCHIVE is not a file"; fi
  chmod 0755 "$WORK/$program"
  said=$(version_of "$WORK/$program")
  [ "$said" = "$VERSION" ] || fail "the program does not run here, or it is not version $VERSION (found: ${said:-nothing})"

  mkdir -p "$bin" || fail "cannot make the folder $bin"
  UNFINISHED=$bin/.llm-proxy.$$
  cp "$WORK/$program" "$UNFINISHED" || fail "cannot write to $bin; --prefix FOLDER chooses another place"
  chmod 0755 "$UNFINISHED"
  # One step: at every moment the old program or the new one is there.
  mv -f "$UNFINISHED" "$bin/llm-proxy" || fail "cannot write to $bin; --prefix FOLDER chooses another place"
  UNFINISHED=''
  say "llm-proxy $VERSION is in $bin."
  case :$PATH: in
    *:"$bin":*) ;;
    *) say "Add it to your PATH: export PATH=\"$bin:\$PATH\"" ;;
  esac
  say "To try it without keys: llm-proxy demo"
}

# The last line: a script that was cut off on its way does nothing.
main "$@"
