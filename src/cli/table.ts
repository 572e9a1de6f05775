import { styled } from "./colours.ts";

/** Formats rows as a table with headings. Columns of numbers are aligned to the right. */
export function tableText(
  headings: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const texts = rows.map((row) => row.map(String));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...texts.map((row) => row[column]?.length ?? 0))
  );
  const isNumeric = headings.map((_, column) =>
    rows.length > 0 && rows.every((row) => typeof row[column] === "number")
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => {
      const width = widths[column] ?? 0;
      return isNumeric[column] === true ? cell.padStart(width) : cell.padEnd(width);
    }).join("  ").trimEnd();
  return [styled("bold", line(headings)), ...texts.map(line)].map((text) => `${text}\n`).join("");
}
