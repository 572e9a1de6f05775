/** `llm-proxy check --permissions`: the rights under which the present configuration can be served, and no more. */

import { processSources } from "../config/sources/env.ts";
import { loadConfig } from "../config/load.ts";
import { recordingSources } from "../config/sources/recording_sources.ts";
import type { Flags } from "../config/read/resolver.ts";
import type { Backend, Config, ServerConfig } from "../config/config.ts";
import { parseOrigin } from "../forwarding/transport/dial.ts";
import { hostAndPort } from "../network/host_port.ts";
import { shellWord } from "../text/shell_word.ts";
import { folderOf } from "../storage/open.ts";
import { COLOUR_VARIABLES } from "./colours.ts";
import { CommandError } from "./command_error.ts";
import { writeAnswer, writeNote } from "./output.ts";

/** As the tasks of deno.json have it: most of a proxy's objects die young. */
const V8_FLAGS = "--v8-flags=--min-semi-space-size=4,--max-semi-space-size=4";

/** What a connection to itself needs: the system chooses the port, and no flag can name it. */
const LOOPBACK = "127.0.0.1";

/** Prints one command line for a shell; what cannot be made as narrow as it should be is said beside it. */
export async function printPermissions({ watch }: { watch: boolean }, flags: Flags): Promise<void> {
  const { sources, files, variables } = recordingSources(processSources);
  const { config, path } = await loadConfig(sources, flags);
  if (watch && path !== undefined) files.add(path.replace(/[^/\\]*$/, "") || ".");
  const root = sourceFolder();
  const { net, ways } = addresses(config);
  const data = config.management && folderOf(config.management.databaseUrl);
  const backups = config.management?.backup?.folder;
  const write = [...data === undefined ? [] : [data], ...backups === undefined ? [] : [backups]];
  const prices = config.management?.pricesFile;
  const read = [
    ...files,
    // The usual one is beside the database.
    ...prices?.isNamed === true ? [prices.path] : [],
    ...backups === undefined ? [] : [backups],
    ...data === undefined
      ? []
      : [data, `${root}src/management/admin/bundle`, `${root}docs`, `${root}src/storage/sqlite`],
  ];
  const words = [
    "deno",
    "run",
    "--no-prompt",
    // The runtime lets every program import from some hosts of its own choice; this one has all it needs.
    "--no-remote",
    V8_FLAGS,
    `--allow-net=${list(net)}`,
    `--allow-read=${list(read)}`,
    ...write.length === 0 ? [] : [`--allow-write=${list(write)}`],
    `--allow-env=${list([...variables, ...COLOUR_VARIABLES])}`,
    `--allow-sys=networkInterfaces${config.auth.mode === "none" ? ",hostname" : ""}`,
    `${root}src/main.ts`,
    ...serveWords(path ?? flags.CONFIG_PATH?.value ?? undefined, watch),
  ];
  const line = words.map(shellWord).join(" ");
  const notes = [
    ...data !== undefined && isWorkingFolder(data)
      ? [
        `All of ${Deno.cwd()} may be written: the database stands in it. Give it a folder of its own (DATABASE_URL).`,
      ]
      : [],
    ...ways.length > 0
      ? [`All of ${LOOPBACK} is allowed, where the system chooses the ports: for ${ways.join(", and for ")}.`]
      : [],
  ];
  writeAnswer({ command: line, notes }, () => `${line}\n`);
  for (const note of notes) writeNote(`${note}\n`);
}

/** Where it listens and what it connects to; `ways` are those on which it connects to itself. */
function addresses({ server, endpoints }: Config): { net: Set<string>; ways: string[] } {
  const backends = endpoints.flatMap((endpoint) =>
    endpoint.backends.map((backend) => ({ endpoint, backend }))
  );
  const hops = new Set(
    backends.filter(({ backend }) => needsHop(backend)).map(({ endpoint }) => endpoint.name),
  );
  const ways = [
    ...hops.size === 0 ? [] : [
      `TLS within TLS behind the https:// proxy of ${
        [...hops].join(", ")
      }, which no other kind of proxy needs`,
    ],
    // See `server/http2/gateway.ts`.
    ...server.tls === undefined ? [] : ["the HTTP/2 of clients, which comes with TLS"],
  ];
  const net = new Set([
    ...listening(server),
    ...backends.map(({ backend: { baseUrl, connection } }) =>
      hostAndPort(connection.proxy ?? parseOrigin(baseUrl.origin))
    ),
    ...ways.length > 0 ? [LOOPBACK] : [],
  ]);
  return { net, ways };
}

function listening({ host, port, httpsPort, adminPort }: ServerConfig): string[] {
  return [port, httpsPort, adminPort].filter((port) => port !== undefined)
    .map((port) => hostAndPort({ hostname: host, port }));
}

/** Whether the upstream's TLS runs within the proxy's (see `forwarding/transport/loopback.ts`). */
function needsHop({ baseUrl, connection: { proxy } }: Backend): boolean {
  return proxy?.scheme === "https" && parseOrigin(baseUrl.origin).tls;
}


/** Where `src` stands, with a slash at its end; empty where it is the working folder, or the program is compiled. */
function sourceFolder(): string {
  const root = import.meta.dirname?.replace(/[/\\]src[/\\]cli$/, "");
  return Deno.build.standalone || root === undefined || root === Deno.cwd() ? "" : `${root}/`;
}

function serveWords(file: string | undefined, watch: boolean): string[] {
  return [
    ...file !== undefined || watch ? ["serve"] : [],
    ...file === undefined ? [] : ["--config", file],
    ...watch ? ["--watch"] : [],
  ];
}

function isWorkingFolder(path: string): boolean {
  return path === "." || path === "./" || path.replace(/(?<=.)[/\\]$/, "") === Deno.cwd();
}

/** Throws where a value cannot stand in such a list: the runtime has no way to write a comma within one. */
function list(values: Iterable<string>): string {
  const all = [...values];
  const broken = all.find((value) => value.includes(","));
  if (broken === undefined) return all.join(",");
  throw new CommandError(
    `Cannot name ${JSON.stringify(broken)} in a flag: it holds a comma, which parts the runtime's lists. ` +
      "Rename it, or start the program in its folder.",
  );
}
