/** Confirms or refuses the login of a command on another machine. */

import { useState } from "preact/hooks";
import { call, type DeviceLogin } from "./api.ts";
import { Button, Input } from "./controls.tsx";
import { Facts } from "./facts.tsx";
import { moment } from "./format.ts";
import { ErrorMessage } from "./load_view.tsx";
import { useMe } from "./me.ts";
import { useSubmit } from "./use_submit.ts";

/** Asks for the code that the command shows, and then for the decision. */
export function DeviceLogins() {
  const [login, setLogin] = useState<DeviceLogin>();
  const [outcome, setOutcome] = useState("");
  if (login !== undefined) {
    const decided = (text: string) => {
      setLogin(undefined);
      setOutcome(text);
    };
    return <Decision login={login} onDecided={decided} />;
  }
  return (
    <>
      <h1>Sign in a command</h1>
      <p role="status">{outcome}</p>
      {outcome === "" && <CodeForm onFound={setLogin} />}
    </>
  );
}

function CodeForm({ onFound }: { onFound: (login: DeviceLogin) => void }) {
  const [code, setCode] = useState("");
  const { busy, error, submit } = useSubmit(
    async () => (await call<DeviceLogin>("POST", "/device-logins/find", { body: { user_code: code } })).body,
    onFound,
  );
  return (
    <form onSubmit={submit}>
      <Input
        label="Code"
        help="llm-proxy login shows it, on the machine where you have started it."
        required
        autofocus
        maxLength={20}
        placeholder="BCDF-GHJK"
        value={code}
        set={setCode}
      />
      {error && <ErrorMessage error={error} />}
      <footer>
        <button type="submit" class="primary" disabled={busy}>Continue</button>
      </footer>
    </form>
  );
}

function Decision({ login, onDecided }: { login: DeviceLogin; onDecided: (text: string) => void }) {
  const me = useMe();
  const { id, machine, project_names: projects } = login;
  const confirm = useSubmit(
    () => call("POST", `/device-logins/${id}/confirm`),
    () => onDecided(`The command on ${machine} is signed in. You can close this page.`),
  );
  const refuse = useSubmit(
    () => call("POST", `/device-logins/${id}/refuse`),
    () => onDecided(`The login of ${machine} is refused. The command has ended.`),
  );
  const error = confirm.error ?? refuse.error;
  const busy = confirm.busy || refuse.busy;
  return (
    <>
      <h1>Did you start llm-proxy login on {machine}?</h1>
      <p>
        If you confirm, this command may do what you may do, without a further sign-in. Confirm only if you
        have started it yourself, and if it shows the code{" "}
        <strong>{login.user_code}</strong>. Refuse a code that another person has sent you.
      </p>
      <Facts
        list={[
          ["Machine", `${machine} (as it names itself)`],
          [
            "Address",
            `${login.address} (${
              login.same_address ? "that of this browser" : "another than that of this browser"
            })`,
          ],
          ["Acts as", me.name],
          ["Role", login.role],
          ["Projects", projects === "all" ? "all" : projects.join(", ") || "none"],
          ["Until", moment(login.token_expires_at)],
        ]}
      />
      {error && <ErrorMessage error={error} />}
      <footer>
        <Button disabled={busy} onClick={refuse.submit}>Refuse</Button>
        <Button class="primary" disabled={busy} onClick={confirm.submit}>Confirm</Button>
      </footer>
    </>
  );
}
