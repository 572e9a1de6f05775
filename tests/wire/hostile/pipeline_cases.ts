/** Several requests on one connection: each answered in its turn, none made up, none lost. */

import { SECRETS } from "../../support/data/secrets.ts";
import {
  type Arrival,
  type Family,
  FIELDS,
  type HostileCase,
  type Outcome,
  pipelined,
} from "./hostile_case.ts";

const CLOSE = "Connection: close\r\n";
const ENCLOSED = "GET /openai/v1/smuggled HTTP/1.1\r\nHost: p\r\n\r\n";

function get(target: string, lines = ""): string {
  return `GET ${target} HTTP/1.1\r\n${FIELDS}${lines}\r\n`;
}

function post(target: string, body: string): string {
  return `POST ${target} HTTP/1.1\r\n${FIELDS}Content-Length: ${body.length}\r\n\r\n${body}`;
}

function chunked(target: string, chunks: string): string {
  return `POST ${target} HTTP/1.1\r\n${FIELDS}Transfer-Encoding: chunked\r\n\r\n${chunks}`;
}

function arrival(target: string, { method = "GET", body = "" }: Partial<Arrival> = {}): Arrival {
  return { target, method, body };
}

function posted(target: string, body: string): Arrival {
  return { target, method: "POST", body };
}

function goesOn(statuses: readonly number[], ...arrivals: Arrival[]): Outcome {
  return { statuses, arrivals, goesOn: true };
}

function ends(statuses: readonly number[], ...arrivals: Arrival[]): Outcome {
  return { statuses, arrivals, goesOn: false };
}

const A = "/openai/v1/a";
const B = "/openai/v1/b";
const C = "/openai/v1/c";
const MANY = Array.from({ length: 30 }, (_, index) => `/openai/v1/${index}`);

const VALID: readonly HostileCase[] = [
  pipelined("two requests", get(A) + get(B), goesOn([200, 200], arrival(A), arrival(B))),
  pipelined("the same request twice", get(A) + get(A), goesOn([200, 200], arrival(A), arrival(A))),
  pipelined(
    "thirty requests",
    MANY.map((target) => get(target)).join(""),
    goesOn(MANY.map(() => 200), ...MANY.map((target) => arrival(target))),
  ),
  pipelined(
    "a length, then a request",
    post(A, "abc") + get(B),
    goesOn([200, 200], posted(A, "abc"), arrival(B)),
  ),
  pipelined(
    "chunks, then a request",
    chunked(A, "3\r\nabc\r\n0\r\n\r\n") + get(B),
    goesOn([200, 200], posted(A, "abc"), arrival(B)),
  ),
  pipelined(
    "chunks with trailers, then a request",
    chunked(A, "3;x\r\nabc\r\n0;y\r\nX-T: 1\r\n\r\n") + get(B),
    goesOn([200, 200], posted(A, "abc"), arrival(B)),
  ),
  pipelined(
    "a length of zero, then a request",
    post(A, "") + get(B),
    goesOn([200, 200], posted(A, ""), arrival(B)),
  ),
  pipelined(
    "a body that is a request, then a request",
    post(A, ENCLOSED) + get(B),
    goesOn([200, 200], posted(A, ENCLOSED), arrival(B)),
  ),
  pipelined(
    "chunks that are a request, then a request",
    chunked(A, `${ENCLOSED.length.toString(16)}\r\n${ENCLOSED}\r\n0\r\n\r\n`) + get(B),
    goesOn([200, 200], posted(A, ENCLOSED), arrival(B)),
  ),
  pipelined(
    "bodies behind each other",
    post(A, "a") + chunked(B, "1\r\nb\r\n0\r\n\r\n") + post(C, "c"),
    goesOn([200, 200, 200], posted(A, "a"), posted(B, "b"), posted(C, "c")),
  ),
  pipelined(
    "HEAD, then a request",
    `HEAD ${A} HTTP/1.1\r\n${FIELDS}\r\n${get(B)}`,
    goesOn([200, 200], arrival(A, { method: "HEAD" }), arrival(B)),
  ),
  pipelined(
    "three endpoints",
    get(A) + get("/anthropic/v1/messages") + get("/gemini/v1beta/models"),
    goesOn([200, 200, 200], arrival(A), arrival("/anthropic/v1/messages"), arrival("/gemini/v1beta/models")),
  ),
  pipelined(
    "absolute targets of two hosts",
    get("http://one.test/openai/v1/a") + get("http://two.test/openai/v1/b"),
    goesOn([200, 200], arrival(A), arrival(B)),
  ),
  pipelined(
    "h2c, then a request",
    get(A, "Connection: Upgrade\r\nUpgrade: h2c\r\n") + get(B),
    goesOn([200, 200], arrival(A), arrival(B)),
  ),
];

