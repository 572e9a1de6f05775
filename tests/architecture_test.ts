/** Checks which folders may import which, and which may use packages, the environment and the output. */

import { WORKER_SOURCES } from "../src/cli/permissions.ts";
import { assert, assertEquals } from "@std/assert";

/** The stages of a request. The handler calls them in their order. A stage never imports another stage. */
const STAGES = ["routing", "auth", "admission", "forwarding"];
/** Optional parts. A request can be forwarded without them. */
const OPTIONAL = ["management", "manual", "connect", "demo", "service", "tls", "build"];
/** The modules that `deno run` and `deno serve` start. */
const ENTRIES = ["main", "fetch"];
/** The frame of the program, which connects the other parts. */
const SPINE = [
  ...ENTRIES,
  "cli",
  "server",
  "app",
  "handler",
];
/** Values and functions without rules or state of the proxy. */
const VOCABULARY = [
  "apis",
  "streams",
  "http",
  "text",
  "time",
  "network",
  "cancellation",
  "live_list",
  "principal",
  "release",
];
const ROOMS_WITH_RULES = [
  ...STAGES,
  ...OPTIONAL,
  ...SPINE,
  "accounting",
  "capacity",
  "config",
  "limits",
  "objects",
  "observability",
  "own_routes",
  "payload",
  "storage",
];

/** What each part of `src` never imports. A part is a folder of `src`, or a file at its top. */
const NEVER: readonly { readonly parts: readonly string[]; readonly never: readonly string[] }[] = [
  { parts: VOCABULARY, never: ROOMS_WITH_RULES },
  ...STAGES.map((stage) => ({ parts: [stage], never: STAGES.filter((other) => other !== stage) })),
  { parts: [...STAGES, "own_routes"], never: [...SPINE, ...OPTIONAL, "observability"] },
  { parts: ["forwarding"], never: ["auth", "capacity", "limits", "accounting", "objects", "storage"] },
  {
    parts: ["objects"],
    never: [...STAGES, ...SPINE, ...OPTIONAL, "accounting", "capacity", "limits", "observability"],
  },
  { parts: ["routing"], never: ["auth", "capacity", "limits", "accounting", "storage", "payload"] },
  {
    parts: ["catalogue"],
    never: [
      ...SPINE,
      ...OPTIONAL,
      "routing",
      "auth",
      "admission",
      "capacity",
      "limits",
      "accounting",
      "storage",
    ],
  },
  { parts: [...STAGES, "capacity", "limits", "accounting"], never: ["catalogue"] },
  { parts: ["admission", "capacity", "limits", "payload"], never: ["auth"] },
  { parts: ["limits"], never: ["accounting", "capacity", "payload", ...STAGES] },
  { parts: ["capacity"], never: ["accounting", "limits", "objects", "payload", "storage", ...STAGES] },
  { parts: ["payload"], never: ["capacity", "limits", "accounting", "storage", ...STAGES] },
  {
    parts: ["accounting", "storage", "config", "observability"],
    never: ["objects", ...STAGES, ...SPINE, ...OPTIONAL],
  },
  { parts: ["storage"], never: ["accounting", "capacity", "config", "limits", "payload", "observability"] },
  { parts: ["config"], never: ["accounting", "capacity", "limits", "payload", "storage", "observability"] },
  {
    parts: ["workers"],
    never: [...SPINE, ...OPTIONAL, "routing", "admission", "forwarding", "accounting", "objects", "payload"],
  },
  { parts: ["management"], never: [...ENTRIES, "cli", "server", "app"] },
  {
    parts: ["people"],
    never: [
      // Requests to providers go over the transport of the proxy.
      ...STAGES.filter((stage) => stage !== "forwarding"),
      ...SPINE,
      ...OPTIONAL,
      ...[
        "accounting",
        "capacity",
        "catalogue",
        "limits",
        "objects",
        "observability",
        "own_routes",
        "payload",
      ],
      "storage",
    ],
  },
  { parts: [...STAGES, "handler", "accounting", "capacity", "limits", "payload"], never: ["people"] },
  { parts: ["server"], never: [...ENTRIES, "cli", "handler", ...STAGES, "management"] },
  { parts: ["handler"], never: ["management", "storage", ...ENTRIES, "cli", "server", "app"] },
  { parts: ["app"], never: [...ENTRIES, "cli", "server"] },
  { parts: ["cli"], never: ENTRIES },
];

