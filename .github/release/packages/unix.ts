/** Files for the package managers Homebrew, AUR and Nix. They must not strip the program. */

import { type Platform, type Release, SUMMARY } from "./release.ts";

/** Returns a Homebrew formula, `Formula/llm-proxy.rb` of a tap. */
export function homebrewFormula({ version, homepage, archives }: Release): string {
  const source = (platform: Platform) =>
    `      url "${archives[platform].url}"\n      sha256 "${archives[platform].sha256}"\n`;
  return `class LlmProxy < Formula
  desc "Transparent proxy for LLM APIs that keeps the keys of providers"
  homepage "${homepage}"
  version "${version}"
  license "MIT"

  on_macos do
    on_arm do
${source("macos-aarch64")}    end
    on_intel do
${source("macos-x86_64")}    end
  end

  on_linux do
    on_arm do
${source("linux-aarch64")}    end
    on_intel do
${source("linux-x86_64")}    end
  end

  def install
    bin.install "llm-proxy"
    man1.install "llm-proxy.1"
    bash_completion.install "completions/llm-proxy.bash" => "llm-proxy"
    zsh_completion.install "completions/_llm-proxy"
    fish_completion.install "completions/llm-proxy.fish"
    pkgshare.install "config.example.toml", ".env.example"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/llm-proxy version")
  end
end
`;
}

/** Returns `PKGBUILD` of the AUR package `llm-proxy-bin`. */
export function pkgbuild({ version, homepage, archives }: Release): string {
  const { "linux-x86_64": x86, "linux-aarch64": arm } = archives;
  // A version in the AUR must not contain a hyphen.
  const pkgver = version.replace("-", "_");
  return `pkgname=llm-proxy-bin
pkgver=${pkgver}
pkgrel=1
pkgdesc="${SUMMARY}"
arch=('x86_64' 'aarch64')
url="${homepage}"
license=('MIT')
depends=('glibc' 'gcc-libs')
provides=('llm-proxy')
conflicts=('llm-proxy')
# The sources of the program are at the end of the file. Stripping would remove them.
options=('!strip' '!debug')
source_x86_64=("${x86.url}")
source_aarch64=("${arm.url}")
sha256sums_x86_64=('${x86.sha256}')
sha256sums_aarch64=('${arm.sha256}')

package() {
  cd "llm-proxy-${version}-linux-$CARCH"
  install -Dm755 llm-proxy "$pkgdir/usr/bin/llm-proxy"
  install -Dm644 llm-proxy.1 "$pkgdir/usr/share/man/man1/llm-proxy.1"
  install -Dm644 completions/llm-proxy.bash "$pkgdir/usr/share/bash-completion/completions/llm-proxy"
  install -Dm644 completions/_llm-proxy "$pkgdir/usr/share/zsh/site-functions/_llm-proxy"
  install -Dm644 completions/llm-proxy.fish "$pkgdir/usr/share/fish/vendor_completions.d/llm-proxy.fish"
  install -Dm644 LICENSE "$pkgdir/usr/share/licenses/$pkgname/LICENSE"
  install -Dm644 -t "$pkgdir/usr/share/doc/llm-proxy" README.md CHANGELOG.md config.example.toml .env.example
}
`;
}

/** Returns a Nix expression for `callPackage`. */
export function nixPackage({ version, homepage, archives }: Release): string {
  const systems: readonly (readonly [string, Platform])[] = [
    ["x86_64-linux", "linux-x86_64"],
    ["aarch64-linux", "linux-aarch64"],
    ["x86_64-darwin", "macos-x86_64"],
    ["aarch64-darwin", "macos-aarch64"],
  ];
  const sources = systems.map(([system, platform]) => {
    const { url, sha256 } = archives[platform];
    return `    "${system}" = {\n      url = "${url}";\n      sha256 = "${sha256}";\n    };\n`;
  }).join("");
  return `# Use it with: pkgs.callPackage ./llm-proxy.nix { }
{ lib, stdenv, stdenvNoCC, fetchurl, buildFHSEnv }:

let
  version = "${version}";
  sources = {
${sources}  };
  program = stdenvNoCC.mkDerivation {
    pname = "llm-proxy";
    inherit version;
    src = fetchurl sources.\${stdenv.hostPlatform.system};
    # The sources of the program are at the end of the file. No tool may change the file.
    dontStrip = true;
    dontPatchELF = true;
    dontFixup = true;
    installPhase = ''
      install -Dm755 llm-proxy $out/bin/llm-proxy
      install -Dm644 LICENSE $out/share/licenses/llm-proxy/LICENSE
    '';
  };
  meta = {
    description = "${SUMMARY}";
    homepage = "${homepage}";
    license = lib.licenses.mit;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    platforms = builtins.attrNames sources;
    mainProgram = "llm-proxy";
  };
in
if stdenv.hostPlatform.isLinux then
  # The program needs the loader of glibc at its usual path.
  buildFHSEnv {
    name = "llm-proxy";
    targetPkgs = _: [ program ];
    runScript = "llm-proxy";
    inherit meta;
  }
else
  program // { inherit meta; }
`;
}
