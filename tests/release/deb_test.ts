/**
 * The Debian package, made of a stub: what is in it, with which rights, and that the same inputs give the
 * same bytes.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  changelogText,
  controlText,
  copyrightText,
  debianVersion,
  glibcOf,
} from "../../.github/release/debian/texts.ts";
import { command } from "../support/processes/command.ts";
import { firstOf, unless, without } from "../support/runner/left_out.ts";

const ROOT = new URL("../../", import.meta.url);
const STUB = "#!/bin/sh\necho stub\n";
const NO_TOOLS = firstOf(without("dpkg-deb"), without("find"));

async function said(run: Deno.Command): Promise<string> {
  const { success, stdout, stderr } = await run.output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Makes the package of a stub; `work` gets its path. */
async function withPackage(
  options: readonly string[],
  work: (deb: string, folder: string) => Promise<void>,
  umask = "022",
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/stub`, STUB);
    const args = ["--binary", `${folder}/stub`, "--version", "1.2.3-rc.1", "--out", folder, ...options];
    const env = { SOURCE_DATE_EPOCH: "1700000000" };
    const build = [Deno.execPath(), "run", "-A", ".github/release/deb.ts", ...args];
    const shell = ["-c", 'umask "$0" && exec "$@"', umask, ...build];
    await said(command("sh", { args: shell, cwd: ROOT, env }));
    const architecture = options[options.indexOf("--architecture") + 1];
    await work(`${folder}/llm-proxy_1.2.3~rc.1_${architecture}.deb`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const AMD64 = ["--architecture", "amd64"];

Deno.test({
  ...unless(NO_TOOLS, "deb: files, owners and modes; settings are conffiles that others cannot read"),
  fn: () =>
    withPackage(AMD64, async (deb) => {
      const listed = (await said(command("dpkg-deb", { args: ["--contents", deb] }))).trim().split("\n");
      const modes = new Map(listed.map((line) => {
        const [mode = "", owner = "", , , , path = ""] = line.split(/\s+/);
        assertEquals(owner, "root/root", line);
        assertStringIncludes(line, "2023-11-14");
        return [path.slice(1), mode];
      }));
      assertEquals(modes.get("/"), "drwxr-xr-x", "the root folder of a system stays as it is");
      assertEquals(modes.get("/usr/bin/llm-proxy"), "-rwxr-xr-x");
      assertEquals(modes.get("/usr/lib/systemd/system/llm-proxy.service"), "-rw-r--r--");
      assertEquals(modes.get("/etc/llm-proxy/llm-proxy.env"), "-rw-r-----");
      assertEquals(modes.get("/etc/llm-proxy/config.toml"), "-rw-r-----");
      for (const name of ["copyright", "changelog.gz", "examples/config.example.toml"]) {
        assertEquals(modes.get(`/usr/share/doc/llm-proxy/${name}`), "-rw-r--r--", name);
      }
      const conffiles = await said(command("dpkg-deb", { args: ["--info", deb, "conffiles"] }));
      assertEquals(conffiles, "/etc/llm-proxy/llm-proxy.env\n/etc/llm-proxy/config.toml\n");
    }),
});

Deno.test({
  ...unless(NO_TOOLS, "deb: name, version and architecture; what it depends on; sums of all but settings"),
  fn: () =>
    withPackage(["--architecture", "arm64", "--repository", "Some-Owner/llm-proxy"], async (deb) => {
      const field = async (name: string) =>
        (await said(command("dpkg-deb", { args: ["--field", deb, name] }))).trim();
      assertEquals(await field("Package"), "llm-proxy");
      assertEquals([await field("Version"), await field("Architecture")], ["1.2.3~rc.1", "arm64"]);
      assertEquals(await field("Homepage"), "https://github.com/Some-Owner/llm-proxy");
      assertEquals(await field("Depends"), "adduser", "a stub needs no library");
      const sums = await said(command("dpkg-deb", { args: ["--info", deb, "md5sums"] }));
      assertStringIncludes(sums, "  usr/bin/llm-proxy\n");
      assert(!sums.includes("etc/llm-proxy") && !sums.includes("DEBIAN"), sums);
    }),
});

Deno.test({
  ...unless(
    NO_TOOLS,
    "deb: the same inputs give the same bytes, whatever the umask; without a repository none is named",
  ),
  fn: () =>
    withPackage(AMD64, async (first) => {
      const bytes = await Deno.readFile(first);
      await withPackage(AMD64, async (second) => assertEquals(await Deno.readFile(second), bytes), "077");
      const info = await said(command("dpkg-deb", { args: ["--info", first] }));
      assert(!/github\.com|OWNER/.test(info), info);
    }),
});

Deno.test({
  ...unless(NO_TOOLS, "deb: --extra brings a man page or completions, at their places"),
  async fn() {
    const folder = await Deno.makeTempDir();
    await Deno.mkdir(`${folder}/usr/share/man/man1`, { recursive: true });
    await Deno.writeTextFile(`${folder}/usr/share/man/man1/llm-proxy.1`, "a page");
    await withPackage([...AMD64, "--extra", folder], async (deb) => {
      const listed = await said(command("dpkg-deb", { args: ["--contents", deb] }));
      assertStringIncludes(listed, " ./usr/share/man/man1/llm-proxy.1.gz\n");
    });
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  ...unless(firstOf(NO_TOOLS, without("systemd-analyze")), "deb: systemd takes the package's unit"),
  fn: () =>
    withPackage(AMD64, async (deb, folder) => {
      await said(command("dpkg-deb", { args: ["--extract", deb, `${folder}/tree`] }));
      const text = await Deno.readTextFile(`${folder}/tree/usr/lib/systemd/system/llm-proxy.service`);
      for (
        const line of [
          "ExecStart=/usr/bin/llm-proxy",
          "User=llm-proxy",
          "Group=llm-proxy",
          "EnvironmentFile=/etc/llm-proxy/llm-proxy.env",
          "Environment=CONFIG_PATH=/etc/llm-proxy/config.toml",
          "StateDirectory=llm-proxy",
          "ProtectSystem=strict",
        ]
      ) assertStringIncludes(text, `\n${line}\n`);
      assert(!text.includes("DynamicUser"), "the account is the package's");
      // The program and its account have to exist for the unit to be checked.
      const unit = `${folder}/llm-proxy.service`;
      await Deno.writeTextFile(
        unit,
        text.replace("/usr/bin/llm-proxy", "/bin/true").replace("User=llm-proxy", "User=daemon")
          .replace("Group=llm-proxy", "Group=daemon"),
      );
      const { success, stderr } = await command("systemd-analyze", {
        args: ["verify", "--recursive-errors=no", unit],
      }).output();
      assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
    }),
});

Deno.test("deb: versions in Debian's order, and what is no version", () => {
  assertEquals([debianVersion("1.2.3"), debianVersion("1.2.3-rc.1")], ["1.2.3", "1.2.3~rc.1"]);
  for (const wrong of ["1.2", "v1.2.3", "1.2.3 ", "1.2.3-a b", ""]) {
    assertThrows(() => debianVersion(wrong), Error, "Cannot use the version");
  }
});

Deno.test("deb: the newest version of the C library that an ELF file names", () => {
  const elf = (text: string) => new TextEncoder().encode(`\x7fELF\0${text}\0`);
  assertEquals(glibcOf(elf("GLIBC_2.9\0GLIBC_2.27\0GLIBC_2.2.5")), "2.27");
  assertEquals(glibcOf(new TextEncoder().encode("#!/bin/sh\n# GLIBC_2.30\0")), undefined);
  const facts = { version: "1.2.3", architecture: "amd64", repository: undefined, kibibytes: 1 };
  assertStringIncludes(
    controlText({ ...facts, glibc: "2.27" }),
    "\nDepends: adduser, libc6 (>= 2.27), libgcc-s1\n",
  );
});

Deno.test("deb: changelog and licence in Debian's forms", async () => {
  assertStringIncludes(
    changelogText({ version: "1.2.3", seconds: 1_700_000_000, repository: "o/llm-proxy" }),
    " -- o <o@users.noreply.github.com>  Tue, 14 Nov 2023 22:13:20 +0000\n",
  );
  const text = copyrightText(await Deno.readTextFile(new URL("LICENSE", ROOT)), undefined);
  assertStringIncludes(text, "\nLicense: Expat\n Permission is hereby granted");
  assert(text.split("\n").slice(-4).every((line) => line === "" || line.startsWith(" ")), text);
});
