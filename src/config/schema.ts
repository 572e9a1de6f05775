/** What the configuration means once it is valid, and the rules each single value has to meet. */

import * as v from "valibot";
import type { ErrorDialect } from "../faults.ts";

/** The API dialect of an endpoint's upstream. */
export type Provider = ErrorDialect;

/** Everything the proxy needs to serve. */
export interface Config {
  readonly server: ServerConfig;
  readonly auth: AuthConfig;
  readonly endpoints: readonly Endpoint[];
  readonly log: LogConfig;
}

/** Where and how the proxy listens. */
export interface ServerConfig {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** PEM texts; absent: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** How long running exchanges may go on after SIGTERM. */
  readonly drainMs: number;
}

/** Who may call. */
export type AuthConfig =
  | { readonly mode: "token"; readonly token: string }
  | { readonly mode: "none" };

/** A named route prefix that clients address: `/openai/…` is the endpoint `openai`. */
export interface Endpoint {
  readonly name: string;
  readonly provider: Provider;
  readonly backend: Backend;
  /** Sent as `anthropic-version` where the client sent none. */
  readonly anthropicVersion?: string;
}

/** One upstream of an endpoint. */
export interface Backend {
  readonly baseUrl: BaseUrl;
  /** Absent: passthrough, the client's own credential goes upstream. */
  readonly apiKey?: string;
  readonly timeouts: TimeoutLimits;
}

/** How long each phase of an attempt may last, in milliseconds; undefined: without limit. */
export interface TimeoutLimits {
  /** Until a connection to the upstream stands. */
  readonly connectMs: number | undefined;
  /** From sending the request to the headers of the answer. */
  readonly firstByteMs: number | undefined;
  /** Between two chunks of the answer. */
  readonly idleMs: number | undefined;
  /** From the beginning to the last byte. */
  readonly totalMs: number | undefined;
}

/** An upstream's base address. `path` has no slash at its end and is empty for a bare host. */
export interface BaseUrl {
  /** Scheme, host and port, as in `https://api.openai.com`. */
  readonly origin: string;
  readonly path: string;
}

/** What is logged, and in which form. */
export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** One line per exchange. */
  readonly access: boolean;
}

/** The least severe level that is written. */
export type LogLevel = "debug" | "info" | "warn" | "error";
/** `pretty` is for people, `json` is one object a line. */
export type LogFormat = "pretty" | "json";

/**
 * The limits a backend has unless told otherwise. Ten minutes is what the OpenAI and Anthropic SDKs wait by
 * themselves; a reasoning model can be silent for minutes before and between its events.
 */
export const DEFAULT_TIMEOUTS: TimeoutLimits = {
  connectMs: 10_000,
  firstByteMs: 600_000,
  idleMs: 600_000,
  totalMs: undefined,
};

const shown = (issue: { readonly input: unknown }): string => JSON.stringify(issue.input);

/** One line without spaces around it: the least that any value has to be. */
const line = v.pipe(
  v.string("is missing"),
  v.nonEmpty("is empty"),
  v.check((text) => !/[\r\n\0]/.test(text), "holds a line break"),
  v.check((text) => text.trim() === text, "begins or ends with a space"),
);

/** A key or token. Its messages never repeat the value. */
export const secretSchema: v.GenericSchema<unknown, string> = v.pipe(
  line,
  v.check((text) => !/^(["']).*\1$/.test(text), "is wrapped in quotes: write it without them"),
  v.check((text) => /^[\x21-\x7e]+$/.test(text), "holds characters that cannot stand in an HTTP header"),
);

/** A base URL of an upstream, `http` or `https`, without credentials, query or fragment. */
export const baseUrlSchema: v.GenericSchema<unknown, BaseUrl> = v.pipe(
  line,
  // Without the value: it may hold a password.
  v.check((text) => URL.canParse(text), "is not a URL; it looks like https://api.example.com/v1"),
  v.transform((text) => ({ text, url: new URL(text) })),
  v.check(({ url }) => url.protocol === "https:" || url.protocol === "http:", "is not an http or https URL"),
  v.check(({ url }) => url.username === "" && url.password === "", "holds a user name or password"),
  v.check(({ text }) => !text.includes("?"), "holds a query (?…): a base URL has none"),
  v.check(({ text }) => !text.includes("#"), "holds a fragment (#…): a base URL has none"),
  v.transform(({ url }) => ({ origin: url.origin, path: url.pathname.replace(/\/+$/, "") })),
);

/** A TCP port; 0 lets the system choose. */
export const portSchema: v.GenericSchema<unknown, number> = v.pipe(
  line,
  v.check(
    (text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535,
    (issue) => `${shown(issue)} is not a port (0 to 65535)`,
  ),
  v.transform(Number),
);

const LONGEST_DRAIN_SECONDS = 86_400;

/** Whole seconds, as milliseconds. */
export const drainSchema: v.GenericSchema<unknown, number> = v.pipe(
  line,
  v.check(
    (text) => /^\d{1,5}$/.test(text) && Number(text) <= LONGEST_DRAIN_SECONDS,
    (issue) => `${shown(issue)} is not a number of seconds (0 to ${LONGEST_DRAIN_SECONDS})`,
  ),
  v.transform((text) => Number(text) * 1000),
);

/** An address or host name to listen on. */
export const hostSchema: v.GenericSchema<unknown, string> = v.pipe(
  line,
  v.check((text) => /^[\w.:%-]+$/.test(text), (issue) => `${shown(issue)} is not an address to listen on`),
);

/** A date that names a version of Anthropic's API, like `2023-06-01`. */
export const anthropicVersionSchema: v.GenericSchema<unknown, string> = v.pipe(
  line,
  v.check(
    (text) => /^\d{4}-\d{2}-\d{2}$/.test(text),
    (issue) => `${shown(issue)} is not a date like 2023-06-01`,
  ),
);

/** A switch. */
export const switchSchema: v.GenericSchema<unknown, boolean> = v.pipe(
  line,
  v.check(
    (text) => /^(1|0|true|false|on|off|yes|no)$/i.test(text),
    (issue) => `${shown(issue)} is not a switch (1 or 0)`,
  ),
  v.transform((text) => /^(1|true|on|yes)$/i.test(text)),
);

/** One of a few words. */
export function wordSchema<const Word extends string>(
  words: readonly Word[],
): v.GenericSchema<unknown, Word> {
  return v.pipe(line, v.picklist(words, (issue) => `${shown(issue)} is not one of ${words.join(", ")}`));
}

/** A comma-separated list of words, each once. */
export function wordListSchema<const Word extends string>(
  words: readonly Word[],
): v.GenericSchema<unknown, Word[]> {
  return v.pipe(
    line,
    v.transform((text) => [...new Set(text.split(",").map((item) => item.trim()))]),
    v.array(v.picklist(words, (issue) => `${shown(issue)} is not one of ${words.join(", ")}`)),
  );
}
