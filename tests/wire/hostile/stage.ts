/**
 * The proxy on a real socket before a recording upstream, and the one strict check that every case has to
 * pass.
 */

import { assert, assertEquals } from "@std/assert";
import { writeAll } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";
import { DeadlinePassed, within } from "../../support/time/deadline.ts";
import { type Arrival, FIELDS, type HostileCase, type Outcome } from "./hostile_case.ts";
import { RecordingUpstream } from "./recording_upstream.ts";
import { type ReadAnswer, readAnswer, readRequest, valuesOf } from "./strict_reading.ts";
import { checkRequest } from "./upstream_check.ts";

const LAST = "/openai/v1/last";
const AFTER = "/openai/v1/after";
/** Behind the case's bytes: answered where the connection goes on, and otherwise never seen by anybody. */
const LAST_REQUEST = closingGet(LAST);

/** Further cuts would only take longer: who is refused has to be done with sending soon. */
const MOST_CUTS = 50;

/** One proxy and one upstream for many cases. */
export class HostileStage implements AsyncDisposable {
  readonly #upstream = new RecordingUpstream();
  readonly #proxy = new LocalProxy(this.#upstream, { apiKey: SECRETS.openaiKey });

  /** Plays a case whole and in pieces; undefined, or what was wrong. Throws where something hangs. */
  async complaint(one: HostileCase): Promise<string | undefined> {
    const deliveries = mayBeSplit(one.outcome) ? [[one.bytes], piecesOf(one.bytes)] : [[one.bytes]];
    for (const pieces of deliveries) {
      try {
        await this.#check(one, pieces);
      } catch (error) {
        const how = pieces.length === 1 ? "whole" : "in pieces";
        const complaint = `${one.name} (${how}): ${error instanceof Error ? error.message : String(error)}`;
        if (error instanceof DeadlinePassed) throw new DeadlinePassed(complaint);
        // What this case left behind is not the next one's.
        await within(this.#upstream.taken(), `${complaint}\nand then the end of the upstream's connections`);
        return complaint;
      }
    }
    return undefined;
  }

  async #check({ outcome, halfCloses = false }: HostileCase, pieces: readonly string[]): Promise<void> {
    const { statuses, arrivals, goesOn, broken } = outcome;
    const sent = halfCloses ? pieces : [...pieces.slice(0, -1), (pieces.at(-1) ?? "") + LAST_REQUEST];
    const text = await within(converse(this.#proxy.url, sent, { halfCloses }), "the answer");
    assertNoSecrets(text, "the answer");
    const answers = readAnswers(text, arrivals);
    assertEquals(
      answers.map(({ status }) => status),
      [...statuses, ...(goesOn ? [200] : [])],
      "the statuses",
    );
    for (const [index, answer] of answers.entries()) {
      checkAnswer(answer, { isLast: index === answers.length - 1 });
    }

    const after = await within(converse(this.#proxy.url, [closingGet(AFTER)]), "the next client");
    assertEquals(readAnswers(after, []).map(({ status }) => status), [200], "the next client's status");

    const seen = await within(this.#upstream.taken(), "the end of the upstream's connections");
    const whole = [...arrivals, ...(goesOn ? [get(LAST)] : []), get(AFTER)];
    this.#checkUpstream(seen, { whole, broken });
  }

  /** Every byte that came has to belong to a request that may arrive. */
  #checkUpstream(
    seen: readonly string[],
    { whole, broken }: { whole: readonly Arrival[]; broken: Arrival | undefined },
  ): void {
    const host = `127.0.0.1:${this.#upstream.port}`;
    const arrived: Arrival[] = [];
    let cut = 0;
    for (const text of seen) {
      assert(!text.includes(SECRETS.proxyToken), "the upstream got the proxy's token");
      assert(!text.includes(btoa(SECRETS.proxyToken)), "the upstream got the proxy's token in base64");
      const request = readRequest(text);
      if (request?.body !== undefined) {
        checkRequest(request, host);
        assertEquals(request.rest, "", "bytes behind the upstream's request");
        arrived.push({ target: request.target, method: request.method, body: request.body });
      } else {
        cut++;
        assert(
          broken !== undefined,
          `the upstream got half a request: ${JSON.stringify(text.slice(0, 300))}`,
        );
        assert(
          text.startsWith(`${broken.method} ${broken.target} HTTP/1.1\r\nhost: ${host}\r\n`),
          "its target",
        );
        if (request !== undefined) checkRequest(request, host);
      }
    }
    assertEquals(arrived, whole, "the upstream's requests");
    assert(cut <= 1, `the upstream got ${cut} halves of requests`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy[Symbol.asyncDispose]();
    await this.#upstream[Symbol.asyncDispose]();
  }
}

/** Sends pieces to a proxy, and returns everything that it answers until it ends the connection. */
export async function converse(
  url: string,
  pieces: readonly string[],
  { halfCloses = false }: { halfCloses?: boolean } = {},
): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  connection.setNoDelay(true);
  const sending = send(connection, pieces, { halfCloses });
  let text = "";
  const buffer = new Uint8Array(16 * 1024);
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    text += String.fromCharCode(...buffer.subarray(0, count));
  }
  await sending;
  return text;
}

async function send(
  connection: Deno.TcpConn,
  pieces: readonly string[],
  { halfCloses }: { halfCloses: boolean },
): Promise<void> {
  try {
    for (const piece of pieces) await writeAll(connection, piece);
    if (halfCloses) await connection.closeWrite();
  } catch (error) {
    // The proxy has refused what came and does not wait for the rest; its answer is judged by who reads it.
    const hasEnded = error instanceof Deno.errors.BrokenPipe ||
      error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.BadResource;
    if (!hasEnded) throw error;
  }
}

/** All of a connection's answers; `arrivals` tells which of them have no body by their request's method. */
function readAnswers(text: string, arrivals: readonly Arrival[]): ReadAnswer[] {
  const methods = arrivals.map(({ method }) => method);
  const answers: ReadAnswer[] = [];
  for (let rest = text; rest !== "";) {
    const isForwarded = rest.startsWith("HTTP/1.1 200 ") || rest.startsWith("HTTP/1.1 1");
    const answer = readAnswer(rest, (isForwarded ? methods.shift() : undefined) ?? "GET");
    answers.push(answer);
    rest = answer.rest;
  }
  return answers;
}

function checkAnswer({ status, fields, body }: ReadAnswer, { isLast }: { isLast: boolean }): void {
  assertEquals(valuesOf(fields, "connection"), isLast ? ["close"] : [], "the answer's connection field");
  if (status === 200 || status === 499) return;
  assert(
    valuesOf(fields, "x-llm-proxy-error").length === 1,
    `the ${status} is not marked as the proxy's own`,
  );
  assertEquals(typeof JSON.parse(body).error.message, "string", "the error's body");
}

/** Where the proxy ends the connection after an answer, what comes too late would reset it. */
function mayBeSplit({ statuses, goesOn }: Outcome): boolean {
  return goesOn || statuses.at(-1) !== 200;
}

/** Cut where it is worst: between each CR and its LF; where there is none, in the middle. */
function piecesOf(bytes: string): string[] {
  const pieces = bytes.split(/(?<=\r)/);
  if (pieces.length > 1) return [...pieces.slice(0, MOST_CUTS), pieces.slice(MOST_CUTS).join("")];
  const middle = bytes.length >> 1;
  return [bytes.slice(0, middle), bytes.slice(middle)];
}

/** A request after which the proxy ends the connection. */
export function closingGet(target: string): string {
  return `GET ${target} HTTP/1.1\r\n${FIELDS}Connection: close\r\n\r\n`;
}

function get(target: string): Arrival {
  return { target, method: "GET", body: "" };
}
