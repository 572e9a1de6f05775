/** The findings of `llm-proxy doctor`, and their output. */

import { counted } from "../../text/counted.ts";

/** The severity of a finding. A problem makes the exit code 1. */
export type Status = "ok" | "warning" | "problem";

/** One line of the output of `llm-proxy doctor`. */
export interface Finding {
  readonly check: CheckName;
  readonly status: Status;
  /** What the check found, as a sentence without its full stop. */
  readonly text: string;
  /** The advice how to fix it, as a sentence without its full stop. */
  readonly advice?: string | undefined;
}

/** The names of all checks, in the order of the output. */
export const CHECKS = [
  "configuration",
  "files",
  "ports",
  "names",
  "time",
  "certificates",
  "outbound proxies",
  "disk",
  "database",
  "encryption key",
  "providers",
  "buffering",
] as const;
/** The name of a check, one of {@link CHECKS}. */
export type CheckName = typeof CHECKS[number];

/** Returns functions that create findings of one check. */
export function findingsOf(check: CheckName) {
  return {
    ok: (text: string): Finding => ({ check, status: "ok", text }),
    warning: (text: string, advice?: string): Finding => ({ check, status: "warning", text, advice }),
    problem: (text: string, advice?: string): Finding => ({ check, status: "problem", text, advice }),
  };
}

const MARKS: Readonly<Record<Status, string>> = { ok: "ok", warning: "warning", problem: "PROBLEM" };

/** Returns the whole output for people: the findings, what was not checked, and a summary. */
export function findingsText(findings: readonly Finding[], notChecked: readonly string[]): string {
  const markWidth = Math.max(...Object.values(MARKS).map((mark) => mark.length));
  const width = Math.max(...findings.map(({ check }) => check.length));
  const indent = " ".repeat(markWidth + width + 4);
  const lines = findings.map(({ check, status, text, advice }) =>
    `${MARKS[status].padEnd(markWidth)}  ${check.padEnd(width)}  ${text}\n` +
    (advice === undefined ? "" : `${indent}→ ${advice}\n`)
  );
  const rest = notChecked.length === 0 ? "" : `Not checked: ${notChecked.join("; ")}.\n`;
  return `${lines.join("")}\n${rest}${summary(findings)}`;
}

/** Returns the last line. Empty if there are problems, because the error message has their number. */
function summary(findings: readonly Finding[]): string {
  const count = (status: Status): number => findings.filter((finding) => finding.status === status).length;
  if (count("problem") > 0) return "";
  const warnings = count("warning");
  return warnings === 0 ? "No problems.\n" : `No problems, ${counted(warnings, "warning")}.\n`;
}
