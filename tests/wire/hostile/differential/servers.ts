/** The real servers that requests are sent to, each with an echo on it. */

import { command } from "../../../support/processes/command.ts";
import { freePort, listening } from "../../../support/processes/port.ts";
import { type EchoRecord, parseRecord } from "./echo_record.ts";
import { RawUpstream } from "./raw_upstream.ts";

/** The names of all servers; `raw` is the tests' own, on bare sockets. */
export const SERVERS = ["raw", "node", "nginx", "go", "python", "uvicorn", "gunicorn"] as const;

/** A server's name. */
export type ServerName = typeof SERVERS[number];

/** Is told what the server has read. */
export interface ServerHooks {
  readonly onRecord: (record: EchoRecord) => void;
  /** Bytes that are no request, behind the request with that target; only the raw upstream says so. */
  readonly onViolation: (behind: string, reason: string) => void;
}

/** A server that runs. */
export interface EchoServer extends AsyncDisposable {
  readonly name: ServerName;
  readonly port: number;
}

/** Behaviours that a server's echo knows besides `echo`; each is the second segment of a path. */
export const BEHAVIOURS: Readonly<Record<ServerName, readonly string[]>> = {
  raw: ["early", "chunked", "close", "s204", "s304", "continue", "hints", "untilclose", "late"],
  node: ["early", "chunked", "close", "s204", "s304", "continue", "hints"],
  nginx: ["early", "chunked", "close", "s204", "s304"],
  go: ["early", "chunked", "close", "s204", "s304"],
  python: ["early", "chunked", "close", "s204", "s304"],
  uvicorn: ["early", "chunked", "close", "s204", "s304"],
  gunicorn: ["early", "chunked", "s204", "s304"],
};

/** Debian's programs come first: its packages of Python are of no use to another Python. */
const PYTHONS = ["/usr/bin/python3", "python3"];
const FOLDER = new URL("servers/", import.meta.url).pathname;

/** Why a server cannot run on this machine; undefined where it can. */
export function missingReason(name: ServerName): string | undefined {
  switch (name) {
    case "raw":
      return undefined;
    case "node":
      return runs("node", "--version") ? undefined : "Node is not installed";
    case "nginx":
      return runs("nginx", "-v") ? undefined : "nginx is not installed";
    case "go":
      return runs("go", "version") ? undefined : "Go is not installed";
    case "python":
      return pythonWith("http.server") ? undefined : "Python is not installed";
    case "uvicorn":
    case "gunicorn":
      return pythonWith(name) ? undefined : `${name} is not installed`;
    default:
      return name satisfies never;
  }
}

/** Starts a server. Throws where it does not listen in time. */
export async function startServer(name: ServerName, hooks: ServerHooks): Promise<EchoServer> {
  switch (name) {
    case "raw": {
      const upstream = new RawUpstream({ port: 0 }, hooks);
      const { port } = upstream;
      return { name, port, [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose]() };
    }
    case "nginx":
      return await startNginx(hooks);
    case "go":
      return await startGo(hooks);
    default:
      return await startProgram(name, commandOf(name, freePort()), hooks);
  }
}

interface Program {
  readonly port: number;
  readonly command: string;
  readonly args: readonly string[];
}

function commandOf(name: "node" | "python" | "uvicorn" | "gunicorn", port: number): Program {
  const address = `127.0.0.1:${port}`;
  switch (name) {
    case "node":
      return { port, command: "node", args: ["node_echo.mjs", String(port)] };
    case "python":
      return { port, command: pythonWith("http.server") ?? "", args: ["-B", "python_echo.py", String(port)] };
    case "uvicorn": {
      const options = ["--port", String(port), "--log-level", "critical", "--timeout-keep-alive", "120"];
      const args = ["-B", "-m", "uvicorn", "--lifespan", "off", ...options, "asgi_echo:app"];
      return { port, command: pythonWith("uvicorn") ?? "", args };
    }
    case "gunicorn": {
      const workers = ["--worker-class", "gthread", "--workers", "1", "--threads", "32"];
      const options = ["--bind", address, "--keep-alive", "120", "--log-level", "critical"];
      const args = ["-B", "-m", "gunicorn", ...workers, ...options, "wsgi_echo:app"];
      return { port, command: pythonWith("gunicorn") ?? "", args };
    }
    default:
      return name satisfies never;
  }
}

