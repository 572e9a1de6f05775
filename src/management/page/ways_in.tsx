/** How the user signs in: the passphrase and the passkeys. An administrator sees the passkeys of all. */

import { useState } from "preact/hooks";
import { call, getAll, type Passkey } from "./api.ts";
import { Button, Input, RowButton } from "./controls.tsx";
import { ConfirmDialog, Dialog, FormEnd } from "./dialog.tsx";
import { LoadView } from "./load_view.tsx";
import { useMe } from "./me.ts";
import { RelativeTime } from "./relative_time.tsx";
import { addPasskey, passkeyState } from "./passkey.ts";
import { StateBadge } from "./state_badge.tsx";
import { Table } from "./table.tsx";
import { useDialog } from "./use_dialog.ts";
import { useLoad } from "./use_load.ts";
import { useSubmit } from "./use_submit.ts";

/** Lists passkeys, and changes the passphrase and the passkeys. */
export function WaysIn() {
  const { kind, role, provider } = useMe();
  const loaded = useLoad((signal) => getAll<Passkey>("/passkeys", signal), "");
  const { dialog, message, open, close, done } = useDialog<"passphrase" | "name" | "remove", Passkey>(
    loaded.reload,
  );
  const isLocal = kind === "person" && provider === null;
  const canAdd = isLocal && passkeyState() !== undefined;
  const passkey = dialog?.item;
  return (
    <>
      <h2>Sign-in</h2>
      <p role="status" class="help">{message}</p>
      <p>
        {isLocal && <Button onClick={() => open("passphrase")}>Change passphrase</Button>}{" "}
        {canAdd && <Button onClick={() => open("name")}>Add a passkey</Button>}
      </p>
      <LoadView loaded={loaded}>
        {(passkeys) => (
          <Table
            label="Passkeys"
            rows={passkeys}
            id={({ id }) => id}
            empty={canAdd || !isLocal
              ? "No passkeys."
              : "No passkeys. This address or this browser has none: they need HTTPS with a host name, or localhost."}
            onOpen={(one) => open("name", one)}
            columns={[
              { title: "Passkey", cell: ({ name }) => name },
              ...role === "admin" ? [{ title: "Person", cell: (one: Passkey) => one.person_name }] : [],
              { title: "For", cell: ({ host }) => host },
              { title: "State", cell: ({ state }) => <StateBadge state={state} /> },
              { title: "Last used", cell: ({ last_used_at }) => <RelativeTime at={last_used_at} /> },
              {
                title: "Actions",
                cell: (one) => <RowButton label="Remove" row={one.name} run={() => open("remove", one)} />,
              },
            ]}
          />
        )}
      </LoadView>
      {dialog?.kind === "passphrase" && <PassphraseForm onClose={close} onDone={done} />}
      {dialog?.kind === "name" && <PasskeyForm passkey={passkey} onClose={close} onDone={done} />}
      {dialog?.kind === "remove" && passkey && (
        <ConfirmDialog
          title={`Remove ${passkey.name}?`}
          action={["Remove", () => call("DELETE", `/passkeys/${passkey.id}`)]}
          text="The sessions that it began end, and the logins of commands that were confirmed by a passkey."
          done={`Passkey ${passkey.name} removed.`}
          onClose={close}
          onDone={done}
        />
      )}
    </>
  );
}

interface FormProps {
  readonly onClose: () => void;
  readonly onDone: (message: string) => void;
}

function PassphraseForm({ onClose, onDone }: FormProps) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const { busy, error, submit } = useSubmit(
    () => call("POST", "/me/passphrase", { body: { current, new: next } }),
    () => onDone("Passphrase changed. Your other sessions have ended."),
  );
  const secret = { type: "password", required: true } as const;
  return (
    <Dialog title="Change passphrase" onClose={onClose}>
      <form onSubmit={submit}>
        <Input
          {...secret}
          label="Current passphrase"
          autocomplete="current-password"
          value={current}
          set={setCurrent}
        />
        <Input
          {...secret}
          label="New passphrase"
          help="At least 12 characters. Several words are good."
          autocomplete="new-password"
          value={next}
          set={setNext}
        />
        <FormEnd action="Change" busy={busy} error={error} onClose={onClose} />
      </form>
    </Dialog>
  );
}

/** Adds a passkey, or renames one. */
function PasskeyForm({ passkey, onClose, onDone }: FormProps & { passkey: Passkey | undefined }) {
  const [name, setName] = useState(passkey?.name ?? "");
  const { busy, error, submit } = useSubmit<unknown>(
    () => passkey ? call("PATCH", `/passkeys/${passkey.id}`, { body: { name } }) : addPasskey(name),
    () => onDone(`Passkey ${name} ${passkey ? "renamed" : "added"}.`),
  );
  return (
    <Dialog title={passkey ? `Passkey ${passkey.name}` : "Add a passkey"} onClose={onClose}>
      <form onSubmit={submit}>
        <Input label="Name" help="Such as the device that has it." required value={name} set={setName} />
        <FormEnd action={passkey ? "Save" : "Add"} busy={busy} error={error} onClose={onClose} />
      </form>
    </Dialog>
  );
}
