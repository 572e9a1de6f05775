import { assert, assertEquals } from "@std/assert";
import { readForm } from "../../src/payload/multipart.ts";

const BLANKS = " ".repeat(7_900);
const PARTS = 100;

for (const line of [`Content-Type: x${BLANKS}y`, `Content-Type: ${BLANKS}`, `Content-Length: ${BLANKS}`]) {
  const name = `${line.slice(0, 16)}…, ${line.length} bytes`;
  Deno.test(`readForm: heads of ${name} cost what their bytes cost, and others have their turn`, async () => {
    const part = `--b\r\nContent-Disposition: form-data; name="a"\r\n${line}\r\n\r\nv\r\n`;
    const bytes = new TextEncoder().encode(`${part.repeat(PARTS)}--b--`);
    let [longest, pauses] = [0, 0];
    let since = performance.now();
    const parts = await readForm(bytes, {
      boundary: "b",
      pause() {
        pauses++;
        longest = Math.max(longest, performance.now() - since);
        since = performance.now();
        return Promise.resolve();
      },
    });
    assertEquals(parts.length, PARTS);
    assert(pauses >= 5, `${pauses} pauses`);
    // Some milliseconds; it would be seconds if each blank were looked at again for every other one.
    assert(longest < 300, `${longest.toFixed(0)} ms at a stretch`);
  });
}
