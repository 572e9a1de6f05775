/**
 * Plays cases one after the other at a proxy of its own, so that what one leaves behind is found by the next.
 */

import { LocalProxy } from "../../../support/proxies/local_proxy.ts";
import { testBackend, testEndpoint } from "../../../support/proxies/config.ts";
import { SECRETS } from "../../../support/data/secrets.ts";
import { pem } from "../../../support/upstreams/tls_upstream.ts";
import { ResponseReader, type SeenResponse } from "./response_reader.ts";
import { echoOf, foreignMarker, legible, readDifferently, wrongAnswer, wrongArrivals } from "./checks.ts";
import { type Conversation, converse, TooLate } from "./conversation.ts";
import { type EchoRecord, parseRecord } from "./echo_record.ts";
import { type FuzzCase, TOKEN_A, TOKEN_B } from "./fuzz_case.ts";
import { Http2Client } from "./http2_client.ts";
import type { Ledger } from "./ledger.ts";
import { markerText } from "./marker.ts";
import type { EchoServer } from "./servers.ts";
import { type SentRequest, sentRequests } from "./strict_requests.ts";

/** What came of a case. */
export interface Outcome {
  /** Undefined: everything is as it must be. */
  readonly complaint: string | undefined;
  /** How A was answered. */
  readonly statuses: readonly number[];
  /** Whether the same bytes were sent to the server directly. */
  readonly compared: boolean;
}

/** A proxy with the connections that B and its upstream have to it. */
interface Stage {
  readonly proxy: LocalProxy;
  b:
    | { readonly conversation: Conversation; readonly reader: ResponseReader; asked: SentRequest[] }
    | undefined;
}

/** Answers of a server that the proxy hands on. */
const ANSWERED: readonly number[] = [200, 204, 304];

/** One proxy at a time. */
export class Lane implements AsyncDisposable {
  readonly #name: string;
  readonly #server: EchoServer;
  readonly #ledger: Ledger;
  #stage: Stage;
  #unsettled: FuzzCase[] = [];
  #settled = 0;

  constructor(name: string, { server, ledger }: { server: EchoServer; ledger: Ledger }) {
    this.#name = name;
    this.#server = server;
    this.#ledger = ledger;
    this.#stage = this.#open();
  }

