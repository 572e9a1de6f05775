/** The check of the configuration. */

import { configWarnings } from "../../config/warnings.ts";
import { type Finding, findingsOf } from "./finding.ts";
import type { Subject } from "./subject.ts";

const { ok, warning, problem } = findingsOf("configuration");

/** Reports the problems and warnings that `llm-proxy check` prints. */
export function checkConfiguration({ loaded, problems }: Subject): Finding[] {
  if (loaded === undefined) {
    const advice = "fix the configuration and run llm-proxy check, or create a new one with llm-proxy init";
    return problems.map(({ origin, message }, index) =>
      problem(`${origin} ${message}`, index === problems.length - 1 ? advice : undefined)
    );
  }
  const { config, path, warnings } = loaded;
  const names = config.endpoints.map(({ name }) => name).join(", ");
  return [
    ok(`the configuration${path === undefined ? "" : ` (${path})`} is valid and serves ${names}`),
    // The check of files reports readable secrets with more detail, so they are left out here.
    ...warnings.filter(({ kind }) => kind !== "secrets_readable").map(({ origin, message }) =>
      warning(`${origin} ${message}`)
    ),
    ...configWarnings(config).map((text) => warning(text)),
  ];
}
