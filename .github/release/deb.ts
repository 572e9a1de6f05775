/**
 * `deno run -A .github/release/deb.ts --binary FILE --architecture amd64|arm64`: makes a Debian package with
 * `dpkg-deb`. Options: `--version` (default: that of `deno.json`), `--repository OWNER/NAME` (default: a
 * local build), `--out FOLDER` (default: `dist/release`), and `--extra FOLDER`, a tree of further files such
 * as a manual page. The same inputs give the same bytes. All times are that of the last commit, or
 * SOURCE_DATE_EPOCH.
 */

import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { unitText } from "../../src/service/systemd.ts";
import { changelogText, controlText, copyrightText, debianVersion, glibcOf } from "./debian/texts.ts";
import { repositoryName } from "../../src/build/repository.ts";

const ARCHITECTURES: readonly string[] = ["amd64", "arm64"];
const SETTINGS = "/etc/llm-proxy";
const DOCUMENTS = "usr/share/doc/llm-proxy";
const SCRIPTS = ["postinst", "prerm", "postrm"];

const { values } = parseArgs({
  options: {
    binary: { type: "string" },
    architecture: { type: "string" },
    version: { type: "string" },
    repository: { type: "string" },
    out: { type: "string", default: "dist/release" },
    extra: { type: "string" },
  },
});
const { binary, architecture = "", out, extra } = values;
if (binary === undefined || !ARCHITECTURES.includes(architecture)) {
  fail(`usage: deno run -A .github/release/deb.ts --binary FILE --architecture ${ARCHITECTURES.join("|")}`);
}
const manifest = JSON.parse(await Deno.readTextFile(project("deno.json")));
const version = debianVersion(values.version ?? manifest.version);
const repository = repositoryName(values.repository);
const seconds = Deno.env.get("SOURCE_DATE_EPOCH") ?? await commitSeconds();

const file = `${out}/llm-proxy_${version}_${architecture}.deb`;
const root = await Deno.makeTempDir();
try {
  await fill(binary);
  await Deno.mkdir(out, { recursive: true });
  await run("dpkg-deb", ["--root-owner-group", "-Zxz", "--build", root, file]);
} finally {
  await Deno.remove(root, { recursive: true });
}
console.log(`${file} is ready.`);

/** Writes all files of the package into its tree. */
async function fill(binary: string): Promise<void> {
  const program = await Deno.readFile(binary);
  await put("usr/bin/llm-proxy", program, 0o755);
  await put(
    "usr/lib/systemd/system/llm-proxy.service",
    unitText({
      program: "/usr/bin/llm-proxy",
      environmentFile: `${SETTINGS}/llm-proxy.env`,
      configPath: `${SETTINGS}/config.toml`,
      credentials: [],
      account: "llm-proxy",
      repository,
    }),
  );
  await put(`${SETTINGS}/llm-proxy.env`, await environmentText(), 0o640);
  await put(`${SETTINGS}/config.toml`, await Deno.readFile(own("config.toml")), 0o640);
  await put(`${DOCUMENTS}/copyright`, copyrightText(await Deno.readTextFile(project("LICENSE")), repository));
  await put(
    `${DOCUMENTS}/changelog.gz`,
    packed(changelogText({ version, seconds: Number(seconds), repository })),
  );
  await put(`${DOCUMENTS}/NEWS.md.gz`, packed(await Deno.readTextFile(project("CHANGELOG.md"))));
  await put(`${DOCUMENTS}/README.md.gz`, packed(await Deno.readTextFile(project("README.md"))));
  await put(
    `${DOCUMENTS}/examples/config.example.toml`,
    await Deno.readFile(project("config.example.toml")),
  );
  await put("usr/share/lintian/overrides/llm-proxy", await Deno.readFile(own("lintian-overrides")));
  if (extra !== undefined) await copyTree(extra, "");
  const sums = await treeSums();
  for (const name of SCRIPTS) await put(`DEBIAN/${name}`, await Deno.readFile(own(name)), 0o755);
  await put("DEBIAN/conffiles", `${SETTINGS}/llm-proxy.env\n${SETTINGS}/config.toml\n`);
  await put("DEBIAN/md5sums", sums.text);
  await put(
    "DEBIAN/control",
    controlText({ version, architecture, repository, kibibytes: sums.kibibytes, glibc: glibcOf(program) }),
  );
  // A temporary folder is readable only by its owner, and the umask removes rights.
  await run("find", [root, "-type", "d", "-exec", "chmod", "0755", "{}", "+"]);
  await run("find", [root, "-exec", "touch", "--no-dereference", `--date=@${seconds}`, "{}", "+"]);
}

/** Returns `.env.example` with the first line for a service. */
async function environmentText(): Promise<string> {
  const text = await Deno.readTextFile(project(".env.example"));
  // The first line is about copying the file. The package has already done that.
  const [head] = /^# Copy to \.env .*\n/.exec(text) ?? fail(".env.example does not begin as expected");
  return "# Settings of the service llm-proxy. Fill in the empty values, then:\n" +
    "# sudo systemctl enable --now llm-proxy\n" + text.slice(head.length);
}

async function put(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const target = `${root}/${path.replace(/^\//, "")}`;
  await Deno.mkdir(target.replace(/\/[^/]*$/, ""), { recursive: true, mode: 0o755 });
  await Deno.writeFile(target, typeof content === "string" ? new TextEncoder().encode(content) : content);
  await Deno.chmod(target, mode);
}

async function copyTree(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(`${from}/${name}`, `${to}/${name}`);
    else if (`${to}/`.startsWith("/usr/share/man/") && !name.endsWith(".gz")) {
      await put(`${to}/${name}.gz`, packed(await Deno.readTextFile(`${from}/${name}`)));
    } else await put(`${to}/${name}`, await Deno.readFile(`${from}/${name}`));
  }
}

/** Returns MD5 sums of all files except the settings, which users change, and the size of the tree. */
async function treeSums(): Promise<{ text: string; kibibytes: number }> {
  const lines: string[] = [];
  let kibibytes = 0;
  const walk = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(`${root}/${folder}`)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      kibibytes++;
      if (isDirectory) await walk(path);
      else {
        const bytes = await Deno.readFile(`${root}/${path}`);
        kibibytes += Math.ceil(bytes.length / 1024);
        if (!`/${path}`.startsWith(SETTINGS)) {
          lines.push(`${createHash("md5").update(bytes).digest("hex")}  ${path}\n`);
        }
      }
    }
  };
  await walk("");
  return { text: lines.sort((a, b) => a.slice(34) < b.slice(34) ? -1 : 1).join(""), kibibytes };
}

function packed(text: string): Uint8Array {
  return gzipSync(text, { level: 9 });
}

function own(name: string): URL {
  return new URL(`debian/${name}`, import.meta.url);
}

function project(name: string): URL {
  return new URL(`../../${name}`, import.meta.url);
}

async function commitSeconds(): Promise<string> {
  const { success, stdout } = await new Deno.Command("git", {
    args: ["log", "-1", "--format=%ct"],
    cwd: project("."),
    stderr: "null",
  }).output();
  if (!success) fail("cannot read the time of the last commit: set SOURCE_DATE_EPOCH");
  return new TextDecoder().decode(stdout).trim();
}

async function run(program: string, args: string[]): Promise<void> {
  const env = { SOURCE_DATE_EPOCH: seconds };
  const { success } = await new Deno.Command(program, { args, env, stdout: "inherit", stderr: "inherit" })
    .spawn().status;
  if (!success) fail(`${program} failed`);
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}
