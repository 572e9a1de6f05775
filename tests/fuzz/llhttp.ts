/** Reads requests with llhttp, the strict reader of Node, as the runtime has it built in. */

import process from "node:process";

/** What llhttp made of a request. */
export interface LlhttpReading {
  /** Its head was read whole. */
  readonly hasHead: boolean;
  readonly method: string;
  readonly target: string;
  /** Names and values by turns, as Latin-1. */
  readonly fields: readonly string[];
  readonly body: Uint8Array;
  /** It was read to its end. */
  readonly isWhole: boolean;
  /** The code of what is wrong, like `HPE_INVALID_METHOD`, and where. */
  readonly error: string | undefined;
  readonly errorAt: number;
}

interface Parser {
  [callback: number]: unknown;
  initialize(type: number, resource: object, maxHeaderBytes: number, leniency: number): void;
  execute(bytes: Uint8Array): number | (Error & { readonly code: string; readonly bytesParsed: number });
}

interface Binding {
  readonly HTTPParser: {
    new (): Parser;
    readonly REQUEST: number;
    readonly kOnHeaders: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
  };
  readonly allMethods: readonly string[];
  readonly methods: readonly string[];
}

/** The methods that llhttp takes. */
export const KNOWN_METHODS: ReadonlySet<string> = new Set(binding().methods);

/** Reads one request. What follows it is an error, unless it keeps its connection. */
export function llhttpReading(bytes: Uint8Array): LlhttpReading {
  const { HTTPParser, allMethods } = binding();
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {}, 1 << 20, 0);
  const early: string[] = [];
  const body: number[] = [];
  let [hasHead, isWhole, method, target] = [false, false, "", ""];
  let fields: readonly string[] = [];
  parser[HTTPParser.kOnHeaders] = (some: readonly string[], url: string) => {
    if (hasHead) return;
    early.push(...some);
    target += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    some: readonly string[] | undefined,
    number: number,
    url: string | undefined,
  ) => {
    if (hasHead) return;
    hasHead = true;
    fields = [...early, ...(some ?? [])];
    method = allMethods[number] ?? "";
    target += url ?? "";
  };
  parser[HTTPParser.kOnBody] = (piece: Uint8Array) => {
    if (!isWhole) { for (const byte of piece) body.push(byte); }
  };
  parser[HTTPParser.kOnMessageComplete] = () => isWhole = true;
  const result = parser.execute(bytes.slice());
  const failed = typeof result === "number" ? undefined : result;
  return {
    hasHead,
    method,
    target,
    fields,
    body: Uint8Array.from(body),
    isWhole,
    error: failed?.code,
    errorAt: failed?.bytesParsed ?? bytes.length,
  };
}

function binding(): Binding {
  // The runtime's types leave it out.
  const { binding } = process as unknown as { binding: (name: string) => Binding };
  return binding("http_parser");
}
