/** The sign-in form. */

import { useState } from "preact/hooks";
import { Input } from "./controls.tsx";
import { Dialog } from "./dialog.tsx";
import { ErrorMessage } from "./load_view.tsx";
import { signIn } from "./session.ts";
import { useSubmit } from "./use_submit.ts";

/** Asks for the management token. With `again`, the form is a dialog over the page, which keeps its state. */
export function SignIn({ again = false }: { again?: boolean }) {
  const [token, setToken] = useState("");
  const { busy, error, submit } = useSubmit(() => signIn(token.trim()), () => setToken(""));
  const form = (
    <form onSubmit={submit}>
      {again
        ? <p>Your session has ended. Sign in to continue where you were.</p>
        : <p>Manage the projects, tokens, usage and cost of this proxy.</p>}
      <Input
        label="Management token"
        help="The value of MANAGEMENT_TOKEN in the proxy's configuration. This page does not store it."
        type="password"
        name="token"
        autocomplete="current-password"
        required
        autofocus
        value={token}
        set={setToken}
      />
      {error && <ErrorMessage error={error} />}
      <footer>
        <button type="submit" class="primary" disabled={busy}>Sign in</button>
      </footer>
    </form>
  );
  return again ? <Dialog title="Sign in again">{form}</Dialog> : (
    <>
      <h1>llm-proxy</h1>
      {form}
    </>
  );
}
