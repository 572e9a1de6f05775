/** The check of the ports that the proxy listens on. */

import { processSources } from "../../config/sources/env.ts";
import { loadAddress } from "../../config/load.ts";
import { roundedDurationText } from "../../config/values/durations.ts";
import { hostAndPort, reachableHost } from "../../network/host_port.ts";
import { tryListening } from "../../network/listen_everywhere.ts";
import { ConfigError } from "../../config/problem.ts";
import { VERSION } from "../../release.ts";
import { type Health, readHealth } from "../health.ts";
import { type Finding, findingsOf } from "./finding.ts";
import type { Subject } from "./subject.ts";

const { ok, warning, problem } = findingsOf("ports");

interface Port {
  readonly variable: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** Checks that each port is free, or that a running llm-proxy uses it. */
export async function checkPorts(subject: Subject): Promise<Finding[]> {
  const { host, ports, certificate } = await listening(subject);
  const states = await Promise.all(ports.map(async (port) => ({
    ...port,
    state: bindingOf(host, port.port),
    health: port.port === 0 ? undefined : await healthAt(host, port, certificate),
  })));
  const isServed = states.some(({ state, health }) => state === "taken" && health !== undefined);
  return states.map(({ variable, port, isTls, state, health }) => {
    const where = `${variable} ${port}`;
    if (port === 0) return ok(`${variable} 0: the system chooses a port`);
    switch (state) {
      case "free":
        return ok(`${where} is free`);
      case "taken":
        return health !== undefined
          ? served(where, health)
          : taken({ where, port, variable, isTls, isServed });
      case "not permitted":
        return problem(
          `this user may not listen on ${where}`,
          `set ${variable} to a port above 1023, or on Linux run sudo setcap cap_net_bind_service=+ep llm-proxy`,
        );
      default:
        return problem(
          `${where} cannot listen on ${host}: this machine has no such address`,
          "correct HOST; :: means every address of this machine",
        );
    }
  });
}

function served(where: string, { status, version, uptime_seconds, storage }: Health): Finding {
  const state = `${where} is served by a running llm-proxy ${version}, up for ${
    roundedDurationText(uptime_seconds * 1000)
  }`;
  if (storage === "failing") {
    return problem(
      `${state}, which cannot write to its database`,
      "see disk and database below, and the log of the proxy",
    );
  }
  if (status === "draining") return warning(`${state}, which is shutting down`, "wait until it has exited");
  if (version === VERSION) return ok(state);
  return warning(`${state}, but this program is ${VERSION}`, "restart the proxy to use this version");
}

function taken(
  { where, port, variable, isTls, isServed }: Omit<Port, "port"> & {
    where: string;
    port: number;
    isServed: boolean;
  },
): Finding {
  if (isTls && isServed) return ok(`${where} is in use, probably by the running llm-proxy`);
  const command = Deno.build.os === "windows"
    ? `netstat -ano | findstr :${port}`
    : Deno.build.os === "darwin"
    ? `lsof -nP -iTCP:${port} -sTCP:LISTEN`
    : `ss -ltnp 'sport = :${port}'`;
  return problem(
    `${where} is in use by another program`,
    `find it with ${command}; stop it, or set ${variable} to another port`,
  );
}

/**
 * Returns the ports of the configuration. If the configuration is invalid, returns only the main port, if its
 * settings are valid.
 */
async function listening(
  { loaded, flags }: Subject,
): Promise<{ host: string; ports: Port[]; certificate: string | undefined }> {
  if (loaded !== undefined) {
    const { host, port, httpsPort, adminPort, tls } = loaded.config.server;
    const isTls = tls !== undefined;
    return {
      host,
      ports: [
        { variable: "PORT", port, isTls: isTls && httpsPort === undefined },
        ...(httpsPort === undefined ? [] : [{ variable: "HTTPS_PORT", port: httpsPort, isTls }]),
        ...(adminPort === undefined ? [] : [{ variable: "ADMIN_PORT", port: adminPort, isTls }]),
      ],
      certificate: tls?.cert,
    };
  }
  try {
    const { host, port, tls } = await loadAddress(processSources, flags);
    return { host, ports: [{ variable: "PORT", port, isTls: tls }], certificate: undefined };
  } catch (error) {
    if (error instanceof ConfigError) return { host: "", ports: [], certificate: undefined };
    throw error;
  }
}

function bindingOf(hostname: string, port: number): "free" | "taken" | "not permitted" | "no such address" {
  try {
    tryListening({ hostname, port });
    return "free";
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return "taken";
    return error instanceof Deno.errors.PermissionDenied ? "not permitted" : "no such address";
  }
}

/** Returns the health of the llm-proxy on a port. `undefined` if no llm-proxy answers there. */
async function healthAt(
  host: string,
  { port, isTls }: Port,
  certificate: string | undefined,
): Promise<Health | undefined> {
  const address = hostAndPort({ hostname: reachableHost(host), port });
  return await readHealth(`${isTls ? "https" : "http"}://${address}`, {
    caCerts: certificate === undefined ? undefined : [certificate],
  });
}
