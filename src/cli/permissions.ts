/** `llm-proxy check --permissions`: prints the flags of the runtime for a configuration. */

import { processSources } from "../config/sources/env.ts";
import { loadConfig } from "../config/load.ts";
import { recordingSources } from "../config/sources/recording_sources.ts";
import type { Flags } from "../config/read/resolver.ts";
import type { Backend, Config, ServerConfig, SignInConfig } from "../config/config.ts";
import { connectionBy } from "../config/read/outbound_rules.ts";
import { signInPreset } from "../config/values/sign_in_presets.ts";
import { parseOrigin } from "../forwarding/transport/dial.ts";
import { hostAndPort } from "../network/host_port.ts";
import { EVERY_ADDRESS, EVERY_IPV4_ADDRESS } from "../network/listen_everywhere.ts";
import { shellWord } from "../text/shell_word.ts";
import { folderOf } from "../storage/open.ts";
import { COLOUR_VARIABLES } from "./colours.ts";
import { CommandError } from "./command_error.ts";
import { writeNote, writeResult } from "./output.ts";
import { jwtAddresses } from "./jwt_addresses.ts";
import { limitsRights } from "./limits_rights.ts";
import { postgresRights } from "./postgres_rights.ts";
import { V8_FLAGS } from "./v8_flags.ts";

/**
 * The address at which the proxy connects to itself. The system chooses the ports, so no flag can name them.
 */
const LOOPBACK = "127.0.0.1";

/**
 * The sources of the workers of the database: folders and files. Unlike the main program, a worker needs the
 * right to read its sources.
 */
export const WORKER_SOURCES: readonly string[] = [
  "src/storage",
  "src/text",
  "src/time",
  "src/principal.ts",
  "src/people/directory.ts",
  "src/people/group_rules.ts",
  "src/people/person.ts",
  "src/people/role.ts",
  "src/people/scope.ts",
];

/**
 * Prints the command that runs this configuration with the fewest permissions. Adds a note on each permission
 * that is wider than needed.
 */
export async function printPermissions({ watch }: { watch: boolean }, flags: Flags): Promise<void> {
  const { sources, files, variables } = recordingSources(processSources);
  const { config, path } = await loadConfig(sources, flags);
  if (watch && path !== undefined) files.add(path.replace(/[^/\\]*$/, "") || ".");
  const root = sourceFolder();
  const { net, reasons } = addresses(config);
  const { management } = config;
  const servers = [postgresRights(management?.databaseUrl), limitsRights(management?.sharedLimits)];
  const sockets = servers.flatMap((server) => server.sockets);
  const dataFolder = config.management && folderOf(config.management.databaseUrl);
  const backups = config.management?.backup?.folder;
  const prices = management?.pricesFile;
  // A worker needs the right to read its sources. A serving thread uses almost all sources.
  const isThreaded = config.server.workers > 1;
  const write = [
    ...dataFolder === undefined ? [] : [dataFolder],
    ...backups === undefined ? [] : [backups],
    ...sockets,
  ];
  const read = [
    ...files,
    ...sockets,
    ...servers.flatMap(({ files }) => files),
    ...isThreaded ? [`${root}src`, `${root}deno.json`] : [],
    // The default file is in the folder of the database, so only a named file needs a separate right.
    ...prices?.isNamed === true ? [prices.path] : [],
    ...config.authorities?.folders ?? [],
    ...backups === undefined ? [] : [backups],
    ...dataFolder === undefined ? [] : [
      dataFolder,
      `${root}src/management/admin/bundle`,
      `${root}docs`,
      ...isThreaded ? [] : WORKER_SOURCES.map((name) => root + name),
    ],
  ];
  const words = [
    "deno",
    "run",
    "--no-prompt",
    // By default, the runtime allows imports from some hosts. This program imports nothing from the network.
    "--no-remote",
    V8_FLAGS,
    `--allow-net=${list(new Set([...net, ...servers.flatMap(({ net }) => net)]))}`,
    `--allow-read=${list(read)}`,
    ...write.length === 0 ? [] : [`--allow-write=${list(write)}`],
    `--allow-env=${
      list(new Set([...variables, ...servers.flatMap(({ variables }) => variables), ...COLOUR_VARIABLES]))
    }`,
    `--allow-sys=networkInterfaces${config.auth.mode === "none" ? ",hostname" : ""}`,
    `${root}src/main.ts`,
    ...serveWords(path ?? flags.CONFIG_PATH?.value ?? undefined, watch),
  ];
  const line = words.map(shellWord).join(" ");
  const notes = [
    ...dataFolder !== undefined && isWorkingFolder(dataFolder)
      ? [
        `The process may write all of ${Deno.cwd()}, because the database is in it. ` +
        "Move the database to a separate folder (DATABASE_URL).",
      ]
      : [],
    ...reasons.length > 0
      ? [
        `The process may use every port of ${LOOPBACK}, because the system chooses ports for ${
          reasons.join(", and for ")
        }.`,
      ]
      : [],
  ];
  writeResult({ command: line, notes }, () => `${line}\n`);
  for (const note of notes) writeNote(`${note}\n`);
}

