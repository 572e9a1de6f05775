import { useState } from "preact/hooks";
import { Button } from "./controls.tsx";

/** A button that copies a text to the clipboard, and shows for two seconds whether that worked. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [result, setResult] = useState("");
  const copy = async () => {
    setResult(await copyToClipboard(text) ? "Copied" : "Copy failed: select the text");
    setTimeout(() => setResult(""), 2_000);
  };
  return (
    <Button class="copy" onClick={copy}>
      <span aria-live="polite">{result || label}</span>
    </Button>
  );
}

/**
 * Browsers offer `navigator.clipboard` on HTTPS and localhost alone. On plain HTTP, `execCommand` still
 * copies.
 */
async function copyToClipboard(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    return await navigator.clipboard.writeText(text).then(() => true, () => false);
  }
  const area = document.createElement("textarea");
  area.value = text;
  // While a dialog is open, only text within it can be selected.
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}
