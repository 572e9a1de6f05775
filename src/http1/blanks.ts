/**
 * What stands behind a place of a line, without the spaces and tabs around it, and nothing else that JavaScript takes
 * for white space. An expression would look at each blank again for every other one.
 */
export function trimmed(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