/** Returns the hosts of the providers of the sign-in, or of the outbound proxies for them. */
function signInAddresses({ providers }: SignInConfig): string[] {
  return providers.flatMap(({ issuer, preset, outbound, caCerts }) => {
    const { hosts = [] } = signInPreset(preset);
    return [new URL(issuer).origin, ...hosts.map((host) => `https://${host}`)].map((origin) =>
      hostAndPort(connectionBy(outbound, { origin, caCerts }).proxy ?? parseOrigin(origin))
    );
  });
}

/** Returns the addresses of listeners and connections, and the reasons why the proxy connects to itself. */
function addresses({ server, auth, endpoints, management }: Config): { net: Set<string>; reasons: string[] } {
  const backends = endpoints.flatMap((endpoint) =>
    endpoint.backends.map((backend) => ({ endpoint, backend }))
  );
  const hops = new Set(
    backends.filter(({ backend }) => needsHop(backend)).map(({ endpoint }) => endpoint.name),
  );
  const shown = new Set(
    backends.filter(({ backend }) => showsCertThroughProxy(backend)).map(({ endpoint }) => endpoint.name),
  );
  const reasons = [
    ...hops.size === 0 ? [] : [
      `TLS within TLS through the https:// outbound proxy of ${[...hops].join(", ")}`,
    ],
    ...shown.size === 0 ? [] : [
      `the client certificate through the outbound proxy of ${[...shown].join(", ")}`,
    ],
  ];
  const net = new Set([
    ...listening(server),
    ...backends.map(({ backend: { baseUrl, connection } }) =>
      hostAndPort(connection.proxy ?? parseOrigin(baseUrl.origin))
    ),
    ...backends.flatMap(({ backend: { wake } }) =>
      // The socket for UDP uses a port that the system chooses.
      wake === undefined ? [] : [hostAndPort(wake), hostAndPort({ hostname: "0.0.0.0", port: 0 })]
    ),
    ...management?.signIn === undefined ? [] : signInAddresses(management.signIn),
    ...jwtAddresses(auth),
    ...reasons.length > 0 ? [LOOPBACK] : [],
  ]);
  return { net, reasons };
}

function listening({ host, port, httpsPort, adminPort }: ServerConfig): string[] {
  // Without IPv6, and on systems that need two sockets, the server also listens on every IPv4 address.
  const hosts = host === EVERY_ADDRESS ? [EVERY_ADDRESS, EVERY_IPV4_ADDRESS] : [host];
  return [port, httpsPort, adminPort].filter((port) => port !== undefined)
    .flatMap((port) => hosts.map((hostname) => hostAndPort({ hostname, port })));
}

/**
 * Whether the TLS of the upstream runs inside the TLS of an outbound proxy. See
 * `forwarding/transport/loopback.ts`.
 */
function needsHop({ baseUrl, connection: { proxy } }: Backend): boolean {
  return proxy?.scheme === "https" && parseOrigin(baseUrl.origin).tls;
}

/**
 * Whether an outbound proxy leads to an upstream that gets a client certificate. Such a connection also needs
 * a hop.
 */
function showsCertThroughProxy({ connection: { proxy, clientCert } }: Backend): boolean {
  return proxy !== undefined && clientCert !== undefined;
}

/**
 * Returns the folder of `src` with a slash at its end. Empty if it is the working folder, or if the program
 * is compiled.
 */
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

/**
 * Joins the values of a flag with commas. Throws a {@link CommandError} if a value contains a comma, because
 * flags cannot escape it.
 */
function list(values: Iterable<string>): string {
  const all = [...values];
  const broken = all.find((value) => value.includes(","));
  if (broken === undefined) return all.join(",");
  throw new CommandError(
    `Cannot write ${JSON.stringify(broken)} in a permission flag, because it contains a comma. ` +
      "Rename it, or start the program in its folder.",
  );
}
