/** Requests as the demo upstream takes them: strictly. */

import * as v from "valibot";

/** One request at the demo upstream, under the path that follows the version. */
export interface DemoRequest {
  readonly request: Request;
  /** Behind `/v1`, with its encoding, like `/chat/completions`. */
  readonly path: string;
  readonly paceMs: number;
}

/** A request that the demo upstream does not understand. */
export class DemoRefusal extends Error {
  override readonly name = "DemoRefusal";
}

/** The body as the schema has it; throws a {@link DemoRefusal} that says what is wrong. */
export async function readJson<Body>(
  request: Request,
  schema: v.GenericSchema<unknown, Body>,
): Promise<Body> {
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    throw new DemoRefusal("The body is not JSON");
  }
  const result = v.safeParse(schema, body);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new DemoRefusal(`${v.getDotPath(issue) ?? "body"}: ${issue.message}`);
}
