/** Formats rows as comma-separated values (RFC 4180). The first line holds the names of the columns. */
export function csv(rows: readonly Readonly<Record<string, string | number | null>>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => columns.map((column) => cell(row[column] ?? "")));
  return [columns, ...lines].map((line) => `${line.join(",")}\r\n`).join("");
}

function cell(value: string | number): string {
  if (typeof value === "number") return String(value);
  // Clients choose some names, and spreadsheets run cells that start like a formula. Some spreadsheets split
  // cells at semicolons or tabs, and accept full-width signs and other blanks.
  const guarded = value.replaceAll(
    /([;\t\r\n])(?=(?:[^\S\r\n\t]|")*[=+\-@\uff1d\uff0b\uff0d\uff20])/g,
    "$1'",
  );
  const safe = /^(?:[^\S\r\n\t]|")*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/.test(guarded)
    ? `'${guarded}`
    : guarded;
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
