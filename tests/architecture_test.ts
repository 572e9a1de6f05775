/** Guards the directions of imports: the stages of a request never know each other. */

import { assert, assertEquals } from "@std/assert";

/** What each part of `src` may import besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "main": ["cli"],
  "cli": [
    "accounting",
    "addresses",
    "auth",
    "app",
    "cancellation",
    "clock",
    "config",
    "connect",
    "demo",
    "forwarding",
    "glob",
    "harmless_text",
    "http1",
    "limits",
    "manage",
    "manual",
    "observability",
    "plane",
    "probe",
    "pulse",
    "repository",
    "routing",
    "server",
    "service",
    "shell_word",
    "signals",
    "spending",
    "storage",
    "tls",
    "version",
  ],
  "tls": ["address_list", "config"],
  "connect": ["config", "shell_word"],
  "service": ["shell_word"],
  "shell_word": [],
  "app": [
    "auth",
    "cancellation",
    "clock",
    "config",
    "entrance",
    "faults",
    "forwarding",
    "handler",
    "http1",
    "limits",
    "observability",
    "open_access",
    "plane",
    "routing",
  ],
  "addresses": ["config"],
  "probe": ["cancellation", "config", "forwarding", "http1", "routing"],
  "admin": ["auth", "clock", "http1", "manage", "manual", "session_cookie"],
  "manual": [],
  "plane": [
    "accounting",
    "address_list",
    "addresses",
    "auth",
    "clock",
    "config",
    "connect",
    "forwarding",
    "handler",
    "health",
    "http1",
    "limits",
    "manage",
    "observability",
    "plane_routes",
    "probe",
    "routing",
    "spending",
    "storage",
    "tls",
    "version",
  ],
  "plane_routes": ["admin", "faults", "handler", "http1", "manage", "observability"],
  "admit": [
    "accounting",
    "config",
    "faults",
    "http1",
    "limits",
    "payload",
    "principal",
    "read_request",
    "routing",
  ],
  "received_body": ["cancellation", "faults", "http1"],
  "read_request": [
    "cancellation",
    "config",
    "faults",
    "forwarding",
    "http1",
    "limits",
    "payload",
    "principal",
    "routing",
  ],
  "payload": ["faults", "http1"],
  "accounting": [
    "address_list",
    "clock",
    "config",
    "deno.json",
    "booking",
    "exchange",
    "harmless_text",
    "http1",
    "payload",
    "principal",
    "storage",
    "websocket",
  ],
  "limits": [
    "booking",
    "cancellation",
    "clock",
    "config",
    "faults",
    "path_patterns",
    "glob",
    "payload",
    "principal",
    "zone_offsets",
  ],
  "spending": ["clock", "config", "limits", "observability", "storage"],
  "booking": [],
  "zone_offsets": [],
  "storage": ["booking", "clock", "principal", "zone_offsets"],
  "manage": [
    "accounting",
    "address_list",
    "auth",
    "cancellation",
    "clock",
    "config",
    "connect",
    "forwarding",
    "harmless_text",
    "health",
    "http1",
    "limits",
    "observability",
    "path_patterns",
    "principal",
    "probe",
    "storage",
    "version",
    "zone_offsets",
  ],
  "principal": [],
  "session_cookie": [],
  "harmless_text": [],
  "glob": [],
  "path_patterns": ["glob"],
  "server": ["app", "cancellation", "config", "faults", "http1", "observability"],
  "front": ["auth", "http1"],
  "handler": [
    "accounting",
    "admit",
    "auth",
    "cancellation",
    "clock",
    "config",
    "cors",
    "entrance",
    "exchange",
    "faults",
    "forwarding",
    "front",
    "harmless_text",
    "health",
    "http1",
    "limits",
    "principal",
    "project_key",
    "pulse",
    "read_request",
    "received_body",
    "routing",
  ],
  "pulse": ["clock", "http1"],
  "auth": ["address_list", "clock", "http1", "principal", "storage"],
  "routing": ["config"],
  "forwarding": [
    "cancellation",
    "clock",
    "config",
    "faults",
    "harmless_text",
    "http1",
    "payload",
    "session_cookie",
    "websocket",
  ],
  "observability": ["config", "exchange", "storage", "version"],
  "config": ["address_list", "faults", "glob", "path_patterns", "principal", "zone_offsets"],
  "address_list": [],
  "entrance": ["address_list", "auth", "config", "faults", "http1", "own_names", "page_origin"],
  "own_names": [],
  "page_origin": ["http1"],
  "project_key": ["config", "faults", "principal"],
  "websocket": [],
  "exchange": ["clock", "config", "faults", "harmless_text", "http1", "principal"],
  "health": ["http1", "version"],
  "http1": ["cancellation"],
  "cors": ["http1"],
  "open_access": ["cors", "faults", "http1", "own_names", "page_origin"],
  "demo": ["storage"],
  "faults": ["harmless_text", "http1"],
  "cancellation": [],
  "clock": [],
  "signals": [],
  "version": ["deno.json"],
  "repository": [],
};

/** Only these parts may use what npm brings. */
const MAY_USE_PACKAGES: Record<string, readonly string[]> = {
  "valibot": ["accounting", "admin", "cli", "config", "demo", "manage"],
  "@valibot/to-json-schema": ["manage"],
  "@noble/hashes/sha2.js": ["auth", "storage"],
  "@noble/hashes/legacy.js": ["forwarding"],
  "@pydantic/genai-prices": ["accounting"],
  "hono": ["admin", "manage"],
  "hono/cookie": ["admin"],
  "hono/utils/cookie": ["admin"],
  "marked": ["manual"],
  "qr": ["manage"],
  "prom-client": ["observability"],
  "@opentelemetry/api": ["observability"],
  "node:sqlite": ["storage"],
  "node:dns/promises": ["cli"],
  "node:fs": ["cli"],
  "node:path": ["storage"],
  "node:stream": ["accounting"],
  "commander": ["cli"],
  "ipaddr.js": ["address_list"],
  "asn1js": ["tls"],
  "pkijs": ["tls"],
  "node:crypto": ["tls"],
  "smol-toml": ["config"],
  "toml-eslint-parser": ["config"],
  "jsonc-parser": ["config"],
  "node:timers": ["http1"],
  "node:util": ["admin", "config"],
  "node:zlib": ["accounting", "admin", "payload"],
};

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

