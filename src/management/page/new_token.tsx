/** Shows the value of a new token. It is shown only once. */

import { useEffect } from "preact/hooks";
import type { NewToken } from "./api.ts";
import { ClientSettings } from "./client_settings.tsx";
import { CopyButton } from "./copy_button.tsx";
import { Button } from "./controls.tsx";
import { Dialog } from "./dialog.tsx";

/**
 * A dialog with the value of a created or rotated token, and the settings of clients. Only its button closes
 * it.
 */
export function NewTokenDialog({ token, onClose }: { token: NewToken; onClose: () => void }) {
  useEffect(() => {
    // Leaving the page would lose the value: it cannot be shown again.
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
    <Dialog title={`New token for ${token.name}`}>
      <p>Copy the token now. You cannot see it again: the proxy stores only a hash of it.</p>
      <div class="secret">
        <code>{token.token}</code>
        <CopyButton text={token.token} />
      </div>
      <h3>Settings for a client</h3>
      <ClientSettings token={token.token} />
      <footer>
        <Button class="primary" onClick={onClose}>I have copied it</Button>
      </footer>
    </Dialog>
  );
}
