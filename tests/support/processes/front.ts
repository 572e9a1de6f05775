/** A real reverse proxy in front of the proxy, with the configuration of docs/reverse-proxy.md. */

import { command } from "./command.ts";
import { nginxConfiguration } from "./nginx.ts";
import { freePort, listening } from "./port.ts";

/** The programs whose configurations are on the page. */
export type FrontName = "caddy" | "nginx";

/** A running reverse proxy. */
export interface Front extends AsyncDisposable {
  /** With a certificate for `localhost` of the CA of the tests; HTTP/1.1 and HTTP/2. */
  readonly httpsUrl: string;
  readonly httpUrl: string;
}

interface Ports {
  readonly https: number;
  readonly http: number;
}

const PAGE = new URL("../../../docs/reverse-proxy.md", import.meta.url);
const TLS = new URL("../tls", import.meta.url).pathname;
/** The address of the proxy on the page. */
const ADDRESS = "127.0.0.1:33000";

/** Starts a reverse proxy in front of the proxy at this address, like `http://127.0.0.1:33000`. */
export async function startFront(name: FrontName, proxy: string): Promise<Front> {
  const ports = { https: freePort(), http: freePort() };
  const folder = await Deno.makeTempDir();
  // The workers of a master that runs as root must get at the folder.
  await Deno.chmod(folder, 0o755);
  const text = (await blockOf(name)).replaceAll(ADDRESS, new URL(proxy).host);
  const config = `${folder}/config`;
  await Deno.writeTextFile(
    config,
    name === "caddy" ? caddyfile(text, ports, folder) : nginxConf(text, ports, folder),
  );
  const args = name === "caddy"
    ? ["run", "--config", config, "--adapter", "caddyfile"]
    : ["-c", config, "-p", folder];
  const child = command(name, {
    args,
    env: { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdout: "null",
    stderr: "null",
  }).spawn();
  // Caddy starts one listener after the other, in no fixed order.
  await Promise.all([listening(ports.https, name), listening(ports.http, name)]);
  return {
    httpsUrl: `https://localhost:${ports.https}`,
    httpUrl: `http://127.0.0.1:${ports.http}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** The configuration of a program on the page. */
async function blockOf(name: FrontName): Promise<string> {
  const fence = name === "caddy" ? "caddyfile" : "nginx";
  const [, block] = new RegExp(`\n\`\`\`${fence}\n(.*?)\`\`\`\n`, "s").exec(await Deno.readTextFile(PAGE)) ??
    [];
  if (block === undefined) throw new Error(`docs/reverse-proxy.md has no block ${fence}`);
  return block;
}

/** The page's site, once with the certificate of the tests and once without TLS. */
function caddyfile(site: string, { https, http }: Ports, folder: string): string {
  const body = site.slice(site.indexOf("{"));
  const withTls = body.replace("{", `{\nbind 127.0.0.1\ntls ${TLS}/cert.pem ${TLS}/key.pem`);
  return [
    `{\nadmin off\nauto_https disable_redirects\nstorage file_system ${folder}\n}`,
    `https://localhost:${https} ${withTls}`,
    `http://:${http} ${body.replace("{", "{\nbind 127.0.0.1")}`,
  ].join("\n");
}

function nginxConf(location: string, { https, http }: Ports, folder: string): string {
  return nginxConfiguration(
    folder,
    `server {
    listen 127.0.0.1:${https} ssl http2;
    listen 127.0.0.1:${http};
    ssl_certificate ${TLS}/cert.pem;
    ssl_certificate_key ${TLS}/key.pem;
    ${location}
  }`,
  );
}
