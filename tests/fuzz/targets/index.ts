/**
 * All targets by name, each loaded only when it is wanted, so that its code is counted from the beginning.
 */

import type { FuzzTarget } from "../target.ts";

const LOADERS: Readonly<Record<string, () => Promise<{ readonly target: FuzzTarget }>>> = {
  json_reader: () => import("./json_reader.ts"),
  json_object: () => import("./json_object.ts"),
  multipart: () => import("./multipart.ts"),
  media_type: () => import("./media_type.ts"),
  decode_body: () => import("./decode_body.ts"),
  http_request: () => import("./http_request.ts"),
  chunked_body: () => import("./chunked_body.ts"),
  websocket_frames: () => import("./websocket_frames.ts"),
  hidden_usage: () => import("./hidden_usage.ts"),
  json_scanner: () => import("./json_scanner.ts"),
  event_stream_scanner: () => import("./event_stream_scanner.ts"),
  amazon_event_stream: () => import("./amazon_event_stream.ts"),
  http2_preface: () => import("./http2_preface.ts"),
  http2_frames: () => import("./http2_frames.ts"),
  credentials: () => import("./credentials.ts"),
  hidden_token: () => import("./hidden_token.ts"),
  path_patterns: () => import("./path_patterns.ts"),
};

/** The names of all targets. */
export const TARGET_NAMES: readonly string[] = Object.keys(LOADERS);

/** The target with a name. Throws a RangeError for a name that is none. */
export async function loadTarget(name: string): Promise<FuzzTarget> {
  const load = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined;
  if (load === undefined) throw new RangeError(`--target is ${name}; targets are ${TARGET_NAMES.join(", ")}`);
  return (await load()).target;
}