async function startGo(hooks: ServerHooks): Promise<EchoServer> {
  const folder = await Deno.makeTempDir({ prefix: "differential_go_" });
  const program = `${folder}/go_echo`;
  const built = await command("go", {
    args: ["build", "-o", program, `${FOLDER}go_echo.go`],
    env: { GO111MODULE: "off", GOCACHE: `${folder}/cache`, GOFLAGS: "" },
  }).output();
  if (!built.success) throw new Error(`Cannot build go_echo.go: ${new TextDecoder().decode(built.stderr)}`);
  const port = freePort();
  const server = await startProgram("go", { port, command: program, args: [String(port)] }, hooks);
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** nginx reads and writes each request; what it makes of it is echoed by a raw upstream behind it. */
async function startNginx(hooks: ServerHooks): Promise<EchoServer> {
  const folder = await Deno.makeTempDir({ prefix: "differential_nginx_" });
  const port = freePort();
  await Deno.writeTextFile(`${folder}/nginx.conf`, nginxConfiguration({ folder, port }));
  const behind = new RawUpstream({ path: `${folder}/behind` }, hooks);
  // The user that nginx's workers run as has to get to the socket.
  await Deno.chmod(folder, 0o755);
  await Deno.chmod(`${folder}/behind`, 0o777);
  const args = ["-p", folder, "-c", `${folder}/nginx.conf`, "-e", `${folder}/error.log`];
  const server = await startProgram("nginx", { port, command: "nginx", args }, hooks);
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await behind[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function nginxConfiguration({ folder, port }: { folder: string; port: number }): string {
  const record = '{"m":"$request_method","u":"$request_uri","k":"$http_x_marker","ct":"$content_type",' +
    '"v":"$http_x_via","c":$remote_port,"n":$connection_requests}';
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_timeout 120s;
  keepalive_requests 1000000;
  log_format record escape=none '@${record}';
  upstream behind { server unix:${folder}/behind; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port} backlog=511;
    underscores_in_headers on;
    location / {
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_ignore_client_abort on;
      proxy_set_header Connection "";
      proxy_set_header X-Nginx-Port $remote_port;
      proxy_set_header X-Nginx-Seen $connection_requests;
    }
    location /e/early/ {
      access_log /dev/stdout record;
      add_header X-Echo '${record}' always;
      default_type application/json;
      return 200 '${record}';
    }
  }
}
`;
}

/**
 * Starts a program, and reads the records that it writes to its standard output as lines that begin with `@`.
 */
async function startProgram(
  name: ServerName,
  { port, command: program, args }: Program,
  { onRecord }: ServerHooks,
): Promise<EchoServer> {
  const child = command(program, {
    args: [...args],
    cwd: FOLDER,
    env: { PYTHONDONTWRITEBYTECODE: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reading = readLines(child.stdout, (line) => {
    const record = line.startsWith("@") ? parseRecord(line.slice(1)) : undefined;
    if (record !== undefined) onRecord(record);
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await child.status;
    await reading;
  };
  try {
    await listening(port, name);
  } catch (error) {
    await stop();
    throw error;
  }
  return { name, port, [Symbol.asyncDispose]: stop };
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const piece of stream) {
    const lines = (held + decoder.decode(piece, { stream: true })).split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
}

function pythonWith(module: string): string | undefined {
  return PYTHONS.find((python) => runs(python, "-c", `import ${module}`));
}

function runs(program: string, ...args: readonly string[]): boolean {
  try {
    return command(program, { args: [...args], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