/** Only these parts may use what npm brings. */
const MAY_USE_PACKAGES: Record<string, readonly string[]> = {
  "valibot": ["accounting", "cli", "config", "demo", "management", "people"],
  "@valibot/to-json-schema": ["management"],
  "@redis/client": ["limits"],
  "@noble/hashes/sha2.js": ["auth", "storage"],
  "@noble/hashes/legacy.js": ["forwarding"],
  "@pydantic/genai-prices": ["accounting"],
  "hono": ["management"],
  "hono/cookie": ["management"],
  "hono/utils/cookie": ["management"],
  "marked": ["manual"],
  // Its types. `prom_client.js` loads the parts that run.
  "prom-client": ["observability"],
  "qr": ["management"],
  ...Object.fromEntries(
    ["counter", "gauge", "histogram", "registry"].map((
      part,
    ) => [`prom-client/lib/${part}.js`, ["observability"]]),
  ),
  "@opentelemetry/api": ["observability"],
  // Loaded only if the configuration has a provider for the sign-in.
  "openid-client": ["people"],
  // Loaded only if the configuration has a provider of tokens.
  "jose": ["auth"],
  // Loaded with the first passkey.
  "@simplewebauthn/server": ["people"],
  "@simplewebauthn/server/helpers": ["people"],
  // Loaded only if the database is PostgreSQL.
  "pg": ["storage"],
  "node:sqlite": ["storage"],
  "node:dns/promises": ["cli"],
  "node:fs": ["cli"],
  "node:path": ["storage"],
  "node:stream": ["payload"],
  "commander": ["cli"],
  "ipaddr.js": ["network"],
  "asn1js": ["tls"],
  "pkijs": ["tls"],
  "node:buffer": ["http"],
  "node:dgram": ["forwarding"],
  "node:crypto": ["people", "tls"],
  "smol-toml": ["cli", "config"],
  "toml-eslint-parser": ["config"],
  "jsonc-parser": ["cli", "config"],
  "node:timers": ["streams"],
  "yaml": ["cli", "service"],
  "node:util": ["config", "management"],
  "node:zlib": ["management", "payload"],
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

let program: Promise<{ local: Edge[]; packages: Edge[] }> | undefined;

/** What the entries of the program and its serving threads reach. Reads it once. */
function readProgram(): Promise<{ local: Edge[]; packages: Edge[] }> {
  return program ??= readGraphs();
}

async function readGraphs(): Promise<{ local: Edge[]; packages: Edge[] }> {
  const graphs = await Promise.all(
    [...ENTRIES, "cli/workers/serving_worker"].map((entry) => readEdges(`src/${entry}.ts`)),
  );
  return {
    local: graphs.flatMap(({ local }) => local),
    packages: graphs.flatMap(({ packages }) => packages),
  };
}

/** The part a file belongs to: its folder under `src`, or itself where it stands at the top. */
function partOf(file: string): string {
  const [top, folder = "", ...deeper] = file.split("/");
  if (top !== "src") return file;
  return deeper.length > 0 ? folder : folder.replace(/\.ts$/, "");
}

Deno.test("architecture: every part that a rule names is there", async () => {
  const { local } = await readProgram();
  const parts = new Set(["build", ...local.flatMap(({ from, to }) => [from, to])]);
  const named = NEVER.flatMap(({ parts, never }) => [...parts, ...never]);
  assertEquals([...new Set(named)].filter((part) => !parts.has(part)), []);
});

Deno.test("architecture: no part imports, by way of others, itself", async () => {
  const { local } = await readProgram();
  const imports = Map.groupBy(local, ({ from }) => from);
  const reached = (part: string): Set<string> => {
    const seen = new Set<string>();
    const open = [part];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      for (const { to } of imports.get(next) ?? []) {
        if (to === next || seen.has(to)) continue;
        seen.add(to);
        open.push(to);
      }
    }
    return seen;
  };
  assertEquals([...imports.keys()].filter((part) => reached(part).has(part)), []);
});

Deno.test("architecture: no import goes in a direction that is ruled out", async () => {
  const { local, packages } = await readProgram();
  assert(local.length > 50, "the graph was read");
  const against = local.flatMap(({ from, to, text }) =>
    NEVER.filter(({ parts, never }) => from !== to && parts.includes(from) && never.includes(to))
      .map(({ never }) =>
        `${text}, but ${from} must not import ${to}: it imports none of ${never.slice(0, 8).join(", ")}…`
      )
  );
  assertEquals(against, []);
  const unlisted = packages.filter(({ from, to }) => MAY_USE_PACKAGES[to]?.includes(from) !== true);
  assertEquals(
    unlisted.map(({ to, text }) =>
      `${text}, but only ${MAY_USE_PACKAGES[to]?.join(", ") ?? "no part"} may use it`
    ),
    [],
  );
});

Deno.test("architecture: workers load only sources that check --permissions lets them read", async () => {
  const parts = WORKER_SOURCES.map((source) => partOf(/\.ts$/.test(source) ? source : `${source}/any.ts`));
  for (const worker of ["copy_worker", "store_worker"]) {
    const { local } = await readEdges(`src/storage/sqlite/${worker}.ts`);
    const against = local.filter(({ to }) => !parts.includes(to)).map(({ text }) => text);
    assertEquals(against, [], worker);
  }
});

