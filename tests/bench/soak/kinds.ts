/** What kinds of exchanges the soak is made of, how often each comes, and how each may end. */

/** How the upstream plays its part; it stands in the path. */
export type Play = "plain" | "gzip" | "stream" | "slow" | "oops" | "cut" | "hang" | "realtime";

/** When a client leaves. */
export type Leave = "head" | "answer" | "upload";

/** Whose token is sent: any of those in use, or one that is refused or limited. */
export type Who = "anybody" | "nobody" | "ended" | "limited" | "restricted";

/** One kind of exchanges. */
export interface Kind {
  readonly name: string;
  /** How often it comes, beside the others. */
  readonly weight: number;
  readonly endpoint: string;
  readonly play: Play;
  readonly who?: Who;
  readonly leaves?: Leave;
  /** The client asks for the usage of a stream. */
  readonly asksUsage?: boolean;
  /** The answer says what it used, and that must be what is recorded. */
  readonly isMetered?: boolean;
  readonly bodyBytes?: number;
  /** Status and end of the answer; a client that leaves may see none. */
  readonly expects: readonly string[];
}

const WHOLE = ["200 whole"];

/** All kinds. */
export const KINDS: readonly Kind[] = [
  { name: "plain", weight: 26, endpoint: "openai", play: "plain", isMetered: true, expects: WHOLE },
  { name: "upload", weight: 3, endpoint: "openai", play: "plain", bodyBytes: 60_000, expects: WHOLE },
  { name: "gzip", weight: 4, endpoint: "openai", play: "gzip", isMetered: true, expects: WHOLE },
  {
    name: "stream",
    weight: 20,
    endpoint: "openai",
    play: "stream",
    asksUsage: true,
    isMetered: true,
    expects: WHOLE,
  },
  { name: "stream, usage asked by the proxy", weight: 5, endpoint: "asking", play: "stream", expects: WHOLE },
  { name: "slow stream", weight: 4, endpoint: "asking", play: "slow", expects: WHOLE },
  { name: "failover", weight: 4, endpoint: "pair", play: "plain", isMetered: true, expects: WHOLE },
  { name: "left before the head", weight: 4, endpoint: "openai", play: "hang", leaves: "head", expects: [] },
  {
    name: "left mid-stream",
    weight: 5,
    endpoint: "openai",
    play: "slow",
    leaves: "answer",
    expects: ["200 whole"],
  },
  {
    name: "left mid-stream, usage asked by the proxy",
    weight: 2,
    endpoint: "asking",
    play: "slow",
    leaves: "answer",
    expects: ["200 whole"],
  },
  {
    name: "left within the upload",
    weight: 3,
    endpoint: "openai",
    play: "plain",
    leaves: "upload",
    bodyBytes: 40_000,
    expects: [],
  },
  { name: "upstream 500", weight: 3, endpoint: "openai", play: "oops", expects: ["500 whole"] },
  { name: "upstream reset", weight: 2, endpoint: "reset", play: "plain", expects: ["502 whole"] },
  {
    name: "upstream cut",
    weight: 3,
    endpoint: "openai",
    play: "cut",
    // Over HTTP/2 a stream may be reset before its head has left.
    expects: ["200 cut", "undefined reset"],
  },
  { name: "upstream refused", weight: 2, endpoint: "refused", play: "plain", expects: ["502 whole"] },
  {
    name: "too long",
    weight: 1,
    endpoint: "openai",
    play: "plain",
    bodyBytes: 70_000,
    expects: ["413 whole"],
  },
  { name: "no endpoint", weight: 1, endpoint: "nowhere", play: "plain", expects: ["404 whole"] },
  {
    name: "limited",
    weight: 2,
    endpoint: "openai",
    play: "plain",
    who: "limited",
    expects: ["200 whole", "429 whole"],
  },
  {
    name: "restricted",
    weight: 1,
    endpoint: "openai",
    play: "plain",
    who: "restricted",
    expects: ["403 whole"],
  },
  {
    name: "wrong token",
    weight: 1,
    endpoint: "openai",
    play: "plain",
    who: "nobody",
    expects: ["401 whole"],
  },
  { name: "ended token", weight: 2, endpoint: "openai", play: "plain", who: "ended", expects: ["401 whole"] },
  {
    name: "realtime",
    weight: 5,
    endpoint: "openai",
    play: "realtime",
    isMetered: true,
    expects: ["101 whole"],
  },
  {
    name: "realtime, cut",
    weight: 2,
    endpoint: "openai",
    play: "realtime",
    leaves: "answer",
    expects: ["101 left", "101 cut"],
  },
];

/** The path of an exchange, in which both sides and the records find its number. */
export function pathOf({ endpoint, play }: Kind, serial: number): string {
  const end = play === "realtime" ? "realtime?model=gpt-realtime" : "chat/completions";
  return `/${endpoint}/${play}-${serial}/v1/${end}`;
}

/** What an exchange is by its path. */
export function partsOf(path: string): { play: string; serial: number } {
  const [, play = "", serial = ""] = /\/([a-z]+)-(\d+)\//.exec(path) ?? [];
  return { play, serial: Number(serial) };
}

/**
 * The tokens an answer says it used, out and in; realtime sessions say as much with each of their answers.
 */
export function outputTokensOf(serial: number): number {
  return 1 + serial % 97;
}
/** Likewise. */
export const INPUT_TOKENS = 11;
