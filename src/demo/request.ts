/** Requests to the demo upstream, which checks them strictly. */

import * as v from "valibot";

/** A request to the demo upstream. */
export interface DemoRequest {
  readonly request: Request;
  /** The path after `/v1`, not decoded, like `/chat/completions`. */
  readonly path: string;
  /** The pause between two events of a stream. */
  readonly paceMs: number;
}

/** The demo upstream rejects a request, because its body is invalid. The message gives the reason. */
export class InvalidDemoRequest extends Error {
  override readonly name = "InvalidDemoRequest";
}

/** Reads the body. Throws a {@link InvalidDemoRequest} if it does not match the schema. */
export async function readJson<Body>(
  request: Request,
  schema: v.GenericSchema<unknown, Body>,
): Promise<Body> {
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    throw new InvalidDemoRequest("The body is not JSON");
  }
  const result = v.safeParse(schema, body);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new InvalidDemoRequest(`${v.getDotPath(issue) ?? "body"}: ${issue.message}`);
}
