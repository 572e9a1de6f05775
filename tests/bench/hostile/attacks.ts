/**
 * One hostile client population as a program: `attacks.ts NAME URL TOKEN MANAGED_TOKEN SECONDS`. It begins
 * when a byte comes on standard input, ends after that many seconds, and prints what it did.
 */

import { brotliCompressSync, constants } from "node:zlib";
import { writeAll } from "../../support/clients/http_reader.ts";

/** So many connections are slow at the same time. */
const SLOW_CONNECTIONS = 200;
const DRIP_MS = 100;
const FLOOD_CONNECTIONS = 20;
const MAX_FLOOD_REQUESTS = 400_000;
const BOMB_CONNECTIONS = 8;
/** More than what a body may be decoded to (`max_buffer_bytes`). */
const BOMB_BYTES = 64 * 1024 * 1024;
const CHUNK_CONNECTIONS = 2;
const CHUNKED_WIRE_BYTES = 5 * 1024 * 1024;

interface Target {
  readonly hostname: string;
  readonly port: number;
  readonly token: string;
  readonly managedToken: string;
  readonly isOver: () => boolean;
}

/** One connection from its begin to its end; gives what it did, in the attack's unit. */
type Attack = (connection: Deno.Conn, target: Target, count: (units: number) => void) => Promise<void>;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Reads answers and drops them. */
async function drop(connection: Deno.Conn): Promise<void> {
  const piece = new Uint8Array(64 * 1024);
  while (await connection.read(piece) !== null) { /* until it ends */ }
}

/**
 * The status of the answer on a connection; undefined where there is none. Reads on until the connection
 * ends.
 */
async function statusOf(connection: Deno.Conn): Promise<string | undefined> {
  const piece = new Uint8Array(64 * 1024);
  const count = await connection.read(piece);
  if (count === null) return undefined;
  const [, status] = new TextDecoder().decode(piece.subarray(0, count)).split(" ");
  await drop(connection);
  return status;
}

/** Small on the wire; made once, before the attack begins. */
let bomb: Uint8Array<ArrayBuffer> | undefined;
function bombOnce(): Uint8Array<ArrayBuffer> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 5 };
  return bomb ??= new Uint8Array(brotliCompressSync(new Uint8Array(BOMB_BYTES).fill(0x20), { params }));
}

const ATTACKS: Record<string, { readonly connections: number; readonly unit: string; readonly run: Attack }> =
  {
    "slow heads": {
      connections: SLOW_CONNECTIONS,
      unit: "bytes of heads",
      async run(connection, { isOver }, count) {
        const head = new TextEncoder().encode(
          `GET /openai/v1/models HTTP/1.1\r\nHost: p\r\nX-Slow: ${"x".repeat(10_000)}`,
        );
        for (let at = 0; at < head.length && !isOver(); at++) {
          await writeAll(connection, head.subarray(at, at + 1));
          count(1);
          await sleep(DRIP_MS);
        }
      },
    },
    "slow readers": {
      connections: SLOW_CONNECTIONS,
      unit: "answers of 10 MB that nobody read",
      async run(connection, { token, isOver }, count) {
        await writeAll(
          connection,
          `GET /openai/v1/large HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        );
        count(1);
        while (!isOver()) await sleep(DRIP_MS);
      },
    },
    "pipelined requests without a token": {
      connections: FLOOD_CONNECTIONS,
      unit: "requests",
      async run(connection, { isOver }, count) {
        const batch = "GET /openai/v1/models HTTP/1.1\r\nHost: p\r\n\r\n".repeat(100);
        const reading = drop(connection).catch(() => {});
        for (let sent = 0; sent < MAX_FLOOD_REQUESTS / FLOOD_CONNECTIONS && !isOver(); sent += 100) {
          await writeAll(connection, batch);
          count(100);
        }
        connection.close();
        await reading;
      },
    },
    "brotli bombs": {
      connections: BOMB_CONNECTIONS,
      unit: "bombs refused",
      async run(connection, { managedToken }, count) {
        const body = bombOnce();
        await writeAll(
          connection,
          "POST /openai/v1/chat/completions HTTP/1.1\r\nHost: p\r\nConnection: close\r\nContent-Type: application/json\r\n" +
            `Authorization: Bearer ${managedToken}\r\nContent-Encoding: br\r\nContent-Length: ${body.length}\r\n\r\n`,
        );
        await writeAll(connection, body);
        const status = await statusOf(connection);
        if (status !== "413" && status !== "400") throw new Error(`a bomb was answered with ${status}`);
        count(1);
      },
    },
    "uploads in chunks of one byte": {
      connections: CHUNK_CONNECTIONS,
      unit: "uploads of 5 MB of wire",
      async run(connection, { token }, count) {
        const chunks = new TextEncoder().encode(
          "1\r\nx\r\n".repeat(Math.floor(CHUNKED_WIRE_BYTES / 6)) + "0\r\n\r\n",
        );
        await writeAll(
          connection,
          "POST /openai/v1/files HTTP/1.1\r\nHost: p\r\nConnection: close\r\n" +
            `Authorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`,
        );
        await writeAll(connection, chunks);
        const status = await statusOf(connection);
        if (status !== "200") throw new Error(`an upload was answered with ${status}`);
        count(1);
      },
    },
  };

/** Names of all attacks. */
export const ATTACK_NAMES: readonly string[] = Object.keys(ATTACKS);

async function attack([name = "", url = "", token = "", managedToken = "", seconds = ""]: readonly string[]) {
  const attack = ATTACKS[name];
  if (attack === undefined) throw new Error(`no attack is called ${name}`);
  const { hostname, port } = new URL(url);
  bombOnce();
  await Deno.stdin.read(new Uint8Array(1));
  const end = performance.now() + Number(seconds) * 1_000;
  const isOver = () => performance.now() >= end;
  const target = { hostname, port: Number(port), token, managedToken, isOver };
  let units = 0;
  const failures = new Map<string, number>();
  const open = new Set<Deno.Conn>();
  const one = async () => {
    while (!isOver()) {
      try {
        using connection = await Deno.connect({ hostname, port: target.port });
        open.add(connection);
        await attack.run(connection, target, (count) => units += count);
        open.delete(connection);
      } catch (error) {
        if (isOver()) return;
        const what = error instanceof Error ? error.message : String(error);
        failures.set(what, (failures.get(what) ?? 0) + 1);
        await sleep(DRIP_MS);
      }
    }
  };
  const running = Promise.all(Array.from({ length: attack.connections }, one));
  await Promise.race([running, sleep(Number(seconds) * 1_000)]);
  console.log(JSON.stringify({ units, unit: attack.unit, failures: Object.fromEntries(failures) }));
  // Whatever still waits ends with the process.
  Deno.exit(0);
}

if (import.meta.main) await attack(Deno.args);
