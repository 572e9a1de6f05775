import { type Document, Scalar, type ToStringOptions, visit } from "yaml";
import { escapedLineBreaks, hasLineBreaks } from "./yaml_line_breaks.ts";

/** The text of a document, which means the same in YAML 1.1 and 1.2. Changes how its texts are quoted. */
export function yamlText(document: Document, options: ToStringOptions = {}): string {
  visit(document, {
    Scalar(_, node) {
      // Only these scalars have escapes.
      if (typeof node.value === "string" && hasLineBreaks(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return escapedLineBreaks(document.toString({ lineWidth: 0, ...options }));
}
