/** What `llm-proxy doctor` found, and how it is shown. */

/** How bad it is. */
export type Status = "ok" | "warning" | "problem";

/** One line. */
export interface Finding {
  readonly check: CheckName;
  readonly status: Status;
  /** A sentence without its full stop. */
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string | undefined;
}

/** What is looked at, in the order in which it is shown. */
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
/** One of them. */
export type CheckName = typeof CHECKS[number];

/** Makes the findings of one check. */
export function findingsOf(check: CheckName) {
  return {
    ok: (text: string): Finding => ({ check, status: "ok", text }),
    warning: (text: string, advice?: string): Finding => ({ check, status: "warning", text, advice }),
    problem: (text: string, advice?: string): Finding => ({ check, status: "problem", text, advice }),
  };
}

const MARKS: Readonly<Record<Status, string>> = { ok: "ok", warning: "warning", problem: "PROBLEM" };

/** Lines for people. */
export function findingsText(findings: readonly Finding[], notAsked: readonly string[]): string {
  const markWidth = Math.max(...Object.values(MARKS).map((mark) => mark.length));
  const width = Math.max(...findings.map(({ check }) => check.length));
  const indent = " ".repeat(markWidth + width + 4);
  const lines = findings.map(({ check, status, text, advice }) =>
    `${MARKS[status].padEnd(markWidth)}  ${check.padEnd(width)}  ${text}\n` +
    (advice === undefined ? "" : `${indent}→ ${advice}\n`)
  );
  const rest = notAsked.length === 0 ? "" : `Not looked at: ${notAsked.join("; ")}.\n`;
  return `${lines.join("")}\n${rest}${summary(findings)}`;
}

/** Problems are counted where the exit code is explained. */
function summary(findings: readonly Finding[]): string {
  const count = (status: Status): number => findings.filter((finding) => finding.status === status).length;
  if (count("problem") > 0) return "";
  const warnings = count("warning");
  return `No problem${warnings === 0 ? "" : warnings === 1 ? ", one warning" : `, ${warnings} warnings`}.\n`;
}
