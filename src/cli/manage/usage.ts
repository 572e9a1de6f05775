/** `llm-proxy usage` */

import * as responses from "../../management/api/responses.ts";
import { CommandError } from "../command_error.ts";
import { findProject, onApi } from "./calls.ts";
import { type Options, textOf } from "./options.ts";
import { dollars } from "./output.ts";
import { writeOut, writeResult } from "../output.ts";
import { tableText } from "../table.ts";

/** Options of `usage`, with the query parameter that each one sets. */
const QUERY_PARAMETERS = {
  from: "from",
  to: "to",
  token: "token_id",
  endpoint: "endpoint",
  model: "model",
  client: "client",
};

/** Prints the usage, summed up by one or two groups. */
export async function showUsage(options: Options): Promise<void> {
  const group = textOf(options, "group") ?? "model";
  if (options["csv"] === true && options["json"] === true) {
    throw new CommandError("use either --csv or --json, not both", 2);
  }
  const groups = group.split(",");
  await onApi(options, async (client) => {
    const query = new URLSearchParams({ group });
    for (const [option, name] of Object.entries(QUERY_PARAMETERS)) {
      const value = textOf(options, option);
      if (value !== undefined) query.set(name, value);
    }
    const project = textOf(options, "project");
    if (project !== undefined) query.set("project_id", (await findProject(client, project)).id);
    if (options["csv"] === true) return writeOut(await client.text(`/usage?${query}&format=csv`));
    const usage = await client.call("GET", `/usage?${query}`, {
      schema: responses.listOf(responses.usageRow),
    });
    writeResult(usage, () =>
      usage.data.length === 0 ? "There is no usage.\n" : tableText(
        [...groups, "requests", "errors", "input", "cached", "output", "cost"],
        usage.data.map((row) => [
          ...groups.map((by) => String(row[`${by}_name`] ?? row[by] ?? "") || "(none)"),
          row.requests,
          row.errors,
          row.input_tokens,
          row.cached_tokens,
          row.output_tokens,
          dollars(row.cost_micros) +
          (row.estimated_requests > 0 ? ` (${row.estimated_requests} estimated)` : "") +
          (row.unpriced_requests > 0 ? ` + ${row.unpriced_requests} unpriced` : "") +
          (row.unmetered_requests > 0 ? ` + ${row.unmetered_requests} unmetered` : ""),
        ]),
      ));
  });
}
