/**
 * The shape of everything that the bench compares. Each candidate forwards to one upstream and swaps the
 * credential.
 */

/** Where a candidate listens and what it forwards to. */
export interface Place {
  /** Host and port. */
  readonly listen: string;
  /** The origin of the upstream. */
  readonly upstream: string;
  /** Whether clients connect with HTTPS. Only for candidates with `hasTls`. */
  readonly isSecure: boolean;
}

/** How a candidate's process starts. */
export interface CandidateCommand {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The token of clients, if it is not `TOKEN`. */
  readonly token?: string;
}

/** Why a candidate cannot take part. */
export interface Missing {
  /** The reason. Undefined if it can take part. */
  readonly missing?: string;
}

/** One proxy that takes part. */
export interface Candidate extends Missing {
  readonly name: string;
  readonly command: (place: Place) => Promise<CandidateCommand>;
  /**
   * A `proxy` forwards any bytes, and the bench checks and measures everything. A `gateway` understands JSON
   * of chats alone, so the bench checks the text of its answer and measures JSON requests.
   */
  readonly kind: "proxy" | "gateway";
  /** The path of chat completions, if it is not `CHAT_PATH`. */
  readonly path?: string;
  /** Further request headers, given the origin of the upstream. */
  readonly headers?: (upstream: string) => Readonly<Record<string, string>>;
  /** What remains to be set up when the process listens at this origin. */
  readonly prepare?: (origin: string, upstream: string) => Promise<void>;
  /** Whether it can serve HTTPS and HTTP/2 to clients. */
  readonly hasTls?: boolean;
  /** Whether it limits the length of request bodies, so that uploads are not measured. */
  readonly limitsBodies?: boolean;
}

/** What clients present. */
export const TOKEN = "bench-token-of-the-proxy";
/** What the upstream wants. */
export const UPSTREAM_KEY = "upstream-key";
/** The path that clients send their requests to. */
export const CHAT_PATH = "/v1/chat/completions";

/** The root of the repository. */
export const ROOT: string = new URL("../../../", import.meta.url).pathname;
/** The folder of the bench's own peers. */
export const PEERS: string = `${ROOT}tests/bench/peers`;
const TLS = `${ROOT}tests/support/tls`;
/** Files of the authority, of its certificate for `localhost`, and of the key. */
export const TLS_FILES = { ca: `${TLS}/ca.pem`, cert: `${TLS}/cert.pem`, key: `${TLS}/key.pem` } as const;
