import type { ComponentChildren } from "preact";

/** A list of names with their values. Entries with an empty value are left out. */
export function Facts({ list }: { list: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {list.map(([name, value]) =>
        value !== "" && value !== null && (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        )
      )}
    </dl>
  );
}
