/** Rows of one shape as comma-separated values (RFC 4180), with their names in the first line. */
export function csv(rows: readonly Readonly<Record<string, string | number | null>>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => columns.map((column) => cell(row[column] ?? "")));
  return [columns, ...lines].map((line) => `${line.join(",")}\r\n`).join("");
}

function cell(value: string | number): string {
  if (typeof value === "number") return String(value);
  // Spreadsheets run what begins like a formula, and some part cells at semicolons or tabs; names are chosen by others.
  // Some take the full-width signs and other blanks too.
  const parted = value.replaceAll(/([;\t\r\n])(?=(?:[^\S\r\n\t]|")*[=+\-@＝＋－＠])/g, "$1'");
  const safe = /^(?:[^\S\r\n\t]|")*[=+\-@\t\r＝＋－＠]/.test(parted) ? `'${parted}` : parted;
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