const BETWEEN: readonly HostileCase[] = [
  pipelined(
    "one that leads nowhere between two",
    get(A) + get("/nowhere") + get(B),
    goesOn([200, 404, 200], arrival(A), arrival(B)),
  ),
  pipelined(
    "a parent folder between two",
    get(A) + get("/openai/v1/../x") + get(B),
    goesOn([200, 400, 200], arrival(A), arrival(B)),
  ),
  pipelined(
    "one without a token between two",
    `${get(A)}GET ${C} HTTP/1.1\r\nHost: p\r\n\r\n${get(B)}`,
    goesOn([200, 401, 200], arrival(A), arrival(B)),
  ),
  pipelined(
    "one with a wrong token between two",
    `${get(A)}GET ${C} HTTP/1.1\r\nHost: p\r\nX-Api-Key: ${SECRETS.clientKey}\r\n\r\n${get(B)}`,
    goesOn([200, 401, 200], arrival(A), arrival(B)),
  ),
  pipelined(
    "the token of one is not the next one's",
    `${get(A)}GET ${B} HTTP/1.1\r\nHost: p\r\n\r\n`,
    goesOn([200, 401], arrival(A)),
  ),
  pipelined(
    "the proxy's own page between two",
    get(A) + get("/healthz") + get(B),
    goesOn([200, 200, 200], arrival(A), arrival(B)),
  ),
  pipelined(
    "CONNECT between two",
    `${get(A)}CONNECT evil.test:443 HTTP/1.1\r\n${FIELDS}\r\n${get(B)}`,
    goesOn([200, 400, 200], arrival(A), arrival(B)),
  ),
];

const ENDING: readonly HostileCase[] = [
  pipelined("one behind connection: close", get(A, CLOSE) + get(B), ends([200], arrival(A))),
  pipelined(
    "one behind connection: close among others",
    get(A, "Connection: x, CLOSE\r\n") + get(B),
    ends([200], arrival(A)),
  ),
  pipelined("one behind HTTP/1.0", `GET ${A} HTTP/1.0\r\n${FIELDS}\r\n${get(B)}`, ends([200], arrival(A))),
  pipelined(
    "one behind HTTP/1.0 that would be kept",
    `GET ${A} HTTP/1.0\r\n${FIELDS}Connection: keep-alive\r\n\r\n${get(B)}`,
    ends([200], arrival(A)),
  ),
  pipelined(
    "one behind a folded line",
    `GET ${A} HTTP/1.1\r\n${FIELDS}X-A: 1\r\n 2\r\n\r\n${get(B)}`,
    ends([400]),
  ),
  pipelined(
    "one behind both framings",
    `POST ${A} HTTP/1.1\r\n${FIELDS}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${
      get(B)
    }`,
    ends([400]),
  ),
  pipelined("one behind a bare LF", `GET ${A} HTTP/1.1\r\n${FIELDS}X-A: 1\n\r\n${get(B)}`, ends([400])),
  pipelined(
    "a proper one, then both framings, then one",
    `${
      get(A)
    }POST ${B} HTTP/1.1\r\n${FIELDS}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n${
      get(C)
    }`,
    ends([200, 400], arrival(A)),
  ),
  pipelined(
    "a proper one, then an empty line, then one",
    `${get(A)}\r\n${get(B)}`,
    ends([200, 400], arrival(A)),
  ),
  pipelined(
    "a length that is too short: the rest is no request",
    `POST ${A} HTTP/1.1\r\n${FIELDS}Content-Length: 3\r\n\r\nabc"ef${get(B)}`,
    ends([200, 400], posted(A, "abc")),
  ),
  pipelined(
    "bytes behind the last chunk: no request either",
    `${chunked(A, "3\r\nabc\r\n0\r\n\r\n")}x\r\n${get(B)}`,
    ends([200, 400], posted(A, "abc")),
  ),
  pipelined(
    "a GET's body that nobody announced",
    `${get(A)}model=x\r\n\r\n${get(B)}`,
    ends([200, 400], arrival(A)),
  ),
  pipelined("broken chunks, then one", chunked(A, "3\r\nabcd\r\n0\r\n\r\n") + get(B), {
    ...ends([400]),
    broken: posted(A, ""),
  }),
  pipelined("a proper one, then broken chunks, then one", get(A) + chunked(B, "x\r\n") + get(C), {
    ...ends([200, 400], arrival(A)),
    broken: posted(B, ""),
  }),
  pipelined(
    "the proxy's own page, then random bytes",
    `${get("/healthz")}\x00\x01\x02\r\n\r\n${get(A)}`,
    ends([200, 400]),
  ),
];

/** Several requests. */
export const PIPELINES: readonly Family[] = [
  ["pipelines of proper requests", VALID],
  ["pipelines with one that is answered here", BETWEEN],
  ["pipelines that end", ENDING],
];
