/** `install.sh` against releases on loopback: good ones, wrong ones, and ones that are not whole. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { installScript } from "../../.github/release/install_script.ts";
import { command } from "../support/processes/command.ts";
import { firstOf, unless, without, withoutUnix } from "../support/runner/left_out.ts";

const SCRIPT = new URL("../../.github/release/install.sh", import.meta.url);
const NEEDED = ["sh", "tar", "gzip", "curl", "sha256sum", "grep", "sed", "cut", "mktemp"];
const REASON = firstOf(withoutUnix(), ...NEEDED.map(without));
const PLATFORM = "linux-x86_64";

interface Outcome {
  readonly code: number;
  readonly text: string;
}

/** A server of releases, a home folder, and programs that stand before those of the machine. */
class Releases implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly files = new Map<string, Uint8Array<ArrayBuffer> | string>();
  readonly asked: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  script = Deno.readTextFileSync(SCRIPT);

  constructor() {
    for (const name of ["home", "tmp", "programs"]) Deno.mkdirSync(`${this.folder}/${name}`);
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const { pathname } = new URL(request.url);
      this.asked.push(pathname);
      const file = this.files.get(pathname);
      return file === undefined ? new Response("nothing", { status: 404 }) : new Response(file);
    });
    this.program("uname", 'if [ "$1" = -s ]; then echo Linux; else echo x86_64; fi');
    this.program("gh", "exit 1");
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  get installed(): string {
    return `${this.folder}/home/.local/bin/llm-proxy`;
  }

  program(name: string, body: string): void {
    Deno.writeTextFileSync(`${this.folder}/programs/${name}`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }

  /** Publishes a version as the latest; `body` is the program. */
  async publish(
    version: string,
    { body = `echo "llm-proxy ${version} (stub)"`, sum }: { body?: string; sum?: string } = {},
  ): Promise<void> {
    const name = `llm-proxy-${version}-${PLATFORM}`;
    const made = `${this.folder}/made`;
    await Deno.mkdir(`${made}/${name}`, { recursive: true });
    await Deno.writeTextFile(`${made}/${name}/llm-proxy`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    const tar = await command("tar", { args: ["czf", `${name}.tar.gz`, name], cwd: made }).output();
    assert(tar.success);
    const archive = await Deno.readFile(`${made}/${name}.tar.gz`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", archive)).toHex();
    const other = `${"0".repeat(64)}  llm-proxy-${version}-macos-aarch64.tar.gz\n`;
    const sums = `${other}${sum ?? digest}  ${name}.tar.gz\n`;
    this.files.set("/latest/download/SHA256SUMS", sums);
    this.files.set(`/download/v${version}/SHA256SUMS`, sums);
    this.files.set(`/download/v${version}/${name}.tar.gz`, archive);
  }

  async install(...args: string[]): Promise<Outcome> {
    const file = `${this.folder}/install.sh`;
    await Deno.writeTextFile(file, this.script);
    const { code, stdout, stderr } = await command("sh", {
      args: [file, "--base-url", this.url, "--prefix", `${this.folder}/home/.local`, ...args],
      env: {
        HOME: `${this.folder}/home`,
        TMPDIR: `${this.folder}/tmp`,
        PATH: `${this.folder}/programs:${Deno.env.get("PATH") ?? ""}`,
      },
    }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals([...Deno.readDirSync(`${this.folder}/tmp`)], [], `nothing temporary is left: ${text}`);
    return { code, text };
  }

  /** Fails for that reason, and leaves nothing behind. */
  async refuses(reason: string, ...args: string[]): Promise<void> {
    const before = this.#installedText();
    const { code, text } = await this.install(...args);
    assertEquals(code, 1, text);
    assertStringIncludes(text, reason);
    assertStringIncludes(text, "Nothing was installed.");
    assertEquals(this.#installedText(), before);
  }

  /** What is in the folder of programs, all of it. */
  #installedText(): string {
    try {
      const folder = `${this.folder}/home/.local/bin`;
      return [...Deno.readDirSync(folder)].map(({ name }) =>
        `${name}: ${Deno.readTextFileSync(`${folder}/${name}`)}`
      ).join();
    } catch {
      return "";
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await Deno.remove(this.folder, { recursive: true });
  }
}

function installTest(name: string, test: (releases: Releases) => Promise<void>): void {
  Deno.test({
    ...unless(REASON, `install.sh: ${name}`),
    async fn() {
      await using releases = new Releases();
      await test(releases);
    },
  });
}

installTest(
  "installs the latest version; a second run downloads no archive; --version takes another",
  async (releases) => {
    await releases.publish("1.2.2");
    await releases.publish("1.2.3");
    const first = await releases.install();
    assertEquals(first.code, 0, first.text);
    assertStringIncludes(first.text, `llm-proxy 1.2.3 is in ${releases.folder}/home/.local/bin.`);
    assertStringIncludes(first.text, "Add it to your PATH");
    assertEquals((Deno.statSync(releases.installed).mode ?? 0) & 0o777, 0o755);
    releases.asked.length = 0;
    const second = await releases.install();
    assertEquals([second.code, releases.asked], [0, ["/latest/download/SHA256SUMS"]]);
    assertStringIncludes(second.text, "already");
    const older = await releases.install("--version", "v1.2.2");
    assertEquals(older.code, 0, older.text);
    assertStringIncludes(Deno.readTextFileSync(releases.installed), "llm-proxy 1.2.2");
  },
);

installTest("a wrong sum, also beside an older version, which stays", async (releases) => {
  await releases.publish("1.2.2");
  await releases.install();
  await releases.publish("1.2.3", { sum: "a".repeat(64) });
  await releases.refuses(`does not match: expected ${"a".repeat(64)}, found `);
});

installTest("sums that are missing, name no archive, or are something else", async (releases) => {
  await releases.refuses("cannot download");
  await releases.publish("1.2.3");
  await releases.refuses("cannot download", "--version", "9.9.9");
  for (
    const sums of ["", "<html>sign in</html>", `${"a".repeat(63)}  llm-proxy-1.2.3-${PLATFORM}.tar.gz\n`]
  ) {
    releases.files.set("/latest/download/SHA256SUMS", sums);
    await releases.refuses(`does not name one archive for ${PLATFORM}`);
  }
  const line = `${"a".repeat(64)}  llm-proxy-1.2.3-${PLATFORM}.tar.gz\n`;
  releases.files.set("/latest/download/SHA256SUMS", line + line);
  await releases.refuses("does not name one archive");
  releases.files.set("/latest/download/SHA256SUMS", line.replace("1.2.3", "../../1.2.3"));
  await releases.refuses("does not name one archive");
});

installTest("an archive that is missing or was cut", async (releases) => {
  await releases.publish("1.2.3");
  const path = `/download/v1.2.3/llm-proxy-1.2.3-${PLATFORM}.tar.gz`;
  const whole = releases.files.get(path) ?? "";
  releases.files.set(path, whole.slice(0, 40));
  await releases.refuses("does not match");
  releases.files.delete(path);
  await releases.refuses("cannot download");
});

installTest("a program that does not run here, or is another version", async (releases) => {
  await releases.publish("1.2.3", { body: "exit 127" });
  await releases.refuses("does not run here");
  await releases.publish("1.2.3", { body: 'echo "llm-proxy 1.2.4"' });
  await releases.refuses("found: 1.2.4");
});

installTest("systems without a build, musl among them", async (releases) => {
  await releases.publish("1.2.3");
  releases.program("ldd", 'echo "musl libc (x86_64)" >&2; exit 1');
  await releases.refuses("its runtime has no build for musl");
  releases.program("uname", 'if [ "$1" = -s ]; then echo Linux; else echo riscv64; fi');
  await releases.refuses("no build for the processor riscv64");
  releases.program("uname", "echo FreeBSD");
  await releases.refuses("no build for FreeBSD");
});

installTest(
  "gh: an archive that was not built from the repository; gh that cannot tell",
  async (releases) => {
    await releases.publish("1.2.3");
    releases.script = releases.script.replace("REPOSITORY=''", "REPOSITORY='o/llm-proxy'");
    releases.program(
      "gh",
      'case "$*" in *--help | "auth status") ;; *) echo "no attestation: $*"; exit 1 ;; esac',
    );
    await releases.refuses("--repo o/llm-proxy");
    releases.program("gh", "exit 1");
    const old = await releases.install();
    assertEquals(old.code, 0, old.text);
    assertStringIncludes(old.text, "gh is too old");
    Deno.removeSync(releases.installed);
    releases.program("gh", "exit 0");
    assertStringIncludes(
      (await releases.install()).text,
      "verified that the archive was built from o/llm-proxy",
    );
  },
);

installTest("addresses without https, wrong options, and a copy without a repository", async (releases) => {
  await releases.refuses("must start with https", "--base-url", "http://releases.example");
  await releases.refuses("unknown option --prefx", "--prefx");
  await releases.refuses("--version needs a value", "--version");
  await releases.refuses("must be X.Y.Z", "--version", "1.2.3/../x");
  releases.script = releases.script.replace("BASE_URL=$2", ":");
  await releases.refuses("has no repository name");
});

installTest("a script that was cut off on its way does nothing", async (releases) => {
  await releases.publish("1.2.3");
  const whole = releases.script;
  for (const part of [0.2, 0.5, 0.8, 0.99]) {
    releases.script = whole.slice(0, Math.floor(whole.length * part));
    await releases.install();
  }
  releases.script = whole.replace(/main "\$@"\n$/, "");
  await releases.install();
  assertEquals(releases.asked, []);
});

Deno.test({
  ...unless(withoutUnix(), "installScript: a shell can parse the script with the name of a repository"),
  async fn() {
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(file, await installScript("Some-Owner/llm-proxy"));
      const { success, stderr } = await command("sh", { args: ["-n", file] }).output();
      assert(success, new TextDecoder().decode(stderr));
    } finally {
      await Deno.remove(file);
    }
  },
});
