import type { VariableName } from "../sources/variables.ts";
import type { FileConfig } from "../sources/file_schema.ts";
import type { Resolver } from "./resolver.ts";
import type { ValueSchema } from "../values/values.ts";

/** A table of the configuration file. */
export type Section<Name extends keyof FileConfig> = NonNullable<FileConfig[Name]>;

/**
 * Returns a reader for one table: variable, then file, then default. `show` formats a value for people and
 * has to redact secrets.
 */
export function sectionReader<Settings extends object, Variable extends VariableName = VariableName>(
  resolver: Resolver,
  section: string,
  settings: Settings | undefined,
) {
  return <Key extends keyof Settings & string, Fallback extends NonNullable<Settings[Key]> | undefined>(
    key: Key,
    variable: Variable,
    schema: ValueSchema<NonNullable<Settings[Key]>>,
    fallback: Fallback,
    show?: (value: NonNullable<Settings[Key]> | Fallback) => string,
  ): NonNullable<Settings[Key]> | Fallback => {
    const inFile = settings?.[key] ?? undefined;
    return resolver.resolve<NonNullable<Settings[Key]> | Fallback>([section, key], [
      resolver.variable(variable, schema),
      resolver.inFile([section, key], inFile),
    ], { fallback, ...(show && { show }) });
  };
}
