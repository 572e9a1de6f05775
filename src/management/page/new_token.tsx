/** A new token's value, the only time it is shown. */

import { useEffect } from "preact/hooks";
import type { NewToken } from "./api.ts";
import { ClientSettings } from "./client_settings.tsx";
import { Copy, Dialog } from "./pieces.tsx";

export function NewTokenShown({ token, onClose }: { token: NewToken; onClose: () => void }) {
  useEffect(() => {
    // Going back, or away, would lose it.
    const stay = () => history.pushState(null, "", location.href);
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    stay();
    addEventListener("popstate", stay);
    addEventListener("beforeunload", ask);
    return () => {
      removeEventListener("popstate", stay);
      removeEventListener("beforeunload", ask);
    };
  }, []);
  return (
    <Dialog title={`The token of ${token.name}`}>
      <p>Copy it now: it is shown only this once. The proxy keeps nothing that it could be made from.</p>
      <div class="secret">
        <code>{token.token}</code>
        <Copy text={token.token} />
      </div>
      <h3>Settings for a client</h3>
      <ClientSettings token={token.token} />
      <footer>
        <button type="button" class="primary" onClick={onClose}>I have it</button>
      </footer>
    </Dialog>
  );
}