  /** Plays a case. After a complaint another proxy takes the place of the one that may be spoilt. */
  async play(one: FuzzCase): Promise<Outcome> {
    let outcome: Outcome;
    this.#unsettled.push(one);
    try {
      // A case is to find an idle connection to the server, also where it is the first one.
      if (this.#stage.b === undefined) await this.#askB(one, 1);
      outcome = one.protocol === "http1" ? await this.#playHttp1(one) : await this.#playHttp2(one);
    } catch (error) {
      if (!(error instanceof TooLate)) throw error;
      outcome = { complaint: error.message, statuses: [], compared: false };
    }
    if (outcome.complaint !== undefined) await this.#renew();
    // Nobody reads it here, and it would grow.
    this.#stage.proxy.log.splice(0);
    return outcome;
  }

  /**
   * Looks at what reached the server of all cases since the last time; gives a complaint for each that is not
   * as it must be.
   */
  async settle(): Promise<Map<number, string>> {
    const last = `/e/echo/${markerText("S", this.#settled++, 0)}/${this.#name}`;
    const seen = this.#ledger.seen(last);
    using direct = await converse(this.#server.port, () => {});
    await direct.send(requestText("GET", last, { token: TOKEN_A, marker: "", connection: "close" }));
    await seen;
    const complaints = new Map<number, string>();
    for (const one of this.#unsettled.splice(0)) {
      const complaint = wrongArrivals(this.#ledger.take(one.number), requestsOf(one));
      if (complaint !== undefined) complaints.set(one.number, complaint);
    }
    return complaints;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  #open(): Stage {
    const backend = testBackend(`http://127.0.0.1:${this.#server.port}`, {
      path: "/e",
      key: { mode: "inject", value: SECRETS.openaiKey },
      headers: [["x-via", this.#name]],
    });
    const proxy = new LocalProxy({ origin: backend.baseUrl.origin }, {
      endpoints: [testEndpoint("e", [backend])],
      auth: { mode: "token", tokens: [{ name: "a", token: TOKEN_A }, { name: "b", token: TOKEN_B }] },
      server: { tls: { cert: pem("cert.pem"), key: pem("key.pem"), files: [] }, httpsPort: 0 },
      drainMs: 20,
    });
    return { proxy, b: undefined };
  }

  async #close(): Promise<void> {
    this.#stage.b?.conversation[Symbol.dispose]();
    await this.#stage.proxy[Symbol.asyncDispose]();
  }

  async #renew(): Promise<void> {
    await this.#close();
    this.#stage = this.#open();
  }

  async #playHttp1(one: FuzzCase): Promise<Outcome> {
    const { sent: { requests, end }, ending, whenB, number } = one;
    const reader = new ResponseReader((index) => requests[index]?.method ?? "GET");
    using a = await converse(portOf(this.#stage.proxy), (text) => reader.push(text));
    const whole = requests.filter(({ isWhole }) => isWhole).length;
    const lasts = end === "closed" || end === "refused" || ending === "half-closes";
    const isEnough = () => !lasts && reader.answers.length >= whole;
    const { pieces, holdsBack } = one;
    const sending = this.#send(a, { ...one, pieces: holdsBack ? pieces.slice(0, -1) : pieces });
    const answered = async () => {
      if (ending !== "leaves") await a.until(isEnough, `A's answers (${reader.answers.length} of ${whole})`);
    };
    if (whenB === "at once" || ending === "leaves") await sending;
    else await answered();
    // Go's server reads a short body to its end before it sends an answer.
    const early = holdsBack && this.#server.name !== "go" ? answersBefore(pieces.slice(0, -1).join("")) : 0;
    if (early > 0) await a.until(() => reader.answers.length >= early, "the early answer");
    if (ending === "leaves") a[Symbol.dispose]();
    const complaintOfB = await this.#askB(one);
    if (holdsBack) await a.send(pieces.at(-1) ?? "");
    await answered();
    if (a.hasEnded) reader.end();
    a[Symbol.dispose]();
    await sending;

    const { answers } = reader;
    const statuses = answers.map(({ status }) => status);
    const done = (complaint: string | undefined, compared = false) => ({ complaint, statuses, compared });
    if (complaintOfB !== undefined) return done(complaintOfB);
    // A server that refuses a request resets what it has not read, which may cut its own answer.
    const isCutRefusal = REFUSAL_BEGIN.test(reader.rest) && !/^x-echo:/im.test(reader.rest);
    const isCut = ending !== "waits" || a.wasReset || isCutRefusal || end === "incomplete" && !a.hasEnded;
    const complaint = foreignMarker(`${reader.raw}\n${legible(answers)}`, { owner: "A", number }) ??
      answers.map((answer, index) => wrongAnswer(answer, requests[index])).find((found) =>
        found !== undefined
      ) ??
      (answers.length > requests.length + 1 ||
          end === "clean" && ending === "waits" && answers.length > requests.length
        ? `${answers.length} answers to ${requests.length} requests`
        : undefined) ??
      (reader.complaint !== undefined && !isCut
        ? `what A got is no answer: ${reader.complaint}; ${JSON.stringify(reader.rest.slice(0, 300))}`
        : undefined);
    if (complaint !== undefined) return done(complaint);
    const isComparable = this.#server.name !== "raw" && ending === "waits" &&
      (end === "clean" || end === "closed") &&
      requests.length > 0 && answers.length === requests.length &&
      statuses.every((status) => ANSWERED.includes(status));
    return isComparable ? done(await this.#compare(one, answers), true) : done(undefined);
  }

  async #send(
    connection: Conversation,
    { pieces, ending }: Pick<FuzzCase, "pieces" | "ending">,
  ): Promise<void> {
    for (const piece of pieces) await connection.send(piece);
    if (ending === "half-closes") await connection.closeWrite();
  }

  async #playHttp2(one: FuzzCase): Promise<Outcome> {
    const { pieces, sent: { requests }, oneByOne, ending, whenB, number, holdsBack } = one;
    using a = await Http2Client.connect(this.#stage.proxy.httpsPort ?? 0);
    const awaited = requests.flatMap(({ isAbandoned }, index) => isAbandoned ? [] : [index * 2 + 1]);
    const answered = async (until = awaited.length) => {
      if (ending !== "leaves") await a.untilEnded(awaited.slice(0, until), "A's answers over HTTP/2");
    };
    for (const [index, piece] of (holdsBack ? pieces.slice(0, -1) : pieces).entries()) {
      await a.send(piece);
      if (oneByOne) await answered(awaited.filter((stream) => stream <= index * 2 + 1).length);
    }
    if (whenB === "after") await answered();
    if (ending === "leaves") a[Symbol.dispose]();
    const complaintOfB = await this.#askB(one);
    if (holdsBack) await a.send(pieces.at(-1) ?? "");
    await answered();
    a[Symbol.dispose]();

    const seen = requests.map((_, index) => a.answer(index * 2 + 1));
    const statuses = seen.map((one) => one?.answer.status ?? 0);
    const answers = seen.flatMap((one) => one === undefined ? [] : [one.answer]);
    const complaint = complaintOfB ?? foreignMarker(legible(answers), { owner: "A", number }) ??
      seen.map((one, index) =>
        one === undefined || one.ended !== "whole" ? undefined : wrongAnswer(one.answer, requests[index])
      ).find((found) => found !== undefined);
    return { complaint, statuses, compared: false };
  }

  /** B's own request has to get its own answer. */
  async #askB({ number, withBodyB }: FuzzCase, index = 0): Promise<string | undefined> {
    const { text, sent } = requestOfB({ number, index }, withBodyB);
    const b = this.#stage.b ??= await this.#connectB();
    if (b.conversation.hasEnded) return "the proxy ended B's connection";
    const before = b.reader.answers.length;
    b.asked[before] = sent;
    await b.conversation.send(text);
    await b.conversation.until(() => b.reader.answers.length > before, `B's answer in case ${number}`);
    const answer = b.reader.answers[before];
    if (answer === undefined) return `B has no answer: ${JSON.stringify(b.reader.rest.slice(0, 300))}`;
    const complaint = foreignMarker(legible([answer]), { owner: "B", number }) ?? wrongAnswer(answer, sent);
    if (complaint !== undefined) return `B: ${complaint}`;
    if (answer.status !== 200) {
      return `B got a ${answer.status}: ${JSON.stringify(answer.fields)} ${
        JSON.stringify(answer.body.slice(0, 300))
      }`;
    }
    // What has been answered is not kept.
    if (b.reader.answers.length > MAX_ASKED) {
      b.conversation[Symbol.dispose]();
      this.#stage.b = undefined;
    }
    return undefined;
  }

  async #connectB(): Promise<NonNullable<Stage["b"]>> {
    const asked: SentRequest[] = [];
    const reader = new ResponseReader((index) => asked[index]?.method ?? "GET");
    const conversation = await converse(portOf(this.#stage.proxy), (text) => reader.push(text));
    return { conversation, reader, asked };
  }

  /** The same bytes directly, with a request behind them that ends the connection. */
  async #compare(
    { pieces, number, sent }: FuzzCase,
    answers: readonly SeenResponse[],
  ): Promise<string | undefined> {
    const marker = markerText("D", number, 0);
    const last = `/e/echo/${marker}`;
    let text = "";
    using direct = await converse(this.#server.port, (more) => text += more);
    await direct.send(
      pieces.join("") + requestText("GET", last, { token: TOKEN_A, marker, connection: "close" }),
    );
    // gunicorn's threads look at what was pipelined only when something more comes.
    if (this.#server.name === "gunicorn") await direct.closeWrite();
    try {
      await direct.until(() => text.includes(marker), "the server's own end");
    } catch (error) {
      // A server that waits for more takes the bytes for less than the proxy did, which harms nobody else.
      if (!(error instanceof TooLate)) throw error;
    }
    const records = Array.from(
      text.matchAll(/^x-echo: (.*)\r$/gim),
      ([, record]) => parseRecord(record ?? ""),
    );
    const isRecord = (record: EchoRecord | undefined) => record !== undefined;
    const proxied = answers.map(({ fields }) => echoOf(fields)).filter(isRecord);
    return readDifferently(records.filter(isRecord), { proxied, last, closes: sent.end === "closed" });
  }
}

const MAX_ASKED = 500;
const REFUSAL_BEGIN = /^HTTP\/1\.1 [45]\d\d /;

/** How many answers come to what ends within a request that the server answers early; 0: it does not. */
function answersBefore(text: string): number {
  const { requests } = sentRequests(text);
  const last = requests.at(-1);
  const isEarly = last !== undefined && !last.isWhole && last.target.startsWith("/e/early/");
  return isEarly ? requests.length : 0;
}

function portOf(proxy: LocalProxy): number {
  return Number(new URL(proxy.url).port);
}

function requestText(
  method: string,
  target: string,
  { token, marker, connection, body }: { token: string; marker: string; connection?: string; body?: string },
): string {
  return `${method} ${target} HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer ${token}\r\nX-Marker: ${marker}\r\n` +
    (connection === undefined ? "" : `Connection: ${connection}\r\n`) +
    (body === undefined ? "\r\n" : `Content-Length: ${body.length}\r\n\r\n${body}`);
}

/** All requests of a case, B's included. */
export function requestsOf({ number, sent, withBodyB }: FuzzCase): SentRequest[] {
  return [...sent.requests, ...[0, 1].map((index) => requestOfB({ number, index }, withBodyB).sent)];
}

function requestOfB(
  { number, index }: { number: number; index: number },
  hasBody: boolean,
): { text: string; sent: SentRequest } {
  const marker = markerText("B", number, index);
  const target = `/e/echo/${marker}`;
  const method = hasBody ? "POST" : "GET";
  const body = `body of ${marker}`;
  return {
    text: requestText(method, target, { token: TOKEN_B, marker, ...(hasBody && { body }) }),
    sent: {
      method,
      target,
      marker,
      contentType: "",
      body: hasBody ? body : "",
      isWhole: true,
      mayBegin: true,
      isAbandoned: false,
      bodyMayBeHidden: false,
    },
  };
}
