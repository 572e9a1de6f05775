/** What the demo upstream says: the same answer to the same request, always. */

/** The answer to a prompt, in pieces as a stream would bring them; joined they are the whole answer. */
export function answerPieces(prompt: string): string[] {
  const answer = `You said: “${prompt.trim().slice(0, 200)}”. I am the demo upstream of llm-proxy: ` +
    "no model thinks here, I answer from your request alone, one word at a time.";
  return answer.match(/\S+\s*/g) ?? [];
}

/** Tokens of a text, as the demo counts them: its words. */
export function countTokens(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

/** An id that depends on the text alone (FNV-1a, 32 bits, twice). */
export function stableId(prefix: string, text: string): string {
  const hash = (seed: number) => {
    let value = seed;
    for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
    return (value >>> 0).toString(16).padStart(8, "0");
  };
  return prefix + hash(0x811c9dc5) + hash(0x01234567);
}

/** An id for what is asked, the same whether the answer is streamed or not. */
export function requestId(prefix: string, body: { readonly [field: string]: unknown }): string {
  const { stream: _, stream_options: __, ...asked } = body;
  return stableId(prefix, JSON.stringify(asked));
}

/** The text of a message's `content`: a string, or parts of which some have text. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: unknown) => {
    if (typeof part !== "object" || part === null || !("text" in part)) return "";
    return typeof part.text === "string" ? part.text : "";
  }).filter((text) => text !== "").join(" ");
}

/** The moment at which everything of the demo was made: answers do not depend on the clock. */
export const DEMO_EPOCH_SECONDS = 1_767_225_600;
