/** Files for package managers: complete, and read by the tools that they are for where those are there. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { releaseOf } from "../../.github/release/packages/release.ts";
import { command, denoCommand } from "../support/processes/command.ts";
import { type Reason, unless, without } from "../support/runner/left_out.ts";

const ROOT = new URL("../../", import.meta.url);
const ARCHIVES = [
  "linux-x86_64.tar.gz",
  "linux-aarch64.tar.gz",
  "macos-x86_64.tar.gz",
  "macos-aarch64.tar.gz",
  "windows-x86_64.zip",
];
const sumOf = (index: number) => String(index + 1).repeat(64);
const SUMS = ARCHIVES.map((name, index) => `${sumOf(index)}  llm-proxy-1.2.3-${name}\n`).join("");
const FACTS = { version: "1.2.3", repository: "Some-Owner/llm-proxy" };

async function withFiles(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/SHA256SUMS`, SUMS);
    const args = ["--version", "1.2.3", "--checksums", `${folder}/SHA256SUMS`, "--owner", "Some-Owner"];
    const { success, stderr } = await denoCommand([
      "run",
      "-A",
      ".github/release/packages.ts",
      ...args,
      "--out",
      `${folder}/out`,
    ], { cwd: ROOT }).output();
    assert(success, new TextDecoder().decode(stderr));
    await work(`${folder}/out`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function said(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await command(program, { args }).output();
  const text = new TextDecoder().decode(stdout);
  assert(success, `${program}: ${text}${new TextDecoder().decode(stderr)}`);
  return text;
}

function packageTest(reason: Reason, name: string, work: (folder: string) => Promise<void>): void {
  Deno.test({ ...unless(reason, `packages: ${name}`), fn: () => withFiles(work) });
}

Deno.test("packages: checksums have to name each archive once", () => {
  assertEquals(releaseOf(SUMS, FACTS).archives["windows-x86_64"].sha256, sumOf(4));
  for (
    const wrong of [SUMS.replace(/.*zip\n/, ""), SUMS + SUMS, SUMS.replace(/^1{64}/, "1".repeat(63)), ""]
  ) {
    assertThrows(() => releaseOf(wrong, FACTS), Error, "The checksums do not name");
  }
  assertThrows(() => releaseOf(SUMS, { ...FACTS, version: "1.2" }), Error, "Cannot use the version");
});

packageTest(
  undefined,
  "no file has a placeholder; each names its version, or its repository",
  async (folder) => {
    const names: string[] = [];
    for (const { name: kind, isDirectory } of Deno.readDirSync(folder)) {
      if (!isDirectory) continue;
      for (const { name } of Deno.readDirSync(`${folder}/${kind}`)) {
        names.push(`${kind}/${name}`);
        const text = await Deno.readTextFile(`${folder}/${kind}/${name}`);
        assert(!/OWNER|undefined|\bNaN\b|\bTODO\b/.test(text), name);
        assert(/1\.2/.test(text), name);
      }
    }
    assertEquals(names.sort(), [
      "aur/PKGBUILD",
      "casaos/docker-compose.yml",
      "homebrew/llm-proxy.rb",
      "nix/llm-proxy.nix",
      "scoop/llm-proxy.json",
      "unraid/llm-proxy.xml",
      "winget/Some-Owner.llm-proxy.installer.yaml",
      "winget/Some-Owner.llm-proxy.locale.en-US.yaml",
      "winget/Some-Owner.llm-proxy.yaml",
    ]);
  },
);

packageTest(
  undefined,
  "Scoop: the archive, its folder and sum, and how the next version is found",
  async (folder) => {
    const manifest = JSON.parse(await Deno.readTextFile(`${folder}/scoop/llm-proxy.json`));
    const url =
      "https://github.com/Some-Owner/llm-proxy/releases/download/v1.2.3/llm-proxy-1.2.3-windows-x86_64.zip";
    assertEquals(manifest.architecture["64bit"], {
      url,
      hash: sumOf(4),
      extract_dir: "llm-proxy-1.2.3-windows-x86_64",
    });
    assertEquals(manifest.autoupdate.architecture["64bit"].url, url.replaceAll("1.2.3", "$version"));
  },
);

packageTest(
  without("ruby"),
  "Homebrew: Ruby takes the formula, which has each archive with its sum",
  async (folder) => {
    const file = `${folder}/homebrew/llm-proxy.rb`;
    assertEquals(await said("ruby", "-c", file), "Syntax OK\n");
    const text = await Deno.readTextFile(file);
    for (const [index, name] of ARCHIVES.slice(0, 4).entries()) {
      assertStringIncludes(text, `${name}"\n      sha256 "${sumOf(index)}"`);
    }
  },
);

packageTest(without("ruby"), "winget and CasaOS: the YAML says what it is to say", async (folder) => {
  const read = async (name: string) =>
    JSON.parse(
      await said(
        "ruby",
        "-ryaml",
        "-rjson",
        "-e",
        "puts YAML.load_file(ARGV[0]).to_json",
        `${folder}/${name}`,
      ),
    );
  const installer = await read("winget/Some-Owner.llm-proxy.installer.yaml");
  assertEquals(installer.Installers[0].InstallerSha256, sumOf(4));
  assertEquals(installer.PackageVersion, "1.2.3");
  assertEquals(
    installer.NestedInstallerFiles[0].RelativeFilePath,
    "llm-proxy-1.2.3-windows-x86_64\\llm-proxy.exe",
  );
  assertEquals((await read("winget/Some-Owner.llm-proxy.yaml")).ManifestType, "version");
  assertEquals((await read("winget/Some-Owner.llm-proxy.locale.en-US.yaml")).License, "MIT");
  const compose = await read("casaos/docker-compose.yml");
  assertEquals(compose.services["llm-proxy"].image, "ghcr.io/some-owner/llm-proxy:1.2.3");
  assertEquals(compose.services["llm-proxy"].environment.PROXY_TOKEN, "");
  assertEquals([compose["x-casaos"].main, compose["x-casaos"].port_map], ["llm-proxy", "33000"]);
});

packageTest(
  without("bash"),
  "AUR: bash takes PKGBUILD, which has both archives with their sums",
  async (folder) => {
    const script =
      '. "$0" && echo "$pkgver|${source_x86_64[0]##*/}|${sha256sums_x86_64[0]}|${source_aarch64[0]##*/}|${sha256sums_aarch64[0]}|${options[*]}"';
    assertEquals(
      await said("bash", "-c", script, `${folder}/aur/PKGBUILD`),
      `1.2.3|llm-proxy-1.2.3-${ARCHIVES[0]}|${sumOf(0)}|llm-proxy-1.2.3-${ARCHIVES[1]}|${
        sumOf(1)
      }|!strip !debug\n`,
    );
  },
);

packageTest(without("nix-instantiate"), "Nix: the expression can be read", async (folder) => {
  const text = await said("nix-instantiate", "--parse", `${folder}/nix/llm-proxy.nix`);
  for (const index of [0, 1, 2, 3]) assertStringIncludes(text, sumOf(index));
});

packageTest(without("python3"), "Unraid: the XML is one, and hides keys", async (folder) => {
  const code = `import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
print(root.find("Repository").text)
print(sorted(c.get("Target") for c in root.findall("Config") if c.get("Mask") == "true"))`;
  assertEquals(
    await said("python3", "-c", code, `${folder}/unraid/llm-proxy.xml`),
    "ghcr.io/some-owner/llm-proxy:1.2\n" +
      "['ANTHROPIC_API_KEY', 'MANAGEMENT_TOKEN', 'OPENAI_API_KEY', 'PROXY_TOKEN']\n",
  );
});
