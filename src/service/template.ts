/**
 * Replaces each `{{NAME}}` of a template with the value of that name. If the value is a list, `{{NAME}}` has
 * to be alone in its line: the line is repeated for each item, and removed for an empty list. Throws if a
 * value is missing.
 */
export function fillTemplate(
  template: string,
  values: Readonly<Record<string, string | readonly string[]>>,
): string {
  // A checkout on Windows may have CRLF line ends.
  const text = template.replaceAll("\r\n", "\n");
  // One pass, so that a value may contain `{{…}}`.
  return text.replaceAll(/^\{\{(\w+)\}\}\n|\{\{(\w+)\}\}/gm, (_, ofLine?: string, inLine?: string) => {
    const name = ofLine ?? inLine ?? "";
    const value = values[name];
    if (value === undefined) throw new Error(`The template has no value for {{${name}}}`);
    const lines = [value].flat();
    return ofLine === undefined ? lines.join("\n") : lines.map((line) => `${line}\n`).join("");
  });
}
