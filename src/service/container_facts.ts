/**
 * What the manifests of Kubernetes and the file of Docker Compose depend on. No value of a secret is in it.
 */

import { escapedLineBreaks } from "./yaml_line_breaks.ts";

/** The platforms whose files are only printed. */
export const CONTAINER_PLATFORMS = ["kubernetes", "compose"] as const;

/** A platform with containers. */
export type ContainerPlatform = typeof CONTAINER_PLATFORMS[number];

/** A port that the proxy listens on. */
export interface ContainerPort {
  readonly name: "http" | "https" | "admin";
  readonly port: number;
  readonly tls: boolean;
}

/** Facts of a configuration that runs in containers. */
export interface ContainerFacts {
  /** The name of the container image. */
  readonly image: string;
  /** The number of processes, at least 1. */
  readonly replicas: number;
  /** The ports; the one for clients is first. */
  readonly ports: readonly [ContainerPort, ...ContainerPort[]];
  /** Variables that are no secrets, with their values. */
  readonly variables: ReadonlyMap<string, string>;
  /** The names of variables whose values are secrets. */
  readonly secrets: readonly string[];
  /**
   * The name and text of the configuration file, and its path on this machine. `undefined` if there is no
   * file.
   */
  readonly config: { readonly name: string; readonly text: string; readonly path: string } | undefined;
  /** What the user has to do besides, one sentence for each thing. */
  readonly notes: readonly string[];
  /** Whether `TLS_CERT_FILE` and `TLS_KEY_FILE` name a certificate. */
  readonly hasCertificateFiles: boolean;
  /** How long the proxy takes requests after SIGTERM, in seconds. */
  readonly drainDelaySeconds: number;
  /** How long running exchanges may continue after that, in seconds. */
  readonly drainSeconds: number;
  /** The database of the management plane; `none` if the plane is off. */
  readonly store: "none" | "sqlite" | "postgres";
  /** Ports of upstreams and of outbound proxies. */
  readonly upstreamPorts: readonly number[];
}

/** A printed file, and the commands that use it. */
export interface ContainerFiles {
  /** The name for the file. */
  readonly name: string;
  readonly text: string;
  readonly commands: readonly string[];
}

/**
 * The time in which nodes and load balancers notice a stop, in seconds, if the configuration has no other.
 */
export const DRAIN_DELAY_SECONDS = 5;

/** The time for the last usage to be written after a drain, in seconds. */
const FLUSH_SECONDS = 10;

/** Where containers find the configuration file. */
export const CONFIG_FOLDER = "/etc/llm-proxy";

/** The database on the volume of a container. */
export const SQLITE_URL = "sqlite:/data/llm-proxy.db";

/** The address to listen on: all addresses of the container, IPv6 and IPv4. */
export const CONTAINER_HOST = "::";

/** How long a platform waits after SIGTERM until it ends the process, in seconds. */
export function stopSeconds({ drainDelaySeconds, drainSeconds }: ContainerFacts): number {
  return drainDelaySeconds + drainSeconds + FLUSH_SECONDS;
}

/** What the head of a file says before commands that take secrets from the shell. */
export const SHELL_LINES: readonly string[] = [
  "To use it, with the secrets in variables of the shell (for example: set -a; . ./.env; set +a).",
  "In .env, values with characters like & $ # or a space need single quotes.",
];

/** The value of a variable, for a text in double quotes. The shell runs no command without the value. */
export function valueOf(variable: string): string {
  return `\${${variable}:?}`;
}

/** Formats lines as comments of YAML. */
export function commented(lines: readonly string[]): string {
  return lines.map((line) => line === "" ? "#\n" : `# ${escapedLineBreaks(line)}\n`).join("");
}
