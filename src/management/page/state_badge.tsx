/** A state in words and a colour. `state` is a value of the API, such as `active` or `rate_limited`. */
export function StateBadge({ state }: { state: string }) {
  const kind = GOOD.includes(state) ? "good" : BAD.includes(state) ? "bad" : "middling";
  return <span class={`state ${kind}`}>{stateText(state)}</span>;
}

const GOOD = ["active", "up", "ok", "complete"];
const BAD = ["revoked", "blocked", "cooldown", "failing"];
/** States whose names in the API are not the words of the page. */
const TEXTS: Readonly<Record<string, string>> = {
  cooldown: "in cooldown",
  client_gone: "client disconnected",
};

function stateText(state: string): string {
  return TEXTS[state] ?? state.replaceAll("_", " ");
}
