/**
 * Fills in a template: `{{NAME}}` becomes the value of that name. A list becomes one line for each item, so it must be
 * alone in its line; an empty list removes the line. Throws if the template names a value that is not there.
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
