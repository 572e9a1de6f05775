/** Filters a provider's list of models, and keeps its form. */

/**
 * The text of a list without the models that are not allowed. Entries without a name, and responses that are no list,
 * stay. Undefined: the text is not JSON.
 */
export function filteredListText(text: string, isAllowed: (model: string) => boolean): string | undefined {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return undefined;
  }
  const keeps = (item: unknown): boolean => {
    const name = nameOf(item);
    return name === undefined || isAllowed(name);
  };
  if (Array.isArray(list)) return JSON.stringify(list.filter(keeps));
  if (typeof list !== "object" || list === null) return text;
  const filtered: Record<string, unknown> = { ...list };
  for (const member of ["data", "models"]) {
    const items = filtered[member];
    if (!Array.isArray(items)) continue;
    const kept = items.filter(keeps);
    filtered[member] = kept;
    // Anthropic's pages name their ends.
    if ("first_id" in filtered) filtered["first_id"] = nameOf(kept[0]) ?? null;
    if ("last_id" in filtered) filtered["last_id"] = nameOf(kept.at(-1)) ?? null;
  }
  return JSON.stringify(filtered);
}

/** The name of an entry. Google's begins with `models/`. */
function nameOf(item: unknown): string | undefined {
  if (typeof item !== "object" || item === null) return undefined;
  if ("id" in item && typeof item.id === "string") return item.id;
  return "name" in item && typeof item.name === "string" ? item.name.replace(/^models\//, "") : undefined;
}
