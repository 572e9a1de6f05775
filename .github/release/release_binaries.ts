/**
 * `deno task release:binaries [--platform NAME] [--repository OWNER/NAME]`: compiles the program for every
 * platform, or for one, and writes the archives, the bill of materials and `SHA256SUMS` into `dist/release`.
 * With a repository it also writes `install.sh`. `--checksums FOLDER` compiles nothing: it writes the other
 * files beside the archives of a folder.
 */

import { parseArgs } from "node:util";
import { zipSync } from "fflate";
import { repositoryName } from "../../src/build/repository.ts";
import { installScript } from "./install_script.ts";

/** The platform's name in a release, and the compiler's name for it. */
const PLATFORMS: Readonly<Record<string, string>> = {
  "linux-x86_64": "x86_64-unknown-linux-gnu",
  "linux-aarch64": "aarch64-unknown-linux-gnu",
  "macos-x86_64": "x86_64-apple-darwin",
  "macos-aarch64": "aarch64-apple-darwin",
  "windows-x86_64": "x86_64-pc-windows-msvc",
};
/** Files that each archive holds beside the program. */
const DOCUMENTS = ["README.md", "LICENSE", "CHANGELOG.md", ".env.example", "config.example.toml"];
/** The folder of the pages that the README links to. Each archive holds them too. */
const PAGES = "docs";
const FOLDER = "dist/release";

const { values } = parseArgs({
  options: {
    platform: { type: "string" },
    checksums: { type: "string" },
    repository: { type: "string" },
  },
});
const repository = repositoryName(values.repository);
if (values.checksums !== undefined) await complete(values.checksums);
else {
  const names = values.platform === undefined ? Object.keys(PLATFORMS) : [values.platform];
  for (const name of names) await build(name);
  await complete(FOLDER);
}

/**
 * Writes the bill of materials, `install.sh` and the checksums of all files into the folder of the archives.
 */
async function complete(folder: string): Promise<void> {
  const { version } = JSON.parse(await Deno.readTextFile("deno.json"));
  if (repository !== undefined) {
    await Deno.writeTextFile(`${folder}/install.sh`, await installScript(repository));
  }
  await run(Deno.execPath(), ["task", "sbom", "--output", `${folder}/llm-proxy-${version}.cdx.json`]);
  await writeChecksums(folder);
}

async function build(name: string): Promise<void> {
  const target = PLATFORMS[name];
  if (target === undefined) {
    fail(`Unknown platform ${name}. The platforms are ${Object.keys(PLATFORMS).join(", ")}`);
  }
  const { version } = JSON.parse(await Deno.readTextFile("deno.json"));
  const folder = `llm-proxy-${version}-${name}`;
  const program = name.startsWith("windows") ? "llm-proxy.exe" : "llm-proxy";
  await Deno.remove(`${FOLDER}/${folder}`, { recursive: true }).catch(() => {});
  await Deno.mkdir(`${FOLDER}/${folder}`, { recursive: true });
  await run(Deno.execPath(), [
    "task",
    "compile",
    "--target",
    target,
    "--output",
    `${FOLDER}/${folder}/${program}`,
    ...(repository === undefined ? [] : ["--repository", repository]),
  ]);
  await Deno.mkdir(`${FOLDER}/${folder}/${PAGES}`);
  const pages = await Array.fromAsync(Deno.readDir(PAGES), ({ name }) => `${PAGES}/${name}`);
  for (const document of [...DOCUMENTS, ...pages]) {
    await Deno.copyFile(document, `${FOLDER}/${folder}/${document}`);
  }
  await run(Deno.execPath(), ["task", "shell:files", "--output", `${FOLDER}/${folder}`]);
  if (name.startsWith("windows")) await zip(folder);
  else await run("tar", ["czf", `${folder}.tar.gz`, folder], FOLDER);
}

async function zip(folder: string): Promise<void> {
  const files: Record<string, Uint8Array> = {};
  await collect(folder, files);
  await Deno.writeFile(`${FOLDER}/${folder}.zip`, zipSync(files));
}

async function collect(folder: string, files: Record<string, Uint8Array>): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(`${FOLDER}/${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await collect(path, files);
    else files[path] = await Deno.readFile(`${FOLDER}/${path}`);
  }
}

/** Writes `SHA256SUMS` in the format of `sha256sum`. */
async function writeChecksums(folder: string): Promise<void> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (/\.(tar\.gz|zip|deb|cdx\.json)$|^install\.sh$/.test(name)) names.push(name);
  }
  const lines = await Promise.all(
    names.sort().map(async (name) => {
      const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(`${folder}/${name}`));
      return `${new Uint8Array(digest).toHex()}  ${name}\n`;
    }),
  );
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, lines.join(""));
  console.log(lines.join("").trimEnd());
}

async function run(program: string, args: string[], cwd?: string): Promise<void> {
  const options = { args, ...(cwd !== undefined && { cwd }), stdout: "inherit", stderr: "inherit" } as const;
  const { success } = await new Deno.Command(program, options).spawn().status;
  if (!success) fail(`${program} failed`);
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}