async function readEdges(entry: string): Promise<{ local: Edge[]; packages: Edge[] }> {
  const root = new URL("../", import.meta.url).href;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: new URL(root),
    stderr: "null",
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout));
  const local: Edge[] = [];
  const packages: Edge[] = [];
  for (const { specifier, dependencies = [] } of modules) {
    if (!specifier.startsWith(`${root}src/`)) continue;
    const file = specifier.slice(root.length);
    for (const dependency of dependencies) {
      const target: string = (dependency.code ?? dependency.type).specifier;
      const text = `${file} imports ${dependency.specifier}`;
      if (target.startsWith(root)) {
        local.push({ from: partOf(file), to: partOf(target.slice(root.length)), text });
      } else packages.push({ from: partOf(file), to: dependency.specifier, text });
    }
  }
  return { local, packages };
}

/** The part a file belongs to: its folder under `src`, or itself where it stands at the top. */
function partOf(file: string): string {
  const [top, folder = "", ...deeper] = file.split("/");
  if (top !== "src") return file;
  return deeper.length > 0 ? folder : folder.replace(/\.ts$/, "");
}

Deno.test("architecture: imports go only in the directions that are allowed", async () => {
  const { local, packages } = await readEdges("src/main.ts");
  assert(local.length > 50, "the graph was read");
  const against = local.filter(({ from, to }) => from !== to && MAY_IMPORT[from]?.includes(to) !== true);
  assertEquals(against.map(({ text }) => text), []);
  const unlisted = packages.filter(({ from, to }) => MAY_USE_PACKAGES[to]?.includes(from) !== true);
  assertEquals(unlisted.map(({ text }) => text), []);
});

Deno.test("architecture: the admin page knows the proxy by what its API says alone", async () => {
  const { local, packages } = await readEdges("src/admin/page/main.tsx");
  const page = local.filter(({ text }) => text.startsWith("src/admin/page/"));
  assert(page.length > 30, "the graph was read");
  const others = page.filter(({ to }) => to !== "admin").map(({ text }) => text);
  assertEquals(others, ["src/admin/page/api.ts imports ../../manage/answers.ts"]);
  const used = new Set(packages.filter(({ text }) => text.startsWith("src/admin/page/")).map(({ to }) => to));
  assertEquals([...used].sort(), ["preact", "preact/hooks", "preact/jsx-runtime", "uplot", "valibot"]);
});

Deno.test("architecture: nothing reads the environment but config/env.ts, nothing prints but cli and observability, nothing uses fetch", async () => {
  const against: string[] = [];
  for await (const [file, text] of sources(new URL("../src/", import.meta.url))) {
    if (text.includes("Deno.env") && !file.endsWith("config/env.ts")) {
      against.push(`${file} reads the environment`);
    }
    // The platform's fetch takes a proxy that the environment names even to loopback. The page runs in a browser.
    if (/(?<![.\w])fetch\(|createHttpClient/.test(text) && !/\/admin\/(?:page|bundle)\//.test(file)) {
      against.push(`${file} uses the platform's fetch: cli/request.ts is there for it`);
    }
    if (/\bconsole\./.test(text)) against.push(`${file} uses console`);
    if (/Deno\.std(out|err)/.test(text) && !/\/(cli|observability)\//.test(file)) {
      against.push(`${file} prints`);
    }
  }
  assertEquals(against, []);
});

/** What may start programs by itself: the helper, what tries the right to, and what fetches by the shell's settings. */
const MAY_START = [
  "/tests/support/command.ts",
  "/tests/support/permission_probe.ts",
  "/tests/run.ts",
  "/tests/clients/install.ts",
];
/** What gives a test that is left out a name with the reason. */
const NAMES_REASON = /\b(?:unless|orMissing)\(/;

Deno.test("architecture: tests start programs in a clean environment alone, and what is left out has a reason", async () => {
  const against: string[] = [];
  for await (const [file, text] of sources(new URL("../tests/", import.meta.url))) {
    if (/\/tests\/(?:bench\/|architecture_test|left_out_test)/.test(file)) continue;
    const isClean = text.includes("clearEnv: true") || MAY_START.some((one) => file.endsWith(one));
    if (text.includes("new Deno.Command") && !isClean) {
      against.push(`${file} starts a program: support/command.ts is there for it`);
    }
    if (/_test\.ts$/.test(file) && /^\s*ignore\b|\.ignore\(/m.test(text) && !NAMES_REASON.test(text)) {
      against.push(`${file} leaves tests out: support/left_out.ts is there for it`);
    }
  }
  assertEquals(against, []);
});

async function* sources(folder: URL): AsyncGenerator<[file: string, text: string]> {
  for await (const entry of Deno.readDir(folder)) {
    const url = new URL(entry.isDirectory ? `${entry.name}/` : entry.name, folder);
    if (entry.isDirectory) yield* sources(url);
    else yield [url.pathname, await Deno.readTextFile(url)];
  }
}