Deno.test("architecture: the admin page imports the API's schemas, the roles, the fields of requests and the reader of event streams alone", async () => {
  const { local, packages } = await readEdges("src/management/page/main.tsx");
  const page = local.filter(({ text }) => text.startsWith("src/management/page/"));
  assert(page.length > 30, "the graph was read");
  const others = page.filter(({ text }) => /imports \.\.\//.test(text)).map(({ text }) => text);
  assertEquals(others.sort(), [
    "src/management/page/api.ts imports ../api/device_responses.ts",
    "src/management/page/api.ts imports ../api/people_responses.ts",
    "src/management/page/api.ts imports ../api/responses.ts",
    "src/management/page/stream_response.ts imports ../../apis/request_fields.ts",
    "src/management/page/stream_response.ts imports ../../payload/event_stream_scanner.ts",
    "src/management/page/views.ts imports ../../people/role.ts",
  ]);
  const used = new Set(
    packages.filter(({ text }) => text.startsWith("src/management/page/")).map(({ to }) => to),
  );
  assertEquals([...used].sort(), ["preact", "preact/hooks", "preact/jsx-runtime", "uplot", "valibot"]);
});

Deno.test("architecture: nothing reads the environment but config/sources/env.ts, nothing prints but cli and observability, nothing uses fetch", async () => {
  const against: string[] = [];
  for await (const [file, text] of sources(new URL("../src/", import.meta.url))) {
    // The steps that build the program are no part of it.
    if (file.includes("/src/build/")) continue;
    if (text.includes("Deno.env") && !file.endsWith("config/sources/env.ts")) {
      against.push(`${file} reads the environment`);
    }
    // The platform's fetch takes a proxy that the environment names even to loopback. The page runs in a
    // browser.
    if (
      /(?<![.\w])fetch\(|createHttpClient/.test(text) &&
      !/\/management\/(?:page|admin\/bundle)\//.test(file) &&
      // It only checks a certificate with its key, and connects to nothing.
      !file.endsWith("config/read/client_certificate.ts")
    ) {
      against.push(`${file} uses the platform's fetch: cli/request.ts is there for it`);
    }
    if (/\bconsole\./.test(text)) against.push(`${file} uses console`);
    if (/Deno\.std(out|err)/.test(text) && !/\/(cli|observability)\//.test(file)) {
      against.push(`${file} prints`);
    }
  }
  assertEquals(against, []);
});

/**
 * What may start programs by itself: the helper, what tries the right to, and what fetches by the shell's
 * settings.
 */
const MAY_START = [
  "/tests/support/processes/command.ts",
  "/tests/support/processes/permission_probe.ts",
  "/tests/run.ts",
  "/tests/run_engine.ts",
  "/tests/clients/install.ts",
];
/** What gives a test that is left out a name with the reason. */
const NAMES_REASON = /\b(?:unless|orMissing)\(/;

Deno.test("architecture: tests start programs in a clean environment alone, and what is left out has a reason", async () => {
  const against: string[] = [];
  for await (const [file, text] of sources(new URL("./", import.meta.url))) {
    if (/\/tests\/(?:bench\/|architecture_test|left_out_test)/.test(file)) continue;
    const isClean = text.includes("clearEnv: true") || MAY_START.some((one) => file.endsWith(one));
    if (text.includes("new Deno.Command") && !isClean) {
      against.push(`${file} starts a program: support/processes/command.ts is there for it`);
    }
    if (/_test\.ts$/.test(file) && /^\s*ignore\b|\.ignore\(/m.test(text) && !NAMES_REASON.test(text)) {
      against.push(`${file} leaves tests out: support/runner/left_out.ts is there for it`);
    }
  }
  assertEquals(against, []);
});

/** What waits in a loop for its turn: each of these is a step that ends, or fails with the connection. */
const STEPS = /\b(?:read|fill|next|nextPiece|step|line)\(|performance\.now\(\)/;

Deno.test("architecture: tests wait for events with a deadline, and say why real time has to pass", async () => {
  const against: string[] = [];
  for await (const [file, text] of sources(new URL("./", import.meta.url))) {
    if (/\/tests\/(?:bench\/|architecture_test)|\/(?:deadline|passing_time)\.ts$/.test(file)) continue;
    if (!file.endsWith(".ts")) continue;
    if (/setTimeout\(\w*(?:resolve|again|done)\b/.test(text)) {
      against.push(`${file} sleeps: tests/support/time is there for it`);
    }
    for (const [loop, condition = ""] of text.matchAll(/while \((.*)\) \{ \/\*.*\*\/ \}/g)) {
      if (!STEPS.test(condition)) against.push(`${file} waits without a deadline: ${loop}`);
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
