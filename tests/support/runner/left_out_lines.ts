/** The end of a run of the tests: how many were left out, and why. */

/** What is said of a report in JUnit's format; the reasons stand in the names of the tests. */
export function leftOutLines(report: string): string {
  const counts = new Map<string, number>();
  for (const [, attributes = ""] of report.matchAll(/<testcase\b([^>]*)>\s*<skipped\b/g)) {
    const name = unescaped(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? "");
    const reason = / \(left out: (.+)\)$/.exec(name)?.[1];
    // A report has those that `--filter` passes over as well.
    if (reason === undefined) continue;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const tests = (count: number): string => count === 1 ? "1 test" : `${count} tests`;
  if (all === 0) return "0 tests were left out.";
  const lines = [...counts].sort(([, one], [, other]) => other - one)
    .map(([reason, count]) => `  ${tests(count)}: ${reason}`);
  return `${tests(all)} ${all === 1 ? "was" : "were"} left out:\n${lines.join("\n")}`;
}

function unescaped(text: string): string {
  const characters: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp|#(\d+)|#x([0-9a-f]+));/gi, (_, name, decimal, hex) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    return characters[name] ?? "";
  });
}
