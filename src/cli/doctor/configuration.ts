import { configWarnings } from "../../config/warnings.ts";
import { type Finding, findingsOf } from "./finding.ts";
import type { Subject } from "./subject.ts";

const { ok, warning, problem } = findingsOf("configuration");

/** The configuration, as `llm-proxy check` sees it. */
export function checkConfiguration({ loaded, problems }: Subject): Finding[] {
  if (loaded === undefined) {
    return problems.map(({ origin, message }) =>
      problem(
        `${origin} ${message}`,
        "llm-proxy init writes a new configuration, llm-proxy check tries this one again",
      )
    );
  }
  const { config, path, warnings } = loaded;
  const names = config.endpoints.map(({ name }) => name).join(", ");
  return [
    ok(`it is valid${path === undefined ? "" : ` (${path})`}, and serves ${names}`),
    // Of files that others can read the next check says more.
    ...warnings.filter(({ message }) => !message.includes("can be read by every user"))
      .map(({ origin, message }) => warning(`${origin} ${message}`)),
    ...configWarnings(config).map((text) => warning(text)),
  ];
}
