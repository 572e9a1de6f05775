/** Tables for a terminal. */

/**
 * The rows with their columns under each other. The first `texts` columns are left-aligned, the others
 * right-aligned.
 */
export function aligned(rows: readonly (readonly string[])[], texts: number): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column < texts ? cell.padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd()
  );
}
